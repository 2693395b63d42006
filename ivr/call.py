"""One call: `step(call, event, at)` gives the call after the event and what is to be done about it.

All changes of a call's stage live here. `step` is pure and total: it knows no socket, no clock and
no other call, and an event that means nothing in a stage changes nothing. Beside the commands for
the shell it gives orders to the exchange, which alone knows who waits and whose phone is free, and
which answers with the facts of `ivr.standing`.

    arrive -> SPEAKING <-> MENU -> QUEUED | RINGING -> JOINING -> TALKING
                 ^                     |                  |
                 |   GREETING -> RECORDING -> KEEPING      +-> back to where it waited
                 |                <-> SETTLING (an urgent one is played back)
                 |   ASKING -> SENDING (a form's answers, or who calls)
                 |   WORDING (words of the clinic's own are recorded)
                 |   LISTENING (to a mailbox, at a desk)
                 |   CONSENT (to be recorded, before a queue)
                 +------------------------------+
    from anywhere: the caller leaves (ENDING while a message is still being sealed, then OVER), the
    audio is lost (LOST), the flow ends (LEAVING)
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import assert_never

from ivr import (
    asking,
    at_the_desk,
    blocking,
    callback_talk,
    commands,
    consent,
    flow,
    hours,
    line_said,
    outward,
    overflow,
    questions,
    requesting,
    speaking,
    survey,
    urgent,
    wording,
)
from ivr.asking import Asking
from ivr.callback_talk import Phase, Talk
from ivr.commands import Command, Next
from ivr.ending import outcome
from ivr.events import (
    AudioLost,
    CallArrived,
    CallerLeft,
    CameBack,
    DigitPressed,
    FellToFailsafe,
    IdentityChecked,
    Joined,
    JoinFailed,
    LeaseOpened,
    LeaseUnwritten,
    LineSaid,
    NobodySpoke,
    PromptEnded,
    RecordingFailed,
    RecordingKept,
    RequestFailed,
    RequestKept,
    SentOn,
    SpeechEnded,
    TicketFailed,
    TicketOpened,
)
from ivr.flow import Place
from ivr.form import TakeRequest
from ivr.hours import Answer
from ivr.identity import AskIdentity
from ivr.overflow import Crowd
from ivr.pace import minutes
from ivr.plan import (
    Announced,
    CallBack,
    Enqueue,
    Goto,
    Hangup,
    HoursFork,
    ListenByPhone,
    Menu,
    Node,
    OwnGreeting,
    Plan,
    Queue,
    Ring,
    RingOutside,
    Say,
    SnowDay,
    TakeMessage,
)
from ivr.pressing import CALM, Pressing, Sign
from ivr.standing import (
    Asked,
    Call,
    FallBack,
    Moment,
    NobodyLeft,
    Order,
    PassedOutside,
    Placed,
    Press,
    RingPhones,
    Stage,
    Step,
    StepEvent,
    Stood,
    StopWaiting,
    Taken,
    TellCrowd,
    TellPosition,
    TimeCame,
    Wait,
)
from ivr.ticket import Ticket
from ivr.urgent import Urgent

# Asterisk joins within milliseconds; an answer that takes so long will not come.
JOIN_S = 5.0
# A slow card may need seconds for the last chunks; after this the message is not promised.
KEEP_S = 10.0
# The tone before a recording, and the way to the engine and back.
RECORD_GRACE_S = 3.0
# A caller who is told "one moment" and at once "nobody" has not been helped.
LEAST_RING_S = 3.0
# Nodes in a row that neither speak nor wait; more is a circle, and a circle leads to a person.
SILENT_HOPS_MAX = 50


def arrive(event: CallArrived, plan: Plan, at: Moment) -> Step:
    """A new call enters its line's flow."""
    line = plan.lines.get(event.line)
    start = flow.start_of(plan, event.line, event.dialled)
    if event.unwanted:
        start = Place(*blocking.asked_at(event.line))
    language = line.language if line else plan.language
    pressing = CALM.shows(Sign.AGAIN) if event.came_before else CALM
    call = Call(
        event.call,
        plan,
        language,
        at.now,
        start,
        event.number,
        pressing=pressing,
        is_medical=line.is_medical if line else False,
        was_surveyed=event.was_surveyed,
        is_unwanted=bool(event.unwanted),
        recorded_as=line.recording if line else None,
    )
    entered, orders = _enter(call, start, at)
    arrived = commands.Note(call.id, "arrived", event.line)
    asked = [commands.Note(call.id, "unwanted", event.unwanted)] if event.unwanted else []
    return entered, [arrived, *asked, *_raised(call, pressing.signs), *orders]


def step(call: Call, event: StepEvent, at: Moment) -> Step:
    """The call after the event, and what is to be done."""
    stepped, orders = _step(_heeding(call, event), event, at)
    signs = stepped.pressing.signs - call.pressing.signs
    if not signs:
        return stepped, orders
    waits_on = call.stage is stepped.stage is Stage.QUEUED and call.place == stepped.place
    press = [Press(stepped.pressing)] if waits_on else []
    return stepped, [*_raised(call, signs), *press, *orders]


