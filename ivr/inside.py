"""Numbers inside the clinic: of telephones, queues and mailboxes. Whoever comes to one of them, by
a transfer or by dialling it at a desk, is led by a flow of our own making.

A telephone rings; where it is in vain, its owner's mailbox takes a message. A queue's number leads
to where callers wait for it, a mailbox's straight to its tone.
"""

from collections.abc import Iterator, Mapping

from ivr.plan import (
    FLOW_PREFIX,
    Enqueue,
    Hangup,
    Line,
    ListenByPhone,
    Menu,
    Node,
    OwnGreeting,
    Plan,
    Ring,
    TakeMessage,
)

# The line of calls that came from a desk; no caller of the clinic is on it.
INSIDE = "inside"
OURS = "*"  # the flow of our own making; no site can give a flow this name
PHONE_RING_S = 25.0  # five rings: sooner the owner cannot be there, later the caller gives up
QUEUE_PATIENCE_S = 600.0  # where no flow says how long
MESSAGE_S = 180.0
NOT_AVAILABLE = "not-available"
NO_BOX = "*"  # no mailbox can have this name
NO_MAILBOX = "greeting-no-mailbox"
GOODBYE = "goodbye"
# Before a telephone's number: back to it, and then to whoever is there, but to no machine.
BACK = "*"
OWN_GREETING = "*78"  # before the number of the telephone whose owner dialled it
LISTEN = "*97"  # before a telephone's or a mailbox's number: its messages, by PIN
VOICEMAIL = "#"  # before a telephone's number: a message for its owner, without ringing
BLOCKED = "blocked-"  # before a line's name: where its unwanted callers are asked
THROUGH = "5"  # the key with which they get through all the same
_OVER = "over"
_TURNED_AWAY = f"{BLOCKED}over"


def leads_to(plan: Plan, number: str) -> tuple[str, str] | None:
    """The flow and the node to which an internal number leads; None: nobody has it."""
    if number in plan.phones:
        return OURS, f"phone-{number}"
    if number.startswith(BACK) and number.removeprefix(BACK) in plan.phones:
        return OURS, f"back-{number.removeprefix(BACK)}"
    if number.startswith(OWN_GREETING) and number.removeprefix(OWN_GREETING) in plan.phones:
        return OURS, f"greeting-{number.removeprefix(OWN_GREETING)}"
    if number.startswith(LISTEN) and (box := box_at(plan, number.removeprefix(LISTEN))):
        return OURS, f"listen-{box}"
    if number.startswith(VOICEMAIL) and number.removeprefix(VOICEMAIL) in plan.phones:
        return OURS, voicemail_of(number.removeprefix(VOICEMAIL))
    for queue in plan.queues.values():
        if queue.number == number:
            return _waiting_for(plan, queue.name) or (OURS, f"queue-{queue.name}")
    for mailbox in plan.mailboxes.values():
        if mailbox.number == number:
            return OURS, f"mailbox-{mailbox.name}"
    return None


def box_at(plan: Plan, number: str) -> str | None:
    """The mailbox of a telephone, or the one that has this number; also one of no number's."""
    if number in plan.phones:
        return plan.phones[number].mailbox or NO_BOX
    boxes = (mailbox.name for mailbox in plan.mailboxes.values() if mailbox.number == number)
    return next(boxes, NO_BOX if number.isdecimal() else None)


def voicemail_of(extension: str) -> str:
    """The node of ours that takes a message for a telephone's owner."""
    return f"voicemail-{extension}"


def named(plan: Plan, number: str) -> str:
    """An internal number as a ledger may name it; any other is somebody's own."""
    if number == plan.parking.number:
        return "parking"
    return number if leads_to(plan, number) is not None else "outside"


def numbers(plan: Plan) -> Iterator[str]:
    """Those of queues and mailboxes."""
    of_queues = [queue.number for queue in plan.queues.values()]
    of_mailboxes = [mailbox.number for mailbox in plan.mailboxes.values()]
    yield from (number for number in (*of_queues, *of_mailboxes) if number is not None)


def nodes(plan: Plan, name: str, nowhere: str) -> Mapping[str, Node]:
    """The node of this name, if it is one of ours; `nowhere` is where nobody is left to try."""
    node = _node(plan, name, nowhere)
    return {} if node is None else {name: node}


def _node(plan: Plan, name: str, nowhere: str) -> Node | None:
    kind, _, of = name.partition("-")
    match kind:
        case "phone" if of in plan.phones:
            otherwise = voicemail_of(of) if plan.phones[of].mailbox else nowhere
            return Ring((of,), PHONE_RING_S, otherwise)
        case "back" if of in plan.phones:
            return Ring((of,), PHONE_RING_S, nowhere)
        case "voicemail" if of in plan.phones and (mailbox := plan.phones[of].mailbox):
            return _message(mailbox, _greeting(plan, of))
        case "greeting" if of in plan.phones:
            return OwnGreeting(of) if plan.phones[of].mailbox else Hangup((NO_MAILBOX,))
        case "listen" if of in plan.mailboxes:
            return ListenByPhone(of)
        case "listen":
            return Hangup((NO_MAILBOX,))
        case "mailbox" if of in plan.mailboxes:
            return _message(of)
        case "queue" if of in plan.queues:
            return Enqueue(of, QUEUE_PATIENCE_S, nowhere)
    if name == _TURNED_AWAY:
        return Hangup((GOODBYE,))
    if kind == "blocked" and of in plan.lines:
        return _ask_unwanted(plan.lines[of])
    return Hangup((GOODBYE,)) if name == _OVER else None


def _ask_unwanted(line: Line) -> Menu:
    through = f"phone-{line.phone}" if line.phone else f"{FLOW_PREFIX}{line.flow}"
    ways = {THROUGH: through, "0": _TURNED_AWAY}
    return Menu(("blocked-caller",), ways, 6, 2, _TURNED_AWAY)


def _message(mailbox: str, greeting: str = NOT_AVAILABLE) -> TakeMessage:
    return TakeMessage(mailbox, (greeting,), MESSAGE_S, _OVER)


def _greeting(plan: Plan, extension: str) -> str:
    """The owner's own, if the site says it."""
    own = f"greeting-{extension}"
    return own if any(own in texts for texts in plan.texts.values()) else NOT_AVAILABLE


def _waiting_for(plan: Plan, queue: str) -> tuple[str, str] | None:
    """Where the clinic's own callers wait for it, with the same patience and the same ways on."""
    for flow in plan.flows.values():
        for name, node in flow.nodes.items():
            if isinstance(node, Enqueue) and node.queue == queue:
                return flow.name, name
    return None
