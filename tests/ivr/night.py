"""A clinic's night on a clock that the story moves: urgent messages, and people who are called."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from itertools import count
from zoneinfo import ZoneInfo

from ivr import commands, events
from ivr.commands import Command
from ivr.lease import Instant, Lease
from ivr.leases import Leases
from ivr.plan import Person, Plan
from ivr.rota import ByTurns, Rota
from ivr.urgent import Urgent
from tests.ivr.story import a_clinic

ZONE = ZoneInfo("America/New_York")
NIGHT = datetime(2026, 11, 24, 2, 30, tzinfo=ZONE)  # a Tuesday
BEGAN = 5_000.0
PATIENT = "2025550123"
PIN = "246810"
PEOPLE = {
    "alvarez": Person("alvarez", "Dr. Alvarez", ("2025550171", "2025550181")),
    "brandt": Person("brandt", "Dr. Brandt", ("2025550172",)),
    "chen": Person("chen", "Dr. Chen", ("2025550173",)),
    "service": Person("service", "Answering service", ("2025550199",)),
}
URGENT = Urgent("call-1", "message-1", PATIENT, "en", ())


def a_night_clinic() -> Plan:
    """Alvarez is on call, Brandt behind her, Chen takes turns too; at last, the service."""

    def weekly(*people: str) -> tuple[ByTurns, ...]:
        return (ByTurns(people, 7, time(8), date(2026, 11, 23)),)

    layers = {
        "first": weekly("alvarez", "brandt", "chen"),
        "second": weekly("brandt", "chen", "alvarez"),
    }
    return replace(a_clinic(), people=PEOPLE, rota=Rota(ZONE, layers, "service"))


class Night:
    """Leases on a clock; what was ordered of each leg is kept."""

    def __init__(self, plan: Plan | None = None) -> None:
        numbers = count(1)
        self.plan = plan or a_night_clinic()
        self.draw = lambda: f"leg-{next(numbers)}"
        self.leases = Leases()
        self.now = BEGAN
        self.said: list[Command] = []
        self.trusts_clock = True

    @property
    def at(self) -> Instant:
        local = NIGHT + timedelta(seconds=self.now - BEGAN)
        return Instant(self.now, local if self.trusts_clock else None, self.plan, self.draw)

    @property
    def lease(self) -> Lease:
        return self.leases.open[URGENT.id]

    def hears(self, *told: events.Event) -> list[Command]:
        said = [order for event in told for order in self.leases.receive(event, self.at) or []]
        self.said += said
        return said

    def waits(self, seconds: float) -> list[Command]:
        """Let the time pass, stopping at each deadline as the loop does."""
        end = self.now + seconds
        said: list[Command] = []
        while (due := self.leases.next_deadline()) is not None and due <= end:
            self.now = max(self.now, due)
            said += self.leases.time_came(self.at)
        self.now = end
        self.said += said
        return said

    def answers(self, leg: str) -> list[Command]:
        return self.hears(events.CalledOut(leg))

    def presses(self, leg: str, keys: str) -> list[Command]:
        said: list[Command] = []
        for key in keys:
            self.now += 0.4
            said += self.hears(events.KeyBegan(leg, key), events.KeyEnded(leg, key))
        return said

    def prompt_ends(self, leg: str) -> list[Command]:
        played = [o for o in self.said if isinstance(o, commands.Play | commands.PlayMessage)]
        tag = next(order.tag for order in reversed(played) if order.call == leg)
        return self.hears(events.PromptEnded(leg, tag))

    def shows_pin(self, leg: str) -> list[Command]:
        """The person answers, gives the right PIN and hears the message to its end."""
        self.answers(leg)
        self.presses(leg, PIN + "#")
        self.hears(events.PinChecked(leg, fits=True))
        self.prompt_ends(leg)
        return self.prompt_ends(leg)

    def takes(self, leg: str, key: str = "1") -> list[Command]:
        """The person takes it, and that is written."""
        self.shows_pin(leg)
        self.presses(leg, key)
        person = self.lease.visits[leg].person
        return self.hears(events.LeaseOwned(URGENT.id, person))


def called(said: Iterable[Command]) -> list[str]:
    """The numbers called."""
    return [order.number for order in said if isinstance(order, commands.CallOut)]


def legs(said: Iterable[Command]) -> list[str]:
    return [order.call for order in said if isinstance(order, commands.CallOut)]


def notes(said: Iterable[Command]) -> list[str]:
    return [order.detail for order in said if isinstance(order, commands.Note)]


def prompts(said: Iterable[Command], leg: str) -> list[str]:
    """What was spoken to a leg."""
    played = (o for o in said if isinstance(o, commands.Play) and o.call == leg)
    return [prompt for order in played for prompt in order.prompts]
