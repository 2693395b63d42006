"""An urgent message until somebody has seen to it: `step(lease, event, at)` gives the lease after
the event and what is to be done.

It is a lease because it is never simply sent: an open one has an owner, who has taken it, or a
timer, by which the next person is called. The ladder of `ivr.oncall` says whom: who is on call,
each alone, then everybody at once, then the last resort; after a pause all of it again, for as long
as it takes. An owner is called again after a while and asked, and who cannot be reached then owns
it no more. It ends in one way only: it is closed, durably, by somebody who was heard or typed it.

A visit is one try at one person: their numbers in order, their PIN before anything is spoken, the
message, and what they do about it.

    RINGING -> PIN <-> CHECKING -> INTRO -> MESSAGE -> MENU -> ACCEPTING -> MENU (theirs now)
                                                        |                     |
          LEAVING (told why, while others ring) <-------+    CALLING -> ASKING -> JOINING -> TALKING

A phone that is answered by a machine presses no PIN. Whoever is not heard from in time is left, and
the next one rings at once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from ivr import commands
from ivr.commands import Command, Next
from ivr.events import (
    AudioLost,
    CalledOut,
    CallerLeft,
    CallOutEnded,
    DigitPressed,
    FellToFailsafe,
    Joined,
    JoinFailed,
    LeaseClosed,
    LeaseOwned,
    PinChecked,
    PromptEnded,
)
from ivr.oncall import Rung, ladder
from ivr.plan import Person, Plan
from ivr.spoken import digits_spoken
from ivr.urgent import Urgent

# An answer that comes with the last ring is still on its way to us.
RING_GRACE_S = 5.0
# Nothing we speak to a person is longer, but for the message itself (a site file's longest is ten
# minutes).
SPEECH_MAX_S = 60.0
MESSAGE_MAX_S = 630.0
# An answering machine is waited for no longer than a person who looks for glasses.
PIN_S = 10.0
PIN_LONGEST = 12
PIN_TRIES = 3
CHECK_S = 10.0
MENU_S = 10.0
MENU_TRIES = 3
KEEP_S = 10.0
JOIN_S = 5.0
FAREWELL_S = 15.0
# Whoever listens for longer holds up everybody behind them.
VISIT_MAX_S = 300.0
PATIENT_RING_S = 40.0
# Who has talked for so long has talked, and was not cut off.
TALK_LEAST_S = 20.0
# A talk whose end nobody told us must not keep its message open in silence.
TALK_MAX_S = 7_200.0
# Between one round of everybody and the next.
PAUSES_S = (60.0, 120.0, 300.0)
STILL_TALKING_S = 60.0

STEP = "on call"  # the ledger's word for all of it

PIN_PROMPT, PIN_WRONG = "lease-pin", "lease-pin-wrong"
INTRO, REMINDER, UNDECIDED, OWNED = (
    "lease-message",
    "lease-remind",
    "lease-menu",
    "lease-owned-menu",
)
YOURS, NUMBER, NO_NUMBER = "lease-yours", "lease-number", "lease-no-number"
CALLING, UNREACHED, PATIENT = "connecting", "lease-unreached", "lease-patient"
DONE, PASSED, TAKEN, NOT_DONE = "lease-done", "lease-passed", "lease-taken", "code-failed"
GOODBYE = "goodbye"
PROMPTS = (
    PIN_PROMPT, PIN_WRONG, INTRO, REMINDER, UNDECIDED, OWNED, YOURS, NUMBER, NO_NUMBER, CALLING,
    UNREACHED, PATIENT, DONE, PASSED, TAKEN, NOT_DONE, GOODBYE,
)  # fmt: skip
TAKE_KEY, CONNECT_KEY, AGAIN_KEY, DONE_KEY, PASS_KEY = "1", "2", "3", "5", "9"


class Stage(StrEnum):
    """How far a visit has come."""

    RINGING = "ringing"
    PIN = "pin"
    CHECKING = "checking"
    INTRO = "intro"
    MESSAGE = "message"
    MENU = "menu"
    ACCEPTING = "accepting"
    CALLING = "calling"
    ASKING = "asking"
    JOINING = "joining"
    TALKING = "talking"
    LEAVING = "leaving"


@dataclass(frozen=True, slots=True)
class Visit:
    """One try at one person. Every stage ends by `until`."""

    leg: str
    person: str
    others: tuple[str, ...] = field(repr=False)  # numbers to be tried after this one
    until: float
    stage: Stage = Stage.RINGING
    pin: str = field(default="", repr=False)
    tries: int = 0
    tag: int = 0
    ends_by: float = 0.0
    connects: bool = False  # once it is theirs
    patient: str | None = None  # the leg to the patient
    talks_since: float | None = None


@dataclass(frozen=True, slots=True)
class TimeCame:
    """Fact: the lease's deadline is here."""


