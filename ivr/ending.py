"""How a call ended, and why it counts so: one outcome for each, from what is known when it is over.

What the clinic did for the caller goes before what the caller did alone: a talk, a promise, a
message, a request. Without any of them a call is abandoned, unless the caller wanted nobody.
"""

from ivr.commands import Outcome
from ivr.standing import Call

# Who left sooner had dialled wrongly or changed their mind, which no clinic can help: the usual
# threshold of call-centre figures, kept apart so that it can be subtracted from offered calls.
SHORT_ABANDON_S = 10.0
# A caller who hangs up closes the audio a moment before Asterisk tells that the channel is gone.
HANGUP_LAG_S = 1.0


def outcome(call: Call) -> tuple[Outcome, str]:
    """How a call ended whose caller has left, and why it counts so."""
    left_at = call.left_at if call.left_at is not None else call.arrived_at
    if call.is_fax and not call.failsafe:
        return Outcome.TRANSFERRED, "a fax machine called, and was led to the clinic's own"
    if call.joined and call.is_outward and call.listening is not None:
        return Outcome.SELF_SERVED, "a message was heard at a desk, and its caller called back"
    if call.joined and call.is_outward:
        return Outcome.TRANSFERRED, "the caller talked with somebody outside"
    if call.joined:
        return Outcome.ANSWERED, "the caller talked with somebody"
    if call.promised:
        return Outcome.CALLBACK, "nobody answered, and a call-back was promised"
    if call.failsafe:
        return Outcome.FAILSAFE, "Asterisk alone had the caller: how it ended is unknown"
    if call.is_unwanted:
        return Outcome.BLOCKED, "the caller is a blocked one and did not ask to get through"
    if call.kept:
        what = "a request with a spoken answer" if call.requested else "a message"
        return Outcome.MESSAGE, f"nobody answered, and {what} was kept"
    if call.requested and call.asked_at is not None:
        return Outcome.MESSAGE, "nobody answered, and a request was kept"
    if call.requested:
        return Outcome.SELF_SERVED, "the caller left a request by keys and asked for nobody"
    if call.lost_at is not None and left_at - call.lost_at > HANGUP_LAG_S:
        alone_s = left_at - call.lost_at
        return Outcome.FAILSAFE, f"without our audio the caller was there for {alone_s:.1f} s more"
    if call.asked_at is None and call.heard:
        return Outcome.SELF_SERVED, "the caller heard what was wanted and asked for nobody"
    asked = "arriving" if call.asked_at is None else "asking for a person"
    waited_s = left_at - (call.arrived_at if call.asked_at is None else call.asked_at)
    why = f"the caller left {waited_s:.1f} s after {asked}"
    if waited_s < SHORT_ABANDON_S:
        return Outcome.SHORT_ABANDONED, f"{why}, sooner than {SHORT_ABANDON_S:g} s"
    return Outcome.ABANDONED, why
