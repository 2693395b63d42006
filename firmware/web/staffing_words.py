"""Where one person more would help callers, in words; or honestly, why there is no advice yet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from typing import Literal

from babel.dates import format_time, get_day_names

from firmware.busy import written
from firmware.web.figure_words import clock, decimal
from firmware.web.words import Words
from ivr.staffing import (
    LEAST_CALLS,
    LEAST_WEEKS,
    Slot,
    forecast,
    is_short_of_people,
    least_agents,
    relief_s,
)

ADVICES_MAX = 10


@dataclass(frozen=True, slots=True)
class Advised:
    """Hours of the week that want one person more, those it relieves most first."""

    rows: tuple[tuple[str, ...], ...]
    hours: tuple[str, ...]  # each row's, as an address has it
    remarks: tuple[str, ...]


def advised(known: Sequence[Slot], words: Words) -> Advised:
    """Of every hour of the week in which somebody called."""
    short = sorted(filter(is_short_of_people, known), key=relief_s, reverse=True)
    rows = tuple(_row(slot, words) for slot in short[:ADVICES_MAX])
    hours = tuple(written((slot.weekday, slot.hour)) for slot in short[:ADVICES_MAX])
    return Advised(rows, hours, tuple(_remarks(known, short, words)))


def weekdays(words: Words, width: Literal["wide", "abbreviated"] = "wide") -> Mapping[int, str]:
    """Each by its number, 0 being Monday."""
    return dict(get_day_names(width, locale=words.locale))


def hour_name(hour: int, words: Words) -> str:
    """One hour of the clock, from its begin to the next one's."""
    return f"{hour_begins(hour, words)}–{hour_begins((hour + 1) % 24, words)}"


def hour_begins(hour: int, words: Words) -> str:
    return str(format_time(time(hour), "short", locale=words.locale))


def _row(slot: Slot, words: Words) -> tuple[str, ...]:
    now = forecast(slot.demand, slot.agents, slot.target_s)
    more = forecast(slot.demand, slot.agents + 1, slot.target_s)
    return (
        slot.queue,
        f"{weekdays(words)[slot.weekday]}, {hour_name(slot.hour, words)}",
        decimal(slot.demand.calls_per_h, words),
        str(slot.agents),
        clock(slot.asa_s),
        clock(now.asa_s),
        clock(more.asa_s),
        str(least_agents(slot.demand, slot.target_s)),
    )


def _remarks(known: Sequence[Slot], short: Sequence[Slot], words: Words) -> list[str]:
    said: list[str] = []
    if (rest := len(short) - ADVICES_MAX) > 0:
        said.append(
            words.count(
                "In %(num)s more hour it would help less.",
                "In %(num)s more hours it would help less.",
                rest,
            )
        )
    if enough := sum(slot.is_known and not is_short_of_people(slot) for slot in known):
        said.append(
            words.count(
                "In %(num)s hour of the week there are people enough.",
                "In %(num)s hours of the week there are people enough.",
                enough,
            )
        )
    if not known:
        said.append(words.gettext("There is no history yet: nobody waited in a queue."))
    if unknown := sum(not slot.is_known for slot in known):
        said.append(
            words.say(
                "For %(hours)s hours of the week there is too little history for advice: it takes"
                " %(calls)s calls in %(weeks)s weeks, and somebody who was answered.",
                hours=unknown,
                calls=LEAST_CALLS,
                weeks=LEAST_WEEKS,
            )
        )
    if short:
        said.append(
            words.gettext(
                "Reckoned by Erlang-A from calls, handle times and hang-ups as measured, and as"
                " many people as the site file names; where fewer sit there, the measured wait is"
                " longer."
            )
        )
    return said
