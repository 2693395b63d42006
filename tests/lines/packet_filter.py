"""The stories that the real packet filter and the one in memory tell alike; the real one's own
kernel tables are those of a network that ends with this program: `python -m
tests.lines.packet_filter`, started in fresh namespaces."""

from ipaddress import ip_address, ip_network

from hw.packet_filter import NEARBY, FilterError, Nftables, PacketFilter, RememberedFilter

SCANNER, OTHER = ip_address("203.0.113.9"), ip_address("2001:db8:1:2:3::9")


def nobody_is_blocked_before_it_is_arranged(device: PacketFilter) -> None:
    try:
        device.block(SCANNER, 600, "wrong passwords")
    except FilterError:
        return
    raise AssertionError("it was blocked by nothing")


def blocks_are_told_and_outlive_another_arrangement(device: PacketFilter) -> None:
    device.arrange((5060, 5061), NEARBY)
    assert device.blocks() == ()
    device.block(SCANNER, 600, "wrong passwords")
    device.block(OTHER, 3600, "names that are none")
    device.arrange((5060,), (*NEARBY, ip_network("198.51.100.0/24")))
    told = [(str(one.address), one.for_s, one.why) for one in device.blocks()]
    assert told == [
        ("2001:db8:1:2::", 3600, "names that are none"),
        ("203.0.113.9", 600, "wrong passwords"),
    ], told
    assert all(one.for_s - 10 < one.left_s <= one.for_s for one in device.blocks())


def a_block_that_is_there_gets_its_new_time(device: PacketFilter) -> None:
    device.block(SCANNER, 86400, "wrong passwords")
    assert [one.for_s for one in device.blocks()] == [86400, 3600]


def who_is_let_in_is_blocked_no_longer_and_twice_is_no_fault(device: PacketFilter) -> None:
    for _ in range(2):
        device.unblock(SCANNER)
        device.unblock(ip_address("2001:db8:1:2:ffff::1"))
    assert device.blocks() == ()


STORIES = (
    nobody_is_blocked_before_it_is_arranged,
    blocks_are_told_and_outlive_another_arrangement,
    a_block_that_is_there_gets_its_new_time,
    who_is_let_in_is_blocked_no_longer_and_twice_is_no_fault,
)


def tell_all(device: PacketFilter) -> None:
    for story in STORIES:
        story(device)


if __name__ == "__main__":
    tell_all(Nftables())
    tell_all(RememberedFilter())
