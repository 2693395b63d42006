"""A call of the ledger once more, through this code and a plan: would it go the same way?

What came from outside (keys, who picked up, when the caller left, the crowd it waited in, a switch
by hand) is read from the call's rows; what the clinic made of it is decided anew. What the ledger
does not tell is taken as it must have been: a prompt ended when the call went on.

Whom the ACD gives a call to is chosen once more among those who were free (`ivr.choosing`), and
told where it would be somebody else; the call then goes on as it did.

What callers keyed as answers, and their numbers, stand in no row and are nobody's business: that a
question was answered does, and `ivr.standins` answers it in their place. A call of which a row
tells something unknown here is followed up to that row, and the way to there is compared.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from ivr import (
    asking,
    callback_talk,
    choosing,
    commands,
    consent,
    hours,
    line_said,
    outward,
    overflow,
    pace,
    standins,
    urgent,
)
from ivr.asking import Kind
from ivr.call import arrive, step
from ivr.events import (
    AudioLost,
    CallArrived,
    CallerLeft,
    DigitPressed,
    FellToFailsafe,
    IdentityChecked,
    Joined,
    JoinFailed,
    LineSaid,
    PromptEnded,
    RecordingFailed,
    RecordingKept,
    RequestFailed,
    RequestKept,
    SpeechEnded,
    TicketFailed,
    TicketOpened,
)
from ivr.identity import Verdict
from ivr.overflow import Crowd
from ivr.plan import Plan
from ivr.pressing import Sign
from ivr.questions import ANSWERED, ASKED_AGAIN
from ivr.says import Says
from ivr.standing import (
    Moment,
    NobodyLeft,
    Placed,
    Stage,
    Step,
    StepEvent,
    Stood,
    Taken,
    TellCrowd,
    TellPosition,
    TimeCame,
    Wait,
)

# Steps that say where a call went; their details name the node.
PLACES = frozenset({"say", "menu", "queue", "ring", "message", "hangup"})
PLACES |= {"form", "identity", "callback"}
# Steps that we know how to bring about, or that follow from those.
WAYPOINTS = PLACES | {"released"}
FROM_OUTSIDE = frozenset({"digit", "accepted", "joined", "not joined", "recording", "sealed"})
FROM_OUTSIDE |= {"skipped", ANSWERED, ASKED_AGAIN, "not answered", "checked", "call-back", "kept"}
FROM_OUTSIDE |= {"promised", "request lost", "broken off", "request", "not promised", outward.STEP}
FROM_OUTSIDE |= {"not kept", "overflow", "audio lost", "failsafe", "rated", "outcome"}
OF_NO_WEIGHT = frozenset({"offered", "arrived", "goto", "hours", "waits", "position", "matched"})
OF_NO_WEIGHT |= {"expects", pace.MOVED}
OF_NO_WEIGHT |= {"offer", "rings", "silent", "busy", "refused", "unreachable", "withdrawn"}
OF_NO_WEIGHT |= {"no room", "raised", "released", "because", "surveyed", "held"}
OF_NO_WEIGHT |= {"identified", "not identified", "promise", "unwanted", "asked", "on call"}
OF_NO_WEIGHT |= {"key destroyed", "call-back closed"}
OF_NO_WEIGHT |= {"resumed", "wrapped up", "called back", "picked up"}
OF_NO_WEIGHT |= {"transferred", "parked", "taken up"}
KNOWN = PLACES | FROM_OUTSIDE | OF_NO_WEIGHT
PHONE = "phone"  # in a way, where the ACD would choose another
REPLIES = frozenset({ANSWERED, ASKED_AGAIN, "not answered"})
ENDLESS = 1000  # events without a row; a plan that needs more goes in a circle


@dataclass(frozen=True, slots=True)
class Row:
    """A step of the ledger; `now` is monotonic, `local` the clinic's time."""

    step: str
    detail: str
    now: float
    local: datetime


