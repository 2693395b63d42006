"""Talks that are recorded, while they are: when a recording begins and ends, and every gap in it.

A talk is listened to by a leg of its own, the tap, which hears both sides and ends with the talk.
What is recorded of it is a row of parts with gaps between them, and each gap says why it is there:

    an agent's key       begins and ends it, or pauses it while a card number is spoken
    a caller's keys      pause it from the first until RESUME_S after the last
    hold, parking        pause it until the talk goes on
    passed on            ends it; the next talk begins another, if its own rule says so. By a line's
                         rule it goes on with whoever has the caller next
    a fault              ends the part; another is tried AGAIN_S later

Nothing here ever ends or delays a talk.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ivr import commands, consent
from ivr.commands import Command, Sound
from ivr.events import (
    CallerLeft,
    CameBack,
    Event,
    FellToFailsafe,
    Held,
    Joined,
    KeyBegan,
    KeyEnded,
    Parked,
    PartFailed,
    Passing,
    Resumed,
    SentOn,
    SpeechEnded,
    TalkKey,
    TalkKeyed,
    TapEnded,
    Tapped,
    ToneHeard,
    Transferred,
)
from ivr.plan import Recorded, Recording
from ivr.standing import Call, Stage

STEP = "recorded"  # of the ledger
RESUME_S = 5.0  # who keys a card number looks at the card between two keys
AGAIN_S = 30.0
TAPPED_WITHIN_S = 5.0  # Asterisk needs milliseconds
OVER_WITHIN_S = 2.0


class Gap(StrEnum):
    """Why a talk is not being recorded just now."""

    UNASKED = "nobody asked for it"
    STOPPED = "stopped at the desk"
    CARD = "paused for a card number"
    KEYS = "the caller keys"
    HELD = "on hold"
    PARKED = "parked"
    FAULT = "a fault"


@dataclass(slots=True)
class _Talk:
    call: str
    tap: str
    rule: Recording
    follows: bool  # the line's rule: whoever has the caller next is recorded too
    gaps: dict[Gap, float | None] = field(default_factory=dict)  # until when, if that is known
    is_tapped: bool = False
    is_running: bool = False
    sounds: Sound | None = None
    due_at: float | None = None  # the tap is there by then, or the talk is over
    trouble: str = ""  # why it is not there, if that is known


@dataclass(slots=True)
class Recordings:
    """All talks that may be recorded, by their call."""

    ids: Callable[[], str]
    talks: dict[str, _Talk] = field(default_factory=dict)
    fault: str = ""  # why the newest could not be recorded; empty again once one is

    def hear(self, event: Event, calls: Mapping[str, Call], now: float) -> list[Command]:
        """What an event means to what is being recorded."""
        return list(self._hear(event, calls, now))

    def next_deadline(self) -> float | None:
        """When `time_came` is wanted next."""
        due = [at for talk in self.talks.values() for at in (talk.due_at, *talk.gaps.values())]
        return min((at for at in due if at is not None), default=None)

    def time_came(self, now: float) -> list[Command]:
        """Gaps end by themselves, and a tap that does not come is a fault."""
        said: list[Command] = []
        for talk in self.talks.values():
            if talk.due_at is not None and talk.due_at <= now:
                said += self._fails(talk, talk.trouble or "Asterisk does not let it be heard", now)
            over = [gap for gap, until in talk.gaps.items() if until is not None and until <= now]
            for gap in over:
                del talk.gaps[gap]
            said += self._goes_on(talk, now) if over else ()
        return said

    def _hear(self, event: Event, calls: Mapping[str, Call], now: float) -> Iterator[Command]:
        match event:
            case Joined(call=name) if name in calls and name not in self.talks:
                yield from self._begins(calls[name], now)
            case TalkKeyed(call=name, key=key):
                yield from self._keyed(name, key, calls.get(name), now)
            case Tapped(tap=tap) if talk := self._tapped_by(tap):
                talk.is_tapped, talk.due_at, self.fault = True, None, ""
                yield from self._sounds(talk)
                yield from self._goes_on(talk, now)
            case Tapped(tap=tap):
                yield commands.Untap(tap)  # its talk is over
            case TapEnded(tap=tap, reason=reason) if talk := self._tapped_by(tap):
                # The talk may be over, and its tap was quicker to say so.
                talk.is_tapped, talk.trouble, talk.due_at = False, reason, now + OVER_WITHIN_S
            case PartFailed(tap=tap, reason=reason) if talk := self._tapped_by(tap):
                yield from self._fails(talk, reason, now)
            case SpeechEnded(call=tap) if talk := self._tapped_by(tap):
                talk.is_running = False  # it is as long as a part may be
                yield from self._goes_on(talk, now)
            case KeyBegan(call=name) | KeyEnded(call=name) | ToneHeard(call=name) if talk := (
                self.talks.get(name) or self._tapped_by(name)
            ):
                yield from self._pauses(talk, Gap.KEYS, now + RESUME_S)
            case Held(call=name) if talk := self.talks.get(name):
                yield from self._pauses(talk, Gap.HELD)
            case Resumed(call=name) if talk := self.talks.get(name):
                yield from self._resumes(talk, Gap.HELD, now)
            case Parked(call=name, is_over=is_over) if talk := self.talks.get(name):
                yield from (
                    self._resumes(talk, Gap.PARKED, now)
                    if is_over
                    else self._pauses(talk, Gap.PARKED)
                )
            case Transferred(call=name, passing=how) if talk := self.talks.get(name):
                if not (talk.follows and how is Passing.JOINED):
                    yield from self._ends(talk, "passed on")
            case (
                CallerLeft(call=name)
                | CameBack(call=name)
                | SentOn(call=name)
                | FellToFailsafe(call=name)
            ) if talk := self.talks.get(name):
                yield from self._ends(talk, "the talk is over")
            case _:
                pass

    def _tapped_by(self, tap: str) -> _Talk | None:
        return next((talk for talk in self.talks.values() if talk.tap == tap), None)

    # ---- a talk ----

    def _begins(self, call: Call, now: float) -> Iterator[Command]:
        rule = consent.rule_of(call)
        if call.stage is not Stage.TALKING or rule is None or call.is_fax:
            return
        if not consent.is_given(call, rule):
            why = "the caller was not asked" if call.consents is None else "the caller refused"
            yield commands.Note(call.id, STEP, f"not at all: {why}")
            return
        talk = self.talks[call.id] = _Talk(call.id, "", rule, rule is call.recorded_as)
        if rule.when is Recorded.ON_REQUEST:
            talk.gaps[Gap.UNASKED] = None
        yield from self._goes_on(talk, now)

    def _keyed(self, name: str, key: TalkKey, call: Call | None, now: float) -> Iterator[Command]:
        talk = self.talks.get(name)
        if talk is None:
            if call is not None:
                yield commands.Note(name, STEP, "asked for at the desk, and not allowed")
            return
        if key is TalkKey.CARD:
            if Gap.CARD in talk.gaps:
                yield from self._resumes(talk, Gap.CARD, now)
            else:
                yield from self._pauses(talk, Gap.CARD)
        elif talk.gaps.keys() & {Gap.UNASKED, Gap.STOPPED}:
            talk.gaps.pop(Gap.UNASKED, None)
            yield from self._resumes(talk, Gap.STOPPED, now)
        else:
            yield from self._pauses(talk, Gap.STOPPED)
        is_off = talk.gaps.keys() & {Gap.UNASKED, Gap.STOPPED, Gap.CARD}
        talk.sounds = Sound.OFF if is_off else Sound.ON
        yield from self._sounds(talk)

    def _sounds(self, talk: _Talk) -> Iterator[Command]:
        """The tone that both are owed, once there is a tap to play it."""
        if talk.is_tapped and talk.sounds is not None:
            yield commands.SoundTone(talk.tap, talk.sounds)
            talk.sounds = None

    def _pauses(self, talk: _Talk, gap: Gap, until: float | None = None) -> Iterator[Command]:
        talk.gaps[gap] = until
        if talk.is_running:
            talk.is_running = False
            yield commands.StopPart(talk.tap, gap)
            yield commands.Note(talk.call, STEP, f"not any more: {gap}")

    def _resumes(self, talk: _Talk, gap: Gap, now: float) -> Iterator[Command]:
        talk.gaps.pop(gap, None)
        yield from self._goes_on(talk, now)

    def _goes_on(self, talk: _Talk, now: float) -> Iterator[Command]:
        """Recorded, once nothing speaks against it and there is a tap."""
        if talk.gaps or talk.is_running:
            return
        if talk.is_tapped:
            talk.is_running = True
            yield commands.RecordPart(talk.tap, talk.call, talk.rule.mailbox)
            yield commands.Note(talk.call, STEP, f"from now on, for {talk.rule.mailbox}")
        elif talk.due_at is None:
            talk.tap, talk.due_at, talk.trouble = self.ids(), now + TAPPED_WITHIN_S, ""
            yield commands.Tap(talk.tap, talk.call)

    def _fails(self, talk: _Talk, reason: str, now: float) -> Iterator[Command]:
        """The talk goes on unrecorded for a while."""
        self.fault = reason
        talk.gaps[Gap.FAULT], talk.due_at = now + AGAIN_S, None
        if talk.is_running:
            talk.is_running = False
            yield commands.StopPart(talk.tap, Gap.FAULT)
        yield commands.Note(talk.call, STEP, f"cannot be: {reason}")

    def _ends(self, talk: _Talk, why: str) -> Iterator[Command]:
        del self.talks[talk.call]
        if talk.is_running:
            yield commands.StopPart(talk.tap, why)
            yield commands.Note(talk.call, STEP, f"to its end: {why}")
        if talk.is_tapped:
            yield commands.Untap(talk.tap)
