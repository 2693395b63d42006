"""One imagined call through a plan: press these keys at this time, and read the way.

The exchange is the real one; only the world around it is imagined: prompts last as long as their
words, phones do what they are told to, and no time passes but the story's own.
"""

import heapq
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import count
from typing import assert_never

from ivr import commands, events
from ivr.errors import ScriptError, UnknownLineError
from ivr.exchange import Exchange
from ivr.identity import Verdict
from ivr.own_words import OWN
from ivr.plan import Plan

WORDS_PER_S = 2.5  # an unhurried voice
KEY_GAP_S = 1.0  # from what went before to a key
ANSWER_S = 4.0
NETWORK_S = 0.05
MESSAGE_S = 12.0  # what the caller has to say
TALK_S = 120.0
GIVES_UP_S = 3600.0  # the most patient caller

_ACTION = re.compile(r"(?P<keys>[0-9*#]+)|wait (?P<wait_s>\d+(?:\.\d+)?)|(?P<hangup>hang ?up)")


class Phones(StrEnum):
    """What the clinic's phones do when they ring."""

    ANSWER = "answer"
    SILENT = "silent"
    BUSY = "busy"
    REFUSE = "refuse"


def simulate(
    plan: Plan,
    words: Mapping[str, Mapping[str, str]],
    line: str,
    local: datetime,
    script: str,
    phones: Phones = Phones.ANSWER,
    verdict: Verdict = Verdict.IDENTIFIED,
) -> list[str]:
    """The way of a call as lines to read. `script` is keys, `wait SECONDS` and `hang up`, parted by
    commas; `words` are the prompts by language."""
    if line not in plan.lines:
        known = ", ".join(plan.lines) or "none"
        raise UnknownLineError(f"there is no line {line!r}; the clinic has: {known}")
    numbers = count(1)
    exchange = Exchange(plan, lambda: f"offer {next(numbers)}")
    story = _Story(exchange, words, local, phones, verdict)
    story.happens(0.0, events.CallArrived(_CALLER, line, "", "", ""))
    for at, event in _script_events(script):
        story.happens(at, event)
    story.happens(GIVES_UP_S, events.CallerLeft(_CALLER))
    return story.told()


_CALLER = "the caller"


def _script_events(script: str) -> Iterator[tuple[float, events.Event]]:
    at = 0.0
    for action in filter(None, (part.strip() for part in script.split(","))):
        match = _ACTION.fullmatch(action)
        if match is None:
            raise ScriptError(f'{action!r} is neither keys, nor "wait SECONDS", nor "hang up"')
        if match["wait_s"]:
            at += float(match["wait_s"])
        elif match["hangup"]:
            yield at + KEY_GAP_S, events.CallerLeft(_CALLER)
        else:
            for key in match["keys"]:
                at += KEY_GAP_S
                yield at, events.KeyBegan(_CALLER, key)


