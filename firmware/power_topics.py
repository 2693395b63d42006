"""What is asked of the power over the control socket, and what is told. Nobody's data is in it."""

from typing import Literal

from firmware.control import Strict, Topic
from firmware.topics import Part


class PowerRequest(Strict):
    """How the box is supplied, how warm it is, and who restarts it."""

    ask: Literal["power"] = "power"


class PowerReply(Strict):
    """The parts are those of the status; the figures are absent where nobody tells them."""

    parts: tuple[Part, ...]
    has_ups: bool
    since: str = ""  # it is supplied like this, as far as this exchange has seen
    charge: float | None = None  # percent
    left_s: float | None = None
    restarts_within_s: int | None = None  # the watchdog does, if it is armed


POWER = Topic(PowerRequest, PowerReply)
