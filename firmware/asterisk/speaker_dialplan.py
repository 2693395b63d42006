"""A page on a loudspeaker, as Asterisk has it: a leg by AudioSocket to the exchange, which has the
loudspeaker. Its UUID says which; no modem's leg has one like it (modem_dialplan.py).
"""

import zlib

MARK = "a" * 24


def uuid_of(speaker: str) -> str:
    """The legs of this loudspeaker; of the few that a box has, each has its own."""
    digits = f"{zlib.crc32(speaker.encode()):08x}{MARK}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def is_page(uuid: str) -> bool:
    """Whether a leg of this UUID speaks to a loudspeaker."""
    return uuid.replace("-", "").endswith(MARK)