def _step(call: Call, event: StepEvent, at: Moment) -> Step:
    match call.stage, event:
        case Stage.OVER, _:
            return call, []
        case Stage.ENDING, RecordingKept(message=message) if call.recording:
            return _end_form(requesting.hears(replace(call, kept=True), message), at)
        case Stage.ENDING, RecordingFailed() if call.recording:
            return _end_form(call, at)
        case Stage.ENDING, (TicketFailed() | RequestFailed()):
            return _finish(call)
        case Stage.ENDING, TicketOpened():
            return _finish(replace(call, promised=True))
        case Stage.ENDING, TimeCame():
            # Every second spoken is sealed and on the disk by now, though nobody could tell us so.
            ended = replace(call, kept=call.kept or call.recording, recording=False)
            return _end_form(ended, at) if call.recording else _finish(call)
        case Stage.ENDING, RequestKept():
            return _finish(replace(call, requested=call.asking.question is None))
        case Stage.ENDING, _:
            return call, []
        case _, CallerLeft():
            return _leave(call, at)
        case _, LineSaid(says=says):
            return line_said.heard(call, says)
        case _, SentOn(number=number):
            return _send_on(call, number, at)
        case Stage.TALKING, Joined():
            return call, []  # told again after a lost link
        case _, Joined():
            return _talk(call)
        case Stage.TALKING, CameBack():
            return _ask_how_it_was(call, at)
        case Stage.SURVEY, PromptEnded(tag=tag) if tag == call.tag:
            return replace(call, until=at.now + survey.ANSWER_S), []
        case Stage.SURVEY, DigitPressed(digit=digit):
            return _thank(call, digit, at)
        case Stage.SURVEY, TimeCame():
            return _thank(call, "", at)
        case Stage.CONSENT, PromptEnded(tag=tag) if tag == call.tag:
            return consent.spoken(call, at), []
        case Stage.CONSENT, DigitPressed(digit=digit):
            said = consent.answered(call, digit)
            return (call, []) if said is None else _consented(*said, at)
        case Stage.CONSENT, TimeCame():
            return speaking.music_is_due(call, at) or _consented(*consent.silent(call), at)
        case ((Stage.TALKING | Stage.SURVEY | Stage.LEAVING), AudioLost()):
            return call, []
        case Stage.JOINING, AudioLost():
            return replace(call, lost_at=at.now), []
        case _, AudioLost():
            return _lose(call, at)
        case ((Stage.TALKING | Stage.SURVEY), FellToFailsafe()):
            return call, [commands.Note(call.id, "failsafe", "after the talk")]
        case Stage.LOST, FellToFailsafe() if call.failsafe:
            return call, []  # we let go of it ourselves, and now Asterisk says so too
        case _, FellToFailsafe():
            return _lose(replace(call, failsafe=True), at)
        case Stage.SPEAKING, PromptEnded(tag=tag) if tag == call.tag:
            return _spoken(replace(call, heard=_informs(call) or call.heard), at)
        case Stage.SPEAKING, DigitPressed(digit=digit):
            skipped, orders = _spoken(call, at)
            return skipped, [commands.Note(call.id, "skipped", digit), *orders]
        case Stage.SPEAKING, TimeCame():
            return _spoken(call, at)
        case Stage.MENU, PromptEnded(tag=tag) if tag == call.tag:
            return _await_key(call, at), []
        case Stage.MENU, DigitPressed(digit=digit):
            return _choose(call, digit, at)
        case Stage.MENU, TimeCame():
            return speaking.music_is_due(call, at) or _ask_again(
                _silent(call), (flow.NOTHING_HEARD,), at
            )
        case Stage.OFFERING, DigitPressed(digit=digit) if call.talk is not None:
            note = commands.Note(call.id, "digit", "a key")  # it may be one of a number's
            return _talk_on(call, callback_talk.key(call.plan, call.talk, digit), at, note)
        case Stage.OFFERING, PromptEnded(tag=tag) if tag == call.tag:
            return _await_answer(call, at), []
        case Stage.OFFERING, TicketOpened():
            return _promise(call, at)
        case Stage.OFFERING, TicketFailed():
            return _not_promised(call, (callback_talk.FAILED,), at)
        case Stage.OFFERING, TimeCame():
            return speaking.music_is_due(call, at) or _silence_in_talk(call, at)
        case Stage.QUEUED, Placed() as placed:
            return _announce(call, placed, at)
        case Stage.QUEUED, Stood(crowd=crowd):
            return _lead_on(call, crowd, at)
        case Stage.QUEUED, DigitPressed(digit=digit):
            return _escape(call, digit, at)
        case Stage.QUEUED, TimeCame():
            return _wait_on(call, at)
        case Stage.RINGING, NobodyLeft():
            return replace(call, until=max(at.now, call.waits_since + LEAST_RING_S)), []
        case Stage.RINGING, PromptEnded(tag=tag) if tag == call.tag:
            return outward.told(call, at) or (call, [])
        case Stage.RINGING, TimeCame():
            return outward.told(call, at) or _give_up_waiting(call, at)
        case Stage.RINGING, Asked():
            return outward.asked(call, at)
        case Stage.RINGING, PassedOutside():
            gone = replace(call, stage=Stage.LEAVING, until=None, again_at=None, is_outward=True)
            return gone, [commands.Note(call.id, "passed outside", ""), StopWaiting()]
        case ((Stage.QUEUED | Stage.RINGING), Taken(offer=offer)):
            return _join(call, offer, at)
        case Stage.JOINING, (JoinFailed() | TimeCame()):
            return _back(call, at)
        case Stage.GREETING, PromptEnded(tag=tag) if tag == call.tag:
            return _record(call, at)
        case Stage.GREETING, (DigitPressed() | TimeCame()):
            return _record(call, at)
        case Stage.RECORDING, (DigitPressed() | SpeechEnded() | TimeCame()):
            return _stop_recording(call, at)
        case Stage.RECORDING, NobodySpoke():
            return _help_the_silent(_silent(call), at)
        case ((Stage.RECORDING | Stage.KEEPING), RecordingKept(message=message)) if (
            questions.asked_at(call)
        ):
            kept = replace(call, kept=True, recording=False)
            return _went(questions.said(kept, message, at), at)
        case ((Stage.RECORDING | Stage.KEEPING), RecordingKept(message=message)) if _is_urgent(
            call
        ):
            kept = replace(call, kept=True, recording=False)
            return _settle(kept, urgent.begin(message, call.number, call.plan, call.settling), at)
        case Stage.SETTLING, PromptEnded(tag=tag) if tag == call.tag:
            return _settled(call, urgent.Word.SPOKEN, at)
        case Stage.SETTLING, DigitPressed(digit=digit):
            settled, orders = _settled(call, urgent.Key(digit), at)
            return settled, [commands.StopPlaying(call.id), *orders]
        case Stage.SETTLING, TimeCame():
            return speaking.music_is_due(call, at) or _settled(call, urgent.Word.SILENCE, at)
        case Stage.SETTLING, LeaseOpened():
            return _settled(call, urgent.Word.WRITTEN, at)
        case Stage.SETTLING, LeaseUnwritten():
            return _settled(call, urgent.Word.NOT_WRITTEN, at)
        case ((Stage.RECORDING | Stage.KEEPING), RecordingKept()):
            return _confirm(replace(call, kept=True, recording=False), at)
        case ((Stage.RECORDING | Stage.KEEPING), RecordingFailed(is_full=is_full)):
            sorry = flow.MESSAGE_REFUSED if is_full else flow.MESSAGE_FAILED
            return _confess(replace(call, recording=False), at, sorry)
        case Stage.KEEPING, TimeCame():
            return speaking.music_is_due(call, at) or _confess(call, at)
        case Stage.ASKING, PromptEnded(tag=tag) if tag == call.tag:
            return _went(questions.spoken(call, at), at)
        case Stage.ASKING, DigitPressed(digit=digit):
            return _went(questions.pressed(call, digit, at), at)
        case Stage.ASKING, TimeCame():
            return speaking.music_is_due(call, at) or _went(
                questions.silent(_unheard(call), at), at
            )
        case Stage.SENDING, RequestKept(tag=tag) if tag == call.tag:
            return _went(questions.kept(call, at), at)
        case Stage.SENDING, RequestFailed(tag=tag) if tag == call.tag:
            return _went(questions.unanswered(call, at), at)
        case Stage.SENDING, IdentityChecked(tag=tag) if tag == call.tag:
            return _went(questions.judged(call, event.verdict, event.name, at), at)
        case Stage.SENDING, TimeCame():
            return speaking.music_is_due(call, at) or _went(questions.unanswered(call, at), at)
        case Stage.WORDING, _:
            return wording.step(call, event, at)
        case Stage.LISTENING, _:
            return at_the_desk.step(call, event, at)
        case _, RequestKept():
            return replace(call, requested=True, is_being_kept=False), []
        case _, RequestFailed():
            return replace(call, is_being_kept=False), []
        case _, RecordingKept(message=message):
            # Nobody will be told any more, but the message is there all the same.
            return replace(requesting.hears(call, message), kept=True, recording=False), []
        case _, TicketOpened():
            return replace(call, promised=True), []  # too late to say so
        case _, RecordingFailed():
            return replace(call, recording=False), []
        case _, TimeCame():
            return replace(call, until=None, again_at=None, look_at=None), []
        case _:
            return call, []


