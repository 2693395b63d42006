"""A call's way in plain sentences: what the ledger's steps mean to somebody who reads along."""

import time
from collections.abc import Mapping

from firmware.topics import StepLine

SENTENCES: Mapping[str, str] = {
    "offered": "a call comes in {}",
    "arrived": "the engine has the caller, on the line {}",
    "goto": "the flow leads from {}",
    "menu": "the caller hears a menu ({})",
    "say": "the caller hears {}",
    "hours": "{}",
    "digit": "the caller presses {}",
    "skipped": "the caller presses {} and hears no more of it",
    "queue": "the caller waits, with music ({})",
    "raised": "the caller is more urgent now, for who calls {}",
    "overflow": "the queue leads the caller on ({})",
    "no room": "the ACD has no room left for the queue {}: the caller waits with music",
    "matched": "{}",
    "waits": "the queue: {}",
    "position": "the caller is told to be number {}",
    "expects": "the caller can expect to be answered within {} s, four times in five",
    "moved": "the line has moved on: {}",
    "offer": "phone {} is offered the call",
    "rings": "phone {} rings",
    "accepted": "phone {} is picked up",
    "picked up": "a colleague takes the call: {}",
    "silent": "nobody came to phone {}",
    "busy": "phone {} is busy",
    "refused": "phone {} refuses",
    "unreachable": "phone {} cannot be reached",
    "withdrawn": "phone {} stops ringing",
    "outside": "somebody outside: {}",
    "joined": "caller and phone talk{}",
    "consent": "may the talk be recorded? {}",
    "recorded": "the talk is recorded: {}",
    "surveyed": "the agent has hung up, and the caller is asked how it was{}",
    "rated": "the caller gives {} of 5",
    "not joined": "they could not be joined: the caller waits on, with the same rank{}",
    "callback": "the caller is offered to be called back ({})",
    "promise": "what can be promised: {}",
    "not promised": "nothing is promised, and the caller is led on ({})",
    "call-back": "a call-back is promised, and on the disk: {}",
    "dials": "the caller is called back: {}",
    "called back": "the call-back is made: they talk ({})",
    "call-back talk": "the talk of the call-back is over for phone {}",
    "call-back closed": "call-back {}",
    "called out": "a colleague calls back, from phone {}",
    "message": "the caller is asked to leave a message ({})",
    "recording": "the beep; what the caller says now is sealed as it is spoken (mailbox {})",
    "sealed": "a message lies sealed on the disk: {}",
    "not kept": "nothing was said or nothing kept; the caller hears so and goes to a person ({})",
    "kept": "the message is sealed and safe on the disk, and only now the caller is told ({})",
    "ring": "telephones ring for the caller ({})",
    "form": "the caller is asked for a request ({})",
    "identity": "the caller is asked who it is ({})",
    "checked": "the list of patients was asked ({})",
    "identified": "the caller is known ({})",
    "not identified": "the caller is not known, and goes to a person ({})",
    "not answered": "the questions are not answered: the caller goes to a person ({})",
    "answer": "the caller has answered ({})",
    "asked again": "that was no answer, and the question is put once more ({})",
    "broken off": "the caller hangs up before the end; what was answered is kept as work ({})",
    "request": "request {}",
    "promised": "the request is safe on the disk, and only now the caller is told ({})",
    "request lost": "the request could not be kept, and the caller is told so ({})",
    "asked": "an urgent message is read back; the caller is asked about its {}",
    "on call": "the urgent message: {}",
    "key destroyed": "the box's own key to the message is destroyed: {}",
    "snow day": "who knows a PIN may announce that the clinic is closed ({})",
    "own greeting": "a telephone's owner comes to record a greeting ({})",
    "own words": "words of the clinic's own: {}",
    "hangup": "the caller hears goodbye ({})",
    "released": "the line is released ({})",
    "circle": "the flow goes round in a circle at {}: the front desk is rung",
    "audio lost": "the engine lost the caller's audio{}",
    "because": "{}",
    "audited": "entry {} of the audit",
    "paused": "phone {}: the agent pauses",
    "resumed": "phone {}: the agent is back from a pause",
    "signed out": "phone {}: the agent has gone",
    "signed in": "phone {}: the agent has come",
    "contradiction": "the ledger refused what it was told: {}",
    "failsafe": "the fail-safe rings everybody {}",
    "ended unheard": "the call ended while no exchange listened",
    "outcome": "the call has ended: {}",
}


def sentence(step: StepLine) -> str:
    """One line for one step; a step without a sentence of its own is shown as it is."""
    return SENTENCES.get(step.step, f"{step.step} {{}}").format(step.detail).rstrip()


class Teller:
    """Prints what happens, one line each, with the seconds since the start."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def __call__(self, line: str) -> None:
        print(f"{time.monotonic() - self._started:8.3f} s  {line}", flush=True)  # noqa: T201
