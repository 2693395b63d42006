"""Forms at the door: pydantic reads what was typed, and says beside which field it is wrong, in our
words and without repeating what was typed there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast

from fastapi import Request
from pydantic import BaseModel, ConfigDict, ValidationError

from firmware.web.entrance import TOKEN_FIELD
from firmware.web.words import to_say


class Form(BaseModel):
    """What a screen may be sent: these fields and no others, spaces at their ends left out."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


F = TypeVar("F", bound=Form)

# What is wrong with a field, by pydantic's name for it.
WRONG: Mapping[str, str] = {
    "missing": to_say("Fill this in."),
    "string_too_short": to_say("Fill this in."),
    "string_too_long": to_say("This is too long."),
    "literal_error": to_say("Choose one of those offered."),
    "enum": to_say("Choose one of those offered."),
}
WRONG_ELSE = to_say("This is not written as it should be.")


@dataclass(frozen=True, slots=True)
class Typed(Generic[F]):
    """A form as it came in: as it should be, or with what is wrong beside each field."""

    form: F | None
    faults: Mapping[str, str] = field(default_factory=dict)


def typed(request: Request, form: type[F]) -> Typed[F]:
    """What was filled in (firmware/web/entrance.py has read it)."""
    fields = cast(dict[str, Any], request.state.form)
    try:
        return Typed(form.model_validate({k: v for k, v in fields.items() if k != TOKEN_FIELD}))
    except ValidationError as wrong:
        faults: dict[str, str] = {}
        for each in wrong.errors(include_url=False, include_input=False, include_context=False):
            name = str(each["loc"][0]) if each["loc"] else ""
            faults.setdefault(name, WRONG.get(each["type"], WRONG_ELSE))
        return Typed(None, faults)