# ---- entering nodes ----


def _enter(call: Call, place: Place, at: Moment) -> Step:
    """Through the nodes that only fork, into the first that speaks or waits."""
    notes: list[Command | Order] = []
    for _ in range(SILENT_HOPS_MAX):
        node = flow.node_at(call.plan, place)
        onward, note = _pass(call, place, node, at)
        notes.append(note)
        if onward is None:
            entered, orders = _begin(_fresh(call, place), node, at)
            return entered, notes + orders
        place = onward
    notes.append(commands.Note(call.id, "circle", str(place)))
    desk = flow.FRONT_DESK
    entered, orders = _begin(_fresh(call, desk), flow.node_at(call.plan, desk), at)
    return entered, notes + orders


def _fresh(call: Call, place: Place) -> Call:
    language = flow.flow_of(call.plan, place).language or call.language
    return replace(
        call,
        pressing=_pressing_on(call),
        place=place,
        language=language,
        is_outward=False,
        is_unwanted=call.is_unwanted and blocking.is_asked_at(place.flow, place.node),
        tries=0,
        until=None,
        again_at=None,
        look_at=None,
        then=None,
        asking=Asking(),
    )


def _pass(call: Call, place: Place, node: Node, at: Moment) -> tuple[Place | None, Command]:
    """Where a node that neither speaks nor waits leads; and the note that the call was there."""
    match node:
        case Goto(target=target):
            note = commands.Note(call.id, "goto", f"{place} to {target}")
            return flow.resolve(call.plan, place.flow, target), note
        case HoursFork():
            given = _hours(call, node.hours, at)
            note = commands.Note(call.id, "hours", f"{place} {hours.in_words(given)}")
            if given.why.say:
                return None, note  # the caller hears it first
            return flow.resolve(call.plan, place.flow, hours.way_of(node, given)), note
        case Say(prompts=(), next=target):
            return flow.resolve(call.plan, place.flow, target), _entered(call, "say", place)
        case Say():
            return None, _entered(call, "say", place)
        case Menu():
            return None, _entered(call, "menu", place)
        case Enqueue():
            return None, _entered(call, "queue", place)
        case Ring() | RingOutside():
            return None, _entered(call, "ring", place)
        case TakeMessage():
            return None, _entered(call, "message", place)
        case TakeRequest(is_gated=True, person=target) if call.patient is None:
            note = commands.Note(call.id, "not identified", str(place))
            return flow.resolve(call.plan, place.flow, target), note
        case TakeRequest():
            return None, _entered(call, "form", place)
        case AskIdentity(next=target) if call.patient is not None:
            note = commands.Note(call.id, "identified", f"{place}, before")
            return flow.resolve(call.plan, place.flow, target), note
        case AskIdentity(tries=tries, doubt=target) if call.checks >= tries:
            note = commands.Note(call.id, "not identified", f"{place}: no more tries")
            return flow.resolve(call.plan, place.flow, target), note
        case AskIdentity():
            return None, _entered(call, "identity", place)
        case CallBack():
            return None, _entered(call, "callback", place)
        case SnowDay():
            return None, _entered(call, "snow day", place)
        case OwnGreeting():
            return None, _entered(call, "own greeting", place)
        case ListenByPhone():
            return None, _entered(call, "listens to", place)
        case Hangup():
            return None, _entered(call, "hangup", place)
        case _:
            assert_never(node)