@dataclass(slots=True)
class _Story:
    exchange: Exchange
    words: Mapping[str, Mapping[str, str]]
    local: datetime
    phones: Phones
    verdict: Verdict
    now: float = 0.0
    lines: list[str] = field(default_factory=list)
    _coming: list[tuple[float, int, events.Event]] = field(default_factory=list)
    _order: Iterator[int] = field(default_factory=count)

    def happens(self, at: float, event: events.Event) -> None:
        heapq.heappush(self._coming, (at, next(self._order), event))

    def told(self) -> list[str]:
        """Let everything happen until the call is over."""
        while self._coming and not (self.lines and not self.exchange.calls):
            due = self.exchange.next_deadline()
            if due is not None and due <= self._coming[0][0]:
                self.now = max(self.now, due)
                self._obey(self.exchange.time_came(self.now, self._local()))
                continue
            self.now, _, event = heapq.heappop(self._coming)
            self._show(event)
            self._obey(self.exchange.receive(event, self.now, self._local()))
        return self.lines

    def _local(self) -> datetime:
        """Through UTC, so that a night when the clocks change has its true length."""
        instant = self.local.astimezone(UTC) + timedelta(seconds=self.now)
        return instant.astimezone(self.local.tzinfo)

    def _tell(self, text: str) -> None:
        minutes, seconds = divmod(int(self.now), 60)
        self.lines.append(f"{minutes:02}:{seconds:02}  {text}")

    def _show(self, event: events.Event) -> None:
        match event:
            case events.KeyBegan(digit=digit) if self.exchange.calls:
                self._tell(f"the caller presses {digit}")
            case events.CallerLeft() if self.exchange.calls:
                self._tell("the caller is gone")
            case _:
                pass

    def _soon(self, event: events.Event, after_s: float = NETWORK_S) -> None:
        self.happens(self.now + after_s, event)

    def _obey(self, said: list[commands.Command]) -> None:
        for command in said:
            self._carry_out(command)

    def _carry_out(self, command: commands.Command) -> None:
        match command:
            case commands.Play(call=call, prompts=prompts, language=language, tag=tag):
                spoken = " ".join(self.words.get(language, {}).get(p, f"[{p}]") for p in prompts)
                self._tell(f'  says "{spoken}"')
                self._soon(events.PromptEnded(call, tag), len(spoken.split()) / WORDS_PER_S)
            case commands.StartMusic():
                self._tell("  music")
            case commands.Record(call=call, mailbox=mailbox):
                what = "words of the clinic's own" if mailbox == OWN else f"a message for {mailbox}"
                self._tell(f"  records {what}")
                self._soon(events.SpeechEnded(call), MESSAGE_S)
            case commands.StopRecording(call=call):
                self._soon(events.RecordingKept(call, "message", MESSAGE_S))
            case commands.Offer():
                self._ring(command)
            case commands.PlayMessage(call=call, tag=tag):
                self._tell("  plays the message back")
                self._soon(events.PromptEnded(call, tag), MESSAGE_S)
            case commands.OpenLease(urgent=urgent):
                self._soon(events.LeaseOpened(urgent))
            case commands.CallOut(call=leg) if leg in self.exchange.outward.legs:
                self._tell("  somebody outside is called")
                self._ring_outside(command)
            case commands.CallOut(call=call):
                self._soon(events.CallOutEnded(call, events.Refusal.SILENT))
            case commands.KeepTicket(ticket=ticket):
                self._soon(events.TicketOpened(ticket))
            case commands.TryTicket(ticket=ticket_id, leg=leg):
                self._soon(events.TicketTried(ticket_id, leg))
            case commands.CloseTicket(end=end):
                self._tell(f"call-back {end}")
            case commands.Withdraw(offer=offer):
                self._soon(events.OfferEnded(offer, events.Refusal.WITHDRAWN))
            case commands.Join(call=call, offer=offer):
                self._soon(events.Joined(call, offer))
                self._soon(events.CallerLeft(call), TALK_S)
            case commands.Release(call=call):
                self._soon(events.CallerLeft(call))
            case commands.Note(step=step, detail=detail):
                self._tell(f"{step} {detail}".rstrip())
            case commands.KeepRequest(call=call, tag=tag, kind=kind, due=due):
                self._tell(f"  keeps a request ({kind}), due {due:%a %Y-%m-%d %H:%M}")
                self._soon(events.RequestKept(call, tag))
            case commands.Identify(call=call, tag=tag, pair=pair):
                self._tell(f"  asks who this is ({pair.name}): {self.verdict}")
                self._soon(events.IdentityChecked(call, tag, self.verdict, "a patient"))
            case commands.CheckPins(call=call, people=people):
                self._soon(events.PinChecked(call, fits=True, person=people[0]))
            case commands.SwitchHours(call=call) | commands.SetGreeting(call=call):
                self._tell("  writes it down")
                self._soon(events.WordsKept(call))
            case commands.Finish(outcome=outcome):
                self._tell(f"outcome: {outcome}")
            case (
                commands.StopPlaying()
                | commands.StopMusic()
                | commands.CheckPin()
                | commands.OwnLease()
                | commands.FreeLease()
                | commands.CloseLease()
                | commands.SendNotice()
                | commands.SendOn()
                | commands.TellAway()
            ):
                pass
            case _:
                assert_never(command)

    def _ring_outside(self, out: commands.CallOut) -> None:
        """Outside they do what the clinic's phones do."""
        refused = events.Refusal
        match self.phones:
            case Phones.ANSWER:
                self._soon(events.CalledOut(out.call), ANSWER_S)
            case Phones.SILENT:
                self._soon(events.CallOutEnded(out.call, refused.SILENT), out.ring_s)
            case Phones.BUSY:
                self._soon(events.CallOutEnded(out.call, refused.BUSY))
            case Phones.REFUSE:
                self._soon(events.CallOutEnded(out.call, refused.REFUSED), ANSWER_S)
            case _:
                assert_never(self.phones)

    def _ring(self, offer: commands.Offer) -> None:
        refused = events.Refusal
        match self.phones:
            case Phones.ANSWER:
                self._soon(events.OfferRang(offer.offer))
                self._soon(events.OfferAccepted(offer.offer), ANSWER_S)
            case Phones.SILENT:
                self._soon(events.OfferRang(offer.offer))
                self._soon(events.OfferEnded(offer.offer, refused.SILENT), offer.ring_s)
            case Phones.BUSY:
                self._soon(events.OfferEnded(offer.offer, refused.BUSY))
            case Phones.REFUSE:
                self._soon(events.OfferRang(offer.offer))
                self._soon(events.OfferEnded(offer.offer, refused.REFUSED), ANSWER_S)
            case _:
                assert_never(self.phones)
