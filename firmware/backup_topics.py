"""What the exchange answers about backups: to hold a drill now, and how far what it does is."""

from typing import Literal

from firmware.control import Strict, Topic


class DrillRequest(Strict):
    """Try the newest backup now; what comes of it is told in the site's own file."""

    ask: Literal["drill"] = "drill"


class DrillReply(Strict):
    """It begins."""


class BackingRequest(Strict):
    """Is a backup made or tried just now?"""

    ask: Literal["backing"] = "backing"


class BackingReply(Strict):
    """Which of both it is, if any, and how far in words, as soon as something is known."""

    job: Literal["", "backup", "drill"] = ""
    doing: str = ""


DRILL = Topic(DrillRequest, DrillReply)
BACKING = Topic(BackingRequest, BackingReply)