def _hours(call: Call, name: str, at: Moment) -> Answer:
    switch = at.switches.get(name)
    return hours.answer_in(call.plan, name, at.local, switch, trusted=at.trusted)


def _entered(call: Call, kind: str, place: Place) -> Command:
    return commands.Note(call.id, kind, str(place))


def _consented(call: Call, note: commands.Note, at: Moment) -> Step:
    begun, orders = _begin(call, flow.node_at(call.plan, call.place), at)
    return begun, [note, commands.StopPlaying(call.id), *orders]


def _begin(call: Call, node: Node, at: Moment) -> Step:
    if consent.is_due(call, node):
        return consent.begin(call, at)
    match node:
        case Say(prompts=prompts, next=target):
            return speaking.say(call, prompts, flow.resolve(call.plan, call.place.flow, target), at)
        case Hangup(prompts=()):
            return _release(call)
        case Hangup(prompts=prompts):
            return speaking.say(call, prompts, None, at)
        case Menu(prompts=prompts):
            return _ask(call, prompts, at)
        case Enqueue(patience_s=patience_s):
            return _queue(call, node, patience_s, at)
        case Ring(phones=phones, for_s=for_s):
            return _ring(call, phones, for_s, at)
        case RingOutside():
            return outward.begin(call, node, at)
        case CallBack(queue=queue):
            return _offer_callback(call, queue, at)
        case TakeMessage(prompts=()):
            return _record(call, at)
        case TakeMessage(prompts=prompts):
            own = wording.greeting_at(call, at)
            return speaking.speak(replace(call, stage=Stage.GREETING), own or prompts, at)
        case TakeRequest() | AskIdentity():
            return _went(questions.begin(call, node, at), at)
        case SnowDay() | OwnGreeting():
            return wording.begin(call, node, at)
        case ListenByPhone():
            return at_the_desk.begin(call, at)
        case HoursFork():
            given = _hours(call, node.hours, at)
            said = (given.why.say,) if given.why.say else ()
            then = flow.resolve(call.plan, call.place.flow, hours.way_of(node, given))
            return speaking.say(call, said, then, at)
        case Goto():
            return _release(call)  # _enter has passed it; here only so that all are named
        case _:
            assert_never(node)


# ---- speaking ----


def _spoken(call: Call, at: Moment) -> Step:
    onward, orders = _release(call) if call.then is None else _enter(call, call.then, at)
    return onward, [commands.StopPlaying(call.id), *orders]


def _informs(call: Call) -> bool:
    return isinstance(flow.node_at(call.plan, call.place), Say | Hangup | HoursFork)


# ---- menus ----


def _menu(call: Call) -> Menu | None:
    node = flow.node_at(call.plan, call.place)
    return node if isinstance(node, Menu) else None


def _ask(call: Call, prompts: tuple[str, ...], at: Moment) -> Step:
    asked = replace(call, stage=Stage.MENU, tries=call.tries + 1)
    return speaking.speak(asked, prompts, at) if prompts else (_await_key(asked, at), [])


