"""A draft heard by telephone: one caller in an exchange of its own, with the draft's plan, and
round it a clinic that is only imagined (`ivr.imagined`).

The call's code is the exchange's own, and the caller's keys are real; but nobody is rung, nothing
is kept, and no number outside is called. A spoken word says so wherever that would happen. A word
never cuts the draft's own off: it comes before what the draft says next, or once nothing is being
said; and who would answer waits until all that has been heard.

    begin, heard, played, time_came -> orders about the caller's audio, of these kinds alone:
    Play, StopPlaying, StartMusic, StopMusic, Release

Time is an argument, in seconds of a monotonic clock; hours are those of the moment that was chosen.
"""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

from ivr import commands, events, outward
from ivr.commands import Command, Next
from ivr.exchange import Exchange
from ivr.flow import Place
from ivr.imagined import ANSWER_S, MESSAGE_S, NETWORK_S, Clinic
from ivr.plan import Plan

CALLER = "the caller"
LONGEST_S = 1800.0  # somebody who has forgotten to hang up
HEARD_OUT_S = 0.5  # between looks whether all has been said

# Our own words between the draft's; firmware/prompts has what they say.
BEGINS = "draft-begins"
RINGS = "draft-rings"
OUTSIDE = "draft-outside"
UNKEPT = "draft-unkept"
MESSAGE = "draft-message"
TALK = "draft-talk"
OVER = "draft-over"
WORDS = (BEGINS, RINGS, OUTSIDE, UNKEPT, MESSAGE, TALK, OVER)
TONE = "beep"  # the tone before a recording, in the place of a prompt's name

# Under these our words are told as spoken; a call counts its own from 1.
ASIDE_TAG, UNKEPT_TAG, TALK_TAG = 0xFFFF_FF00, 0xFFFF_FF01, 0xFFFF_FF02

ToAudio = (
    commands.Play
    | commands.StopPlaying
    | commands.StartMusic
    | commands.StopMusic
    | commands.Release
)


