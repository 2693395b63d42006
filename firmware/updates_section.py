"""The section [updates] of the site file: when the box may update itself, and until which day it
must not.

Like [backup] it stands in no plan, for no call hangs on it; whoever installs updates reads it from
the site file in force. Without it the window is Sunday from 3 to 5 in the morning, by the clinic's
clock.
"""

import tomllib
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Annotated

from pydantic import AfterValidator, Field

from firmware.forms import Strict
from firmware.oncall_section import WEEKDAY_WORDS, ClockTime, WeekdayWord
from firmware.place import Place


def _is_real(day: str) -> str:
    date.fromisoformat(day)  # raises ValueError on 30 February
    return day


Day = Annotated[
    str,
    Field(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$", description='a date in quotes, as "2027-01-31"'),
    AfterValidator(_is_real),
]


class UpdatesForm(Strict):
    """What may stand there. What ends before it begins ends on the next day; what ends when it
    begins lasts a whole day."""

    day: Annotated[WeekdayWord, Field(description="mon, tue, wed, thu, fri, sat or sun")] = "sun"
    begins: ClockTime = "03:00"
    ends: ClockTime = "05:00"
    postponed_until: Day | None = None

    def window(self) -> "UpdateWindow":
        begins, ends = time.fromisoformat(self.begins), time.fromisoformat(self.ends)
        until = date.fromisoformat(self.postponed_until) if self.postponed_until else None
        return UpdateWindow(WEEKDAY_WORDS.index(self.day), begins, ends, until)


@dataclass(frozen=True, slots=True)
class UpdateWindow:
    """Once a week, by the clinic's clock."""

    weekday: int  # 0 is Monday, as `date.weekday` has it
    begins: time
    ends: time
    not_before: date | None  # the first day on which an update may begin again

    def holds(self, day: date, at: time) -> bool:
        """Whether an update may begin at this moment."""
        if self.begins < self.ends:
            first, is_in = day, self.begins <= at < self.ends
        else:  # over midnight
            is_before = at < self.ends
            first = day - timedelta(days=1) if is_before else day
            is_in = is_before or at >= self.begins
        is_postponed = self.not_before is not None and first < self.not_before
        return is_in and first.weekday() == self.weekday and not is_postponed


def update_window_of(place: Place) -> UpdateWindow:
    """As the site in force has it, else the usual one."""
    try:
        written = tomllib.loads(place.site_file.read_text("utf-8")).get("updates", {})
        return UpdatesForm.model_validate(written).window()
    except (OSError, ValueError):
        return UpdatesForm().window()
