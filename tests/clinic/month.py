"""A month of a clinic, from a seed: callers come, choose, wait and talk by chance, day and night.

Everything the exchange does is the exchange's own; what telephones and lines do is the fake pair's;
here is only what people do. The desk is as Erlang-A has it while it is open: calls come as a
Poisson stream, patience and talks are exponential, and its two agents pick up at once. Everybody
else is human: nurses miss calls, refuse them, unplug their telephones and go to lunch.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache, partial
from itertools import count
from math import inf
from random import Random
from zoneinfo import ZoneInfo

from firmware import settings
from firmware.asterisk.telco import Answers, Behaviour, Busy, Refuses, Silent
from firmware.figures import By, Marks, Tally, added_up, counted
from ivr import commands, events
from ivr.plan import Plan
from ivr.staffing import Demand
from ivr.standing import Stage
from tests.contract.played import PIN, Played
from tests.firmware.diary import courses_of
from tests.ivr.story import BEGAN

DAY_S, HOUR_S = 86_400.0, 3600.0
OPENS_H, CLOSES_H = 8, 18
# By then the desk has forgotten that it began the day with nobody in line.
SETTLED_H = 9
ZONE = ZoneInfo("America/New_York")
BEGINS = datetime(2026, 11, 30, tzinfo=ZONE)  # a Monday; no change of clocks within the month

DESK = Demand(calls_per_h=24, handle_s=240, patience_s=180)
DESK_AGENTS, TARGET_S = ("101", "102"), 20
NURSES = ("201", "202", "203")
OUTSIDE = ("2025550172", "2025550173", "2025550174", "2025550199")
# Calls an hour for anybody but the desk, by the hour of the day.
OTHERS_PER_H = (
    *(0.5,) * 7,
    *(4.0, 20.0, 16.0, 12.0, 10.0, 8.0, 10.0, 12.0, 10.0, 6.0, 3.0),
    *(0.5,) * 6,
)
WEEKEND_SHARE = 0.2
NURSE_S, NURSE_PATIENCE_S = 150.0, 120.0

SITE = """
[clinic]
name = "Maple Street"
timezone = "America/New_York"
language = "en"
front_desk = ["301"]
emergency_numbers = ["911"]

[trunks.telco]
host = "127.0.0.2"

[mailboxes.desk]
members = ["reception"]

[hours.office]
mon = ["08:00-18:00"]
tue = ["08:00-18:00"]
wed = ["08:00-18:00"]
thu = ["08:00-18:00"]
fri = ["08:00-18:00"]
sat = ["08:00-18:00"]
sun = ["08:00-18:00"]
holidays = false

[[dial_rules]]
prefix = "9"
digits = 10
trunk = "telco"
shows = "2025550100"

[people.brandt]
name = "Dr. Brandt"
numbers = ["2025550172"]

[people.chen]
name = "Dr. Chen"
numbers = ["2025550173", "2025550174"]

[people.service]
name = "Answering service"
numbers = ["2025550199"]

[oncall]
last_resort = "service"

[[oncall.layers.first]]
people = ["brandt", "chen"]
turn = "weekly"
begins = 2026-01-05
hand_off = "08:00"

[lines.main]
trunk = "telco"
numbers = ["2025550100"]
flow = "main"
medical = true

[queues.desk]
agents = ["101", "102"]
target_s = 20

[queues.nurse]
agents = ["201", "202", "203"]
urgency = "soon"
target_s = 60
rest_s = 5
wrap_up_s = 20
misses = 3
announce_s = 30
callbacks = { hours = "office", again_s = 300 }
needs = { nurse = 2 }
relaxes = [{ after_s = 40, needs = { nurse = 9 } }]

[queues.doctor]
agents = ["202", "203"]
urgency = "urgent"
offer_s = 15

[flows.main]
start = "hours"
zero = "front"

[flows.main.nodes.hours]
kind = "hours"
hours = "office"
open = "menu"
closed = "night"

[flows.main.nodes.menu]
kind = "menu"
prompts = ["main-menu"]
timeout_s = 5
tries = 2
otherwise = "front"
choices = { 1 = "desk", 2 = "nurse", 3 = "address", 4 = "message", 5 = "front", 6 = "doctor" }

[flows.main.nodes.night]
kind = "menu"
prompts = ["night-menu"]
timeout_s = 5
tries = 2
otherwise = "message"
choices = { 1 = "message", 6 = "doctor", 5 = "urgent" }

