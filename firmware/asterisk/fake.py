"""Asterisk and the media engine, played: the exchange's orders in, facts out, no socket, no clock.

It stands where performer, link and engine stand beside it. What people do at both ends of the line
is told to it by whoever plays them; what Asterisk makes of that, and of our orders, is its own. In
which order the facts of one happening are told is as the real pair told them (`orders`). How long
all takes is drawn.

What one source tells keeps its order: Asterisk's manager, its telephones' states, the engine. A
telephone's state is read when it is told, as Asterisk does, so that one soon over is never told.

The link to the manager may break, the exchange may end, and so may Asterisk. Whatever was to be
told meanwhile is lost, and what can be seen of it afterwards is told then, as `Translator.resync`
does; until then the dialplan helps itself.
"""

import heapq
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from itertools import count
from random import Random
from typing import assert_never

from firmware.asterisk.link import SILENCE_S
from firmware.asterisk.orders import SOURCES, Happening, Orders, Source, Word, recorded
from firmware.asterisk.telco import Answers, Behaviour, Busy, Refuses, Silent, Streams
from firmware.perform import QUIET_S, SILENT_S
from ivr import commands, events, inside
from ivr.events import Passing, PhoneState, Refusal
from ivr.plan import Parking

# An order reaches Asterisk, and a fact us, within this; nearly always much sooner.
LAG_S = 0.05
KEY_S = 0.1  # a key is down so long: its end is a fact of its own
NUMBER_S = 1.0  # to key one
BEEP_S = 0.2
PROMPT_S, MESSAGE_S = 2.0, 10.0


class Means(StrEnum):
    """How a telephone passes its caller on, or parks it; not every telephone has a key for it."""

    KEY = "its own key"  # REFER, and a call of its own to whoever is asked first
    CODE = "a code"  # *1, *2, *3


class _At(StrEnum):
    """How far a leg to a telephone has come."""

    RINGS = "rings"
    UP = "up"
    TALKS = "talks"
    INSIDE = "inside"  # with another telephone, and no caller any more
    OVER = "over"


@dataclass(slots=True)
class _Leg:
    offer: str  # empty: nobody of ours sent for it
    call: str  # for which it rings, then with which it talks
    extension: str
    at: _At = _At.RINGS
    asks: "_Leg | None" = None  # another telephone, before the caller is handed over
    asked_by: "_Leg | None" = None
    asks_by: Means = Means.KEY
    is_holding: bool = False
    is_orphan: bool = False  # of an exchange that has ended


@dataclass(slots=True)
class _Phone:
    extension: str
    does: Behaviour = field(default_factory=Answers)
    is_there: bool = True
    in_use: bool = False  # for a call of its own
    legs: list[_Leg] = field(default_factory=list)
    told: PhoneState = PhoneState.IDLE

    def state(self) -> PhoneState:
        stages = {leg.at for leg in self.legs}
        if self.in_use or stages & {_At.UP, _At.TALKS, _At.INSIDE}:
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
    line: str = ""
    number: str = ""
    speaks_s: float = 0.0  # after a beep
    is_ours: bool = True  # its audio is in the engine
    talks_on: _Leg | None = None
    talks_with: str = ""  # another caller, by its call
    has_fallen: bool = False  # the fail-safe rings people
    slot: str = ""  # in which it is parked
    is_called: bool = False  # by us
    comes_back: bool = False  # after the talk, to say how it was
    is_seen_to: bool = False  # the dialplan knows what comes after the talk
    tape: _Tape = _Tape.OFF
    tapes: int = 0


Fact = Callable[[], Iterable[events.Event]]


def _fact(*told: events.Event) -> Fact:
    return lambda: told


def _arrived(caller: _Caller) -> events.CallArrived:
    return events.CallArrived(caller.call, caller.line, "", caller.number, "")


