"""`careline figures`: how the clinic's telephone did, and how many people it takes.

Read from calls.db itself, so it answers whether the exchange runs or not. Days and hours are those
of the clinic's clock. Nothing here says who called.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from math import isinf
from typing import Annotated, NoReturn
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from firmware import rollups, settings
from firmware.advice import slots
from firmware.figures import WITHIN_S, By, Tally, day_begins, first_call_enough, hour_of, not_helped
from firmware.place import Place
from firmware.presence import there_in
from firmware.requests import on_time
from firmware.settings import SiteFaults
from firmware.store import StoreError, open_reader
from ivr.plan import Plan
from ivr.staffing import (
    LEAST_CALLS,
    LEAST_WEEKS,
    Forecast,
    Slot,
    advice,
    forecast,
    is_short_of_people,
    least_agents,
    relief_s,
)

REFUSED = 1
# Staffing looks back so far unless told otherwise: two months, holidays among them.
HISTORY = timedelta(weeks=8)
ADVICES_MAX = 10
BAR_WIDTH = 40
# For tables; the whole words stand below them.
SHORTER = {
    "abandoned": "aband.",
    "short_abandoned": "short",
    "self_served": "self",
    "in_progress": "now",
    "transferred": "transf.",
    "emergency": "emerg.",
    "overflowed": "overfl.",
}
# Of a bar: answered, hung up, everything else. They differ without colour too.
GLYPHS = (("█", "green"), ("▒", "red"), ("░", "dim"))
UNKNOWN = "–"

app = typer.Typer()
say = Console()
complain = Console(stderr=True)

Day = Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="first day")]
LastDay = Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="last day")]


@dataclass(frozen=True, slots=True)
class Asked:
    """Which days of the clinic's clock, and how they are looked at."""

    first: date
    last: date
    zone: ZoneInfo
    within_s: int

    @property
    def begin(self) -> datetime:
        return day_begins(self.first, self.zone)

    @property
    def end(self) -> datetime:
        return day_begins(self.last + timedelta(days=1), self.zone)

    @property
    def title(self) -> str:
        if self.first == self.last:
            return f"{self.first:%A %-d %B %Y}"
        return f"{self.first:%a %-d %B %Y} to {self.last:%a %-d %B %Y}"


