"""What the exchange answers about requests: the forms, and nothing else.

A note goes in, and nothing that is sealed comes out: who called, what was keyed and what was noted
is opened by the command of somebody who gives a password.
"""

from typing import Literal

from pydantic import Field

from firmware.control import Strict, Topic
from firmware.requests import Outcome
from firmware.sent_texts import State

ID = r"^[0-9a-f-]{0,36}$"
NOTE_MOST = 2_000  # characters


class RequestsRequest(Strict):
    """Open requests, the most pressing first; or the newest of those that are done."""

    ask: Literal["requests"] = "requests"
    done: bool = False
    limit: int = Field(default=200, ge=1, le=1_000)


class RequestLine(Strict):
    """One request. `overdue` and `left_min` (to the time it is due) are the exchange's own clock's;
    `in_time` is absent while it is open. Not `whole`: its caller hung up before the end, and
    nothing was promised."""

    request: str
    call: str
    kind: str
    taken: str
    due: str
    owner: str | None
    done: str | None
    outcome: str | None
    overdue: bool
    left_min: int
    in_time: bool | None
    whole: bool


class RequestsReply(Strict):
    """`done_today` and `due_today` tell how far the clinic's day has come; `owners`, how many open
    ones everybody has."""

    requests: tuple[RequestLine, ...]
    open: int
    overdue: int
    due_today: int
    done_today: int
    owners: dict[str, int] = Field(default_factory=dict)


class RequestRequest(Strict):
    """One request, named by its id or the beginning of it."""

    ask: Literal["request"] = "request"
    request: str = Field(pattern=ID, min_length=1)


class TextNow(Strict):
    """Where a text is that staff wrote to the caller, and why it did not come."""

    text: str
    state: State
    why: str


class ActLine(Strict):
    at: str
    act: str
    by: str
    detail: str
    has_note: bool
    text: TextNow | None = None  # that was sent then


class SpokenLine(Strict):
    question: str
    message: str
    mailbox: str
    seconds: float
    is_deleted: bool


class RequestReply(Strict):
    """Several requests may begin so: then there is no history."""

    requests: tuple[RequestLine, ...]
    history: tuple[ActLine, ...] = ()
    recordings: tuple[SpokenLine, ...] = ()


class ActRequest(Strict):
    """Do something about one request; whoever asks has done it. `to` is whose it becomes, nobody's
    where it is empty. A text goes to the number that the caller left, or called from; it is the
    note."""

    ask: Literal["request_act"] = "request_act"
    request: str = Field(pattern=ID, min_length=1)
    act: Literal["take", "give", "note", "text", "take back", "done", "reopen", "open"]
    to: str = Field(default="", max_length=64)
    text: str = Field(default="", max_length=64)  # that is taken back; the newest if left out
    outcome: Outcome = Outcome.DONE
    note: str = Field(default="", max_length=NOTE_MOST, repr=False)


REQUESTS = Topic(RequestsRequest, RequestsReply)
REQUEST = Topic(RequestRequest, RequestReply)
REQUEST_ACT = Topic(ActRequest, RequestReply)