def _await_key(call: Call, at: Moment) -> Call:
    menu = _menu(call)
    timeout_s = menu.timeout_s if menu else 0.0
    return replace(call, until=at.now + timeout_s, again_at=at.now + speaking.MUSIC_AFTER_S)


def _choose(call: Call, digit: str, at: Moment) -> Step:
    menu = _menu(call)
    target = menu.choices.get(digit) if menu else None
    note = commands.Note(call.id, "digit", digit)
    if target is None and digit != flow.ZERO:
        asked, orders = _ask_again(call, (menu.wrong,) if menu else (), at)
        return asked, [note, *orders]
    place = (
        flow.zero_of(call.plan, call.place)
        if target is None
        else flow.resolve(call.plan, call.place.flow, target)
    )
    about = menu.about.get(digit, call.about) if menu else call.about
    entered, orders = _enter(replace(call, about=about), place, at)
    return entered, [note, commands.StopPlaying(call.id), *orders]


def _ask_again(call: Call, first: tuple[str, ...], at: Moment) -> Step:
    menu = _menu(call)
    if menu is None:
        return _enter(call, flow.FRONT_DESK, at)
    if call.tries < menu.tries:
        return _ask(call, (*first, *menu.prompts), at)
    onward, orders = _enter(call, flow.resolve(call.plan, call.place.flow, menu.otherwise), at)
    return onward, [commands.StopPlaying(call.id), *orders]


# ---- waiting for a person ----


def _queue(call: Call, node: Enqueue, patience_s: float, at: Moment) -> Step:
    waiting = replace(
        call,
        stage=Stage.QUEUED,
        waits_since=at.now,
        ranks_since=_rank(call, at),
        keeps_rank=False,
        patience_until=at.now + patience_s,
        until=at.now + patience_s,
        asked_at=at.now if call.asked_at is None else call.asked_at,
    )
    # The order comes before the music, so that its announcement is what the caller hears first.
    with_music, music = speaking.with_music(waiting)
    note = commands.Note(call.id, "waits", ", ".join(node.queues))
    return with_music, [note, _wait(with_music, node), *music]


def _wait(call: Call, node: Enqueue) -> Wait:
    may_be_led_on = bool(node.overflow) and call.place not in call.led_on_from
    return Wait(node.queues, node.urgency, call.ranks_since, may_be_led_on, call.pressing)


def _pressing_on(call: Call) -> Pressing:
    """A call that leaves a queue for another has waited as that one had it wait."""
    node = flow.node_at(call.plan, call.place)
    queue = _waiting_room(call)
    if call.stage is not Stage.QUEUED or not isinstance(node, Enqueue) or queue is None:
        return call.pressing
    return call.pressing.waited(queue.urgency if node.urgency is None else node.urgency)


def _ring(call: Call, phones: tuple[str, ...], for_s: float, at: Moment) -> Step:
    waiting = replace(
        call,
        stage=Stage.RINGING,
        waits_since=at.now,
        patience_until=at.now + for_s,
        asked_at=at.now if call.asked_at is None else call.asked_at,
    )
    spoken, speech = speaking.speak(waiting, (flow.CONNECTING,), at)
    with_music, music = speaking.with_music(spoken)
    ringing = replace(with_music, until=waiting.patience_until)
    return ringing, [*speech, RingPhones(phones, for_s), *music]


def _announce(call: Call, placed: Placed, at: Moment) -> Step:
    """Say over the music what the queue has to say, and once more when it is time."""
    queue = _waiting_room(call)
    every_s = queue.announce_s if queue else speaking.SPEECH_MAX_S
    told = replace(call, tag=call.tag + 1, again_at=at.now + every_s)
    says = queue.says if queue else ()
    prompts: tuple[str, ...] = (flow.PLEASE_WAIT,)
    notes: list[Command] = [commands.Note(call.id, "position", str(placed.position))]
    if Announced.PLACE in says:
        prompts += flow.position_prompts(placed.position)
    if Announced.WAIT in says and placed.within_s is not None:
        prompts += flow.wait_prompts(minutes(placed.within_s))
        notes.append(commands.Note(call.id, "expects", f"{placed.within_s:.0f}"))
    node = flow.node_at(call.plan, call.place)
    prompts += flow.callback_offer(node) if isinstance(node, Enqueue) else ()
    return told, [*notes, commands.Play(call.id, prompts, call.language, told.tag)]


def _waiting_room(call: Call) -> Queue | None:
    node = flow.node_at(call.plan, call.place)
    return call.plan.queues.get(node.queue) if isinstance(node, Enqueue) else None


def _wait_on(call: Call, at: Moment) -> Step:
    if call.until is not None and call.until <= at.now:
        return _give_up_waiting(call, at)
    if call.look_at is not None and call.look_at <= at.now:
        return replace(call, look_at=None), [TellCrowd()]
    return replace(call, again_at=None), [TellPosition()]


