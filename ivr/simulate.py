"""One imagined call through a plan: press these keys at this time, and read the way.

    1,2            keys, one a second
    wait 5         so many seconds
    until main/menu  until the call stands there, however long it takes
    hang up

The exchange is the real one; only the world around it is imagined (`ivr.imagined`): prompts last as
long as their words, phones do what they are told to, and no time passes but the story's own.
"""

import heapq
import re
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import count

from ivr import commands, events, flow, hours, outward
from ivr.errors import ScriptError, UnknownLineError
from ivr.exchange import Exchange
from ivr.hours import Switch
from ivr.identity import Verdict
from ivr.imagined import ANSWER_S, MESSAGE_S, NETWORK_S, Clinic, Phones
from ivr.own_words import OWN
from ivr.plan import HoursFork, Plan
from ivr.standing import Stage

__all__ = ["KEY_GAP_S", "WORDS_PER_S", "Kind", "Lasts", "Phones", "Told", "simulate", "walk"]

WORDS_PER_S = 2.5  # an unhurried voice
KEY_GAP_S = 1.0  # from what went before to a key
TALK_S = 120.0
GIVES_UP_S = 3600.0  # the most patient caller
ROUNDS = 10  # who comes to a place so often, pressing nothing, goes round

_ACTION = re.compile(
    r"(?P<keys>[0-9*#]+)|wait (?P<wait_s>\d+(?:\.\d+)?)|(?P<hangup>hang ?up)"
    r"|until (?P<flow>[^\s/]+)/(?P<node>[^\s/]+)"
)
# Stages in which a call stands at a place, and keys do not mean what they mean there.
_ELSEWHERE = (Stage.CONSENT, Stage.JOINING, Stage.TALKING, Stage.SURVEY)


