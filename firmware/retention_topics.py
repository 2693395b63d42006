"""What the exchange answers about legal holds: the forms, and nothing else."""

from typing import Literal

from pydantic import Field

from firmware.control import Strict, Topic
from firmware.holds import WHY_MOST, Kind

PERSON = r"^[^\x00-\x1f\x7f]{1,64}$"


class HoldRequest(Strict):
    """Hold something: nothing of it is deleted until the hold is released. Why is sealed."""

    ask: Literal["hold"] = "hold"
    by: str = Field(pattern=PERSON)
    kind: Kind
    target: str = Field(pattern=r"^[a-z0-9-]{1,64}$")
    why: str = Field(min_length=1, max_length=WHY_MOST, repr=False)


class HoldReply(Strict):
    """The hold's id."""

    hold: str


class ReleaseRequest(Strict):
    """Release a hold, named by the beginning of its id."""

    ask: Literal["release hold"] = "release hold"
    by: str = Field(pattern=PERSON)
    hold: str = Field(pattern=r"^[0-9a-f-]{4,36}$")


HOLD = Topic(HoldRequest, HoldReply)
RELEASE = Topic(ReleaseRequest, HoldReply)
