"""Asterisk and the media engine, played: the exchange's orders in, facts out, no socket, no clock.

It stands where performer, link and engine stand beside it. What people do at both ends of the line
is told to it by whoever plays them; what Asterisk makes of that, and of our orders, is its own. In
which order the facts of one happening are told is as the real pair told them: `orders.txt`, made by
the command at its head, has each order that was seen and how often. How long all takes is drawn.

What one source tells keeps its order: Asterisk's manager, its telephones' states, the engine. A
telephone's state is read when it is told, as Asterisk does, so that one soon over is never told.
"""

import heapq
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from itertools import count
from pathlib import Path
from random import Random
from typing import assert_never

from firmware.asterisk.telco import Answers, Behaviour, Busy, Refuses, Silent, Streams
from firmware.perform import QUIET_S, SILENT_S
from ivr import commands, events
from ivr.events import PhoneState, Refusal

ORDERS = Path(__file__).with_name("orders.txt")
# An order reaches Asterisk, and a fact us, within this; nearly always much sooner.
LAG_S = 0.05
KEY_S = 0.1  # a key is down so long: its end is a fact of its own
BEEP_S = 0.2
PROMPT_S, MESSAGE_S = 2.0, 10.0


class Happening(StrEnum):
    """What makes the pair tell more than one fact."""

    RINGS = "a phone rings"
    ANSWERS = "a phone is picked up"
    REFUSES = "a phone refuses"
    BUSY = "a phone is busy"
    ABSENT = "a phone is not there"
    IN_VAIN = "a phone rang in vain"
    WITHDRAWN = "an offer is withdrawn"
    LEAVES = "a caller hangs up"
    CALLER_ENDS = "a caller ends a talk"
    AGENT_ENDS = "an agent ends a talk"
    CUT_OFF = "a caller hangs up while being recorded"
    COMES_BACK = "an agent ends a talk, and the caller is asked how it was"
    PASSED_ON = "an agent passes a caller on"


class Word(StrEnum):
    """A fact, as an order names it."""

    PHONE = "phone"  # the state of the telephone, whatever it is by now
    RANG = "rang"
    ACCEPTED = "accepted"
    ENDED = "ended"
    LOST = "lost"
    LEFT = "left"
    RECORDED = "recorded"
    CAME_BACK = "came back"
    PASSED = "passed"
    SENT_ON = "sent on"


class Source(StrEnum):
    """Who tells, each in its own order."""

    MANAGER = "manager"
    PHONES = "phones"
    ENGINE = "engine"
    US = "us"  # our orders, on their way


SOURCES: Mapping[Word, Source] = {
    Word.PHONE: Source.PHONES,
    Word.RANG: Source.MANAGER,
    Word.ACCEPTED: Source.ENGINE,
    Word.ENDED: Source.MANAGER,
    Word.LOST: Source.ENGINE,
    Word.LEFT: Source.MANAGER,
    Word.RECORDED: Source.ENGINE,
    Word.CAME_BACK: Source.ENGINE,
    Word.PASSED: Source.MANAGER,
    Word.SENT_ON: Source.MANAGER,
}
Order = tuple[Word, ...]
Orders = Mapping[Happening, Mapping[Order, int]]


def read(text: str) -> Orders:
    """Orders, as `written` writes them."""
    found: dict[Happening, dict[Order, int]] = {}
    for line in filter(None, (raw.partition("#")[0].rstrip() for raw in text.splitlines())):
        if not line.startswith(" "):
            happening = Happening(line)
            found[happening] = {}
            continue
        times, _, words = line.strip().partition(" ")
        found[happening][tuple(Word(word) for word in words.split(", "))] = int(times)
    return found


def written(orders: Orders) -> str:
    """As text: each happening, and below it each order with the times it was seen."""
    lines: list[str] = []
    for happening in sorted(orders):
        lines.append(happening.value)
        seen = sorted(orders[happening].items(), key=lambda each: (-each[1], each[0]))
        lines += [f"{times:6d} {', '.join(order)}" for order, times in seen]
    return "\n".join(lines) + "\n"


def recorded() -> Orders:
    """What was seen on the real pair."""
    return read(ORDERS.read_text("utf-8"))


class _At(StrEnum):
    """How far a leg to a telephone has come."""

    RINGS = "rings"
    UP = "up"
    TALKS = "talks"
    OVER = "over"


@dataclass(slots=True)
class _Leg:
    offer: str
    call: str  # for which it rings, then with which it talks
    extension: str
    at: _At = _At.RINGS