class Kind(StrEnum):
    """What is told of a call."""

    STEP = "step"  # of its way, as the ledger has it
    PRESSES = "presses"
    GONE = "gone"
    SAYS = "says"
    HUSH = "hush"  # what was said, or played, ends here
    MUSIC = "music"
    ELSE = "else"
    OUTCOME = "outcome"


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that happens, `at_s` seconds after the call came. A step has its detail, words have
    the prompts they are, a key is itself."""

    at_s: float
    kind: Kind
    text: str  # as a line reads it
    step: str = ""
    detail: str = ""
    language: str = ""
    prompts: tuple[str, ...] = ()

    def __str__(self) -> str:
        minutes, seconds = divmod(int(self.at_s), 60)
        return f"{minutes:02}:{seconds:02}  {self.text}"


# How many seconds these prompts of a language take.
Lasts = Callable[[str, tuple[str, ...]], float]


def simulate(
    plan: Plan,
    words: Mapping[str, Mapping[str, str]],
    line: str,
    local: datetime,
    script: str,
    phones: Phones = Phones.ANSWER,
    verdict: Verdict = Verdict.IDENTIFIED,
    by_hand: Mapping[str, bool] | None = None,
) -> list[str]:
    """The way of a call as lines to read. `script` is made of what stands above, parted by commas;
    `words` are the prompts by language, `by_hand` the schedules that are switched open or closed.
    """
    told = walk(plan, words, line, local, script, phones, verdict, by_hand)
    return [str(each) for each in told if each.kind is not Kind.HUSH]


def walk(
    plan: Plan,
    words: Mapping[str, Mapping[str, str]],
    line: str,
    local: datetime,
    script: str,
    phones: Phones = Phones.ANSWER,
    verdict: Verdict = Verdict.IDENTIFIED,
    by_hand: Mapping[str, bool] | None = None,
    each: Mapping[str, Phones] | None = None,
    lasts: Lasts | None = None,
) -> list[Told]:
    """The same, to be shown and heard: `each` says of phones that do otherwise than the others,
    `lasts` how long prompts truly take."""
    if line not in plan.lines:
        known = ", ".join(plan.lines) or "none"
        raise UnknownLineError(f"there is no line {line!r}; the clinic has: {known}")
    numbers = count(1)
    exchange = Exchange(plan, lambda: f"offer {next(numbers)}")
    clinic = Clinic(phones, each or {}, verdict)
    story = _Story(exchange, words, local, clinic, deque(_actions(script)))
    story.lasts = lasts
    for name, is_open in (by_hand or {}).items():
        if name not in plan.hours:
            known = ", ".join(plan.hours) or "none"
            raise ScriptError(f"there is no schedule {name!r}; the clinic has: {known}")
        switch = Switch(name, is_open, local + hours.SWITCH_MAX)
        story.happens(0.0, events.HoursSwitched(name, switch))
    for event in clinic.before(plan):
        story.happens(0.0, event)
    story.happens(0.0, events.CallArrived(_CALLER, line, "", "", ""))
    story.happens(GIVES_UP_S, events.CallerLeft(_CALLER))
    return story.told()


_CALLER = "the caller"


def _actions(script: str) -> Iterator[re.Match[str]]:
    for action in filter(None, (part.strip() for part in script.split(","))):
        match = _ACTION.fullmatch(action)
        if match is None:
            raise ScriptError(
                f'{action!r} is neither keys, nor "wait SECONDS", nor "until FLOW/NODE", nor'
                ' "hang up"'
            )
        yield match


@dataclass(slots=True)
class _Story:
    exchange: Exchange
    words: Mapping[str, Mapping[str, str]]
    local: datetime
    clinic: Clinic
    script: deque[re.Match[str]] = field(default_factory=deque)
    acted_at: float = 0.0  # the script has come so far
    now: float = 0.0
    lines: list[Told] = field(default_factory=list)
    lasts: Lasts | None = None
    _been: Counter[str] = field(default_factory=Counter)
    _coming: list[tuple[float, int, events.Event]] = field(default_factory=list)
    _order: Iterator[int] = field(default_factory=count)

    def happens(self, at: float, event: events.Event) -> None:
        heapq.heappush(self._coming, (at, next(self._order), event))

    def told(self) -> list[Told]:
        """Let everything happen until the call is over."""
        while self._coming and not (self.lines and not self.exchange.calls):
            self._act()
            due = self.exchange.next_deadline()
            if due is not None and due <= self._coming[0][0]:
                self.now = max(self.now, due)
                self._obey(self.exchange.time_came(self.now, self._local()))
                continue
            self.now, _, event = heapq.heappop(self._coming)
            self._show(event)
            self._obey(self.exchange.receive(event, self.now, self._local()))
        for left in self.script:
            self._tell(f"  the call never came so far: {left[0]}")
        return self.lines

    def _act(self) -> None:
        """What the caller does next, as far as the script need not wait for it."""
        while self.script and (not (place := self.script[0]["flow"]) or self._stands(place)):
            action = self.script.popleft()
            if action["flow"]:
                self.acted_at = max(self.acted_at, self.now)
            elif action["wait_s"]:
                self.acted_at += float(action["wait_s"])
            elif action["hangup"]:
                self.happens(self.acted_at + KEY_GAP_S, events.CallerLeft(_CALLER))
            for key in action["keys"] or "":
                self.acted_at += KEY_GAP_S
                self.happens(self.acted_at, events.KeyBegan(_CALLER, key))

    def _stands(self, name: str) -> bool:
        call, at = self.exchange.calls.get(_CALLER), flow.Place(name, self.script[0]["node"])
        return call is not None and call.place == at and call.stage not in _ELSEWHERE

    def _local(self) -> datetime:
        """Through UTC, so that a night when the clocks change has its true length."""
        instant = self.local.astimezone(UTC) + timedelta(seconds=self.now)
        return instant.astimezone(self.local.tzinfo)

    def _tell(self, text: str, kind: Kind = Kind.ELSE, step: str = "", detail: str = "") -> None:
        self.lines.append(Told(self.now, kind, text, step, detail))

    def _show(self, event: events.Event) -> None:
        match event:
            case events.KeyBegan(digit=digit) if self.exchange.calls:
                self._tell(f"the caller presses {digit}", Kind.PRESSES, detail=digit)
            case events.CallerLeft() if self.exchange.calls:
                self._tell("the caller is gone", Kind.GONE)
            case _:
                pass

    def _soon(self, event: events.Event, after_s: float) -> None:
        self.happens(self.now + after_s, event)

    def _obey(self, said: list[commands.Command]) -> None:
        for command in said:
            self._carry_out(command)

    def _carry_out(self, command: commands.Command) -> None:
        match command:
            case commands.Play(call=call, prompts=prompts, language=language, tag=tag):
                spoken = " ".join(self.words.get(language, {}).get(p, f"[{p}]") for p in prompts)
                says = Told(
                    self.now, Kind.SAYS, f'  says "{spoken}"', "", spoken, language, prompts
                )
                self.lines.append(says)
                lasts_s = len(spoken.split()) / WORDS_PER_S
                if self.lasts is not None:
                    lasts_s = self.lasts(language, prompts)
                self._soon(events.PromptEnded(call, tag), lasts_s)
                if call in self.exchange.outward.legs:
                    self._soon(events.DigitPressed(call, outward.TAKE_KEY), ANSWER_S)
            case commands.StartMusic():
                self._tell("  music", Kind.MUSIC)
            case commands.Record(call=call, mailbox=mailbox):
                what = "words of the clinic's own" if mailbox == OWN else f"a message for {mailbox}"
                self._tell(f"  records {what}")
                self._soon(events.SpeechEnded(call), MESSAGE_S)
            case commands.PlayMessage(call=call, tag=tag):
                self._tell("  plays the message back")
                self._soon(events.PromptEnded(call, tag), MESSAGE_S)
            case commands.CallOut(call=leg) if leg in self.exchange.outward.legs:
                self._tell("  somebody outside is called")
            case commands.CloseTicket(end=end):
                self._tell(f"call-back {end}")
            case commands.Note(step=step, detail=detail):
                self._tell(f"{step} {detail}".rstrip(), Kind.STEP, step, detail)
                if step == "hours":
                    self._doubt(detail.partition(" ")[0])
                self._may_give_up(f"{step} {detail}")
            case commands.KeepRequest(kind=kind, due=due):
                self._tell(f"  keeps a request ({kind}), due {due:%a %Y-%m-%d %H:%M}")
            case commands.Identify(pair=pair):
                self._tell(f"  asks who this is ({pair.name}): {self.clinic.verdict}")
            case commands.SwitchHours() | commands.SetGreeting():
                self._tell("  writes it down")
            case commands.PlayLeft(call=call, tag=tag):
                self._tell("  plays a message")
                self._soon(events.PromptEnded(call, tag), MESSAGE_S)
            case commands.Finish(outcome=outcome):
                self._tell(f"outcome: {outcome}", Kind.OUTCOME, "outcome", outcome)
            case commands.StopPlaying() | commands.StopMusic():
                self._tell("", Kind.HUSH)
            case _:
                pass  # nothing of it is told; the clinic answers all the same
        for after_s, event in self.clinic.answers(command, self.exchange.outward.legs):
            self._soon(event, after_s)
        if isinstance(command, commands.Join):
            self._soon(events.CallerLeft(command.call), TALK_S)

    def _may_give_up(self, told: str) -> None:
        """Somebody for whom nothing changes any more."""
        call = self.exchange.calls.get(_CALLER)
        if call is None or self.script or not told.endswith(f" {call.place}"):
            return
        self._been[told] += 1
        if self._been[told] == ROUNDS:
            self._tell(f"  here for the {ROUNDS}th time, and gives up")
            self._soon(events.CallerLeft(_CALLER), NETWORK_S)

    def _doubt(self, place: str) -> None:
        """Hours that are written twice for this moment."""
        plan, (name, _, node) = self.exchange.plan, place.partition("/")
        fork = plan.flows[name].nodes.get(node) if name in plan.flows else None
        schedule = plan.hours.get(fork.hours) if isinstance(fork, HoursFork) else None
        if schedule and len(spans := hours.opening_at(schedule, self._local())) > 1:
            twice = " and ".join(hours.shown(each) for each in spans)
            self._tell(f"  {schedule.name} is open twice at this time: {twice}")
