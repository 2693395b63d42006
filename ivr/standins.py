"""What stands in for that which no row of the ledger holds: a caller's keys, number and name.

A replay knows that a question was answered and not how; so it answers with what would do as well.
Where a dialogue ended well, that it did is enough, and the call is put there.
"""

from dataclasses import replace
from datetime import UTC, datetime

from ivr import asking, events, urgent
from ivr.asking import Kind, Question
from ivr.callback_talk import Phase
from ivr.plan import Urgency
from ivr.standing import Call, StepEvent
from ivr.ticket import Ticket

A_DAY = datetime(2026, 1, 1, tzinfo=UTC)
A_DATE = "01021990"


def keys_for(question: Question) -> str:
    """An answer to this question, confirmed where that is asked for."""
    confirmed = question.is_read_back and question.kind not in (Kind.CHOICE, Kind.RECORDED)
    ending = asking.RIGHT if confirmed else ""
    match question.kind:
        case Kind.CHOICE:
            return next(iter(question.choices), "")
        case Kind.DATE:
            return A_DATE + ending
        case Kind.DIGITS | Kind.NUMBER:
            ends = "" if question.least == question.most else asking.END
            return "1" * question.least + ends + ending
        case Kind.RECORDED:
            return ""


def about_to_agree(call: Call) -> Call:
    """The caller's number has been read back, and is to be called or not by the next key."""
    if call.talk is None:
        return call
    return replace(call, talk=replace(call.talk, phase=Phase.CONFIRM, number=""))


def ticket(call: Call) -> Ticket:
    """One that the call came to have."""
    return Ticket("", call.id, "", "", Urgency.ROUTINE, call.language, 0.0, A_DAY)


def about_to_settle(call: Call) -> Call:
    """All is read back about an urgent message, and it is being written."""
    if call.settling is None:
        return call
    return replace(call, settling=replace(call.settling, asked=urgent.Asked.WRITING))


def settled(call: Call, *, is_written: bool) -> StepEvent:
    """What became of that."""
    left = urgent.Urgent(call.id, "", "", call.language, ())
    return events.LeaseOpened(left) if is_written else events.LeaseUnwritten(left)
