"""What every exchange answers at its control socket: the forms, and nothing else.

No form has a place for a caller's number or name.
"""

from enum import StrEnum
from typing import Literal

from pydantic import Field

from firmware.control import Strict, Topic


class StatusRequest(Strict):
    """How is it?"""

    ask: Literal["status"] = "status"


class Part(Strict):
    """One part of the exchange and how it is; `cure` says what to do when it is not well."""

    name: str
    state: Literal["well", "warning", "alarm"]
    detail: str
    cure: str = ""


class StatusReply(Strict):
    """The conservation sum, and each part's state."""

    version: str
    pid: int
    up_s: float
    offered: int
    outcomes: dict[str, int]
    in_progress: int
    balanced: bool
    parts: tuple[Part, ...]


class CallsRequest(Strict):
    """The newest calls."""

    ask: Literal["calls"] = "calls"
    limit: int = Field(default=50, ge=1, le=1_000)


class CallLine(Strict):
    """One call of the list; `ended` and `outcome` are absent while it is in progress."""

    call: str
    line: str
    arrived: str
    ended: str | None
    outcome: str | None


class CallsReply(Strict):
    calls: tuple[CallLine, ...]


class AgentsRequest(Strict):
    """Who is there, and what they do."""

    ask: Literal["agents"] = "agents"


class AgentLine(Strict):
    """One phone; `detail` is a pause's reason."""

    extension: str
    name: str
    doing: str
    detail: str
    queues: tuple[str, ...]


class AgentsReply(Strict):
    agents: tuple[AgentLine, ...]


class Reason(StrEnum):
    """Why an agent pauses; words of a closed list, so that none of them is a patient's name."""

    LUNCH = "lunch"
    BREAK = "break"
    MEETING = "meeting"
    TRAINING = "training"
    PAPERWORK = "paperwork"
    PATIENT = "with a patient"


class DutyRequest(Strict):
    """An agent pauses, comes back, goes or comes."""

    ask: Literal["duty"] = "duty"
    extension: str = Field(pattern=r"^[0-9]{2,6}$")
    duty: Literal["pause", "resume", "sign out", "sign in"]
    reason: Reason | None = None


class CallbacksRequest(Strict):
    """Everybody who is to be called back."""

    ask: Literal["callbacks"] = "callbacks"


class CallbackLine(Strict):
    """A call-back; who it is, nobody is shown but the agent who makes it."""

    ticket: str
    queue: str
    waits_s: float
    tries: int
    doing: str
    expires: str


class BrokenPromise(Strict):
    """A call-back that came to nothing, and when that was known: somebody may see to it."""

    ticket: str
    call: str
    queue: str
    ending: str
    closed: str
    tries: int


class CallbacksReply(Strict):
    """Those to come in the order of rank, and those that came to nothing in the last days."""

    callbacks: tuple[CallbackLine, ...]
    broken: tuple[BrokenPromise, ...]


class CancelCallbackRequest(Strict):
    """Nobody is to be called back for this ticket, named by the beginning of its name."""

    ask: Literal["cancel callback"] = "cancel callback"
    ticket: str = Field(pattern=r"^[0-9a-f-]{4,36}$")


class ExplainRequest(Strict):
    """Every step of one call, named by its id or the beginning of it; the newest call if empty."""

    ask: Literal["explain"] = "explain"
    call: str = Field(default="", pattern=r"^[0-9a-f-]{0,36}$")


class WatchRequest(Strict):
    """Every step of every call from now on, each as it becomes durable."""

    ask: Literal["watch"] = "watch"


class StepLine(Strict):
    call: str
    at: str
    mono_ms: int
    step: str
    detail: str


class ExplainReply(Strict):
    """Several calls may begin so: then there are no steps."""

    calls: tuple[CallLine, ...]
    steps: tuple[StepLine, ...]


class MarkMessageRequest(Strict):
    """A message was heard, in one mailbox or wherever it lies; or it is to be destroyed for
    ever."""

    ask: Literal["mark_message"] = "mark_message"
    message: str = Field(pattern=r"^[0-9a-f-]{36}$")
    mark: Literal["heard", "deleted"]
    mailbox: str = Field(default="", max_length=64)


