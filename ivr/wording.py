"""A call at which somebody records words of the clinic's own: what `ivr.own_words` settles becomes
orders, and what happens to the call becomes its answers.

The recording lies on the disk before it is played back, so what is heard is what callers will hear.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from ivr import commands, hours, inside, own_words, speaking, urgent
from ivr.commands import Command
from ivr.desks import NOTHING_SET
from ivr.errors import SwitchError
from ivr.events import (
    DigitPressed,
    NobodySpoke,
    PinChecked,
    PromptEnded,
    RecordingFailed,
    RecordingKept,
    SpeechEnded,
    WordsFailed,
    WordsKept,
)
from ivr.flow import node_at
from ivr.hours import Switch
from ivr.own_words import OWN, Asked, Kind, Until, Words
from ivr.plan import Hours, OwnGreeting, SnowDay
from ivr.standing import Call, Moment, Stage, Step, StepEvent, TimeCame
from ivr.urgent import Key, Word

CHECK_S = 10.0
# A slow card may need seconds.
KEEP_S = 10.0
# The tone before a recording, and the way to the engine and back.
RECORD_GRACE_S = 3.0
STEP = "own words"  # the ledger's word for what comes of it

# What is not a key, a tag or a name.
PLAIN: Mapping[type[StepEvent], own_words.Happened] = {
    TimeCame: Word.SILENCE,
    SpeechEnded: Word.SILENCE,
    NobodySpoke: Word.SILENCE,
    RecordingFailed: own_words.NotRecorded(),
    WordsKept: Word.WRITTEN,
    WordsFailed: Word.NOT_WRITTEN,
}


def greeting_at(call: Call, at: Moment) -> tuple[str, ...]:
    """What the owner of the telephone has recorded, where a message is taken for them."""
    place = call.place
    if place.flow != inside.OURS or not place.node.startswith(inside.voicemail_of("")):
        return ()
    own = at.desks.get(place.node.removeprefix(inside.voicemail_of("")), NOTHING_SET).greeting
    return (own,) if own else ()


def begin(call: Call, node: SnowDay | OwnGreeting, at: Moment) -> Step:
    """Nobody who comes here wants a person."""
    there = replace(call, stage=Stage.WORDING, heard=True)
    match node:
        case SnowDay(hours=names):
            standing = list(_closed_by_hand(names, at))
            said = next((s.say for s in standing if own_words.recording_of(s.say)), None)
            turned = own_words.begin(Kind.ANNOUNCEMENT, stands=bool(standing), heard_now=said or "")
        case OwnGreeting(extension=extension):
            own = at.desks.get(extension, NOTHING_SET).greeting
            turned = own_words.begin(Kind.GREETING, stands=bool(own), heard_now=own)
    return _turn(there, turned, at)


def step(call: Call, event: StepEvent, at: Moment) -> Step:
    """Whatever it is not about changes nothing."""
    words = call.words
    if words is None:
        return call, []
    match event:
        case TimeCame() if (filled := speaking.music_is_due(call, at)) is not None:
            return filled
        case SpeechEnded() | NobodySpoke() if words.asked is not Asked.RECORDING:
            return call, []
        case DigitPressed(digit=digit):
            went, orders = _turn(call, own_words.step(words, Key(digit)), at)
            return went, [commands.StopPlaying(call.id), *orders]
        case PromptEnded(tag=tag) if tag == call.tag:
            went, orders = _turn(call, own_words.step(words, Word.SPOKEN), at)
            is_heard = words.asked is Asked.SETTLING
            note = [commands.Note(call.id, STEP, f"{words.kind} heard")] if is_heard else []
            return went, [*note, *orders]
        case RecordingKept(message=message):
            name = own_words.named(words.kind, message)
            return _turn(call, own_words.step(words, own_words.Recorded(name)), at)
        case PinChecked(person=person):
            went, orders = _turn(call, own_words.step(words, own_words.Checked(person)), at)
            told = f"{person}: PIN right" if person else "wrong PIN"
            return went, [commands.Note(call.id, STEP, told), *orders]
        case _ if (happened := PLAIN.get(type(event))) is not None:
            return _turn(call, own_words.step(words, happened), at)
        case _:
            return call, []


def _turn(call: Call, turned: own_words.Step, at: Moment) -> Step:
    words, act = turned
    told = replace(call, words=words)
    match act:
        case urgent.Ask(prompts=prompts):
            asked, orders = speaking.speak(told, prompts, at)
            return asked, [commands.Note(call.id, STEP, f"asks: {words.asked}"), *orders]
        case urgent.Listen(seconds=seconds):
            silent, hush = speaking.without_music(told)  # which comes into a silence between keys
            return speaking.wait(silent, seconds, at), hush
        case urgent.RecordAgain():
            silent, hush = speaking.without_music(told)
            until = at.now + own_words.LONGEST_S + RECORD_GRACE_S
            record = commands.Record(call.id, OWN, own_words.LONGEST_S, urgent=False)
            stop = commands.StopPlaying(call.id)
            return replace(silent, until=until, again_at=None), [*hush, stop, record]
        case own_words.StopRecording():
            return speaking.wait(told, KEEP_S, at), [commands.StopRecording(call.id)]
        case own_words.Check(pin=pin):
            node = node_at(call.plan, call.place)
            people = node.people if isinstance(node, SnowDay) else ()
            return speaking.wait(told, CHECK_S, at), [commands.CheckPins(call.id, people, pin)]
        case own_words.Keep(name=name, until=until_when):
            return _write(told, words, name, until_when, at)
        case own_words.TakeAway():
            return _write(told, words, "", Until.TODAY, at)
        case own_words.End(prompts=prompts):
            over, orders = speaking.say(replace(told, words=None), prompts, None, at)
            return over, [commands.Note(call.id, STEP, _ended(words, prompts)), *orders]
        case None:
            return told, []


def _ended(words: Words, prompts: tuple[str, ...]) -> str:
    said = own_words.PHRASES[words.kind]
    by = f" by {words.person}" if words.person else ""
    if prompts == (said.kept,):
        return f"{words.kind} kept{by}"
    return f"{words.kind} taken away{by}" if prompts == (said.away,) else "nothing changed"


def _write(call: Call, words: Words, name: str, until: Until, at: Moment) -> Step:
    order: Command
    match node_at(call.plan, call.place):
        case SnowDay(hours=names):
            try:
                order = commands.SwitchHours(call.id, dict(_switches(call, names, name, until, at)))
            except SwitchError:
                return _turn(call, own_words.step(words, Word.NOT_WRITTEN), at)
        case OwnGreeting(extension=extension):
            order = commands.SetGreeting(call.id, extension, name)
        case _:
            return call, []
    return speaking.wait(call, KEEP_S, at), [order]


# ---- schedules ----


def _closed_by_hand(names: tuple[str, ...], at: Moment) -> Iterator[Switch]:
    for name in names:
        switch = at.switches.get(name)
        if switch is not None and not switch.is_open and switch.until > at.local:
            yield switch


def _switches(
    call: Call, names: tuple[str, ...], say: str, until: Until, at: Moment
) -> Iterator[tuple[str, Switch | None]]:
    """Closed with this announcement, or without one as they are written."""
    for name in names:
        schedule = call.plan.hours.get(name)
        if schedule is None or not say:
            yield name, None
            continue
        end = next_opening(schedule, at.local) if until is Until.OPENING else None
        yield name, hours.switched(schedule, at.local, opens=False, until=end, say=say)


def next_opening(schedule: Hours, local: datetime) -> datetime | None:
    """When it opens first once this day is over; None: not for as long as can be seen."""
    begins = hours.switched(schedule, local, opens=False, until=None, say=None).until
    for given in hours.answers(schedule, begins):
        if given.is_open:
            return begins
        if given.until is None:
            break
        begins = given.until
    return None