@app.command(name="figures")
def show(
    first: Day = None,
    last: LastDay = None,
    by: Annotated[By, typer.Option(help="whose figures")] = By.ALL,
    within: Annotated[
        int, typer.Option(help=f"service level within seconds: {', '.join(map(str, WITHIN_S))}")
    ] = 20,
    staffing: Annotated[
        bool, typer.Option("--staffing", help="where one person more would help, by history")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """How many called, waited and were helped; today, unless days are named."""
    if within not in WITHIN_S:
        raise typer.BadParameter(f"--within is one of {', '.join(map(str, WITHIN_S))}")
    place = Place.from_environment()
    with _explained():
        plan = settings.read(place.site_file.read_text("utf-8"))
        zone = ZoneInfo(plan.timezone)
        today = datetime.now(zone).date()
        to = last.date() if last else today
        since = to - HISTORY + timedelta(days=1) if staffing else to
        asked = Asked(first.date() if first else since, to, zone, within)
        if asked.first > asked.last:
            raise typer.BadParameter("--from is a day after --to")
        with _reading(place) as connection:
            if staffing:
                _staffing(connection, plan, asked, as_json=as_json)
            else:
                _figures(connection, asked, by, as_json=as_json)


def _figures(connection: Connection, asked: Asked, by: By, *, as_json: bool) -> None:
    found = _of(connection, asked, by)
    if as_json:
        rows = [_plain(name, tally, asked.within_s) for name, tally in found.items()]
        if by is By.AGENT:
            there = there_in(connection, asked.begin, asked.end, asked.zone)
            for row, (name, tally) in zip(rows, found.items(), strict=True):
                row["there_s"] = there[name].total_seconds() if name in there else None
                row["occupancy"] = _occupancy(tally, there.get(name))
        days = {"from": str(asked.first), "to": str(asked.last)}
        told: dict[str, object] = {**days, "by": by.value, "rows": rows}
        if by is By.ALL:
            told["first_call_enough"] = _enough(connection, asked)
            work = on_time(connection, asked.begin, asked.end, datetime.now(UTC))
            told["requests"] = asdict(work)
            told["not_helped"] = not_helped(connection, asked.begin, asked.end)
        typer.echo(json.dumps(told, indent=2))
        return
    say.print(f"[bold]{asked.title}[/]", highlight=False)
    if not found:
        say.print("no calls")
        return
    match by:
        case By.ALL:
            _show_whole(connection, asked, found[""])
        case By.AGENT:
            _show_agents(found, there_in(connection, asked.begin, asked.end, asked.zone))
        case _:
            _show_table(by, found, asked)
    if by in (By.ALL, By.HOUR):
        _show_bars(_by_clock_hour(connection, asked))


def _of(connection: Connection, asked: Asked, by: By) -> dict[str, Tally]:
    """Each row by its name; hours and days by when they begin, in ISO 8601 and local time."""
    span = (connection, asked.begin, asked.end)
    match by:
        case By.DAY:
            days = rollups.by_day(*span, asked.zone)
            return {day.isoformat(): tally for day, tally in days.items()}
        case By.HOUR:
            hours = rollups.by_hour(*span, By.ALL, asked.zone)
            return {
                hour.astimezone(asked.zone).isoformat(timespec="minutes"): tally
                for (hour, _), tally in hours.items()
            }
        case _:
            return dict(sorted(rollups.figures(*span, by, asked.zone).items()))


def _heading(by: By, name: str, asked: Asked) -> str:
    """A row's name as people say it. Where the clock struck an hour twice, or left one out, the
    zone's name tells the hours apart."""
    match by:
        case By.DAY:
            return f"{date.fromisoformat(name):%a %-d %b}"
        case By.HOUR:
            hour = datetime.fromisoformat(name).astimezone(asked.zone)
            day = "" if asked.first == asked.last else f"{hour:%a %-d %b} "
            end = day_begins(hour.date() + timedelta(days=1), asked.zone)
            is_whole_day = end - day_begins(hour.date(), asked.zone) == timedelta(days=1)
            return f"{day}{hour:%H:%M}" + ("" if is_whole_day else f" {hour:%Z}")
        case _:
            return name or "no queue"


def _show_whole(connection: Connection, asked: Asked, tally: Tally) -> None:
    ended = [f"{n} {outcome.replace('_', ' ')}" for outcome, n in tally.outcomes.items() if n]
    whole = " + ".join([*ended, f"{tally.in_progress} in progress"])
    table = Table(box=None, show_header=False)
    table.add_row("calls", f"{tally.offered} offered = {whole}")
    table.add_row("waiting", f"{_clock(tally.asa_s)} in the mean until answered (ASA)")
    table.add_row("", f"{_clock(tally.longest_s)} the longest wait for a person")
    level = _percent(tally.service_level(asked.within_s))
    table.add_row("service level", f"{level} answered within {asked.within_s} s")
    without = _percent(tally.abandonment_without_short)
    lost = f"{_percent(tally.abandonment)}; {without} without those who hung up at once"
    table.add_row("abandoned", lost)
    if tally.abandoned:
        without_help = len(not_helped(connection, asked.begin, asked.end))
        again = f"{tally.abandoned - without_help} of these {tally.abandoned} got through later"
        table.add_row("", f"{again}; calls of the others: --json, not_helped")
    table.add_row("handle time", f"{_clock(tally.aht_s)} (AHT) = {_parts(tally)}")
    repeats = f"{tally.repeats} of {tally.known_callers} with a number"
    table.add_row("repeat calls", f"{repeats} had called in the week before")
    found, enough = first_call_enough(connection, asked.begin, asked.end, datetime.now(UTC))
    share = _percent(enough / found if found else None)
    table.add_row("first call enough", f"{share} of {found} answered, by the week after (FCR)")
    if tally.marks:
        table.add_row("how it was", f"{_mark(tally)}, said {tally.marks} callers after a talk")
    if tally.callback:
        table.add_row("call-backs", f"{tally.called_back} of {tally.callback} kept")
    work = on_time(connection, asked.begin, asked.end, datetime.now(UTC))
    if work.due:
        table.add_row("requests", str(work))
    say.print(table, highlight=False)


def _mark(tally: Tally) -> str:
    return UNKNOWN if tally.mark is None else f"{tally.mark:.1f} of 5"


def _parts(tally: Tally) -> str:
    parts = (("talk", tally.talk_s), ("hold", tally.hold_s), ("wrap-up", tally.wrap_up_s))
    return " + ".join(f"{name} {_clock(seconds)}" for name, seconds in parts)


def _show_table(by: By, found: Mapping[str, Tally], asked: Asked) -> None:
    """Only outcomes that any of the rows has; the sum always has all its parts."""
    counts = [*(outcome.value for outcome in Tally().outcomes), "overflowed", "in_progress"]
    shown = [name for name in counts if any(getattr(tally, name) for tally in found.values())]
    table = Table(box=None, pad_edge=False, collapse_padding=True)
    table.add_column(by.value, no_wrap=True)
    for heading in ("offered", *(SHORTER.get(name, name) for name in shown)):
        table.add_column(heading, justify="right")
    for heading in ("ASA", "longest", f"≤{asked.within_s} s", "lost", "AHT"):
        table.add_column(heading, justify="right")
    for name, tally in found.items():
        table.add_row(
            _heading(by, name, asked),
            str(tally.offered),
            *(str(getattr(tally, count)) for count in shown),
            _clock(tally.asa_s),
            _clock(tally.longest_s),
            _percent(tally.service_level(asked.within_s)),
            _percent(tally.abandonment),
            _clock(tally.aht_s),
        )
    say.print(table, highlight=False)
    meant = [f"{SHORTER[name]} = {name.replace('_', ' ')}" for name in shown if name in SHORTER]
    say.print(f"[dim]{', '.join([*meant, 'lost = hung up, of all'])}[/]", highlight=False)


def _occupancy(tally: Tally, there: timedelta | None) -> float | None:
    """Of the time an agent was there, how much were calls and what follows them."""
    busy_s = (tally.talk_ms + tally.hold_ms + tally.wrap_up_ms) / 1000
    return min(1.0, busy_s / there.total_seconds()) if there else None


def _show_agents(found: Mapping[str, Tally], there: Mapping[str, timedelta]) -> None:
    table = Table("agent", box=None)
    headings = ("offers", "missed", "calls", "talked", "talk", "hold", "wrap-up", "AHT")
    for heading in (*headings, "there", "busy", "mark"):
        table.add_column(heading, justify="right")
    for name, tally in found.items():
        table.add_row(
            name,
            str(tally.rung),
            str(tally.missed),
            str(tally.offered),
            _clock(tally.talk_ms / 1000),
            *map(_clock, (tally.talk_s, tally.hold_s, tally.wrap_up_s, tally.aht_s)),
            _clock(there[name].total_seconds() if name in there else None),
            _percent(_occupancy(tally, there.get(name))),
            _mark(tally),
        )
    say.print(table, highlight=False)
    meant = "there = from the first to the last sign of each day, without pauses; busy of that"
    say.print(f"[dim]{meant} (occupancy)[/]", highlight=False)


def _by_clock_hour(connection: Connection, asked: Asked) -> dict[int, Tally]:
    """From the first to the last hour of the day in which anybody called, on any of the days."""
    hours: defaultdict[int, Tally] = defaultdict(Tally)
    found = rollups.by_hour(connection, asked.begin, asked.end, By.ALL, asked.zone)
    for (hour, _), tally in found.items():
        hours[hour.astimezone(asked.zone).hour] += tally
    return {hour: hours[hour] for hour in range(min(hours), max(hours) + 1)} if hours else {}


def _show_bars(hours: Mapping[int, Tally]) -> None:
    most = max((tally.offered for tally in hours.values()), default=0)
    legend = Text("\nby hour of the day: ")
    for (glyph, style), meaning in zip(GLYPHS, ("answered", "hung up", "other"), strict=True):
        legend.append(glyph, style).append(f" {meaning}  ")
    say.print(legend)
    for hour, tally in hours.items():
        say.print(Text(f"{hour:02}:00 ") + _bar(tally, most) + Text(f" {tally.offered}"))


def _bar(tally: Tally, most: int) -> Text:
    """Parts end where their running sum does, so that the whole bar's length is right."""
    lost = tally.abandoned + tally.short_abandoned
    sizes = (tally.answered, lost, tally.offered - tally.answered - lost)
    bar, so_far, drawn = Text(), 0, 0
    for size, (glyph, style) in zip(sizes, GLYPHS, strict=True):
        so_far += size
        until = round(BAR_WIDTH * so_far / most) if most else 0
        bar.append(glyph * (until - drawn), style)
        drawn = until
    return bar


# ---- staffing ----


def _staffing(connection: Connection, plan: Plan, asked: Asked, *, as_json: bool) -> None:
    end = min(asked.end, hour_of(datetime.now(UTC), asked.zone))  # an hour half over tells nothing
    known = slots(connection, plan, asked.begin, end, asked.zone)
    short = sorted(filter(is_short_of_people, known), key=relief_s, reverse=True)
    if as_json:
        told = {"from": str(asked.first), "to": str(asked.last), "hours": list(map(_told, known))}
        typer.echo(json.dumps(told, indent=2))
        return
    say.print(f"[bold]Staffing, by {asked.title}[/]", highlight=False)
    for slot in short[:ADVICES_MAX]:
        say.print(advice(slot), highlight=False)
    if short:
        _show_slots(short[:ADVICES_MAX])
    for line in _remarks(known, short):
        say.print(line, highlight=False)


def _remarks(known: list[Slot], short: list[Slot]) -> Iterator[str]:
    """What the advice does not say: what was not advised on, and what it rests on."""
    if len(short) > ADVICES_MAX:
        yield f"and {len(short) - ADVICES_MAX} more hours, in which it would help less"
    enough = [slot for slot in known if slot.is_known and not is_short_of_people(slot)]
    if enough:
        yield f"In {len(enough)} hours of the week there are people enough."
    unknown = [slot for slot in known if not slot.is_known]
    if unknown or not known:
        yield (
            f"Of {len(unknown)} hours of the week there is too little history for advice: it takes"
            f" {LEAST_CALLS} calls in {LEAST_WEEKS} weeks, and somebody who was answered."
        )
    if short:
        yield (
            "Reckoned by Erlang-A from calls, handle times and hang-ups as measured, and as many"
            " people as the site names; where fewer sit there, the measured wait is longer."
        )


def _show_slots(short: list[Slot]) -> None:
    table = Table("queue", "when", box=None)
    for heading in ("calls/h", "people", "measured", "reckoned", "with one more", "needed"):
        table.add_column(heading, justify="right")
    for slot in short:
        now, more = _reckoned(slot)
        table.add_row(
            slot.queue,
            slot.when,
            f"{slot.demand.calls_per_h:.1f}",
            str(slot.agents),
            *map(_clock, (slot.asa_s, now.asa_s, more.asa_s)),
            str(least_agents(slot.demand, slot.target_s)),
        )
    say.print(table, highlight=False)


def _reckoned(slot: Slot) -> tuple[Forecast, Forecast]:
    """As it is, and with one person more."""
    now, more = slot.agents, slot.agents + 1
    return (
        forecast(slot.demand, now, slot.target_s),
        forecast(slot.demand, more, slot.target_s),
    )


def _told(slot: Slot) -> dict[str, object]:
    told: dict[str, object] = {
        "queue": slot.queue,
        "weekday": slot.weekday,
        "hour": slot.hour,
        "weeks": slot.weeks,
        "calls": slot.calls,
        "people": slot.agents,
        "measured_s": slot.asa_s,
        "handle_s": slot.handle_s,
        "patience_s": _finite(slot.patience_s),
        "advice": advice(slot),
    }
    if slot.is_known:
        now, more = _reckoned(slot)
        told["reckoned_s"], told["with_one_more_s"] = _finite(now.asa_s), _finite(more.asa_s)
        told["needed"] = least_agents(slot.demand, slot.target_s)
    return told


# ---- numbers as people and programs read them ----


def _plain(name: str, tally: Tally, within_s: int) -> dict[str, object]:
    return {
        "name": name,
        "offered": tally.offered,
        "outcomes": {outcome.value: number for outcome, number in tally.outcomes.items()},
        "overflowed": tally.overflowed,
        "in_progress": tally.in_progress,
        "asa_s": tally.asa_s,
        "longest_wait_s": tally.longest_s,
        "within_s": within_s,
        "service_level": tally.service_level(within_s),
        "abandonment": tally.abandonment,
        "abandonment_without_short": tally.abandonment_without_short,
        "aht_s": tally.aht_s,
        "talk_s": tally.talk_s,
        "hold_s": tally.hold_s,
        "wrap_up_s": tally.wrap_up_s,
        "talked_s": tally.talk_ms / 1000,
        "patience_s": tally.patience_s,
        "offers": tally.rung,
        "offers_missed": tally.missed,
        "known_callers": tally.known_callers,
        "repeats": tally.repeats,
        "callbacks_kept": tally.called_back,
        "marks": tally.marks,
        "mark": tally.mark,
    }


def _enough(connection: Connection, asked: Asked) -> dict[str, int]:
    found, enough = first_call_enough(connection, asked.begin, asked.end, datetime.now(UTC))
    return {"of": found, "enough": enough}


def _finite(seconds: float) -> float | None:
    return None if isinf(seconds) else seconds


def _clock(seconds: float | None) -> str:
    if seconds is None:
        return UNKNOWN
    if isinf(seconds):
        return "endless"
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02}"


def _percent(share: float | None) -> str:
    return UNKNOWN if share is None else f"{share * 100:.0f} %"


@contextmanager
def _reading(place: Place) -> Iterator[Connection]:
    """All that is shown is of one moment."""
    reader = open_reader(place.calls_db)
    try:
        with reader.connect() as connection:
            yield connection
    finally:
        reader.dispose()


@contextmanager
def _explained() -> Iterator[None]:
    """What is missing, in words, and status 1."""
    try:
        yield
    except FileNotFoundError as missing:
        _refuse(f"there is no site here ({missing.filename}): run `careline publish` first")
    except SiteFaults as faults:
        _refuse(f"the site in force cannot be read ({faults}): run `careline publish` with it")
    except StoreError as refused:
        _refuse(str(refused))
    except SQLAlchemyError as refused:
        _refuse(f"calls.db cannot be read ({refused}): after an update start the exchange once")


def _refuse(why: str) -> NoReturn:
    complain.print(why, highlight=False, markup=False)
    raise typer.Exit(REFUSED)
