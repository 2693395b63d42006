"""A clinic on a clock that the story moves: the kit of all stories about the exchange."""

from datetime import datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

from ivr import events
from ivr.commands import Command, Finish, Offer, Outcome, Play
from ivr.exchange import Exchange
from ivr.plan import (
    Enqueue,
    Flow,
    Hangup,
    HoursFork,
    Line,
    Menu,
    Node,
    Phone,
    Plan,
    Queue,
    Ring,
    Say,
    TakeMessage,
    Urgency,
)
from ivr.standing import Stage

BEGAN = 1000.0
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=ZoneInfo("America/New_York"))  # a Monday


def a_clinic(**nodes: Node) -> Plan:
    """Two at the desk, a nurse, and a line whose flow has every kind of node."""
    flow: dict[str, Node] = {
        "menu": Menu(
            ("menu",),
            {"1": "desk", "2": "nurse", "3": "address", "4": "message", "5": "ring"},
            5,
            2,
            "desk",
        ),
        "desk": Enqueue("desk", 60, "message"),
        "nurse": Enqueue("nurse", 60, "message", Urgency.URGENT),
        "address": Say(("address",), "menu"),
        "message": TakeMessage("desk", ("leave-a-message",), 120, "bye"),
        "ring": Ring(("101", "102", "103"), 20, "message"),
        "hours": HoursFork("office", "menu", "message"),
        "bye": Hangup(("goodbye",)),
    }
    flow.update({name.replace("_", "-"): node for name, node in nodes.items()})
    return Plan(
        name="Maple Street",
        timezone="America/New_York",
        language="en",
        front_desk=("101", "102"),
        emergency_numbers=("911",),
        trunks={},
        lines={"main": Line("main", "telco", ("2025550100",), "main", "en")},
        phones={number: Phone(number, number, "here", "1") for number in ("101", "102", "103")},
        dial_rules=(),
        mailboxes={},
        hours={},
        queues={
            "desk": Queue("desk", ("101", "102"), Urgency.ROUTINE, 20, 15, 20, 30),
            "nurse": Queue("nurse", ("103",), Urgency.SOON, 60, 15, 20, 30),
        },
        flows={"main": Flow("main", "menu", flow, "desk")},
    )


class Clinic:
    """An exchange on a clock that the story moves."""

    def __init__(self, plan: Plan | None = None) -> None:
        numbers = count(1)
        self.exchange = Exchange(plan or a_clinic(), lambda: f"offer-{next(numbers)}")
        self.now = BEGAN
        self.said: list[Command] = []

    @property
    def local(self) -> datetime:
        """It was noon when the story began."""
        return NOON + timedelta(seconds=self.now - BEGAN)

    def hears(self, *told: events.Event) -> list[Command]:
        """Commands given because of these events."""
        said = [c for event in told for c in self.exchange.receive(event, self.now, self.local)]
        self.said += said
        return said

    def waits(self, seconds: float) -> list[Command]:
        """Let the time pass, stopping at each deadline as the loop does."""
        end = self.now + seconds
        said: list[Command] = []
        while (due := self.exchange.next_deadline()) is not None and due <= end:
            self.now = max(self.now, due)
            said += self.exchange.time_came(self.now, self.local)
        self.now = end
        self.said += said
        return said

    def calls(self, name: str, key: str = "") -> list[Command]:
        """A caller arrives and, perhaps, presses a key."""
        said = self.hears(events.CallArrived(name, "main", "2025550100", "", ""))
        return said + (self.presses(name, key) if key else [])

    def presses(self, name: str, key: str) -> list[Command]:
        self.now += 1.0
        return self.hears(events.KeyBegan(name, key), events.KeyEnded(name, key))

    def prompt_ends(self, name: str) -> list[Command]:
        return self.hears(events.PromptEnded(name, self.exchange.calls[name].tag))

    def stage(self, name: str) -> Stage:
        return self.exchange.calls[name].stage


def of(said: list[Command], *kinds: type[Command]) -> list[Command]:
    return [command for command in said if isinstance(command, kinds)]


def offers(said: list[Command]) -> list[tuple[str, str, str]]:
    return [(c.offer, c.call, c.extension) for c in said if isinstance(c, Offer)]


def spoken(said: list[Command]) -> list[tuple[str, ...]]:
    return [c.prompts for c in said if isinstance(c, Play)]


def finished(said: list[Command]) -> list[Outcome]:
    return [c.outcome for c in said if isinstance(c, Finish)]