def _lead_on(call: Call, crowd: Crowd, at: Moment) -> Step:
    """By the first rule of the queue that holds, keeping the rank; else to be looked at again."""
    node = flow.node_at(call.plan, call.place)
    if not isinstance(node, Enqueue) or call.place in call.led_on_from:
        return call, []
    waited_s = at.now - call.waits_since
    asked = {rule.closed for rule in node.overflow if rule.closed is not None}
    is_open = {name: _hours(call, name, at).is_open for name in asked}
    rule = overflow.rule_that_holds(node, crowd, waited_s, is_open)
    if rule is None:
        again_s = overflow.look_again_s(node, waited_s)
        return replace(call, look_at=None if again_s is None else at.now + again_s), []
    led = replace(call, led_on_from=call.led_on_from | {call.place})
    onward, orders = _enter(led, flow.resolve(call.plan, call.place.flow, rule.to), at)
    note = commands.Note(call.id, "overflow", f"{call.place}: {overflow.why(rule)} ({crowd})")
    return onward, [note, StopWaiting(), commands.StopPlaying(call.id), *orders]


def _escape(call: Call, digit: str, at: Moment) -> Step:
    node = flow.node_at(call.plan, call.place)
    note = commands.Note(call.id, "digit", digit)
    if not isinstance(node, Enqueue):
        return call, []
    if node.callback is not None and digit == node.callback_key:
        place = flow.resolve(call.plan, call.place.flow, node.callback)
        onward, orders = _enter(replace(call, keeps_rank=True), place, at)
        return onward, [note, StopWaiting(), commands.StopPlaying(call.id), *orders]
    if digit != node.escape:
        return call, []
    onward, orders = _give_up_waiting(call, at)
    return onward, [note, *orders]


def _give_up_waiting(call: Call, at: Moment) -> Step:
    node = flow.node_at(call.plan, call.place)
    otherwise = node.otherwise if isinstance(node, Enqueue | Ring | RingOutside) else ""
    onward, orders = _enter(call, flow.resolve(call.plan, call.place.flow, otherwise), at)
    return onward, [StopWaiting(), commands.StopPlaying(call.id), *orders]


def _join(call: Call, offer: str, at: Moment) -> Step:
    joining = replace(call, stage=Stage.JOINING, until=at.now + JOIN_S, again_at=None, look_at=None)
    then = survey.next_after(call.plan, call.place, was_asked=call.was_surveyed)
    return joining, [commands.Join(call.id, offer, then)]


def _talk(call: Call) -> Step:
    only_outside = call.is_outward and not call.joined
    talking = replace(
        call,
        stage=Stage.TALKING,
        joined=True,
        until=None,
        again_at=None,
        is_outward=only_outside,
    )
    return talking, [StopWaiting(), commands.Note(call.id, "joined", "")]


def _ask_how_it_was(call: Call, at: Moment) -> Step:
    asked = replace(call, stage=Stage.SURVEY, was_surveyed=True)
    spoken, orders = speaking.speak(asked, (survey.QUESTION,), at)
    return spoken, [commands.Note(call.id, survey.ASKED, ""), *orders]


def _thank(call: Call, digit: str, at: Moment) -> Step:
    rated = [commands.Note(call.id, survey.RATED, digit)] if digit in survey.MARKS else []
    spoken, orders = speaking.say(call, (survey.THANKS,), None, at)
    return spoken, [*rated, commands.StopPlaying(call.id), *orders]


def _send_on(call: Call, number: str, at: Moment) -> Step:
    """Who talked, with us or under the fail-safe, comes to somebody else: as a new caller would,
    but that its outcome is made already."""
    anew = replace(
        call,
        music=False,
        recording=False,
        lost_at=None,
        led_on_from=frozenset(),
        ranks_since=at.now,
    )
    entered, orders = _enter(anew, flow.inside_at(call.plan, number), at)
    note = commands.Note(call.id, "sent on", number or "to whoever is there")
    return entered, [note, StopWaiting(), *orders]


def _back(call: Call, at: Moment) -> Step:
    """The talk did not come about: back to where the call waited, with the rank it had."""
    if call.lost_at is not None:
        return _lose(call, at)
    again: Order
    match flow.node_at(call.plan, call.place):
        case Enqueue() as node:
            stage, again = Stage.QUEUED, _wait(call, node)
        case Ring(phones=phones):
            left_s = max(call.patience_until - at.now, LEAST_RING_S)
            stage, again = Stage.RINGING, RingPhones(phones, left_s)
        case RingOutside():
            return _give_up_waiting(call, at)
        case _:
            return _enter(call, flow.FRONT_DESK, at)
    waiting = replace(call, stage=stage, until=max(call.patience_until, at.now + LEAST_RING_S))
    return waiting, [commands.Note(call.id, "not joined", ""), StopWaiting(), again]


# ---- to be called back ----


def _rank(call: Call, at: Moment) -> float:
    return call.ranks_since if call.led_on_from or call.keeps_rank else at.now


def _offer_callback(call: Call, queue: str, at: Moment) -> Step:
    rules = call.plan.queues[queue].callbacks if queue in call.plan.queues else None
    switch = at.switches.get(rules.hours) if rules else None
    can = callback_talk.promise(call.plan, queue, at.local, switch, trusted=at.trusted)
    asking = replace(
        call,
        stage=Stage.OFFERING,
        ranks_since=_rank(call, at),
        keeps_rank=True,
        asked_at=at.now if call.asked_at is None else call.asked_at,
    )
    note = commands.Note(call.id, "promise", can.value)
    return _talk_on(asking, callback_talk.begin(call.plan, call.number, can), at, note)


