"""What a site file says of words that are recorded by telephone: the node `snow-day`."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from firmware.forms import NodeStrict, Word
from ivr.plan import SnowDay


class SnowDayForm(NodeStrict):
    kind: Literal["snow-day"]
    people: Annotated[
        list[Word],
        Field(
            min_length=1,
            max_length=10,
            description='whose PINs open it, like ["alvarez"]: one to ten of [people]',
        ),
    ]
    hours: Annotated[
        list[Word],
        Field(
            min_length=1,
            max_length=10,
            description='the schedules that it closes, like ["office"]: one to ten of [hours]',
        ),
    ]

    def node(self) -> SnowDay:
        return SnowDay(tuple(self.people), tuple(self.hours))


NODE_FORMS: Mapping[str, type[SnowDayForm]] = {"snow-day": SnowDayForm}