@dataclass(frozen=True, slots=True)
class Recorded:
    """A call as the ledger has it, from its arrival on."""

    call: str
    line: str
    dialled: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Way:
    """The nodes a call went through, and how it ended; None: it was not followed to its end."""

    places: tuple[str, ...]
    outcome: str | None

    def __str__(self) -> str:
        return " → ".join([*self.places, *([self.outcome] if self.outcome else [])])


@dataclass(frozen=True, slots=True)
class Compared:
    """Both ways, cut where the call can be followed no further."""

    recorded: Way
    replayed: Way

    @property
    def is_same(self) -> bool:
        return self.recorded == self.replayed


# How many stood in a queue with a call, at a time, as far as the ledger tells.
CrowdAt = Callable[[str, float], Crowd]


def compare(recorded: Recorded, plan: Plan, crowd_at: CrowdAt) -> Compared:
    """A recorded call beside what this plan makes of it."""
    followed = tuple(_followed(recorded.rows))
    course = _Course(replace(recorded, rows=followed), plan, crowd_at)
    became = _way_of(course.told())
    told = ((row.step, row.detail) for row in followed)
    was = _way_of((PHONE, course.moved[row]) if row in course.moved else row for row in told)
    if was.outcome is None:
        # Cut alike: what the caller would have done next is not known for either.
        became = Way(became.places[: len(was.places)], None)
    return Compared(was, became)


def _followed(rows: Iterable[Row]) -> Iterator[Row]:
    """Up to what we know nothing of. A second arrival is that of a caller whom an exchange found
    there when it was started anew."""
    has_arrived = False
    for row in rows:
        if row.step not in KNOWN or (row.step == "arrived" and has_arrived):
            return
        has_arrived |= row.step == "arrived"
        if row.step != "offered":
            yield row


def _way_of(told: Iterator[tuple[str, str]]) -> Way:
    places: list[str] = []
    ended = None
    for word, detail in told:
        if word in PLACES or word == PHONE:
            places.append(f"{word} {detail}")
        elif word == "outcome":
            ended = detail
    return Way(tuple(places), ended)