@dataclass(frozen=True, slots=True)
class Instant:
    """What a step may know beside the lease: the clinic's local time is None while the clock cannot
    be trusted; `draw` gives names for legs."""

    now: float
    local: datetime | None
    plan: Plan = field(repr=False)
    draw: Callable[[], str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Lease:
    """An urgent message and who is about it. `until` is when something is due that belongs to no
    visit: the next round, or a word with the owner."""

    urgent: Urgent
    owner: str | None = None
    rungs: tuple[Rung, ...] = ()  # still to be tried in this round
    rounds: int = 0  # that came to nothing
    visits: Mapping[str, Visit] = field(default_factory=dict)  # by the person's leg
    passed_on: frozenset[str] = frozenset()  # by these, in this round
    told: frozenset[str] = frozenset()  # by a notice
    until: float | None = None
    closed: bool = False

    @property
    def deadline(self) -> float | None:
        """When TimeCame is due; an open lease always has one."""
        due = [self.until, *(visit.until for visit in self.visits.values())]
        return min((at for at in due if at is not None), default=None)

    @property
    def legs(self) -> frozenset[str]:
        """Every leg that is about this message."""
        patients = {visit.patient for visit in self.visits.values() if visit.patient}
        return frozenset(self.visits) | patients

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to be done."""
        return self.closed and not self.visits


Step = tuple[Lease, list[Command]]
StepEvent = (
    CalledOut
    | CallOutEnded
    | DigitPressed
    | PromptEnded
    | CallerLeft
    | AudioLost
    | FellToFailsafe
    | Joined
    | JoinFailed
    | PinChecked
    | LeaseOwned
    | LeaseClosed
    | TimeCame
)


def begin(urgent: Urgent, at: Instant) -> Step:
    """Nobody owns it yet: the first person rings at once."""
    return _new_round(Lease(urgent), at)


def resume(urgent: Urgent, owner: str, at: Instant) -> Step:
    """It was somebody's when the exchange before us ended."""
    return Lease(urgent, owner, until=at.now + _remind_s(at)), []


def step(lease: Lease, event: StepEvent, at: Instant) -> Step:
    """The lease after the event, and what is to be done."""
    match event:
        case LeaseClosed(by=by, how=how):
            return _closed(lease, by, how, at)
        case LeaseOwned(person=person):
            return _owned(lease, person, at)
        case TimeCame():
            return _time_came(lease, at)
        case Joined(call=patient) | JoinFailed(call=patient):
            leg = patient
        case _:
            leg = event.call
    visit = _visit_of(lease, leg)
    if visit is None:
        return lease, []
    if leg == visit.patient:
        stepped = _of_patient(lease, visit, event, at)
    else:
        stepped = _of_person(lease, visit, event, at)
    return _climb_if_idle(stepped, at)


# ---- the ladder ----


def _new_round(lease: Lease, at: Instant, passed_on: frozenset[str] = frozenset()) -> Step:
    """Everybody in their order, but for those who have just passed it on."""
    rota = at.plan.rota
    rungs = ladder(rota, lease.urgent.layers, at.local) if rota else ()
    return _climb(replace(lease, rungs=rungs, passed_on=passed_on, until=None), at)


def _climb_if_idle(stepped: Step, at: Instant) -> Step:
    """Nobody is about it any more: the next one at once."""
    lease, orders = stepped
    is_idle = not any(visit.stage is not Stage.LEAVING for visit in lease.visits.values())
    if lease.closed or lease.owner is not None or lease.until is not None or not is_idle:
        return lease, orders
    climbed, more = _climb(lease, at)
    return climbed, orders + more


def _climb(lease: Lease, at: Instant) -> Step:
    """To the next rung on which there is anybody to be called; without one, a pause."""
    rungs = lease.rungs
    while rungs:
        rung, rungs = rungs[0], rungs[1:]
        people = [at.plan.people[name] for name in rung.people if _can_be_tried(lease, name, at)]
        if people:
            orders: list[Command] = []
            lease = replace(lease, rungs=rungs)
            for person in people:
                lease, more = _call(lease, person, f" ({rung.why})", at)
                orders += more
            return _tell(lease, people, orders)
    pause_s = PAUSES_S[min(lease.rounds, len(PAUSES_S) - 1)]
    waiting = replace(lease, rungs=(), rounds=lease.rounds + 1, until=at.now + pause_s)
    return waiting, [_note(lease, f"nobody has taken it: all again in {pause_s:g} s")]


def _can_be_tried(lease: Lease, name: str, at: Instant) -> bool:
    person = at.plan.people.get(name)
    return person is not None and bool(person.numbers) and name not in lease.passed_on


def _call(lease: Lease, person: Person, why: str, at: Instant) -> Step:
    leg, ring_s = at.draw(), _ring_s(at)
    until = at.now + ring_s + RING_GRACE_S
    visit = Visit(leg, person.name, person.numbers[1:], until)
    ring = commands.CallOut(leg, person.numbers[0], ring_s)
    return _with(lease, visit), [_note(lease, f"calls {person.name}{why}"), ring]


def _tell(lease: Lease, people: list[Person], orders: list[Command]) -> Step:
    """By notice too, once each."""
    fresh = tuple(person.name for person in people if person.name not in lease.told)
    if fresh:
        orders = [commands.SendNotice(lease.urgent.id, fresh), *orders]
    return replace(lease, told=lease.told.union(fresh)), orders


def _ring_s(at: Instant) -> float:
    return at.plan.rota.ring_s if at.plan.rota else PATIENT_RING_S


def _remind_s(at: Instant) -> float:
    return at.plan.rota.remind_s if at.plan.rota else PAUSES_S[-1]


# ---- what is due ----


def _time_came(lease: Lease, at: Instant) -> Step:
    orders: list[Command] = []
    for leg in list(lease.visits):
        visit = lease.visits.get(leg)
        if visit is not None and visit.until <= at.now:
            lease, more = _overdue(lease, visit, at)
            orders += more
    if lease.until is not None and lease.until <= at.now and not lease.closed:
        lease, more = _due(replace(lease, until=None), at)
        orders += more
    return _climb_if_idle((lease, orders), at)


def _due(lease: Lease, at: Instant) -> Step:
    """The next round, or a word with the owner."""
    if lease.owner is None:
        return _new_round(lease, at)
    if any(visit.stage is not Stage.LEAVING for visit in lease.visits.values()):
        return replace(lease, until=at.now + STILL_TALKING_S), []
    owner = at.plan.people.get(lease.owner)
    if owner is None or not owner.numbers:
        return _freed(lease, f"{lease.owner} cannot be called any more", at)
    # Should nobody answer, this is what takes it from them.
    asking, orders = _call(lease, owner, " (took it, and is asked)", at)
    return replace(asking, until=at.now + _remind_s(at)), orders


def _overdue(lease: Lease, visit: Visit, at: Instant) -> Step:
    match visit.stage:
        case Stage.RINGING:
            stepped, orders = _try_next(lease, visit, "did not answer", at)
            return stepped, [commands.Withdraw(visit.leg), *orders]
        case Stage.PIN if visit.pin:
            return _check(lease, visit, at)
        case Stage.PIN:
            # A machine, or a pocket: another number may have the person.
            stepped, orders = _try_next(lease, visit, "pressed no PIN", at)
            return stepped, [commands.Release(visit.leg, Next.DONE), *orders]
        case Stage.CHECKING:
            return _wrong_pin(lease, visit, at)
        case Stage.INTRO | Stage.MESSAGE | Stage.MENU:
            return _unheard(lease, visit, at)
        case Stage.ACCEPTING:
            return _ask(lease, visit, (NOT_DONE,), at)
        case Stage.CALLING | Stage.ASKING | Stage.JOINING:
            stepped, orders = _unreached(lease, visit, at)
            return stepped, [*_let_patient_go(visit), *orders]
        case Stage.TALKING if at.now - (visit.talks_since or at.now) < TALK_MAX_S:
            return _with(lease, replace(visit, until=at.now + STILL_TALKING_S)), []
        case Stage.TALKING:
            return _without(lease, visit), [
                _note(lease, f"nothing more is heard of {visit.person}")
            ]
        case Stage.LEAVING:
            return _without(lease, visit), [commands.Release(visit.leg, Next.DONE)]


def _unheard(lease: Lease, visit: Visit, at: Instant) -> Step:
    """No key: asked again a few times; then somebody else, or, if it is theirs, later."""
    if visit.tries + 1 < MENU_TRIES and at.now < visit.ends_by:
        return _ask(lease, replace(visit, tries=visit.tries + 1), (), at)
    return _undecided(lease, visit, at)


def _undecided(lease: Lease, visit: Visit, at: Instant) -> Step:
    if lease.owner == visit.person:
        return _farewell(lease, visit, GOODBYE, at)
    told, orders = _farewell(lease, visit, PASSED, at)
    return told, [_note(lease, f"{visit.person} did not decide"), *orders]


# ---- the person ----


def _of_person(lease: Lease, visit: Visit, event: StepEvent, at: Instant) -> Step:
    match visit.stage, event:
        case Stage.RINGING, CalledOut():
            answered = replace(visit, ends_by=at.now + VISIT_MAX_S)
            greeted, orders = _speak(lease, answered, Stage.PIN, (PIN_PROMPT,), at)
            return greeted, [_note(lease, f"{visit.person} answered"), *orders]
        case Stage.RINGING, CallOutEnded(reason=reason):
            return _try_next(lease, visit, reason.value, at)
        case ((Stage.JOINING | Stage.TALKING), (AudioLost() | FellToFailsafe())):
            return lease, []
        case Stage.TALKING, CallerLeft():
            return _talked(lease, visit, at)
        case _, (CallerLeft() | CallOutEnded() | AudioLost() | FellToFailsafe()):
            return _hung_up(lease, visit, at)
        case Stage.PIN, DigitPressed(digit=digit):
            return _pin_key(lease, visit, digit, at)
        case Stage.PIN, PromptEnded(tag=tag) if tag == visit.tag:
            return _with(lease, replace(visit, until=at.now + PIN_S)), []
        case Stage.CHECKING, PinChecked(fits=True):
            return _let_in(lease, visit, at)
        case Stage.CHECKING, PinChecked():
            return _wrong_pin(lease, visit, at)
        case Stage.INTRO, PromptEnded(tag=tag) if tag == visit.tag:
            return _play_message(lease, visit, at)
        case Stage.MESSAGE, PromptEnded(tag=tag) if tag == visit.tag:
            asked, orders = _ask(lease, visit, (), at)
            return asked, [_note(lease, f"{visit.person} heard the message"), *orders]
        case Stage.MENU, PromptEnded(tag=tag) if tag == visit.tag:
            return _with(lease, replace(visit, until=at.now + MENU_S)), []
        case ((Stage.INTRO | Stage.MESSAGE | Stage.MENU), DigitPressed(digit=digit)):
            return _choose(lease, visit, digit, at)
        case Stage.LEAVING, PromptEnded(tag=tag) if tag == visit.tag:
            return _without(lease, visit), [commands.Release(visit.leg, Next.DONE)]
        case _:
            return lease, []


def _pin_key(lease: Lease, visit: Visit, digit: str, at: Instant) -> Step:
    if digit == "#" and visit.pin:
        return _check(lease, visit, at)
    if digit == "*":
        return _with(lease, replace(visit, pin="", until=at.now + PIN_S)), []
    if not digit.isdecimal():
        return lease, []
    pin = (visit.pin + digit)[: PIN_LONGEST + 1]  # one too many is wrong, however many they were
    typing = replace(visit, pin=pin, until=at.now + PIN_S)
    return _with(lease, typing), [] if visit.pin else [commands.StopPlaying(visit.leg)]


def _check(lease: Lease, visit: Visit, at: Instant) -> Step:
    checking = replace(visit, stage=Stage.CHECKING, pin="", until=at.now + CHECK_S)
    return _with(lease, checking), [commands.CheckPin(visit.leg, visit.person, visit.pin)]


def _wrong_pin(lease: Lease, visit: Visit, at: Instant) -> Step:
    note = _note(lease, f"{visit.person}: wrong PIN")
    tried = replace(visit, tries=visit.tries + 1)
    if tried.tries < PIN_TRIES:
        asked, orders = _speak(lease, tried, Stage.PIN, (PIN_WRONG,), at)
        return asked, [note, *orders]
    left, orders = _farewell(lease, visit, GOODBYE, at)
    if lease.owner == visit.person:
        left, more = _freed(left, f"{visit.person} owns it no more", at)
        orders += more
    return left, [note, *orders]


def _let_in(lease: Lease, visit: Visit, at: Instant) -> Step:
    known = replace(visit, tries=0)
    intro = REMINDER if lease.owner == visit.person else INTRO
    heard, orders = _speak(lease, known, Stage.INTRO, (intro,), at)
    return heard, [_note(lease, f"{visit.person}: PIN right"), *orders]


def _play_message(lease: Lease, visit: Visit, at: Instant) -> Step:
    playing = replace(visit, stage=Stage.MESSAGE, tag=visit.tag + 1, until=at.now + MESSAGE_MAX_S)
    play = commands.PlayMessage(visit.leg, lease.urgent.message, playing.tag)
    return _with(lease, playing), [play]


def _ask(lease: Lease, visit: Visit, before: tuple[str, ...], at: Instant) -> Step:
    """What do you do about it?"""
    if lease.owner == visit.person:
        return _speak(lease, visit, Stage.MENU, (*before, *_number(lease), OWNED), at)
    return _speak(lease, visit, Stage.MENU, (*before, UNDECIDED), at)


def _number(lease: Lease) -> tuple[str, ...]:
    """The number to call back, for its owner alone."""
    spoken = digits_spoken(lease.urgent.number)
    return (NUMBER, *spoken) if spoken else (NO_NUMBER,)


def _choose(lease: Lease, visit: Visit, digit: str, at: Instant) -> Step:
    is_theirs = lease.owner == visit.person
    match digit:
        case _ if digit == AGAIN_KEY and at.now < visit.ends_by:
            return _speak(lease, visit, Stage.INTRO, (INTRO,), at)
        case _ if digit == PASS_KEY:
            return _pass_on(lease, visit, at)
        case _ if digit == CONNECT_KEY and is_theirs:
            return _call_patient(lease, visit, at)
        case _ if digit in (TAKE_KEY, CONNECT_KEY) and not is_theirs:
            taking = replace(
                visit,
                stage=Stage.ACCEPTING,
                connects=digit == CONNECT_KEY,
                until=at.now + KEEP_S,
            )
            hush = commands.StopPlaying(visit.leg)
            return _with(lease, taking), [hush, commands.OwnLease(lease.urgent.id, visit.person)]
        case _ if digit == DONE_KEY and is_theirs:
            # What closes it is the word that this is written; until then it stays open.
            waiting = replace(visit, stage=Stage.ACCEPTING, until=at.now + KEEP_S)
            close = commands.CloseLease(lease.urgent.id, visit.person, "done")
            return _with(lease, waiting), [commands.StopPlaying(visit.leg), close]
        case _ if at.now < visit.ends_by:
            return _ask(lease, visit, (), at)
        case _:
            return _undecided(lease, visit, at)


def _pass_on(lease: Lease, visit: Visit, at: Instant) -> Step:
    lease = replace(lease, passed_on=lease.passed_on | {visit.person})
    told, orders = _farewell(lease, visit, PASSED, at)
    if lease.owner == visit.person:
        told, more = _freed(told, f"{visit.person} passed it on", at)
        return told, orders + more
    return told, [_note(lease, f"{visit.person} passed it on"), *orders]


def _hung_up(lease: Lease, visit: Visit, at: Instant) -> Step:
    gone = _without(lease, visit)
    if visit.stage is Stage.LEAVING:
        return gone, []
    let_go = _let_patient_go(visit)
    if lease.owner == visit.person:
        if visit.stage in (Stage.PIN, Stage.CHECKING):
            # Somebody at the owner's number, who did not show to be the owner.
            return _freed(gone, f"{visit.person} hung up, and owns it no more", at)
        return gone, [_note(lease, f"{visit.person} hung up"), *let_go]
    if visit.stage is Stage.PIN:
        return _try_next(lease, visit, "hung up", at)
    return gone, [_note(lease, f"{visit.person} hung up"), *let_go]


def _try_next(lease: Lease, visit: Visit, why: str, at: Instant) -> Step:
    """The person's next number; after the last, somebody else."""
    gone, note = _without(lease, visit), _note(lease, f"{visit.person}: {why}")
    if visit.others:
        leg, ring_s = at.draw(), _ring_s(at)
        until = at.now + ring_s + RING_GRACE_S
        again = Visit(leg, visit.person, visit.others[1:], until)
        calls = _note(lease, f"calls {visit.person} (next number)")
        return _with(gone, again), [note, calls, commands.CallOut(leg, visit.others[0], ring_s)]
    if lease.owner == visit.person:
        return _freed(gone, f"{visit.person}: {why}, and owns it no more", at)
    return gone, [note]


def _freed(lease: Lease, why: str, at: Instant) -> Step:
    """Nobody's again: somebody else rings at once."""
    passed_on = lease.passed_on | ({lease.owner} if lease.owner else set())
    climbing, orders = _new_round(replace(lease, owner=None, rounds=0), at, passed_on)
    return climbing, [_note(lease, why), commands.FreeLease(lease.urgent.id), *orders]


# ---- whose it is ----


def _owned(lease: Lease, person: str, at: Instant) -> Step:
    """It is written whose it is: only now may they be told."""
    if lease.closed:
        return lease, []
    owned = replace(lease, owner=person, until=at.now + _remind_s(at), rungs=())
    orders: list[Command] = [_note(lease, f"{person} took it")]
    for visit in list(owned.visits.values()):
        if visit.person != person:
            owned, more = _dismiss(owned, visit, TAKEN, at)
        elif visit.stage is Stage.ACCEPTING and visit.connects:
            owned, more = _call_patient(owned, replace(visit, connects=False), at)
        elif visit.stage is Stage.ACCEPTING:
            owned, more = _ask(owned, replace(visit, tries=0), (YOURS,), at)
        else:
            more = []
        orders += more
    return owned, orders


def _closed(lease: Lease, by: str, how: str, at: Instant) -> Step:
    """It is written that it is over."""
    if lease.closed:
        return lease, []
    closed = replace(lease, closed=True, until=None, rungs=())
    orders: list[Command] = [_note(lease, f"closed by {by}: {how}")]
    for visit in list(closed.visits.values()):
        prompt = DONE if visit.person == by else TAKEN
        closed, more = _dismiss(closed, visit, prompt, at)
        orders += more
    return closed, orders


def _dismiss(lease: Lease, visit: Visit, prompt: str, at: Instant) -> Step:
    """Who is not needed any more is told so, but for who did not say who they are."""
    match visit.stage:
        case Stage.RINGING:
            return _without(lease, visit), [commands.Withdraw(visit.leg)]
        case Stage.TALKING | Stage.JOINING:
            return _without(lease, visit), []  # Asterisk carries the talk alone
        case Stage.LEAVING:
            return lease, []
        case Stage.PIN | Stage.CHECKING:
            return _farewell(lease, visit, GOODBYE, at)
        case _:
            told, orders = _farewell(lease, visit, prompt, at)
            return told, [*_let_patient_go(visit), *orders]


# ---- the patient ----


def _call_patient(lease: Lease, visit: Visit, at: Instant) -> Step:
    if not lease.urgent.number:
        return _ask(lease, visit, (), at)
    patient = at.draw()
    calling, orders = _speak(lease, replace(visit, patient=patient), Stage.CALLING, (CALLING,), at)
    waiting = replace(calling.visits[visit.leg], until=at.now + PATIENT_RING_S + RING_GRACE_S)
    return _with(calling, waiting), [
        _note(lease, f"calls the patient for {visit.person}"),
        *orders,
        commands.StartMusic(visit.leg),
        commands.CallOut(patient, lease.urgent.number, PATIENT_RING_S),
    ]


def _of_patient(lease: Lease, visit: Visit, event: StepEvent, at: Instant) -> Step:
    match visit.stage, event:
        case Stage.CALLING, CalledOut(call=patient):
            asking = replace(visit, stage=Stage.ASKING, until=at.now + SPEECH_MAX_S)
            ask = commands.Play(patient, (PATIENT,), lease.urgent.language, visit.tag)
            return _with(lease, asking), [ask]
        case Stage.ASKING, PromptEnded():
            return _with(lease, replace(visit, until=at.now + MENU_S)), []
        case Stage.ASKING, DigitPressed(call=patient):
            joining = replace(visit, stage=Stage.JOINING, until=at.now + JOIN_S)
            join = commands.Join(patient, visit.leg)
            return _with(lease, joining), [commands.StopPlaying(patient), join]
        case ((Stage.JOINING | Stage.TALKING), Joined()):
            since = at.now if visit.talks_since is None else visit.talks_since
            talking = replace(visit, stage=Stage.TALKING, talks_since=since)
            talking = replace(talking, until=at.now + STILL_TALKING_S)
            return _with(lease, talking), [_note(lease, f"{visit.person} talks with the patient")]
        case Stage.JOINING, JoinFailed(call=patient):
            stepped, orders = _unreached(lease, visit, at)
            return stepped, [commands.Release(patient, Next.DONE), *orders]
        case ((Stage.JOINING | Stage.TALKING), (AudioLost() | FellToFailsafe())):
            return lease, []
        case Stage.TALKING, CallerLeft():
            return _talked(lease, visit, at)
        case _, (CallerLeft() | CallOutEnded() | AudioLost() | FellToFailsafe()):
            return _unreached(lease, visit, at)
        case _:
            return lease, []


def _unreached(lease: Lease, visit: Visit, at: Instant) -> Step:
    alone = replace(visit, patient=None, tries=0)
    asked, orders = _ask(lease, alone, (UNREACHED,), at)
    note = _note(lease, f"the patient could not be reached for {visit.person}")
    return asked, [note, commands.StopMusic(visit.leg), *orders]


def _let_patient_go(visit: Visit) -> list[Command]:
    match visit.stage:
        case Stage.CALLING if visit.patient:
            return [commands.Withdraw(visit.patient)]
        case Stage.ASKING | Stage.JOINING if visit.patient:
            return [commands.Release(visit.patient, Next.DONE)]
        case _:
            return []


def _talked(lease: Lease, visit: Visit, at: Instant) -> Step:
    """Over when they have talked; a talk that was cut off is its owner's to take up again."""
    gone = _without(lease, visit)
    talk_s = at.now - (at.now if visit.talks_since is None else visit.talks_since)
    note = _note(lease, f"{visit.person} talked with the patient for {talk_s:.0f} s")
    if talk_s < TALK_LEAST_S:
        return gone, [note]
    close = commands.CloseLease(lease.urgent.id, visit.person, "talked with the patient")
    return gone, [note, close]


# ---- small change ----


def _speak(lease: Lease, visit: Visit, stage: Stage, prompts: tuple[str, ...], at: Instant) -> Step:
    spoken = replace(visit, stage=stage, pin="", tag=visit.tag + 1, until=at.now + SPEECH_MAX_S)
    play = commands.Play(visit.leg, prompts, at.plan.language, spoken.tag)
    return _with(lease, spoken), [play]


def _farewell(lease: Lease, visit: Visit, prompt: str, at: Instant) -> Step:
    told, orders = _speak(lease, replace(visit, patient=None), Stage.LEAVING, (prompt,), at)
    leaving = replace(told.visits[visit.leg], until=at.now + FAREWELL_S)
    hush: list[Command] = [commands.StopMusic(visit.leg)] if visit.patient else []
    return _with(told, leaving), [*hush, *orders]


def _visit_of(lease: Lease, leg: str) -> Visit | None:
    if (visit := lease.visits.get(leg)) is not None:
        return visit
    return next((each for each in lease.visits.values() if each.patient == leg), None)


def _with(lease: Lease, visit: Visit) -> Lease:
    return replace(lease, visits={**lease.visits, visit.leg: visit})


def _without(lease: Lease, visit: Visit) -> Lease:
    left = {leg: each for leg, each in lease.visits.items() if leg != visit.leg}
    return replace(lease, visits=left)


def _note(lease: Lease, detail: str) -> Command:
    return commands.Note(lease.urgent.call, STEP, detail)