@dataclass(slots=True)
class _Phone:
    extension: str
    does: Behaviour = field(default_factory=Answers)
    is_there: bool = True
    in_use: bool = False  # for a call of its own
    legs: dict[str, _Leg] = field(default_factory=dict)
    told: PhoneState = PhoneState.IDLE

    def state(self) -> PhoneState:
        stages = {leg.at for leg in self.legs.values()}
        if self.in_use or stages & {_At.UP, _At.TALKS}:
            return PhoneState.IN_USE
        if _At.RINGS in stages:
            return PhoneState.RINGING
        return PhoneState.IDLE if self.is_there else PhoneState.UNREACHABLE


class _Tape(StrEnum):
    """How far a caller's recording has come."""

    OFF = "off"
    BEEPS = "beeps"
    RUNS = "runs"


@dataclass(slots=True)
class _Caller:
    call: str
    speaks_s: float = 0.0  # after a beep
    is_ours: bool = True  # its audio is in the engine
    talks_on: _Leg | None = None
    talks_with: str = ""  # another caller, by its call
    is_called: bool = False  # by us
    comes_back: bool = False  # after the talk, to say how it was
    tape: _Tape = _Tape.OFF
    tapes: int = 0


Fact = Callable[[], Iterable[events.Event]]


def _fact(*told: events.Event) -> Fact:
    return lambda: told


