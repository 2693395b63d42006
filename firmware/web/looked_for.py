"""What is looked for among the calls: as somebody filled it in, or as a figure leads to it."""

from datetime import date, datetime
from typing import Annotated, Literal
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from firmware.busy import hour_written
from firmware.call_search import Place
from firmware.counted_calls import ASKED, TALLIED, Counted
from firmware.figures import HOUR, By, day_begins
from firmware.web.days import DAY, EARLIEST, LATEST, day_of
from firmware.web.forms import Form


class Looked(Form):
    """What is looked for; `number` comes by a form alone, never in an address."""

    number: Annotated[str, Field(max_length=40, pattern=r"^[0-9 ()+./-]*$", repr=False)] = ""
    since: Annotated[str, Field(pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?$")] = ""
    until: Annotated[str, Field(pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?$")] = ""
    phone: Annotated[str, Field(pattern=r"^([0-9]{2,6})?$")] = ""
    outcome: Annotated[str, Field(max_length=20)] = ""
    # What a figure counts: of whom, in which hour of the week, or in which hour of all.
    counts: Annotated[str, Field(max_length=20)] = ""
    by: Literal["", "line", "queue", "agent"] = ""
    name: Annotated[str, Field(max_length=64)] = ""
    hour: Annotated[str, Field(pattern=r"^([0-6]-([01][0-9]|2[0-3]))?$")] = ""
    at: Annotated[str, Field(pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}Z)?$")] = ""
    before: Annotated[str, Field(pattern=r"^([0-9T:.+-]{20,40}~[0-9a-f-]{36})?$")] = ""

    @model_validator(mode="after")
    def _is_counted(self) -> "Looked":
        """Some figure counts so."""
        narrowed = (self.by, self.hour, self.at)
        known = self.counts in TALLIED or (self.counts in ASKED and not any(narrowed))
        if not known and (self.counts or any(narrowed)):
            raise ValueError("no figure counts so")
        if self.at and self.hour_at() is None:
            raise ValueError("no such hour")
        return self

    def day(self, name: str) -> date | None:
        return day_of(str(getattr(self, name)))

    def place(self) -> Place | None:
        arrived, _, call = self.before.partition("~")
        return Place(arrived, call) if call else None

    def hour_at(self) -> datetime | None:
        if day_of(self.at[:10]) is None:
            return None
        try:
            return datetime.fromisoformat(self.at)
        except ValueError:
            return None

    def counted(self, zone: ZoneInfo, now: datetime) -> Counted | None:
        """Of the days named, by the figures' own reckoning; None: nothing is counted."""
        if not self.counts:
            return None
        since, until = self.day("since") or EARLIEST, self.day("until") or self.day("since")
        begin, end = day_begins(since, zone), day_begins((until or LATEST) + DAY, zone)
        if (at := self.hour_at()) is not None:
            begin, end = at, at + HOUR
        hour = hour_written(self.hour) if self.hour else None
        by = By(self.by) if self.by else By.ALL
        return Counted(self.counts, begin, end, zone, now, by, self.name, hour)

    def in_address(self, **changed: str) -> str:
        """All but the number."""
        said = self.model_dump(exclude={"number"}) | changed
        said = {name: value for name, value in said.items() if value}
        return f"/calls?{urlencode(said)}" if said else "/calls"
