"""What the line doctor is asked over the control socket, and what it tells. A number is in one
request, and in nothing that is told."""

from typing import Annotated, Literal

from pydantic import Field

from firmware.control import Strict, Topic

Extension = Annotated[str, Field(pattern=r"^[0-9]{2,6}$")]

DONE = "done"  # the last thing that is told


class DoctorRequest(Strict):
    """Look at the box, its lines and telephones, and measure the self-test line."""

    ask: Literal["doctor"] = "doctor"


class DoctorLineRequest(Strict):
    """Ring this number outside and measure the line that leads there; `keys`: whoever answers is
    asked to press some."""

    ask: Literal["doctor line"] = "doctor line"
    number: str = Field(pattern=r"^\+?[0-9]{2,20}$", repr=False)
    keys: bool = False


class DoctorPhonesRequest(Strict):
    """Ring these telephones one after another, all of them if none is named, with every lamp
    of a telephone or a panel lit meanwhile."""

    ask: Literal["doctor phones"] = "doctor phones"
    phones: tuple[Extension, ...] = Field(default=(), max_length=200)


class DoctorStopRequest(Strict):
    """End what it does now; its line is free, and nothing rings, when this is answered."""

    ask: Literal["doctor stop"] = "doctor stop"


class DoctorLine(Strict):
    """What is being done now, or what was found."""

    doing: str = ""
    about: str = ""
    colour: Literal["", "green", "amber", "red"] = ""
    figure: str = ""
    cure: str = ""


class DoctorStopReply(Strict):
    """Whether there was anything to end."""

    was_at_work: bool


DOCTOR = Topic(DoctorRequest, DoctorLine)
DOCTOR_LINE = Topic(DoctorLineRequest, DoctorLine)
DOCTOR_PHONES = Topic(DoctorPhonesRequest, DoctorLine)
DOCTOR_STOP = Topic(DoctorStopRequest, DoctorStopReply)
