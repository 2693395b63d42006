"""A rehearsal beside others, on a machine that is busy."""

from contextlib import ExitStack
from pathlib import Path

from firmware.ports import free_ports, rtp_range


def test_no_other_programs_connection_can_be_given_a_port_of_a_rehearsal() -> None:
    settings = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text()
    first, last = map(int, settings.split())
    with ExitStack() as kept:
        ports = free_ports(kept, 50)
    assert len(set(ports)) == 50
    assert [port for port in ports if first <= port <= last] == []


def test_two_rehearsals_that_are_built_at_once_draw_no_port_twice() -> None:
    with ExitStack() as one, ExitStack() as other:
        ports = [port for _ in range(40) for kept in (one, other) for port in free_ports(kept, 5)]
        assert len(set(ports)) == len(ports)
        ranges = [rtp_range(kept) for _ in range(10) for kept in (one, other)]
        assert len(set(ranges)) == len(ranges)


def test_what_ended_rehearsals_drew_is_drawn_again() -> None:
    for _ in range(20):
        with ExitStack() as kept:
            assert len({rtp_range(kept) for _ in range(10)}) == 10
