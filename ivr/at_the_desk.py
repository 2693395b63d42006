"""A call at which somebody listens to a mailbox: what `ivr.listening` settles becomes orders, and
what happens to the call becomes its answers."""

from dataclasses import replace

from ivr import commands, listening, speaking, urgent
from ivr.commands import Command
from ivr.events import BoxOpened, DigitPressed, LeftCalled, LeftMarked, PromptEnded
from ivr.flow import node_at
from ivr.lease import MESSAGE_MAX_S
from ivr.plan import ListenByPhone
from ivr.standing import Call, Moment, Order, Stage, Step, StepEvent, TimeCame
from ivr.urgent import Key, Word

CHECK_S = 10.0
# A slow card may need seconds.
KEEP_S = 10.0
SLOWEST = 0.75
STEP = "mailbox"  # the ledger's word for what comes of it


def begin(call: Call, at: Moment) -> Step:
    """Nobody who comes here wants a person."""
    return _turn(replace(call, stage=Stage.LISTENING, heard=True), listening.begin(), at)


def step(call: Call, event: StepEvent, at: Moment) -> Step:
    """Whatever it is not about changes nothing."""
    heard = call.listening
    if heard is None:
        return call, []
    match event:
        case TimeCame() if (filled := speaking.music_is_due(call, at)) is not None:
            return filled
        case DigitPressed(digit=digit):
            went, orders = _turn(call, listening.step(heard, Key(digit)), at)
            return went, [commands.StopPlaying(call.id), *orders]
        case PromptEnded(tag=tag) if tag == call.tag:
            return _turn(call, listening.step(heard, Word.SPOKEN), at)
        case BoxOpened(person=person, is_locked=is_locked, left=left):
            opened = listening.Opened(person, is_locked, left)
            told = f"{person}: PIN right" if person else "locked" if is_locked else "wrong PIN"
            went, orders = _turn(call, listening.step(heard, opened), at)
            return went, [commands.Note(call.id, STEP, told), *orders]
        case LeftMarked(is_written=is_written):
            word = Word.WRITTEN if is_written else Word.NOT_WRITTEN
            return _turn(call, listening.step(heard, word), at)
        case LeftCalled(is_called=True):
            gone = replace(call, stage=Stage.LEAVING, until=None, again_at=None, is_outward=True)
            return gone, []
        case LeftCalled():
            return _turn(call, listening.step(heard, Word.NOT_WRITTEN), at)
        case TimeCame():
            return _turn(call, listening.step(heard, Word.SILENCE), at)
        case _:
            return call, []


def _turn(call: Call, turned: listening.Step, at: Moment) -> Step:
    heard, acts = turned
    told, orders = replace(call, listening=heard), list[Command | Order]()
    for act in acts:
        told, more = _do(told, heard, act, at)
        orders += more
    return told, orders


def _do(call: Call, heard: listening.Listening, act: listening.Act, at: Moment) -> Step:
    node = node_at(call.plan, call.place)
    mailbox = node.mailbox if isinstance(node, ListenByPhone) else ""
    match act:
        case urgent.Ask(prompts=prompts):
            asked, orders = speaking.speak(call, prompts, at)
            return asked, [commands.Note(call.id, STEP, f"asks: {heard.asked}"), *orders]
        case urgent.Listen(seconds=seconds):
            silent, hush = speaking.without_music(call)
            return speaking.wait(silent, seconds, at), hush
        case listening.Check(pin=pin):
            return speaking.wait(call, CHECK_S, at), [commands.OpenBox(call.id, mailbox, pin)]
        case listening.Hear(message=message, slowly=slowly):
            silent, hush = speaking.without_music(call)
            until = at.now + MESSAGE_MAX_S / SLOWEST
            playing = replace(silent, tag=call.tag + 1, until=until, again_at=None)
            play = commands.PlayLeft(call.id, message, playing.tag, heard.person, slowly)
            return playing, [*hush, commands.Note(call.id, STEP, "plays a message"), play]
        case listening.Mark(message=message, is_done=is_done, is_told=is_told):
            mark = commands.MarkLeft(call.id, message, mailbox, heard.person, is_done, is_told)
            return (speaking.wait(call, KEEP_S, at) if is_told else call), [mark]
        case listening.CallBack(message=message):
            note = commands.Note(call.id, STEP, "calls the caller back")
            return speaking.wait(call, KEEP_S, at), [
                note,
                commands.CallLeft(call.id, message, heard.person),
            ]
        case listening.End(prompts=prompts):
            return speaking.say(replace(call, listening=None), prompts, None, at)