[flows.main.nodes.desk]
kind = "queue"
queue = "desk"
patience_s = 7200
otherwise = "message"

[flows.main.nodes.nurse]
kind = "queue"
queue = "nurse"
patience_s = 600
otherwise = "message"
callback = "call-back"
overflow = [
    { place_over = 4, to = "message" },
    { after_s = 90, to = "doctor" },
    { no_agent = true, to = "front" },
]

[flows.main.nodes.call-back]
kind = "callback"
queue = "nurse"
otherwise = "message"

[flows.main.nodes.urgent]
kind = "message"
mailbox = "desk"
prompts = ["leave-a-message"]
urgent = true
oncall = ["first"]
next = "bye"

[flows.main.nodes.doctor]
kind = "queue"
queue = "doctor"
patience_s = 90
otherwise = "message"
also = ["nurse"]

[flows.main.nodes.front]
kind = "ring"
phones = ["301", "201", "202"]
for_s = 30
otherwise = "message"

[flows.main.nodes.address]
kind = "say"
prompts = ["address"]
next = "bye"

[flows.main.nodes.message]
kind = "message"
mailbox = "desk"
prompts = ["leave-a-message"]
next = "bye"

[flows.main.nodes.bye]
kind = "hangup"
prompts = ["goodbye"]

[prompts.en]
main-menu = "Menu."
night-menu = "Menu."
address = "Address."
"""
_PHONE = """
[phones.{0}]
name = "Desk {0}"
location = "12 Maple Street"
callback = "2025550100"
"""


@cache
def plan() -> Plan:
    """The clinic: a desk for itself, nurses and doctors who share telephones, a front desk."""
    levels = dict(zip(NURSES, (1, 2, 3), strict=True))
    phones = [_PHONE.format(each) for each in (*DESK_AGENTS, "301")]
    phones += [
        f"{_PHONE.format(each)}skills = {{ nurse = {level} }}\n" for each, level in levels.items()
    ]
    return settings.read(SITE + "".join(phones))


@dataclass(slots=True)
class Days:
    """What some days came to."""

    steps: int = 0  # of the exchange; after each the sum of callers was drawn
    whole: Tally = field(default_factory=Tally)
    desk: Tally = field(default_factory=Tally)  # calls that came while it was settled


@dataclass(frozen=True, slots=True)
class _Caller:
    """What somebody wants, and for how long."""

    key: str
    thinks_s: float
    patience_s: float
    talks_s: float

    @classmethod
    def drawn(cls, chance: Random, key: str, patience_s: float, talks_s: float) -> "_Caller":
        # Sooner than the menu is spoken again, so that everybody gets to where they want.
        thinks_s = chance.uniform(1, 6)
        patience_s, talks_s = (chance.expovariate(1 / mean) for mean in (patience_s, talks_s))
        return cls(key, thinks_s, patience_s, talks_s)


class Month:
    """One life of the clinic."""

    def __init__(self, seed: int) -> None:
        self._chance = Random(seed)
        # The desk's callers are the same whatever happens elsewhere, and whatever else is drawn.
        self._desk = Random(f"desk {seed}")
        self._talks_s: dict[str, float] = {}
        self.played = Played(plan(), Random(f"pair {seed}"), began=BEGINS)
        self.played.watch = self._watch
        self._midnight = BEGAN
        self._acts: list[tuple[float, int, Callable[[], None]]] = []
        self._order, self._names = count(), count(1)
        self._days = Days()
        for extension in (*NURSES, "301"):
            self._mood(extension)
        for number in OUTSIDE:
            self._mood_outside(number)

    def lives(self, days: int) -> Days:
        """So many more days, each counted once its last call is over."""
        for _ in range(days):
            self._plan_calls()
            self._until(self._midnight + DAY_S)
            self._midnight += DAY_S
            self._count()
        return self._days

    # ---- a day ----

    def _plan_calls(self) -> None:
        day = (BEGINS + timedelta(seconds=self._midnight - BEGAN)).weekday()
        share = WEEKEND_SHARE if day >= 5 else 1.0
        for hour, per_h in enumerate(OTHERS_PER_H):
            self._stream(hour, hour + 1, share * per_h, self._somebody)
        closes = self._midnight + CLOSES_H * HOUR_S
        at, desk = self._midnight + OPENS_H * HOUR_S, self._desk
        while (at := at + desk.expovariate(DESK.calls_per_h / HOUR_S)) < closes:
            caller = _Caller.drawn(desk, "1", DESK.patience_s, DESK.handle_s)
            self._at(at, partial(self._calls, caller))

    def _stream(self, from_h: int, to_h: int, per_h: float, act: Callable[[], None]) -> None:
        at = self._midnight + from_h * HOUR_S
        while (at := at + self._some(HOUR_S / per_h)) < self._midnight + to_h * HOUR_S:
            self._at(at, act)

    def _until(self, end: float) -> None:
        """What happens may make people act sooner than they would have."""
        played = self.played
        while True:
            act_at = self._acts[0][0] if self._acts else inf
            happens_at = at if (at := played.next_at()) is not None else inf
            if min(act_at, happens_at) > end:
                break
            if happens_at <= act_at:
                played.until(happens_at)
            else:
                _, _, act = heapq.heappop(self._acts)
                played.until(act_at)
                act()
        played.until(end)

    def _count(self) -> None:
        """Nobody calls so late that the call is not over by midnight, or it is counted then."""
        played, days = self.played, self._days
        unfinished = played.exchange.calls.keys()
        rows = [row for row in played.rows if getattr(row, "call", "") not in unfinished]
        played.rows = [row for row in played.rows if getattr(row, "call", "") in unfinished]
        marked: dict[str, list[Marks]] = {"whole": [], "desk": []}
        for one in courses_of(row for row in rows if getattr(row, "call", "")):
            settled = SETTLED_H <= one.arrived.astimezone(ZONE).hour < CLOSES_H
            for key, marks in counted(one):
                if key == (By.ALL, ""):
                    marked["whole"].append(marks)
                elif settled and key == (By.QUEUE, "desk"):
                    marked["desk"].append(marks)
        days.whole += added_up(marked["whole"])
        days.desk += added_up(marked["desk"])
        days.steps = played.steps

    # ---- callers ----

    def _somebody(self) -> None:
        """Anybody, but for the desk."""
        key = self._chance.choices("023456", (1, 8, 3, 3, 1, 2))[0]
        number = f"2025{self._chance.randrange(4000):06}"
        self._calls(_Caller.drawn(self._chance, key, NURSE_PATIENCE_S, NURSE_S), number)

    def _calls(self, caller: "_Caller", number: str = "") -> None:
        name = f"{next(self._names)}"
        self._talks_s[name] = caller.talks_s
        self.played.pair.calls(name, "main", self.played.now, number=number)
        choose = self._chooses_the_desk if caller.key == "1" else self._chooses
        self._in(caller.thinks_s, partial(choose, name, caller))

    def _chooses_the_desk(self, name: str, caller: "_Caller") -> None:
        self._presses(name, caller.key)
        self._in(caller.patience_s, partial(self._loses_patience, name))

    def _chooses(self, name: str, caller: "_Caller") -> None:
        call = self.played.exchange.calls.get(name)
        if call is None:
            return
        if self._chance.random() < 0.05:
            self._acts_up(name)
            return
        is_night = call.place.node == "night"
        key = self._chance.choice("1156") if is_night else caller.key
        self._presses(name, key)
        if key in "25" and self._chance.random() < 0.5:
            at_s = self._chance.uniform(3, 40)
            self._in(at_s, partial(self._presses, name, "1"))  # rather be called back
            self._in(at_s + 8, partial(self._presses, name, "1"))  # at this number
        self._in(caller.patience_s, partial(self._loses_patience, name))
        if is_night and key == "5":
            self._tells_what_is_urgent(name)
        elif self._chance.random() < 0.2:
            self.played.pair.speaks(name, self._some(12.0), self.played.now)
            self._in(self._some(20.0), partial(self._presses_something, name))

    def _tells_what_is_urgent(self, name: str) -> None:
        """After the beep; then hears it again, and agrees to each question."""
        self.played.pair.speaks(name, self._some(12.0), self.played.now)
        at_s = self._chance.uniform(10, 30)
        for key in self._chance.choice(("#1111", "#1", "#12111", "")):
            self._in(at_s, partial(self._presses, name, key))
            at_s += self._chance.uniform(8, 16)

    def _acts_up(self, name: str) -> None:
        """Silence, a wrong key, a hang-up in the menu, or the line breaks."""
        pair, now = self.played.pair, self.played.now
        match self._chance.randrange(4):
            case 0:
                self._in(self._some(60.0), partial(self._hangs_up, name))
            case 1:
                self._presses(name, "9")
            case 2:
                self._hangs_up(name)
            case _:
                pair.loses_audio(name, now)
        self._in(300.0, partial(self._hangs_up, name))

    def _hangs_up(self, name: str) -> None:
        self.played.pair.hangs_up(name, self.played.now)

    def _presses_something(self, name: str) -> None:
        self._presses(name, self._chance.choice("0123#"))

    def _loses_patience(self, name: str) -> None:
        call = self.played.exchange.calls.get(name)
        if call is not None and call.stage is not Stage.TALKING:
            self._hangs_up(name)

    # ---- those who answer ----

    def _watch(self, event: events.Event | None, _said: list[commands.Command]) -> None:
        match event:
            case events.Joined(call=name):
                talks_s = self._talks_s.pop(name, NURSE_S)  # a call of ours was never a caller's
                self._in(talks_s, partial(self._talked, name))
            case events.CalledOut(call=leg):
                self._is_called(leg)
            case _:
                pass

    def _is_called(self, leg: str) -> None:
        """Somebody on call, who knows the PIN; or who wanted to be called back, or a machine."""
        open_ = self.played.exchange.leases.open.values()
        is_on_call = any(leg in lease.visits for lease in open_)
        keys = f"{PIN}#{self._chance.choice(['1', '2', '9', '15', '5', ''])}" if is_on_call else "1"
        at_s = self._chance.uniform(2, 9)
        for key in keys if self._chance.random() < 0.8 else "":
            self._in(at_s, partial(self._presses, leg, key))
            at_s += 0.5 if key in f"{PIN}" else self._chance.uniform(4, 20)
        self._in(200.0, partial(self._hangs_up, leg))

    def _presses(self, name: str, key: str) -> None:
        self.played.pair.presses(name, key, self.played.now)

    def _talked(self, name: str) -> None:
        """Either of them ends it."""
        talking = [a for a in self.played.exchange.agents.values() if a.talks_to == name]
        if talking and self._chance.random() < 0.5:
            self.played.pair.puts_down(talking[0].extension, self.played.now)
        else:
            self._hangs_up(name)

    def _mood(self, extension: str) -> None:
        """How somebody sits at a telephone for a while."""
        pair, now = self.played.pair, self.played.now
        does: list[Behaviour] = [
            Answers(self._chance.uniform(1, 12)), Silent(), Refuses(), Busy()
        ]  # fmt: skip
        pair.behaves(extension, self._chance.choices(does, (12, 2, 1, 1))[0])
        drawn = self._chance.random()
        if drawn < 0.05:
            self._goes(extension)
        elif drawn < 0.1:
            pair.uses(extension, now, in_use=True)
            again = partial(self._puts_away, extension)
            self._in(self._some(90.0), again)
        elif drawn < 0.15:
            self.played.hears(events.AgentPaused(extension, "lunch"))
        else:
            self.played.hears(events.AgentResumed(extension))
        if drawn > 0.9:
            pair.puts_down(extension, now)
        self._in(self._some(600.0), partial(self._mood, extension))

    def _mood_outside(self, number: str) -> None:
        does: list[Behaviour] = [Answers(self._chance.uniform(1, 30)), Silent(), Refuses(), Busy()]
        self.played.pair.behaves(number, self._chance.choices(does, (6, 2, 1, 1))[0])
        self._in(self._some(1800.0), partial(self._mood_outside, number))

    def _goes(self, extension: str) -> None:
        self.played.pair.plugs(extension, self.played.now, is_there=False)
        self._in(
            self._some(400.0),
            lambda: self.played.pair.plugs(extension, self.played.now, is_there=True),
        )

    def _puts_away(self, extension: str) -> None:
        self.played.pair.uses(extension, self.played.now, in_use=False)

    # ---- chance and time ----

    def _some(self, seconds: float) -> float:
        return self._chance.expovariate(1 / seconds)

    def _in(self, seconds: float, act: Callable[[], None]) -> None:
        self._at(self.played.now + seconds, act)

    def _at(self, at: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._acts, (at, next(self._order), act))
