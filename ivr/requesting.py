"""What becomes work of a form's answers: all of them, once the last is given; and those given by
then, when the caller hangs up before. Of the latter nothing was promised, and the request says so;
who answered nothing, or got to talk with somebody, has left none.
"""

from dataclasses import replace

from ivr import asking, due, flow
from ivr.commands import KeepRequest
from ivr.form import TakeRequest
from ivr.standing import Call, Moment, Stage


def request(call: Call, node: TakeRequest, at: Moment) -> KeepRequest:
    """The call's answers as a request of the form's kind."""
    by = due.due_at(call.plan, node.request, at.local, at.switches, trusted=at.trusted)
    owner = due.rule_of(call.plan, node.request).owner
    answers, is_whole = call.asking.answers, call.asking.question is None
    return KeepRequest(
        call.id, call.tag, node.request, answers, call.patient, by, owner, is_whole=is_whole
    )


def left_by(call: Call, at: Moment) -> KeepRequest | None:
    """What a caller has left who has hung up, and whose answers are nobody's yet. A last answer may
    still have been on its way to the disk; else who gave all of them knows what became of it."""
    node = flow.node_at(call.plan, call.place)
    is_gone = call.stage in (Stage.LOST, Stage.ENDING)
    is_told = call.asking.question is None and not is_gone
    if call.joined or call.requested or is_told or not call.asking.answers:
        return None
    return request(call, node, at) if isinstance(node, TakeRequest) else None


def hears(call: Call, message: str) -> Call:
    """Whoever hangs up while answering aloud has answered, as far as it goes."""
    node = flow.node_at(call.plan, call.place)
    if not isinstance(node, TakeRequest):
        return call
    told, _ = asking.said(call.asking, message)
    return replace(call, asking=told)
