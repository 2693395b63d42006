"""A rehearsal beside others, on a machine that is busy."""

from pathlib import Path

from firmware.ports import free_ports


def test_no_other_programs_connection_can_be_given_a_port_of_a_rehearsal() -> None:
    settings = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text()
    first, last = map(int, settings.split())
    ports = free_ports(50)
    assert len(set(ports)) == 50
    assert [port for port in ports if first <= port <= last] == []