class MarkMessageReply(Strict):
    """`known` is false when the index holds no such message, or it was deleted before."""

    known: bool


class AdoptRequest(Strict):
    """A new site is in force: read it, for calls that come from now on."""

    ask: Literal["adopt"] = "adopt"


class AdoptReply(Strict):
    """Whose site it is."""

    clinic: str


SwitchWish = Literal["open", "closed", "scheduled"]


class SwitchRequest(Strict):
    """Open or close a schedule by hand, until it runs out. Without its name, the only one; without
    an end, until the day's."""

    ask: Literal["switch"] = "switch"
    hours: str = Field(default="", max_length=40)
    to: SwitchWish
    until: str = Field(default="", max_length=40)
    say: str = Field(default="", max_length=40)


class SwitchReply(Strict):
    """How the schedule stands now, in words."""

    told: tuple[str, ...]


class SwitchesRequest(Strict):
    """What is switched by hand now?"""

    ask: Literal["switches"] = "switches"


class SwitchesReply(Strict):
    """A line for each."""

    told: tuple[str, ...]


class LeasesRequest(Strict):
    """Which urgent messages are open?"""

    ask: Literal["leases"] = "leases"


class LeaseLine(Strict):
    """One of them; nobody owns it while `owner` is empty."""

    lease: str
    opened: str
    owner: str


class LeasesReply(Strict):
    leases: tuple[LeaseLine, ...]


class SettleLeaseRequest(Strict):
    """Somebody of the clinic says that a person of [people] has an urgent message, or that they
    themselves closed it. The note is sealed."""

    ask: Literal["settle_lease"] = "settle_lease"
    lease: str = Field(pattern=r"^[0-9a-f-]{4,36}$")
    to: Literal["accept", "close"]
    person: str = Field(default="", max_length=40)
    note: str = Field(default="", max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")


ADOPT = Topic(AdoptRequest, AdoptReply)
AGENTS = Topic(AgentsRequest, AgentsReply)
DUTY = Topic(DutyRequest, AgentsReply)
SWITCH = Topic(SwitchRequest, SwitchReply)
SWITCHES = Topic(SwitchesRequest, SwitchesReply)
LEASES = Topic(LeasesRequest, LeasesReply)
SETTLE_LEASE = Topic(SettleLeaseRequest, LeasesReply)
STATUS = Topic(StatusRequest, StatusReply)
CALLS = Topic(CallsRequest, CallsReply)
CALLBACKS = Topic(CallbacksRequest, CallbacksReply)
CANCEL_CALLBACK = Topic(CancelCallbackRequest, CallbacksReply)
EXPLAIN = Topic(ExplainRequest, ExplainReply)
WATCH = Topic(WatchRequest, StepLine)
MARK_MESSAGE = Topic(MarkMessageRequest, MarkMessageReply)


class MissedRequest(Strict):
    """Calls that rang at a telephone for nobody; of all telephones if empty."""

    ask: Literal["missed"] = "missed"
    extension: str = Field(default="", pattern=r"^([0-9]{2,6})?$")


class MissedLine(Strict):
    """One of them; `call` is empty where a desk called."""

    extension: str
    at: str
    call: str


class MissedReply(Strict):
    calls: tuple[MissedLine, ...]


MISSED = Topic(MissedRequest, MissedReply)


class BlockRequest(Strict):
    """Block whoever placed this call, named by its id or the beginning of it, or let them in again;
    without a call: how many are blocked?"""

    ask: Literal["block"] = "block"
    call: str = Field(default="", pattern=r"^[0-9a-f-]{0,36}$")
    to: Literal["blocked", "admitted", "asked"] = "asked"


class BlockReply(Strict):
    """`known` is false where no caller's number was shown, or none was blocked."""

    known: bool
    blocked: int


BLOCK = Topic(BlockRequest, BlockReply)