class _Course:
    """One call on its way; every change of it is told as its notes."""

    def __init__(self, recorded: Recorded, plan: Plan, crowd_at: CrowdAt) -> None:
        self._recorded, self._plan, self._crowd_at = recorded, plan, crowd_at
        self._rows = recorded.rows
        self._told: list[tuple[str, str]] = []
        self._index = 0
        # Choices that would be others now, by their rows, with who was chosen.
        self.moved: dict[tuple[str, str], str] = {}
        self._now = self._rows[0].now if self._rows else 0.0

    def told(self) -> Iterator[tuple[str, str]]:
        if not self._rows:
            return iter(())
        came_before = any(r.step == "raised" and r.detail == Sign.AGAIN for r in self._rows)
        unwanted = next((r.detail for r in self._rows if r.step == "unwanted"), "")
        recorded = self._recorded
        arrived = CallArrived(recorded.call, recorded.line, recorded.dialled, "", "", came_before)
        arrived = replace(arrived, unwanted=unwanted)
        self._apply(arrive(arrived, self._plan, self._at()))
        for index, row in enumerate(self._rows):
            self._index = index
            self._pass_until(row.now)
            self._take(row)
        return iter(self._told)

    def _at(self) -> Moment:
        """The moment, with what the next hours row says of switches and of the clock."""
        row = self._rows[self._index]
        nearest = next((r.detail for r in self._rows[self._index :] if r.step == "hours"), "")
        switches = hours.switches_in(nearest, self._plan.hours, row.local)
        return Moment(self._now, row.local, switches, trusted=hours.was_trusted(nearest))

    def _tell(self, event: StepEvent) -> None:
        self._apply(step(self._call, event, self._at()))

    def _apply(self, stepped: Step) -> None:
        self._call, orders = stepped
        for order in orders:
            match order:
                case commands.Note(step=word, detail=detail):
                    self._told.append((word, detail))
                case commands.Finish(outcome=outcome):
                    self._told.append(("outcome", outcome.value))
                case commands.KeepTicket(ticket=ticket):
                    self._tell(TicketOpened(ticket))
                case Wait():
                    if order.may_be_led_on:
                        self._tell(Stood(self._crowd(order.queues[0])))
                    self._tell(Placed(1))
                case TellPosition():
                    self._tell(Placed(1))
                case TellCrowd():
                    node = self._told_queue()
                    self._tell(Stood(self._crowd(node)))
                case _:
                    pass

    def _told_queue(self) -> str:
        waits = [detail for word, detail in self._told if word == "waits"]
        return waits[-1].split(", ")[0] if waits else ""

    def _crowd(self, queue: str) -> Crowd:
        """As it was when a rule led the call on; else as many as the ledger shows waiting there."""
        now = self._rows[self._index].now
        for row in self._rows[self._index :]:
            if (
                row.step == "overflow"
                and row.now <= now
                and (crowd := overflow.crowd_of(row.detail))
            ):
                return crowd
        return self._crowd_at(queue, now)

    # ---- what came from outside ----

    def _take(self, row: Row) -> None:
        call = self._call.id
        match row.step:
            case "digit" | "rated" if len(row.detail) == 1:
                self._hear_out()
                self._tell(DigitPressed(call, row.detail))
            case consent.STEP if self._call.stage is Stage.CONSENT:
                is_given = row.detail.startswith(consent.GIVEN)
                self._tell(DigitPressed(call, consent.YES if is_given else consent.NO))
            case "skipped":
                self._tell(DigitPressed(call, row.detail))
            case "overflow" if self._call.stage is Stage.QUEUED:
                if crowd := overflow.crowd_of(row.detail):
                    self._tell(Stood(crowd))
            case "matched" if self._call.stage is Stage.QUEUED:
                self._choose(row)
            case "accepted":
                self._hear_out()
                self._tell(Taken(""))
            case outward.STEP if row.detail == outward.CALLED:
                self._tell(PromptEnded(call, self._call.tag))
            case "joined":
                self._tell(Joined(call, ""))
            case "not joined":
                self._tell(JoinFailed(call, ""))
            case "recording" if self._call.stage is Stage.SETTLING:
                self._tell(DigitPressed(call, urgent.NO_KEY))
            case "recording":
                self._tell(PromptEnded(call, self._call.tag))
            case "sealed" if not row.detail.endswith(" deleted"):
                self._tell(SpeechEnded(call))
                self._tell(RecordingKept(call, "", 0.0))
            case "kept" | "not kept" if self._call.stage is Stage.SETTLING:
                self._call = standins.about_to_settle(self._call)
                self._tell(standins.settled(self._call, is_written=row.step == "kept"))
            case "not kept":
                self._tell(RecordingFailed(call, ""))
            case "call-back" if self._call.stage is Stage.OFFERING:
                self._call = standins.about_to_agree(self._call)
                self._tell(DigitPressed(call, callback_talk.CONFIRMED))
            case "not promised" if self._call.stage is Stage.OFFERING:
                self._tell(TicketFailed(call, ""))  # whatever it was: the caller is led on
            case "call-back" if self._has_told("callback"):
                self._tell(TicketOpened(standins.ticket(self._call)))  # too late to say so
            case "request" if self._has_told("request lost"):
                self._tell(RequestKept(call, self._call.tag))
            case "checked" if not self._call.is_being_kept:
                verdict = Verdict(row.detail.rpartition(": ")[2])
                self._tell(IdentityChecked(call, self._call.tag, verdict))
            case "promised" if self._call.is_being_kept:
                self._tell(RequestKept(call, self._call.tag))
            case "request lost" if self._call.is_being_kept:
                self._tell(RequestFailed(call, self._call.tag))
            case _ if self._call.stage is Stage.ASKING and row.step in REPLIES:
                self._reply(row)
            case "broken off":
                self._tell(CallerLeft(call))
            case line_said.STEP if row.detail in set(Says):
                self._tell(LineSaid(call, Says(row.detail)))
            case "failsafe":
                self._tell(FellToFailsafe(call))
            case "audio lost":
                self._tell(AudioLost(call, ""))
            case "outcome":
                self._tell(CallerLeft(call))
                self._tell(RecordingFailed(call, ""))
                was_kept = any(row.step == "request" for row in self._rows[: self._index])
                tag = self._call.tag
                self._tell(RequestKept(call, tag) if was_kept else RequestFailed(call, tag))
            case word if word in WAYPOINTS:
                self._go_on()
            case _:
                pass

    def _choose(self, row: Row) -> None:
        """Among those who were free; where rows told less, nothing is known to be otherwise."""
        choice = choosing.choice_of(row.detail)
        if choice is None:
            return
        again = choosing.chosen_again(choice, self._plan)
        if again != choice.chosen:
            self.moved[row.step, row.detail] = choice.chosen
            self._told.append((PHONE, again))

    def _has_told(self, step: str) -> bool:
        return any(word == step for word, _ in self._told)

    def _reply(self, row: Row) -> None:
        """To a question of this plan as to the one that was asked: well, not well, or not at all.
        What was spoken is an answer once it is sealed, and may be one already."""
        question = self._call.asking.question
        if row.step == "not answered" and row.detail.endswith(asking.WISHED):
            self._tell(DigitPressed(self._call.id, asking.PERSON))
        elif row.step != ANSWERED or question is None:
            self._let_pass()
        elif self._times(row) > self._told.count((row.step, row.detail)):
            for key in standins.keys_for(question):
                self._tell(DigitPressed(self._call.id, key))
            if question.kind is Kind.RECORDED:
                self._tell(PromptEnded(self._call.id, self._call.tag))
                self._tell(RecordingKept(self._call.id, "", 0.0))

    def _times(self, row: Row) -> int:
        before = self._rows[: self._index + 1]
        return sum((row.step, row.detail) == (other.step, other.detail) for other in before)

    def _let_pass(self) -> None:
        """The silence that was allowed is over: else the call would not have gone on by now."""
        self._call = replace(self._call, until=self._now)
        self._tell(TimeCame())

    def _go_on(self) -> None:
        """The recorded call has come to its next node: prompts ended, or nobody pressed a key."""
        passed = sum(row.step in WAYPOINTS for row in self._rows[: self._index + 1])
        for _ in range(ENDLESS):
            here = sum(word in WAYPOINTS for word, _ in self._told)
            if here >= passed or not self._waits_for_time():
                return
            self._pass_prompt()

    def _hear_out(self) -> None:
        """Whoever presses a key, or talks, has heard what came before."""
        for _ in range(ENDLESS):
            if self._call.stage not in (Stage.SPEAKING, Stage.CONSENT):
                return
            self._pass_prompt()

    def _waits_for_time(self) -> bool:
        stages = (Stage.SPEAKING, Stage.CONSENT, Stage.MENU, Stage.RINGING, Stage.SENDING)
        return self._call.stage in stages

    def _pass_prompt(self) -> None:
        stage = self._call.stage
        self._tell(PromptEnded(self._call.id, self._call.tag))
        if stage is Stage.RINGING:
            self._tell(NobodyLeft())
        silent = (Stage.CONSENT, Stage.MENU, Stage.RINGING, Stage.SENDING)
        if stage is self._call.stage in silent:
            self._let_pass()

    def _pass_until(self, now: float) -> None:
        """The call's own deadlines while it waits, in their order; speech has none that matter."""
        for _ in range(ENDLESS):
            due = self._call.deadline
            if due is None or due > now or self._call.stage is not Stage.QUEUED:
                break
            self._now = max(self._now, due)
            self._tell(TimeCame())
        self._now = max(self._now, now)