def _talk_on(call: Call, talk: Talk, at: Moment, *first: Command) -> Step:
    """Say what the talk has come to; what was being said is cut short by any key."""
    went_on = replace(call, talk=talk, until=at.now + callback_talk.KEY_WITHIN_S)
    match talk.phase:
        case Phase.REFUSED:
            return _not_promised(call, talk.say, at, *first)
        case Phase.AGREED:
            kept = replace(went_on, until=at.now + KEEP_S, again_at=at.now + speaking.MUSIC_AFTER_S)
            keep = commands.KeepTicket(_ticket(call, talk, at))
            return kept, [*first, commands.StopPlaying(call.id), keep]
        case _ if talk.say:
            spoken, orders = speaking.speak(went_on, talk.say, at)
            return spoken, [*first, *orders]
        case _:
            silent, hush = speaking.without_music(_await_answer(went_on, at))
            return silent, [*first, commands.StopPlaying(call.id), *hush]


def _ticket(call: Call, talk: Talk, at: Moment) -> Ticket:
    node = flow.node_at(call.plan, call.place)
    queue = call.plan.queues[node.queue if isinstance(node, CallBack) else ""]
    within = timedelta(seconds=queue.callbacks.within_s if queue.callbacks else 0.0)
    urgency = call.pressing.urgency(queue.urgency)
    return Ticket(
        id="",
        call=call.id,
        queue=queue.name,
        number=talk.number,
        urgency=urgency,
        language=call.language,
        since=call.ranks_since,
        expires=at.local + within,
        about=call.about,
    )


def _await_answer(call: Call, at: Moment) -> Call:
    return replace(
        call, until=at.now + callback_talk.KEY_WITHIN_S, again_at=at.now + speaking.MUSIC_AFTER_S
    )


def _silence_in_talk(call: Call, at: Moment) -> Step:
    if call.talk is None or call.talk.phase is Phase.AGREED:
        return _not_promised(call, (callback_talk.FAILED,), at)
    return _talk_on(_silent(call), callback_talk.silence(call.plan, call.talk), at)


def _promise(call: Call, at: Moment) -> Step:
    promised = replace(call, promised=True, talk=None)
    return speaking.say(promised, (callback_talk.KEPT,), None, at)


def _not_promised(call: Call, say: tuple[str, ...], at: Moment, *first: Command) -> Step:
    node = flow.node_at(call.plan, call.place)
    otherwise = node.otherwise if isinstance(node, CallBack) else ""
    then = flow.resolve(call.plan, call.place.flow, otherwise)
    told = replace(call, talk=None)
    onward, orders = speaking.say(told, say, then, at) if say else _enter(told, then, at)
    note = commands.Note(call.id, "not promised", str(call.place))
    return onward, [*first, note, commands.StopPlaying(call.id), *orders]


# ---- messages ----


def _record(call: Call, at: Moment) -> Step:
    match flow.node_at(call.plan, call.place), call.asking.question:
        case TakeMessage(mailbox=mailbox, longest_s=longest_s, urgent=is_urgent, oncall=layers), _:
            record = commands.Record(call.id, mailbox, longest_s, is_urgent, bool(layers))
        case TakeRequest(mailbox=str() as mailbox), asking.Question(longest_s=longest_s):
            record = commands.Record(call.id, mailbox, longest_s, urgent=False)
        case _:
            return _enter(call, flow.FRONT_DESK, at)
    silent, hush = speaking.without_music(call)
    recording = replace(
        silent,
        stage=Stage.RECORDING,
        recording=True,
        until=at.now + record.longest_s + RECORD_GRACE_S,
        again_at=None,
    )
    return recording, [*hush, commands.StopPlaying(call.id), record]


def _stop_recording(call: Call, at: Moment) -> Step:
    keeping = replace(
        call, stage=Stage.KEEPING, until=at.now + KEEP_S, again_at=at.now + speaking.MUSIC_AFTER_S
    )
    return keeping, [commands.StopRecording(call.id)]


def _help_the_silent(call: Call, at: Moment) -> Step:
    """Who cannot be heard, or does not know what to say, needs a person and no tape."""
    spoken, orders = _confess(call, at)
    return spoken, [commands.StopRecording(call.id), *orders]


def _confirm(call: Call, at: Moment) -> Step:
    node = flow.node_at(call.plan, call.place)
    target = node.next if isinstance(node, TakeMessage) else ""
    then = flow.resolve(call.plan, call.place.flow, target)
    spoken, orders = speaking.say(call, (flow.MESSAGE_KEPT,), then, at)
    return spoken, [commands.Note(call.id, "kept", str(call.place)), *orders]


def _confess(call: Call, at: Moment, sorry: str = flow.MESSAGE_FAILED) -> Step:
    spoken, orders = speaking.say(call, (sorry,), flow.FRONT_DESK, at)
    return spoken, [commands.Note(call.id, "not kept", str(call.place)), *orders]


# ---- urgent messages ----


def _is_urgent(call: Call) -> bool:
    node = flow.node_at(call.plan, call.place)
    return isinstance(node, TakeMessage) and bool(node.oncall)


def _settled(call: Call, happened: urgent.Key | urgent.Word, at: Moment) -> Step:
    if call.settling is None:
        return call, []
    return _settle(call, urgent.step(call.settling, happened, call.plan), at)