class FakePair:
    """Everything beyond the exchange, for as many calls as there are."""

    def __init__(
        self,
        phones: Iterable[str],
        chance: Random,
        orders: Orders | None = None,
        *,
        parking: Parking = Parking(),  # noqa: B008 - frozen
        spoken_s: Callable[[tuple[str, ...]], float] = lambda prompts: PROMPT_S * len(prompts),
    ) -> None:
        self._chance = chance
        self._orders = recorded() if orders is None else orders
        self._spoken_s = spoken_s
        self._parking = parking
        self._phones = {extension: _Phone(extension) for extension in phones}
        self._callers: dict[str, _Caller] = {}
        self._legs: dict[str, _Leg] = {}
        self._outside: dict[str, Behaviour] = {}
        self._called: set[str] = set()  # by us, and not answered yet
        self._tags: dict[str, int] = {}  # of what is being spoken to whom
        self._due: list[tuple[float, int, Fact]] = []
        self._lives = 0  # of the exchange that have ended
        self._is_alive = True  # the exchange
        self._is_linked = True  # and hears Asterisk
        self._breaks = 0  # of the link
        self._unheard: list[events.Event] = []
        self._known: dict[str, Word] = {}  # what has been told of an offer that lives
        self._numbers = count()
        self._last = dict.fromkeys(Source, 0.0)
        self._now = 0.0

    @property
    def live(self) -> frozenset[str]:
        """Calls that Asterisk has."""
        return frozenset(self._callers)

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
                    self._soon(partial(self._ring, order), partial(self._not_rung, order.offer))
                case commands.CallOut(call=call):
                    self._called.add(call)
                    never = partial(self._never_called, call, Refusal.UNREACHABLE)
                    self._soon(partial(self._call_out, order), never)
                case commands.Withdraw(offer=offer):
                    self._soon(partial(self._withdraw, offer), partial(self._let_ring, offer))
                case commands.Cede(offer=offer):
                    self._soon(partial(self._cede, offer), partial(self._cede, offer))
                case commands.Join(call=call, offer=offer):
                    failed = _fact(events.JoinFailed(call, offer))
                    self._soon(partial(self._join, order), failed)
                case commands.Release(call=call):
                    self._soon(partial(self._release, call), partial(self._falls, call))
                case commands.SendOn(call=call):
                    self._soon(partial(self._send_on, order), partial(self._falls, call))
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
        self._callers[call] = caller = _Caller(call, line, number)
        self._tell(Source.MANAGER, _fact(_arrived(caller)))
        if not self._is_linked:
            self._falls(call)

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
        elif (leg := caller.talks_on) is not None and leg.asks is not None:
            leg.at = leg.asks.at = _At.INSIDE  # those two talk on
            self._tell(Source.MANAGER, left)
        elif leg is not None:
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
        kept = self._tape_ends(caller)
        self._tell(Source.ENGINE, lambda: [events.AudioLost(call, "lost"), *kept])
        self._falls(call)

    def _falls(self, call: str) -> Iterable[events.Event]:
        """The dialplan rings people for the caller, by itself."""
        if (caller := self._callers.get(call)) is not None and not caller.has_fallen:
            caller.is_ours, caller.has_fallen = False, True
            self._tell(Source.MANAGER, _fact(events.FellToFailsafe(call)))
        return ()

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
        leg = self._first_at(extension, _At.TALKS, _At.INSIDE, _At.UP, _At.RINGS)
        if leg is not None:
            self._later(0.0, partial(self._put_down, leg))
        return leg is not None

    def _put_down(self, leg: _Leg) -> Iterable[events.Event]:
        match leg.at:
            case _At.TALKS if leg.asks is not None and leg.asks_by is Means.CODE:
                self._hand_over(leg)
            case _At.TALKS:
                self._end_talk(leg)
            case _At.INSIDE:
                for each in (leg, leg.asks or leg.asked_by):
                    if each is not None:
                        self._over(each)
                        self._tell(Source.PHONES, self._state_of(each.extension))
            case _At.UP | _At.RINGS:
                self._refuse(Happening.REFUSES, leg, Refusal.REFUSED)
            case _At.OVER:
                pass
            case _:
                assert_never(leg.at)
        return ()

    def _end_talk(self, leg: _Leg) -> None:
        """The agent's leg ends, and with it the caller's call, unless it comes back to us."""
        self._over(leg)
        call, state = leg.call, self._state_of(leg.extension)
        caller = self._callers[call]
        if leg.offer and not caller.is_seen_to and not leg.is_orphan:
            caller.talks_on, caller.comes_back = None, False
            self._falls(call)
            self._tell(Source.PHONES, state)
        elif caller.comes_back and self._is_linked:
            caller.talks_on, caller.comes_back = None, False
            came = self._if_there(events.CameBack(call))
            self._happen(Happening.COMES_BACK, {Word.PHONE: state, Word.CAME_BACK: came})
        else:
            del self._callers[call]
            left = _fact(events.CallerLeft(call))
            self._happen(Happening.AGENT_ENDS, {Word.PHONE: state, Word.LEFT: left})

    def passes_on(self, extension: str, to: str, by: Means, now: float) -> None:
        """Who talks on this telephone sends the caller to another number of the clinic."""
        self._now = now
        if (leg := self._first_at(extension, _At.TALKS)) is not None:
            self._later(0.0, partial(self._begin_to_pass_on, leg, to, by))

    def _begin_to_pass_on(self, leg: _Leg, to: str, by: Means) -> Iterable[events.Event]:
        """By a code the caller hears music while the number is keyed."""
        if by is Means.CODE:
            self._hold(leg, is_held=True)
        self._later(NUMBER_S if by is Means.CODE else 0.0, partial(self._pass_on, leg, to, by))
        return ()

    def _pass_on(self, leg: _Leg, to: str, by: Means) -> Iterable[events.Event]:
        """The caller may have gone before it comes to us once more."""
        if leg.at is not _At.TALKS:
            return ()
        self._hold(leg, is_held=False)
        self._over(leg)
        caller = self._callers[leg.call]
        caller.talks_on, caller.comes_back = None, False
        passed = events.Transferred(leg.call, leg.extension, to, Passing.SENT)
        facts: dict[Word, Fact] = {
            Word.PASSED: _fact(passed),
            Word.SENT_ON: self._if_there(events.SentOn(leg.call, to)),
            Word.PHONE: self._state_of(leg.extension),
        }
        happening = Happening.PASSED_ON if by is Means.KEY else Happening.KEYED_ON
        self._happen(happening, facts)
        return ()

    def _if_there(self, event: events.CameBack | events.SentOn) -> Fact:
        return lambda: [event] if event.call in self._callers else []

    def holds(self, extension: str, now: float, *, is_held: bool) -> None:
        """The hold key: the caller hears music, until it is pressed again."""
        self._now = now
        if (leg := self._first_at(extension, _At.TALKS)) is not None:
            self._later(0.0, partial(self._hold, leg, is_held=is_held))

    def _hold(self, leg: _Leg, *, is_held: bool) -> Iterable[events.Event]:
        if leg.at is _At.TALKS and leg.is_holding is not is_held:
            leg.is_holding = is_held
            if not leg.offer:
                return ()  # of a telephone that we never rang nobody knows
            self._tell(
                Source.MANAGER, _fact((events.Held if is_held else events.Resumed)(leg.call))
            )
        return ()

    def asks(self, extension: str, to: str, by: Means, now: float) -> None:
        """Who talks here calls another telephone, before it hands its caller over."""
        self._now = now
        if (leg := self._first_at(extension, _At.TALKS)) is not None:
            self._later(0.0, partial(self._ask, leg, to, by))

    def _ask(self, leg: _Leg, to: str, by: Means) -> Iterable[events.Event]:
        if leg.at is not _At.TALKS or leg.asks is not None:
            return ()
        leg.asks, leg.asks_by = _Leg("", leg.call, to, asked_by=leg), by
        self._phones[to].legs.append(leg.asks)
        if by is Means.CODE:
            self._hold(leg, is_held=True)
        self._later(0.0, partial(self._reach, leg.asks, inside.PHONE_RING_S))
        return ()

    def hands_over(self, extension: str, now: float) -> None:
        """Who was asked takes the caller, and who asked is done."""
        self._now = now
        if (leg := self._first_at(extension, _At.TALKS)) is not None:
            self._later(0.0, partial(self._hand_over, leg))

    def _hand_over(self, leg: _Leg) -> Iterable[events.Event]:
        asked = leg.asks
        if leg.at is not _At.TALKS or asked is None or asked.at is not _At.UP:
            return ()
        self._over(leg)
        asked.at, asked.asked_by, self._callers[leg.call].talks_on = _At.TALKS, None, asked
        passed = events.Transferred(leg.call, leg.extension, asked.extension, Passing.JOINED)
        resumed = [events.Resumed(leg.call)] if leg.is_holding and leg.offer else []
        told = _fact(*resumed, passed)
        by_key = leg.asks_by is Means.KEY
        self._happen(
            Happening.HANDED_OVER if by_key else Happening.KEYED_OVER,
            {Word.PASSED: told, Word.PHONE: self._state_of(leg.extension)},
        )
        return ()

    def parks(self, extension: str, now: float) -> None:
        """Who talks here puts the caller where another telephone can take it up."""
        self._now = now
        if (leg := self._first_at(extension, _At.TALKS)) is not None:
            self._later(0.0, partial(self._park, leg))

    def _park(self, leg: _Leg) -> Iterable[events.Event]:
        if leg.at is not _At.TALKS:
            return ()
        self._over(leg)
        caller = self._callers[leg.call]
        taken = {each.slot for each in self._callers.values()}
        slots = range(int(self._parking.first), int(self._parking.last) + 1)
        caller.talks_on, caller.slot = None, next(str(n) for n in slots if str(n) not in taken)
        parked = _fact(events.Parked(leg.call, caller.slot, leg.extension))
        phone = self._state_of(leg.extension)
        self._happen(Happening.PARKED, {Word.PARKED: parked, Word.PHONE: phone})
        back = partial(self._parked_too_long, caller, caller.slot, leg.extension)
        self._later(self._parking.longest_s, back)
        return ()

    def _parked_too_long(self, caller: _Caller, slot: str, by: str) -> Iterable[events.Event]:
        if self._callers.get(caller.call) is caller and caller.slot == slot:
            caller.slot, caller.comes_back = "", False
            back = events.SentOn(caller.call, f"{inside.BACK}{by}")
            self._tell(Source.MANAGER, self._if_there(back))
        return ()

    def takes_up(self, extension: str, slot: str, now: float) -> None:
        """This telephone dials the slot of a parked caller."""
        self._now = now
        self._later(0.0, partial(self._take_up, extension, slot))

    def _take_up(self, extension: str, slot: str) -> Iterable[events.Event]:
        caller = next((each for each in self._callers.values() if each.slot == slot), None)
        if caller is None:
            return ()
        leg = _Leg("", caller.call, extension, _At.TALKS)
        self._phones[extension].legs.append(leg)
        caller.slot, caller.talks_on = "", leg
        taken = _fact(events.Parked(caller.call, slot, extension, is_over=True))
        phone = self._state_of(extension)
        self._happen(Happening.TAKEN_UP, {Word.PARKED: taken, Word.PHONE: phone})
        return ()

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
        self._legs[order.offer] = leg
        self._phones[order.extension].legs.append(leg)
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
        self._tell_of(leg, Happening.RINGS, Word.RANG, events.OfferRang(leg.offer))
        self._later(ring_s, partial(self._in_vain, leg))
        return ()

    def _tell_of(self, leg: _Leg, happening: Happening, word: Word, event: events.Event) -> None:
        """Of a leg that is none of ours only its telephone's state is told."""
        phone = self._state_of(leg.extension)
        if leg.offer and not leg.is_orphan:
            self._happen(happening, {word: _fact(event), Word.PHONE: phone})
        else:
            self._tell(Source.PHONES, phone)

    def _refuse(self, happening: Happening, leg: _Leg, reason: Refusal) -> Iterable[events.Event]:
        """The leg ends before anybody talked on it, if it has not ended already."""
        if leg.at is not _At.OVER:
            self._over(leg)
            self._tell_of(leg, happening, Word.ENDED, events.OfferEnded(leg.offer, reason))
        if (asker := leg.asked_by) is not None:
            asker.asks = None
            if asker.asks_by is Means.CODE:
                self._hold(asker, is_held=False)
        return ()

    def _answer(self, leg: _Leg) -> Iterable[events.Event]:
        if leg.at is not _At.RINGS:
            return ()
        leg.at = _At.UP
        if leg.offer and (leg.is_orphan or not self._is_linked):
            self._join_alone(leg)
        else:
            self._tell_of(leg, Happening.ANSWERS, Word.ACCEPTED, events.OfferAccepted(leg.offer))
        return ()

    def _join_alone(self, leg: _Leg) -> None:
        """The dialplan joins who picked up with the caller, unless that one talks or has gone."""
        caller = self._callers.get(leg.call)
        is_free = caller and not (caller.talks_on or caller.talks_with or caller.slot)
        if caller is None or not is_free:
            self._refuse(Happening.REFUSES, leg, Refusal.REFUSED)
            return
        leg.at, caller.talks_on, caller.comes_back = _At.TALKS, leg, False
        caller.is_seen_to = True  # it hangs up with the agent
        if not leg.is_orphan:
            self._tell(Source.MANAGER, _fact(events.Joined(leg.call, leg.offer)))
        self._tell(Source.PHONES, self._state_of(leg.extension))

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
        joined_at = self._tell(Source.MANAGER, _fact(events.Joined(order.call, order.offer)))
        self._tell(Source.US, partial(self._is_seen_to_now, caller), joined_at)
        return ()

    def _is_seen_to_now(self, caller: _Caller) -> Iterable[events.Event]:
        caller.is_seen_to = True
        return ()

    def _cede(self, offer: str) -> Iterable[events.Event]:
        """The engine lets go of an agent who has picked up."""
        if (leg := self._legs.get(offer)) is not None and leg.at is _At.UP:
            self._join_alone(leg)
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
        self._legs.pop(leg.offer, None)
        self._phones[leg.extension].legs.remove(leg)

    def _first_at(self, extension: str, *stages: _At) -> _Leg | None:
        legs = self._phones[extension].legs
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
        if caller.slot:
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

    # ---- what breaks ----

    def link_breaks(self, now: float) -> None:
        """To Asterisk's manager. Who is with us when it has been so for long is let go."""
        self._now = now
        self._is_linked, self._breaks = False, self._breaks + 1
        self.pass_on(events.PhonesWatched(watched=False), now)
        self._later(SILENCE_S, partial(self._let_go, self._breaks))

    def _let_go(self, of: int) -> Iterable[events.Event]:
        if self._is_linked or self._breaks != of:
            return
        for call in [each for each in self._callers if self._ours(each)]:
            caller = self._callers[call]
            caller.is_ours, caller.has_fallen = False, True
            yield from (events.FellToFailsafe(call), *self._tape_ends(caller))

    def link_mends(self, now: float) -> None:
        """What can still be seen is told."""
        self._now = now
        self._is_linked = True
        for leg in [leg for phone in self._phones.values() for leg in phone.legs]:
            if leg.is_orphan and leg.at is _At.RINGS and self._is_seen_to(leg.call):
                self._over(leg)
        seen = self._caught_up()
        self._tell(Source.MANAGER, lambda: seen)
        self._tell(Source.MANAGER, lambda: self._all_phones(are_found=True))

    def _is_seen_to(self, call: str) -> bool:
        caller = self._callers.get(call)
        return caller is None or caller.talks_on is not None

    def _all_phones(self, *, are_found: bool) -> Iterable[events.Event]:
        for phone in self._phones.values():
            phone.told = phone.state() if are_found else PhoneState.UNREACHABLE
            yield events.PhoneChanged(phone.extension, phone.told)
        yield events.PhonesWatched(watched=True)

    def _caught_up(self) -> list[events.Event]:
        """Of what went unheard: first who has gone, then what there is."""
        unheard, self._unheard = self._unheard, []
        came = {event.call for event in unheard if isinstance(event, events.CallArrived)}
        gone: list[events.Event] = []
        found: list[events.Event] = []
        for event in unheard:
            match event:
                case events.CallerLeft(call=call) if call not in came:
                    gone.insert(0, event)
                case events.CallOutEnded():
                    gone.append(event)
                case events.OfferEnded(offer=offer, reason=reason):
                    gone.append(events.OfferEnded(offer, self._as_seen(offer, reason)))
                case events.OfferRang(offer=offer) if offer in self._legs:
                    found.append(event)
                case (
                    events.CallArrived(call=call)
                    | events.FellToFailsafe(call=call)
                    | events.Joined(call=call)
                ) if call in self._callers:
                    found.append(event)
                case _:
                    pass
        return [*gone, *found]

    def _as_seen(self, offer: str, reason: Refusal) -> Refusal:
        """Why an offer ended of which only that can be seen."""
        if reason is Refusal.WITHDRAWN:
            return reason
        match self._known.get(offer):
            case Word.ACCEPTED:
                return Refusal.REFUSED
            case Word.RANG:
                return Refusal.SILENT
            case _:
                return Refusal.UNREACHABLE

    def exchange_ends(self, now: float) -> None:
        """Killed: its callers are the dialplan's, and who rings for them rings on."""
        self._now = now
        self._is_alive = self._is_linked = False
        self._lives, self._breaks = self._lives + 1, self._breaks + 1
        self._unheard, self._tags = [], {}
        self._called.clear()
        self._known.clear()
        for leg in list(self._legs.values()):
            leg.is_orphan = True
            if leg.at is _At.UP:
                self._join_alone(leg)
        self._legs.clear()
        for caller in list(self._callers.values()):
            caller.tape = _Tape.OFF
            if self._ours(caller.call) and caller.is_called:
                del self._callers[caller.call]
            elif self._ours(caller.call):
                caller.is_ours, caller.has_fallen = False, True

    def exchange_begins(self, now: float) -> None:
        """Another one: it is told of all who are there."""
        self._is_alive = True
        self.pass_on(events.PhonesWatched(watched=False), now)
        for caller in self._callers.values():
            if caller.is_called:
                continue
            talks = events.Joined(caller.call, "")
            fell = events.FellToFailsafe(caller.call)
            self._unheard += (_arrived(caller), fell if caller.has_fallen else talks)
        self.link_mends(now)

    def asterisk_ends(self, now: float) -> None:
        """Killed, and every call with it."""
        self._now = now
        for caller in [each for each in self._callers.values() if self._ours(each.call)]:
            kept = self._tape_ends(caller)
            lost = _fact(events.AudioLost(caller.call, "lost"))
            self._happen(Happening.ASTERISK_ENDS, {Word.LOST: lost})
            self._tell(Source.ENGINE, partial(iter, kept))
        self.pass_on(events.PhonesWatched(watched=False), now)
        self._is_linked, self._breaks = False, self._breaks + 1
        self._unheard += [events.CallerLeft(call) for call in self._callers]
        self._unheard += [
            events.OfferEnded(leg.offer, Refusal.SILENT)
            for leg in self._legs.values()
            if leg.at is not _At.TALKS
        ]
        self._unheard += [events.CallOutEnded(c, Refusal.UNREACHABLE) for c in self._called]
        for leg in [leg for phone in self._phones.values() for leg in phone.legs]:
            self._over(leg)
        self._callers.clear()
        self._called.clear()

    def asterisk_begins(self, now: float) -> None:
        """Its telephones are there once they have been asked."""
        self._now = now
        self._is_linked = True
        seen = self._caught_up()
        self._tell(Source.MANAGER, lambda: seen)
        self._tell(Source.MANAGER, self._phones_are_asked)

    def _phones_are_asked(self) -> Iterable[events.Event]:
        for extension in self._phones:
            self._tell(Source.PHONES, self._state_of(extension))
        return self._all_phones(are_found=False)

    # ---- orders without a link ----

    def _not_rung(self, offer: str) -> Iterable[events.Event]:
        return [events.OfferEnded(offer, Refusal.UNREACHABLE)]

    def _let_ring(self, offer: str) -> Iterable[events.Event]:
        """The telephone rings on until somebody can be told."""
        self._never_called(offer, Refusal.WITHDRAWN)
        leg = self._legs.pop(offer, None)
        if leg is None:
            return ()
        leg.is_orphan = True
        return [events.OfferEnded(offer, Refusal.WITHDRAWN)]

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
        self._at(at, partial(self._reaches, source, self._lives, fact))
        return at

    def _reaches(self, source: Source, life: int, fact: Fact) -> Iterable[events.Event]:
        """A fact comes to us, unless nobody hears it."""
        told = list(fact())
        if not self._is_alive or life != self._lives:
            return ()
        if not self._is_linked and source in (Source.MANAGER, Source.PHONES):
            self._unheard += told
            return ()
        for event in told:
            match event:
                case events.OfferRang(offer=offer):
                    self._known[offer] = Word.RANG
                case events.OfferAccepted(offer=offer) if self._is_linked:
                    self._known[offer] = Word.ACCEPTED
                case events.OfferEnded(offer=offer) | events.Joined(offer=offer):
                    self._known.pop(offer, None)
                case _:
                    pass
        return told

    def _soon(self, work: Fact, otherwise: Fact) -> None:
        """An order is on its way; the one link keeps their order. Without a link it is refused."""
        self._tell(Source.US, lambda: (work if self._is_linked else otherwise)())

    def _later(self, seconds: float, fact: Fact) -> None:
        self._at(self._now + seconds + self._drawn_s(), fact)

    def _drawn_s(self) -> float:
        """Nearly always a tenth of the longest or less."""
        return LAG_S * float(self._chance.random()) ** 4

    def _at(self, at: float, fact: Fact) -> None:
        heapq.heappush(self._due, (at, next(self._numbers), fact))
