"""The section [outside] of the site file: how much telephones may call outside. Without it the
limits are those of `plan.OutsideLimits`."""

from typing import Annotated

from pydantic import Field

from firmware.forms import Strict
from ivr import plan

_USUAL = plan.OutsideLimits()
_Calls = Annotated[
    int, Field(strict=True, ge=1, le=10_000, description="a whole number from 1 to 10000")
]


class OutsideForm(Strict):
    """What may stand there."""

    per_phone_a_day: _Calls = _USUAL.per_phone_a_day
    per_number_a_day: _Calls = _USUAL.per_number_a_day
    at_once: _Calls = _USUAL.at_once
    tries: _Calls = _USUAL.tries
    tries_at_night: _Calls = _USUAL.tries_at_night
    failing: _Calls = _USUAL.failing

    def limits(self) -> plan.OutsideLimits:
        return plan.OutsideLimits(**self.model_dump())
