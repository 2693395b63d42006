"""What the sites of all stories begin with: a clinic with one line, and its telephones."""

from collections.abc import Iterable

_CLINIC = """
[clinic]
name = "Maple Street"
timezone = "America/New_York"
language = "en"
front_desk = ["101"]
emergency_numbers = ["911"]

[trunks.telco]
host = "127.0.0.2"

[lines.main]
trunk = "telco"
numbers = ["2025550100"]
flow = "main"
"""
_PHONE = """
[phones.{0}]
name = "Desk {0}"
location = "12 Maple Street - desk {0}"
callback = "2025550100"
"""


def head(phones: Iterable[str]) -> str:
    """All but what the line's flow leads to; 101 stands at the front desk."""
    return _CLINIC + "".join(map(_PHONE.format, phones))
