"""What a caller's line says by itself, as our engine hears it: that a fax machine calls, that the
caller has hung up, or nothing at all.

An analog line has no other word for a hang-up than the network's busy tone, and some have none. So
a call whose line says it is ended, and counts as one whose caller has hung up, which it is. A fax
machine that came to people is led to the clinic's own, by Asterisk alone. Nobody who talks with
somebody is listened to: Asterisk carries the talk, and the engine hears none of it.
"""

from dataclasses import replace

from ivr import commands
from ivr.commands import Command
from ivr.plan import Phone, Plan
from ivr.says import Says
from ivr.standing import Call, Order, Stage, Step, StopWaiting

STEP = "line"  # of the ledger; its detail is one of these
# Whom these find is no caller of ours any more, or is about to be somebody else's.
TOO_LATE = (Stage.JOINING, Stage.TALKING, Stage.LEAVING, Stage.LOST)


def fax_of(plan: Plan) -> Phone | None:
    """Where fax machines are led that call people: the first there is."""
    return next((phone for phone in plan.phones.values() if phone.fax), None)


def heard(call: Call, says: Says) -> Step:
    """What is done about it."""
    if call.stage in TOO_LATE:
        return call, []
    note = commands.Note(call.id, STEP, says)
    if says is not Says.FAX:
        return call, [note, commands.HangUp(call.id)]
    machine = fax_of(call.plan)
    if machine is None:
        return call, []
    led = replace(call, stage=Stage.LEAVING, is_fax=True, until=None, again_at=None, look_at=None)
    stop = [commands.StopRecording(call.id)] if call.stage is Stage.RECORDING else []
    orders: list[Command | Order] = [note, StopWaiting(), *stop]
    return led, [*orders, commands.LeadToFax(call.id, machine.extension)]
