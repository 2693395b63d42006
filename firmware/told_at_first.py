"""What the first run has been told so far: one file, so that whoever is called away goes on where
they were, at another browser too, and a power cut asks nothing twice.
"""

from collections.abc import Sequence
from datetime import time
from itertools import takewhile
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from firmware.beginning import DAYS, Answers, Menu, OnCall, Opening, Telephone, Work
from firmware.durable import replace_file
from firmware.forms import DEFAULT_EMERGENCY_NUMBERS, Label
from firmware.place import Place
from ivr.plan import Plan

TELEPHONES_MOST, ON_CALL_MOST = 40, 8
# What people write between the digits of a number.
_BETWEEN = str.maketrans("", "", " ().-/")
# The name of a fault: whoever calls this number calls for help, and it is nobody's own.
EMERGENCY = "emergency_number"


def as_dialled(written: object) -> object:
    """A number as people write it, "+1 (202) 555-0100", as the clinic dials it."""
    if not isinstance(written, str):
        return written
    digits = written.translate(_BETWEEN)
    return digits[2:] if digits.startswith("+1") and len(digits) == len("+1") + 10 else digits


def _own(number: str) -> str:
    if number in DEFAULT_EMERGENCY_NUMBERS:
        raise PydanticCustomError(EMERGENCY, "an emergency number")
    return number


Own = AfterValidator(_own)
_LARGE = BeforeValidator(lambda typed: typed.upper() if isinstance(typed, str) else typed)
Number = Annotated[str, BeforeValidator(as_dialled), Field(pattern=r"^[0-9]{3,15}$"), Own]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Clinic(_Part):
    """Who they are, and where help would come to."""

    name: Label
    address: Annotated[str, Field(min_length=3, max_length=60, pattern=r"^[\w .,'/+-]+$")]
    number: Number
    timezone: Annotated[str, Field(min_length=1, max_length=60)]
    country: Annotated[str, Field(pattern="^[A-Z]{2}$"), _LARGE] = "US"
    subdivision: Annotated[str | None, Field(pattern="^[A-Z0-9]{1,3}$"), _LARGE] = None


class Span(_Part):
    begins: time
    ends: time


class Phone(_Part):
    number: Annotated[str, Field(pattern=r"^[0-9]{2,6}$"), Own]
    name: Label
    room: Annotated[str, Field(max_length=40, pattern=r"^[\w .'/+-]*$")] = ""
    work: Work


class Person(_Part):
    name: Label
    mobile: Number


class Told(_Part):
    """Each part is None until its screen was answered."""

    clinic: Clinic | None = None
    hours: dict[str, tuple[Span, ...]] | None = None
    phones: Annotated[tuple[Phone, ...], Field(max_length=TELEPHONES_MOST)] | None = None
    people: Annotated[tuple[Person, ...], Field(max_length=ON_CALL_MOST)] | None = None
    menu: Menu | None = None
    other_site: Annotated[str, Field(max_length=40, pattern=r"^[\w .'/+-]*$")] = ""
    is_saved: bool = False  # a backup was taken along whole

    def answers(self) -> Answers | None:
        """All of them; None while one is missing."""
        clinic, hours, phones, people = self.clinic, self.hours, self.phones, self.people
        if clinic is None or hours is None or phones is None or people is None:
            return None
        if self.menu is None:
            return None
        return Answers(
            clinic=clinic.name,
            address=clinic.address,
            number=clinic.number,
            timezone=clinic.timezone,
            hours={
                day: [Opening(each.begins, each.ends) for each in hours.get(day, ())]
                for day in DAYS
            },
            telephones=tuple(
                Telephone(each.number, each.name, each.room, each.work) for each in phones
            ),
            menu=self.menu,
            on_call=tuple(OnCall(each.name, each.mobile) for each in people),
            country=clinic.country,
            subdivision=clinic.subdivision,
            other_site=self.other_site or "our other office",
        )


def read(place: Place) -> Told | None:
    """None: no first run is under way. One that cannot be read any more begins anew."""
    try:
        return Told.model_validate_json(place.beginning.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError:
        return Told()


def is_under_way(place: Place) -> bool:
    """Whether somebody has yet to say that all is done."""
    return place.beginning.exists()


def keep(place: Place, told: Told) -> None:
    """Durable when this returns."""
    replace_file(place.beginning, told.model_dump_json().encode())


def saved(place: Place) -> None:
    """A backup was taken along while the first run is under way."""
    if (told := read(place)) is not None:
        keep(place, told.model_copy(update={"is_saved": True}))


def done(place: Place) -> None:
    """It is over."""
    place.beginning.unlink(missing_ok=True)


def known(plan: Plan | None) -> Told:
    """What the box knows of these answers already, to be looked through rather than typed."""
    if plan is None:
        return Told()
    numbers = [number for line in plan.lines.values() for number in line.numbers]
    telephones = list(plan.phones.values())[:TELEPHONES_MOST]
    address, rooms = _rooms([each.location for each in telephones])
    phones = tuple(
        Phone.model_construct(
            number=each.extension, name=each.name, room=room, work=_work(plan, each.extension)
        )
        for each, room in zip(telephones, rooms, strict=True)
    )
    clinic = Clinic.model_construct(
        name=plan.name,
        address=address,
        number=numbers[0] if numbers else "",
        timezone=str(plan.timezone),
        country="US",
        subdivision=None,
    )
    return Told(clinic=clinic, phones=phones)


def _work(plan: Plan, extension: str) -> Work:
    """By whose queue it rings for: our menus name queues as we name work."""
    if extension in plan.front_desk:
        return Work.FRONT_DESK
    names = {name for name, queue in plan.queues.items() if extension in queue.agents}
    return next((work for work in Work if work in names), Work.ROOM)


def _rooms(locations: Sequence[str]) -> tuple[str, list[str]]:
    """What all locations begin with is the address; what follows is each one's room."""
    parts = [each.split(" - ") for each in locations]
    alike = takewhile(lambda each: len(set(each)) == 1, zip(*parts, strict=False))
    shared = len(list(alike))
    address = ", ".join(parts[0][:shared]) if parts else ""
    return address, [" - ".join(each[shared:]) for each in parts]