@dataclass(slots=True)
class Audition:
    """One caller's. It is over once it has released the caller, or the caller has gone."""

    plan: Plan
    line: str
    begins: datetime  # aware; what the clinic's clock shows in the call
    clinic: Clinic
    ids: Callable[[], str]
    is_over: bool = False
    _exchange: Exchange = field(init=False)
    _began: float = 0.0
    _then: Next = Next.TALKED  # after the talk that is left out
    _speaks: int | None = None  # what is being said, by its tag
    _asides: list[str] = field(default_factory=lambda: [BEGINS])
    _told_at: set[Place] = field(default_factory=set)
    _coming: list[tuple[float, int, events.Event]] = field(default_factory=list)
    _order: Iterator[int] = field(default_factory=count)
    _out: list[ToAudio] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._exchange = Exchange(self.plan, self.ids)

    def begin(self, now: float) -> list[ToAudio]:
        """The telephone has been picked up."""
        self._began = now
        for event in self.clinic.before(self.plan):
            self._hear(event, now)
        self._hear(events.CallArrived(CALLER, self.line, "", "", ""), now)
        return self._said()

    def heard(self, event: events.Event, now: float) -> list[ToAudio]:
        """A key, or that the caller has gone."""
        self._hear(event, now)
        self.is_over |= isinstance(event, events.CallerLeft)
        return self._said()

    def played(self, tag: int, now: float) -> list[ToAudio]:
        """What was to be said under this tag has been."""
        if tag == self._speaks:
            self._speaks = None
        if tag == TALK_TAG:
            self._end_talk(now)
        elif tag == UNKEPT_TAG:
            self._soon(events.SpeechEnded(CALLER), MESSAGE_S, now)
        elif tag != ASIDE_TAG:
            self._hear(events.PromptEnded(CALLER, tag), now)
        return self._said()

    def next_deadline(self) -> float:
        """When `time_came` is wanted next."""
        due = [self._began + LONGEST_S, *(at for at, _, _ in self._coming[:1])]
        ours = self._exchange.next_deadline()
        return min(due if ours is None else [*due, ours])

    def time_came(self, now: float) -> list[ToAudio]:
        """What is due by now has come about."""
        if now >= self._began + LONGEST_S:
            self._release()
        while self._coming and self._coming[0][0] <= now:
            _, _, event = heapq.heappop(self._coming)
            if isinstance(event, events.OfferAccepted) and self._speaks is not None:
                self._soon(event, HEARD_OUT_S, now)
            else:
                self._hear(event, now)
        ours = self._exchange.next_deadline()
        if ours is not None and ours <= now:
            self._obey(self._exchange.time_came(now, self._local(now)), now)
        return self._said()

    def _local(self, now: float) -> datetime:
        """Through UTC, so that a night when the clocks change has its true length."""
        instant = self.begins.astimezone(UTC) + timedelta(seconds=now - self._began)
        return instant.astimezone(self.begins.tzinfo)

    def _hear(self, event: events.Event, now: float) -> None:
        self._obey(self._exchange.receive(event, now, self._local(now)), now)

    def _soon(self, event: events.Event, after_s: float, now: float) -> None:
        heapq.heappush(self._coming, (now + after_s, next(self._order), event))

    def _said(self) -> list[ToAudio]:
        """What has been ordered; nothing any more once it is over."""
        if self._asides and self._speaks is None and not self.is_over:
            self._say((), ASIDE_TAG)
        said, self._out = self._out, []
        return said

    # ---- what the exchange orders ----

    def _obey(self, said: list[Command], now: float) -> None:
        for command in said:
            if self.is_over:
                return
            self._carry_out(command, now)
            for after_s, event in self.clinic.answers(command, self._exchange.outward.legs):
                self._soon(event, after_s, now)

    def _carry_out(self, command: Command, now: float) -> None:
        match command:
            case commands.Play(call=leg) if leg != CALLER:
                self._told_to_others(command, now)
            case commands.Play(prompts=prompts, tag=tag):
                self._say(prompts, tag, command.language)
            case commands.PlayMessage(tag=tag) | commands.PlayLeft(tag=tag):
                self._say((MESSAGE,), tag)
            case commands.Record():
                self._say((UNKEPT, TONE), UNKEPT_TAG)
            case commands.StopRecording():
                others = (each for each in self._coming if not _ends_speech(each[2]))
                self._coming = sorted(others)
            case commands.Offer():
                self._aside(RINGS)
            case commands.CallOut(call=leg) if leg in self._exchange.outward.legs:
                self._aside(OUTSIDE)
            case commands.Join(call=call, then=then) if call == CALLER:
                self._talk(then)
            case commands.Release(call=call) if call == CALLER:
                self._release()
            case commands.StopPlaying(call=call) if call == CALLER:
                self._speaks = None
                self._out.append(command)
            case commands.StartMusic(call=call) | commands.StopMusic(call=call) if call == CALLER:
                self._out.append(command)
            case _:
                pass  # it is the imagined clinic's, and the caller hears nothing of it

    def _say(self, prompts: tuple[str, ...], tag: int, language: str = "") -> None:
        words, self._asides = tuple(self._asides), []
        language = language or self._language()
        self._speaks = tag
        self._out.append(commands.Play(CALLER, (*words, *prompts), language, tag))

    def _language(self) -> str:
        call = self._exchange.calls.get(CALLER)
        return call.language if call is not None else self.plan.language

    def _aside(self, word: str) -> None:
        """Once at each place of the way: a queue rings again and again."""
        call = self._exchange.calls.get(CALLER)
        if call is not None and call.place not in self._told_at:
            self._told_at.add(call.place)
            self._asides.append(word)

    def _told_to_others(self, play: commands.Play, now: float) -> None:
        """Who picks up is told who it is, or is asked to take the caller."""
        self._soon(events.PromptEnded(play.call, play.tag), NETWORK_S, now)
        if play.call in self._exchange.outward.legs:
            self._soon(events.DigitPressed(play.call, outward.TAKE_KEY), ANSWER_S, now)

    # ---- how it ends ----

    def _talk(self, then: Next) -> None:
        """The talk is left out; a survey after it is not."""
        self._then, self._asides = then, []
        self._out.append(commands.StopMusic(CALLER))
        self._say((TALK,) if then is Next.SURVEY else (TALK, OVER), TALK_TAG)

    def _end_talk(self, now: float) -> None:
        if self._then is Next.SURVEY:
            self._hear(events.CameBack(CALLER), now)
        else:
            self._release()

    def _release(self) -> None:
        self._out.append(commands.Release(CALLER, Next.DONE))
        self.is_over = True


def _ends_speech(event: events.Event) -> bool:
    return isinstance(event, events.SpeechEnded)