def _settle(call: Call, turned: urgent.Step, at: Moment) -> Step:
    dialogue, act = turned
    told = replace(call, stage=Stage.SETTLING, settling=dialogue)
    node = flow.node_at(call.plan, call.place)
    layers, target = (node.oncall, node.next) if isinstance(node, TakeMessage) else ((), "")
    match act:
        case urgent.Ask(prompts=prompts):
            asked, orders = speaking.speak(told, prompts, at)
            return asked, [commands.Note(call.id, "asked", dialogue.asked), *orders]
        case urgent.PlayBack():
            silent, hush = speaking.without_music(told)
            until = at.now + urgent.PLAY_BACK_MAX_S
            playing = replace(silent, tag=call.tag + 1, until=until, again_at=None)
            return playing, [*hush, commands.PlayMessage(call.id, dialogue.message, playing.tag)]
        case urgent.Listen(seconds=seconds):
            return replace(told, until=at.now + seconds, again_at=None), []
        case urgent.RecordAgain():
            return _record(told, at)
        case urgent.Write():
            left = Urgent(call.id, dialogue.message, dialogue.number, call.language, layers)
            music_at = at.now + speaking.MUSIC_AFTER_S
            writing = replace(told, until=at.now + KEEP_S, again_at=music_at)
            return writing, [commands.OpenLease(left, dialogue.older)]
        case urgent.Promise(prompts=prompts):
            then = flow.resolve(call.plan, call.place.flow, target)
            spoken, orders = speaking.say(replace(told, settling=None), prompts, then, at)
            return spoken, [commands.Note(call.id, "kept", str(call.place)), *orders]
        case urgent.Confess():
            return _confess(replace(told, settling=None), at)
        case None:
            return told, []


# ---- urgency ----


def _heeding(call: Call, event: StepEvent) -> Call:
    """Every 0 is a wish for a person, until the caller has one."""
    is_zero = isinstance(event, DigitPressed) and event.digit == flow.ZERO
    return replace(call, pressing=call.pressing.zero()) if is_zero and _asks(call) else call


def _asks(call: Call) -> bool:
    return call.stage in (Stage.SPEAKING, Stage.MENU, Stage.QUEUED, Stage.RINGING, Stage.GREETING)


def _silent(call: Call) -> Call:
    return replace(call, pressing=call.pressing.shows(Sign.SILENT)) if call.is_medical else call


def _unheard(call: Call) -> Call:
    """Who answers slowly is not silent."""
    is_answering = call.asking.answers or call.asking.keys
    return call if is_answering else _silent(call)


def _raised(call: Call, signs: Iterable[Sign]) -> list[Command]:
    return [commands.Note(call.id, "raised", sign) for sign in sorted(signs)]


# ---- questions: a form's, and who calls ----


def _went(went: questions.Went, at: Moment) -> Step:
    match went:
        case questions.Onward(call=call, to=to, orders=earlier):
            onward, orders = _enter(call, to, at)
            return onward, [*earlier, *orders]
        case questions.ToRecord(call=call):
            return _record(call, at)
        case _:
            return went


# ---- ends ----


def _release(call: Call) -> Step:
    """The flow is at its end; the caller's leaving follows."""
    released = replace(call, stage=Stage.LEAVING, heard=True, until=None, again_at=None)
    note = commands.Note(call.id, "released", str(call.place))
    return released, [note, commands.Release(call.id, Next.DONE)]


def _lose(call: Call, at: Moment) -> Step:
    """The fail-safe has the caller, or the caller has gone: which of them, the next events tell."""
    lost = replace(
        call,
        stage=Stage.LOST,
        lost_at=at.now if call.lost_at is None else call.lost_at,
        until=None,
        again_at=None,
    )
    note = commands.Note(call.id, "failsafe" if call.failsafe else "audio lost", "")
    return lost, [FallBack(), *_close_recording(call), note]


def _leave(call: Call, at: Moment) -> Step:
    left = replace(call, left_at=at.now, until=None, again_at=None)
    is_agreed = call.talk is not None and call.talk.phase is Phase.AGREED
    if not (call.recording or call.is_being_kept or is_agreed):
        over, finish = _end_form(left, at)
        return over, [StopWaiting(), *finish]
    ending = replace(left, stage=Stage.ENDING, until=at.now + KEEP_S)
    return ending, [StopWaiting(), *_close_recording(call)]


def _end_form(call: Call, at: Moment) -> Step:
    """What was answered of a form before the caller hung up is work, and kept first."""
    work = requesting.left_by(call, at)
    if work is None:
        return _finish(call)
    left = replace(call, stage=Stage.ENDING, recording=False, until=at.now + KEEP_S)
    note = [] if work.is_whole else [commands.Note(call.id, "broken off", str(call.place))]
    return left, [*note, work]


def _close_recording(call: Call) -> list[Command]:
    """End a recording that has not been told to end."""
    return [commands.StopRecording(call.id)] if call.stage is Stage.RECORDING else []


def _finish(call: Call) -> Step:
    over = replace(call, stage=Stage.OVER, until=None, again_at=None, recording=False)
    ended, why = outcome(call)
    return over, [commands.Note(call.id, "because", why), commands.Finish(call.id, ended)]
