"""A call at a form, or at the question who calls: what its answers make of it.

How far a caller has come with the questions `ivr.asking` knows; here is what follows from it. The
answers leave as one order, a request to keep or a pair to look up, and only what comes back says
how the call goes on. Where it goes on to another node, `Onward` says so, and `ivr.call` enters it.
"""

from dataclasses import dataclass, replace

from ivr import asking, commands, flow, form, identity, requesting, speaking
from ivr.commands import Command
from ivr.flow import Place
from ivr.form import TakeRequest
from ivr.identity import AskIdentity, Verdict
from ivr.standing import Call, Moment, Questions, Stage, Step

# A slow card may need seconds; after this a request is not promised, and nobody is known.
ANSWER_S = 10.0
# Steps of the ledger, by which a call can be followed without what was keyed.
ANSWERED, ASKED_AGAIN = "answer", "asked again"


@dataclass(frozen=True, slots=True)
class Onward:
    """The call goes on to another node, after these orders."""

    call: Call
    to: Place
    orders: tuple[Command, ...] = ()


@dataclass(frozen=True, slots=True)
class ToRecord:
    """What the caller says next is recorded."""

    call: Call


Went = Step | Onward | ToRecord


def asked_at(call: Call) -> Questions | None:
    """The node whose questions these are."""
    node = flow.node_at(call.plan, call.place)
    return node if isinstance(node, TakeRequest | AskIdentity) else None


def begin(call: Call, node: Questions, at: Moment) -> Went:
    """The first question."""
    return _turn(call, node.begin((asking.STAR_FOR_A_PERSON,)), at)


def spoken(call: Call, at: Moment) -> Went:
    """A question has been heard to its end."""
    return _turn(call, asking.spoken(call.asking), at)


def pressed(call: Call, digit: str, at: Moment) -> Went:
    """A key, which ends what is being spoken."""
    stop = commands.StopPlaying(call.id)
    match _turn(call, asking.pressed(call.asking, digit), at):
        case Onward() as onward:
            return replace(onward, orders=(stop, *onward.orders))
        case ToRecord() as to_record:
            return to_record
        case answered, orders:
            return answered, [stop, *orders]


def silent(call: Call, at: Moment) -> Went:
    """No key for too long."""
    return _turn(call, asking.silent(call.asking), at)


def said(call: Call, message: str, at: Moment) -> Went:
    """A spoken answer is kept."""
    return _turn(call, asking.said(call.asking, message), at)


def kept(call: Call, at: Moment) -> Went:
    """The request is durable, and may be promised."""
    node = asked_at(call)
    then = flow.resolve(call.plan, call.place.flow, node.next if node else "")
    has_it = replace(call, requested=True, is_being_kept=False)
    told, orders = speaking.say(has_it, (form.REQUEST_KEPT,), then, at)
    return told, [commands.Note(call.id, "promised", str(call.place)), *orders]


def unanswered(call: Call, at: Moment) -> Went:
    """It could not be kept, or nothing says who it is: a person will."""
    node = asked_at(call)
    if not isinstance(node, TakeRequest):
        return Onward(call, _person(call))
    lost = replace(call, is_being_kept=False)
    told, orders = speaking.say(lost, (form.REQUEST_FAILED,), _person(call), at)
    return told, [commands.Note(call.id, "request lost", str(call.place)), *orders]


def judged(call: Call, verdict: Verdict, name: str, at: Moment) -> Went:
    """What the list of patients says."""
    note = commands.Note(call.id, "checked", f"{call.place}: {verdict}")
    match verdict, asked_at(call):
        case Verdict.IDENTIFIED, AskIdentity(next=target):
            to = flow.resolve(call.plan, call.place.flow, target)
            return Onward(replace(call, patient=name), to, (note,))
        case Verdict.UNKNOWN, AskIdentity(tries=tries) as node if call.checks < tries:
            asked, turn = node.begin((identity.NOT_FOUND,))
            again, orders = speaking.speak(_asking(call, asked), _words(turn), at)
            return again, [note, *orders]
        case _:
            return Onward(call, _person(call), (note,))


def _turn(call: Call, turned: asking.Turned, at: Moment) -> Went:
    told, turn = turned
    asked = _asking(call, told)
    match turn:
        case asking.Speak(prompts=prompts):
            asks, orders = speaking.speak(asked, prompts, at)
            return asks, [*_progress(call, told), *orders]
        case asking.Listen():
            node = asked_at(call)
            return speaking.wait(asked, node.timeout_s if node else 0.0, at), []
        case asking.TakeSpoken():
            return ToRecord(asked)
        case asking.Complete():
            return _send(asked, at, *_progress(call, told))
        case asking.GiveUp(why=why):
            note = commands.Note(call.id, "not answered", f"{call.place}: {why}")
            return Onward(asked, _person(call), (note, commands.StopPlaying(call.id)))


def _progress(call: Call, told: asking.Asking) -> list[Command]:
    """That a question was answered, or is put once more; never what was keyed."""
    before, number = call.asking, len(told.answers)
    if number > len(before.answers):
        name = told.questions[number - 1].name
        return [commands.Note(call.id, ANSWERED, f"{call.place}: {name}")]
    if told.failed > before.failed and told.question is not None:
        return [commands.Note(call.id, ASKED_AGAIN, f"{call.place}: {told.question.name}")]
    return []


def _asking(call: Call, told: asking.Asking) -> Call:
    return replace(call, asking=told, stage=Stage.ASKING)


def _words(turn: asking.Turn) -> tuple[str, ...]:
    return turn.prompts if isinstance(turn, asking.Speak) else ()


def _send(call: Call, at: Moment, *first: Command) -> Went:
    """What was answered leaves the call logic; the caller waits for what becomes of it."""
    sent = replace(call, stage=Stage.SENDING, tag=call.tag + 1)
    order: Command
    match asked_at(call):
        case TakeRequest() as node:
            sent = replace(sent, is_being_kept=True)
            order = requesting.request(sent, node, at)
        case AskIdentity():
            sent = replace(sent, checks=call.checks + 1)
            pair = identity.pair_of(call.asking.answers)
            order = commands.Identify(call.id, sent.tag, pair)
        case None:
            return Onward(call, flow.FRONT_DESK)
    return speaking.wait(sent, ANSWER_S, at), [*first, commands.StopPlaying(call.id), order]


def _person(call: Call) -> Place:
    node = asked_at(call)
    target = node.doubt if isinstance(node, AskIdentity) else node.person if node else ""
    return flow.resolve(call.plan, call.place.flow, target)
