"""The prover over flows of 30 and 200 nodes and 400 days, beside a plain walk that does the least
any prover must: follow every way once and ask every schedule at each of its edges.

The flow of 200 nodes is one menu after another, with all kinds of nodes below them and three
schedules with holidays; it is read once and proven in each turn.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from firmware.bench.beside import ROUNDS, Aim, Compared, Report, Shown, Side, in_turn, seconds_of
from ivr import flow, hours
from ivr.check import examine
from ivr.flow import Place
from ivr.plan import DayRule as Rule
from ivr.plan import (
    Enqueue,
    Exceptional,
    Flow,
    Hangup,
    Hours,
    HoursFork,
    Line,
    Menu,
    MonthDay,
    Node,
    Phone,
    Plan,
    Queue,
    Ring,
    Say,
    Span,
    TakeMessage,
    Times,
    Urgency,
    Yearly,
)
from ivr.proof.moments import DAYS

SIZES = (30, 200)
WITHIN_S = 2.0
PLAIN = "plain walk"
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
_EACH = 6  # nodes of a menu and what is below it
OPENS = {"office": 8, "nurses": 9, "lab": 7}
NOTES = (f"{PLAIN}: every way once, and each answer of every schedule for {DAYS} days; no proof.",)


def measure(*, rounds: int = ROUNDS, shown: Shown = lambda done, of: None) -> Report:
    """Both sizes, each side in its turn."""
    sides: dict[str, Side] = {}
    for size in SIZES:
        site = a_site(size)
        sides[f"ours {size}"] = partial(seconds_of, partial(examine, site, spoken_in(site), NOW))
        sides[f"plain {size}"] = partial(seconds_of, partial(_walk, site))
    runs, noise = in_turn(sides, rounds, shown)
    figures = tuple(
        Compared(
            f"a flow of {size} nodes proven for {DAYS} days",
            "s",
            runs[f"ours {size}"],
            {PLAIN: runs[f"plain {size}"]},
            Aim(WITHIN_S) if size == SIZES[-1] else None,
        )
        for size in SIZES
    )
    return Report(figures, noise, NOTES)


def a_site(size: int) -> Plan:
    """A flow of so many nodes in which nothing is wrong."""
    nodes: dict[str, Node] = {
        "hours": HoursFork("office", "menu-0", "night"),
        "night": TakeMessage("desk", ("emergency-first", "leave-a-message"), 60, "bye"),
        "bye": Hangup(("goodbye",)),
        "desk": Enqueue("desk", 60, "night"),
    }
    menus = (size - len(nodes)) // _EACH
    for at in range(menus):
        nodes |= _menu(at, at + 1 if at + 1 < menus else None)
    for spare in range(size - len(nodes)):
        nodes[f"spare-{spare}"] = Say(("news",), "desk")
    phone = Phone("101", "Desk", "here", "2025550100")
    return Plan(
        name="Bench",
        timezone="America/New_York",
        language="en",
        front_desk=("101",),
        emergency_numbers=("911",),
        trunks={},
        lines={"main": Line("main", "telco", ("2025550100",), "main", "en")},
        phones={"101": phone},
        dial_rules=(),
        mailboxes={},
        hours={name: _schedule(name, at) for name, at in OPENS.items()},
        queues={"desk": Queue("desk", ("101",), Urgency.ROUTINE, 20, 15, 20, 30)},
        flows={"main": Flow("main", "hours", nodes, "desk")},
    )


def _menu(at: int, after: int | None) -> Mapping[str, Node]:
    more = "desk" if after is None else f"menu-{after}"
    choices = {"1": f"say-{at}", "2": f"ring-{at}", "3": f"ask-{at}", "4": more}
    return {
        f"menu-{at}": Menu(("emergency-first", "menu"), choices, 5, 2, "desk"),
        f"say-{at}": Say(("news",), f"menu-{at}"),
        f"ring-{at}": Ring(("101",), 20, f"message-{at}"),
        f"message-{at}": TakeMessage("desk", ("leave-a-message",), 60, "bye"),
        f"ask-{at}": HoursFork(("nurses", "lab")[at % 2], f"queue-{at}", f"message-{at}"),
        f"queue-{at}": Enqueue("desk", 60, f"message-{at}"),
    }


def _schedule(name: str, opens: int) -> Hours:
    spans = tuple(Span(day, time(opens), time(17)) for day in range(5))
    eve = Exceptional(Yearly(MonthDay(12, 24), MonthDay(12, 24)), Rule("eve"))
    return Hours(name, spans, Times(time(12), time(12, 30)), (eve,))


def spoken_in(site: Plan) -> dict[str, set[str]]:
    """All that it may say."""
    nodes = [*site.flows["main"].nodes.values(), flow.node_at(site, flow.FRONT_DESK)]
    return {"en": {p for node in nodes for p in flow.prompts_of(node)} | {flow.NOBODY}}


def _walk(site: Plan) -> None:
    """The least that must be done."""
    for name in site.flows["main"].nodes:
        for way in flow.ways(flow.node_at(site, Place("main", name))):
            flow.find(site, "main", way.target)
    zone = ZoneInfo(site.timezone)
    for schedule in site.hours.values():
        for given in hours.answers(schedule, NOW.astimezone(zone)):
            if given.until is None or given.until > NOW + timedelta(days=DAYS):
                break