class FakePair:
    """Everything beyond the exchange, for as many calls as there are."""

    def __init__(
        self,
        phones: Iterable[str],
        chance: Random,
        orders: Orders | None = None,
        *,
        spoken_s: Callable[[tuple[str, ...]], float] = lambda prompts: PROMPT_S * len(prompts),
    ) -> None:
        self._chance = chance
        self._orders = recorded() if orders is None else orders
        self._spoken_s = spoken_s
        self._phones = {extension: _Phone(extension) for extension in phones}
        self._callers: dict[str, _Caller] = {}
        self._legs: dict[str, _Leg] = {}
        self._outside: dict[str, Behaviour] = {}
        self._called: set[str] = set()  # by us, and not answered yet
        self._tags: dict[str, int] = {}  # of what is being spoken to whom
        self._due: list[tuple[float, int, Fact]] = []
        self._numbers = count()
        self._last = dict.fromkeys(Source, 0.0)
        self._now = 0.0

    # ---- the clock ----

    def pass_on(self, event: events.Event, now: float) -> None:
        """A fact of somebody else's, a store's or a desk's, comes in its turn."""
        self._now = now
        self._tell(Source.US, _fact(event))

    def next_at(self) -> float | None:
        """When something happens next; None: never, unless somebody does something."""
        return self._due[0][0] if self._due else None

    def told(self, now: float) -> list[events.Event]:
        """The facts of the one happening that was due longest."""
        if not self._due or self._due[0][0] > now:
            return []
        self._now = now
        _, _, fact = heapq.heappop(self._due)
        return list(fact())

    def perform(self, orders: Iterable[commands.Command], now: float) -> None:
        """Takes the exchange's orders; what is to be kept or looked up is the store's business."""
        self._now = now
        for order in orders:
            match order:
                case commands.Offer():
                    self._soon(partial(self._ring, order))
                case commands.CallOut():
                    self._soon(partial(self._call_out, order))
                case commands.Withdraw(offer=offer):
                    self._soon(partial(self._withdraw, offer))
                case commands.Join():
                    self._soon(partial(self._join, order))
                case commands.Release(call=call):
                    self._soon(partial(self._release, call))
                case commands.SendOn():
                    self._soon(partial(self._send_on, order))
                case commands.Play(call=call, prompts=prompts, tag=tag):
                    self._speak(call, tag, self._spoken_s(prompts))
                case commands.PlayMessage(call=call, tag=tag):
                    self._speak(call, tag, MESSAGE_S)
                case commands.StopPlaying(call=call):
                    self._tags.pop(call, None)
                case commands.Record(call=call, longest_s=longest_s):
                    self._record(call, longest_s)
                case commands.StopRecording(call=call):
                    self._stop_recording(call)
                case _:
                    pass

    # ---- what people do ----

    def calls(self, call: str, line: str, now: float, *, number: str = "") -> None:
        """Somebody dials the clinic, and is answered by the engine."""
        self._now = now
        self._callers[call] = _Caller(call)
        self._tell(Source.MANAGER, _fact(events.CallArrived(call, line, "", number, "")))

    def presses(self, call: str, key: str, now: float) -> None:
        """A key of the caller's telephone, with one meaning however it is told."""
        self._now = now
        self._later(0.0, partial(self._press, call, key))

    def _press(self, call: str, key: str) -> Iterable[events.Event]:
        if self._ours(call) is None:
            return ()
        self._tell(Source.MANAGER, _fact(events.KeyBegan(call, key)))
        ended = events.KeyEnded(call, key)
        self._later(KEY_S, lambda: [ended] if self._ours(call) else [])
        return ()

    def speaks(self, call: str, seconds: float, now: float) -> None:
        """Says something for so long; before a beep, what is to be said after it."""
        self._now = now
        if (caller := self._callers.get(call)) is not None:
            caller.speaks_s = seconds
            self._spoke(caller)

    def is_recording(self, call: str) -> bool:
        """The beep has been heard, and no end of it."""
        caller = self._ours(call)
        return caller is not None and caller.tape is _Tape.RUNS

    def hangs_up(self, call: str, now: float) -> None:
        """The caller has had enough."""
        self._now = now
        self._later(0.0, partial(self._hang_up, call))

    def _hang_up(self, call: str) -> Iterable[events.Event]:
        if (caller := self._callers.get(call)) is not None:
            self._gone(caller)
        return ()

    def _gone(self, caller: _Caller) -> None:
        """Whoever talked with the caller goes too."""
        del self._callers[caller.call]
        left = _fact(events.CallerLeft(caller.call))
        if (other := self._callers.pop(caller.talks_with, None)) is not None:
            self._tell(Source.MANAGER, left)
            self._tell(Source.MANAGER, _fact(events.CallerLeft(other.call)))
        elif (leg := caller.talks_on) is not None:
            self._over(leg)
            self._happen(
                Happening.CALLER_ENDS, {Word.LEFT: left, Word.PHONE: self._state_of(leg.extension)}
            )
        elif caller.tape is not _Tape.OFF:
            kept = self._tape_ends(caller)
            self._happen(Happening.CUT_OFF, {Word.LEFT: left, Word.RECORDED: lambda: kept})
        elif caller.is_ours:
            lost = _fact(events.AudioLost(caller.call, "lost"))
            self._happen(Happening.LEAVES, {Word.LOST: lost, Word.LEFT: left})
        else:
            self._tell(Source.MANAGER, left)

    def loses_audio(self, call: str, now: float) -> None:
        """The engine loses the caller, whom the dialplan's fail-safe then has."""
        self._now = now
        if (caller := self._ours(call)) is None:
            return
        caller.is_ours = False
        kept = self._tape_ends(caller)
        self._tell(Source.ENGINE, lambda: [events.AudioLost(call, "lost"), *kept])
        self._tell(Source.MANAGER, _fact(events.FellToFailsafe(call)))

    def behaves(self, extension: str, does: Behaviour) -> None:
        """What happens from now on when this telephone rings, or one outside: that one is answered
        at once, unless something else is said of it."""
        if extension in self._phones:
            self._phones[extension].does = does
        else:
            self._outside[extension] = does

    def picks_up(self, extension: str, now: float) -> bool:
        """Whoever sits at a telephone that rings answers it. False: it does not ring."""
        self._now = now
        leg = self._first_at(extension, _At.RINGS)
        if leg is not None:
            self._later(0.0, partial(self._answer, leg))
        return leg is not None

    def puts_down(self, extension: str, now: float) -> bool:
        """The telephone ends its talk, or refuses what rings. False: there is neither."""
        self._now = now
        leg = self._first_at(extension, _At.TALKS, _At.UP, _At.RINGS)
        if leg is not None:
            self._later(0.0, partial(self._put_down, leg))
        return leg is not None

    def _put_down(self, leg: _Leg) -> Iterable[events.Event]:
        if leg.at is _At.TALKS:
            self._end_talk(leg)
        elif leg.at is not _At.OVER:
            self._refuse(Happening.REFUSES, leg, Refusal.REFUSED)
        return ()

    def _end_talk(self, leg: _Leg) -> None:
        """The agent's leg ends, and with it the caller's call, unless it comes back to us."""
        self._over(leg)
        call, state = leg.call, self._state_of(leg.extension)
        caller = self._callers[call]
        if caller.comes_back:
            caller.talks_on, caller.comes_back = None, False
            came = self._if_there(events.CameBack(call))
            self._happen(Happening.COMES_BACK, {Word.PHONE: state, Word.CAME_BACK: came})
        else:
            del self._callers[call]
            left = _fact(events.CallerLeft(call))
            self._happen(Happening.AGENT_ENDS, {Word.PHONE: state, Word.LEFT: left})

    def passes_on(self, extension: str, to: str, now: float) -> None:
        """Who talks on this telephone sends the caller to another number of the clinic."""
        self._now = now
        if (leg := self._first_at(extension, _At.TALKS)) is not None:
            self._later(0.0, partial(self._pass_on, leg, to))

    def _pass_on(self, leg: _Leg, to: str) -> Iterable[events.Event]:
        """The caller may have gone before it comes to us once more."""
        if leg.at is not _At.TALKS:
            return ()
        self._over(leg)
        caller = self._callers[leg.call]
        caller.talks_on, caller.comes_back = None, False
        passed = events.Transferred(leg.call, leg.extension, to, events.Passing.SENT)
        facts: dict[Word, Fact] = {
            Word.PASSED: _fact(passed),
            Word.SENT_ON: self._if_there(events.SentOn(leg.call, to)),
            Word.PHONE: self._state_of(leg.extension),
        }
        self._happen(Happening.PASSED_ON, facts)
        return ()

    def _if_there(self, event: events.CameBack | events.SentOn) -> Fact:
        return lambda: [event] if event.call in self._callers else []

    def uses(self, extension: str, now: float, *, in_use: bool) -> None:
        """The telephone is taken for a call of its own, or that is over."""
        self._now = now
        self._phones[extension].in_use = in_use
        self._tell(Source.PHONES, self._state_of(extension))

    def plugs(self, extension: str, now: float, *, is_there: bool) -> None:
        """The telephone leaves the clinic's register, or comes back. What rings or talks on it goes
        on, as far as Asterisk knows."""
        self._now = now
        self._phones[extension].is_there = is_there
        self._tell(Source.PHONES, self._state_of(extension))

    # ---- offers ----

    def _ring(self, order: commands.Offer) -> Iterable[events.Event]:
        leg = _Leg(order.offer, order.call, order.extension)
        self._legs[order.offer] = self._phones[order.extension].legs[order.offer] = leg
        self._later(0.0, partial(self._reach, leg, order.ring_s))
        return ()

    def _reach(self, leg: _Leg, ring_s: float) -> Iterable[events.Event]:
        """What the telephone answers to the call."""
        phone = self._phones[leg.extension]
        if leg.at is _At.OVER:
            return ()
        if not phone.is_there:
            return self._refuse(Happening.ABSENT, leg, Refusal.UNREACHABLE)
        if phone.in_use:
            return self._refuse(Happening.BUSY, leg, Refusal.BUSY)
        match phone.does:
            case Busy():
                return self._refuse(Happening.BUSY, leg, Refusal.BUSY)
            case Refuses():
                return self._refuse(Happening.REFUSES, leg, Refusal.REFUSED)
            case Answers(after_s=after_s):
                self._later(after_s, partial(self._answer, leg))
            case Streams():
                self._later(0.0, partial(self._answer, leg))
            case Silent():
                pass
            case _:
                assert_never(phone.does)
        rang = _fact(events.OfferRang(leg.offer))
        self._happen(Happening.RINGS, {Word.RANG: rang, Word.PHONE: self._state_of(leg.extension)})
        self._later(ring_s, partial(self._in_vain, leg))
        return ()

    def _refuse(self, happening: Happening, leg: _Leg, reason: Refusal) -> Iterable[events.Event]:
        """The leg ends before anybody talked on it, if it has not ended already."""
        if leg.at is not _At.OVER:
            self._over(leg)
            ended = _fact(events.OfferEnded(leg.offer, reason))
            self._happen(happening, {Word.ENDED: ended, Word.PHONE: self._state_of(leg.extension)})
        return ()

    def _answer(self, leg: _Leg) -> Iterable[events.Event]:
        if leg.at is not _At.RINGS:
            return ()
        leg.at = _At.UP
        accepted = _fact(events.OfferAccepted(leg.offer))
        state = self._state_of(leg.extension)
        self._happen(Happening.ANSWERS, {Word.ACCEPTED: accepted, Word.PHONE: state})
        return ()

    def _in_vain(self, leg: _Leg) -> Iterable[events.Event]:
        if leg.at is _At.RINGS:
            self._refuse(Happening.IN_VAIN, leg, Refusal.SILENT)
        return ()

    def _withdraw(self, offer: str) -> Iterable[events.Event]:
        """What has ended tells its end itself; what talks is hung up on, and so is its caller."""
        self._never_called(offer, Refusal.WITHDRAWN)
        if (called := self._callers.get(offer)) is not None and called.is_called:
            self._gone(called)
        leg = self._legs.get(offer)
        if leg is None:
            return ()
        if leg.at is _At.TALKS:
            self._end_talk(leg)
        else:
            self._later(0.0, partial(self._refuse, Happening.WITHDRAWN, leg, Refusal.WITHDRAWN))
        return ()

    def _join(self, order: commands.Join) -> Iterable[events.Event]:
        """Both must be there, else Asterisk refuses and whoever is stays where it is."""
        caller, leg = self._callers.get(order.call), self._legs.get(order.offer)
        other = self._ours(order.offer)
        if other is not None and self._ours(order.call) is caller is not None:
            caller.talks_with, other.talks_with = other.call, caller.call
            self._tell(Source.MANAGER, _fact(events.Joined(order.call, order.offer)))
            return ()
        if caller is None or leg is None or not caller.is_ours or leg.at is not _At.UP:
            self._tell(Source.MANAGER, _fact(events.JoinFailed(order.call, order.offer)))
            return ()
        leg.at, leg.call, caller.talks_on = _At.TALKS, caller.call, leg
        caller.comes_back = order.then is commands.Next.SURVEY
        self._tell(Source.MANAGER, _fact(events.Joined(order.call, order.offer)))
        return ()

    def _send_on(self, order: commands.SendOn) -> Iterable[events.Event]:
        """The caller is with us again; whoever talked has hung up."""
        caller = self._callers.get(order.call)
        if caller is not None and (leg := caller.talks_on) is not None:
            self._over(leg)
            caller.talks_on = None
            self._tell(Source.PHONES, self._state_of(leg.extension))
            self._tell(Source.MANAGER, _fact(events.SentOn(order.call, order.number)))
        return ()

    def _release(self, call: str) -> Iterable[events.Event]:
        if self._ours(call):
            del self._callers[call]
            self._tell(Source.MANAGER, _fact(events.CallerLeft(call)))
        return ()

    def _over(self, leg: _Leg) -> None:
        leg.at = _At.OVER
        del self._legs[leg.offer]
        del self._phones[leg.extension].legs[leg.offer]

    def _first_at(self, extension: str, *stages: _At) -> _Leg | None:
        legs = self._phones[extension].legs.values()
        return next((leg for stage in stages for leg in legs if leg.at is stage), None)

    def _state_of(self, extension: str) -> Fact:
        phone = self._phones[extension]

        def told() -> Iterable[events.Event]:
            if (state := phone.state()) is not phone.told:
                phone.told = state
                yield events.PhoneChanged(extension, state)

        return told

    # ---- calls of ours ----

    def _call_out(self, order: commands.CallOut) -> Iterable[events.Event]:
        call = order.call
        self._called.add(call)
        match self._does_at(order.number):
            case None:
                self._never_called(call, Refusal.UNREACHABLE)
            case Busy():
                self._never_called(call, Refusal.BUSY)
            case Refuses():
                self._never_called(call, Refusal.REFUSED)
            case Silent():
                self._later(order.ring_s, lambda: self._never_called(call, Refusal.SILENT))
            case Answers(after_s=after_s):
                self._later(after_s, lambda: self._is_called(call))
                self._later(order.ring_s, lambda: self._never_called(call, Refusal.SILENT))
            case Streams():
                self._is_called(call)
        return ()

    def _does_at(self, number: str) -> Behaviour | None:
        phone = self._phones.get(number)
        if phone is None:
            return self._outside.get(number, Answers())
        return phone.does if phone.is_there else None

    def _is_called(self, call: str) -> Iterable[events.Event]:
        if call in self._called:
            self._called.remove(call)
            self._callers[call] = _Caller(call, is_called=True)
            self._tell(Source.ENGINE, _fact(events.CalledOut(call)))
        return ()

    def _never_called(self, call: str, reason: Refusal) -> Iterable[events.Event]:
        if call in self._called:
            self._called.remove(call)
            self._tell(Source.MANAGER, _fact(events.CallOutEnded(call, reason)))
        return ()

    # ---- the engine ----

    def _ours(self, call: str) -> _Caller | None:
        """The caller, while its audio is in the engine."""
        caller = self._callers.get(call)
        if caller is None or not caller.is_ours or caller.talks_on or caller.talks_with:
            return None
        return caller

    def _speak(self, name: str, tag: int, seconds: float) -> None:
        """To a caller, or to an agent who has picked up."""
        self._tags[name] = tag
        self._later(seconds, partial(self._spoken, name, tag))

    def _record(self, call: str, longest_s: float) -> None:
        if (caller := self._ours(call)) is None:
            self._tell(Source.ENGINE, _fact(events.RecordingFailed(call, "it never began")))
            return
        caller.tape, caller.tapes = _Tape.BEEPS, caller.tapes + 1
        self._later(BEEP_S, partial(self._beeped, call, caller.tapes, longest_s))

    def _stop_recording(self, call: str) -> None:
        if (caller := self._ours(call)) is not None:
            ended = self._tape_ends(caller)
            self._tell(Source.ENGINE, lambda: ended)

    def _spoken(self, name: str, tag: int) -> Iterable[events.Event]:
        leg = self._legs.get(name)
        is_here = self._ours(name) is not None or (leg is not None and leg.at is _At.UP)
        if self._tags.get(name) == tag:
            del self._tags[name]
            if is_here:
                yield events.PromptEnded(name, tag)

    def _beeped(self, call: str, tape: int, longest_s: float) -> Iterable[events.Event]:
        caller = self._ours(call)
        if caller is None or caller.tapes != tape or caller.tape is not _Tape.BEEPS:
            return ()
        caller.tape = _Tape.RUNS
        full = events.SpeechEnded(call)
        self._later(longest_s, lambda: [full] if self._runs(call, tape) else [])
        if caller.speaks_s:
            self._spoke(caller)
        else:
            nobody = events.NobodySpoke(call)
            self._later(SILENT_S, lambda: [nobody] if self._is_mute(call, tape) else [])
        return ()

    def _spoke(self, caller: _Caller) -> None:
        """What is said on the tape ends, and after a while that is noticed."""
        call, tape = caller.call, caller.tapes
        if caller.tape is _Tape.RUNS:
            quiet = events.SpeechEnded(call)
            after_s = caller.speaks_s + QUIET_S
            self._later(after_s, lambda: [quiet] if self._runs(call, tape) else [])

    def _is_mute(self, call: str, tape: int) -> bool:
        return self._runs(call, tape) and not self._callers[call].speaks_s

    def _runs(self, call: str, tape: int) -> bool:
        caller = self._ours(call)
        return caller is not None and caller.tapes == tape and caller.tape is _Tape.RUNS

    def _tape_ends(self, caller: _Caller) -> list[events.Event]:
        """What becomes of a recording: nothing, where nobody had said a word."""
        call, tape, caller.tape = caller.call, caller.tape, _Tape.OFF
        match tape:
            case _Tape.OFF:
                return []
            case _Tape.BEEPS:
                return [events.RecordingFailed(call, "it never began")]
            case _Tape.RUNS if caller.speaks_s:
                return [
                    events.RecordingKept(call, f"message {caller.tapes} of {call}", caller.speaks_s)
                ]
            case _Tape.RUNS:
                return [events.RecordingFailed(call, "nothing was said")]
            case _:
                assert_never(tape)

    # ---- time ----

    def _happen(self, happening: Happening, facts: Mapping[Word, Fact]) -> None:
        """Tells these facts in an order in which they were heard. Whether a telephone has changed
        at all is known when its turn comes."""
        orders = self._orders[happening]
        (order,) = self._chance.choices(list(orders), list(orders.values()))
        silent = (Word.PHONE,) if Word.PHONE in facts and Word.PHONE not in order else ()
        at = self._now
        for word in (*order, *silent):
            at = self._tell(SOURCES[word], facts[word], at)

    def _tell(self, source: Source, fact: Fact, after: float | None = None) -> float:
        """A fact, a moment later, and after all that its source told before; when."""
        begins = max(self._now if after is None else after, self._last[source])
        self._last[source] = at = begins + self._drawn_s()
        self._at(at, fact)
        return at

    def _soon(self, work: Fact) -> None:
        """An order is on its way; the one link keeps their order."""
        self._tell(Source.US, work)

    def _later(self, seconds: float, fact: Fact) -> None:
        self._at(self._now + seconds + self._drawn_s(), fact)

    def _drawn_s(self) -> float:
        """Nearly always a tenth of the longest or less."""
        return LAG_S * float(self._chance.random()) ** 4

    def _at(self, at: float, fact: Fact) -> None:
        heapq.heappush(self._due, (at, next(self._numbers), fact))
