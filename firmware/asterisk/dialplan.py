"""The dialplan: what Asterisk does by itself, whether our programs live or not. Text only; pure.

    from-TRUNK -> entrance -> engine -> done: hang up
                     |           '---> unset: failsafe, which rings people until one answers
                     '-> emergency-return, for an hour after an emergency call
    from-phone -> emergency | an extension | a code of the phone's own | a number outside by rule
    agent, called, lamp, tester, doctor: legs the exchange originates
    spy, tap: legs that listen to a talk (tap_dialplan.py)

Emergency calls are here whole. No expression ever holds a text that a caller supplied: numbers
dialled are filtered to digits, and names and numbers of callers are not read at all.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from firmware import cards
from firmware.asterisk import (
    desk_dialplan,
    fax,
    line_groups,
    modem_dialplan,
    number_formats,
    outside_limits,
    tap_dialplan,
    whereabouts,
    written,
)
from firmware.asterisk.emergency_keys import centres
from firmware.asterisk.line_groups import channels_of, trunk_endpoint, way_to
from firmware.asterisk.modem_dialplan import Kind
from firmware.asterisk.written import extension, section
from ivr.codes import FAILED, PROMPTS
from ivr.plan import DialRule, Line, Modem, Phone, Plan, Trunk

EXCHANGE_USER = "careline"  # the exchange's name at Asterisk's manager
# AudioSocket of Asterisk 22.10.1, refused, closes its descriptor twice. By the second time the
# number may be another's: a talk's audio, the manager's connection, AstDB (each was seen to go). So
# nobody knocks at an exchange that is not there, which its session at the manager tells.
ABSENT = f"$[0${{AMI_CLIENT({EXCHANGE_USER},sessions)}} = 0]"

SELFTEST = "selftest"
SELFTEST_NUMBER = "000"  # no phone or trunk can dial into its context
FAR_NUMBER = "001"  # of the same: the line doctor's far end, followed by the port where it listens
FAR_UUID = "6f1d8f0e-3c52-4c5e-9d0a-5b1f6a7c2e44"

# Calls that ended without the exchange ever having written them down: LINE/DIALLED/STARTED by call.
SLATE = "slate"
MAILBOXES = "default"  # whose lamps phones carry: NAME@MAILBOXES
FAILSAFE_WAIT = "failsafe-wait"
EMERGENCY_TRYING = "emergency-trying"

CALL_CUT_OFF = "call-cut-off"
EMERGENCIES = "emergencies"  # the group of those that a modem carries

CUT_AGAIN_AFTER = 6  # tries; a gateway may answer busy for 3 s after a cut
PASSES_BY_S = 2  # of an emergency call; what is left of it tries each line, silent or not
NOTICE_S = 60  # how long the front desk's phones ring for the notice
NOTICE_TIMES = 2
CANNOT_TIMES = 3
FAILSAFE_ROUNDS = 10  # of silent phones; of engaged ones, which are soon tried, it is more
NOBODY_REACHABLE_S = 5
CANARY_S = 60


@dataclass(frozen=True, slots=True)
class Timing:
    """How long things last. The product uses these; a test may not wait for an hour."""

    emergency_window_s: int = 60 * 60
    emergency_tries_s: int = 30  # each emergency line is tried once a second for so long
    # A round of the fail-safe: the front desk alone, then everybody; ten minutes of it in all.
    front_desk_s: int = 20
    everybody_s: int = 40


Voice = Callable[[str, str], str]  # prompt, language -> the file's path without its ending


def extensions(
    plan: Plan, engine_port: int, voice: Voice, timing: Timing, modems_port: int = 0
) -> str:
    """extensions.conf, whole."""
    contexts = [
        *_trunk_contexts(plan),
        _entrance(timing.emergency_window_s),
        _engine(engine_port),
        _failsafe(plan, voice, timing),
        _faxes(plan),
        _agent(engine_port, tap_dialplan.offered(plan)),
        _called(engine_port, voice(CALL_CUT_OFF, plan.language)),
        _lamp(),
        _from_phone(),
        *desk_dialplan.contexts(plan, ABSENT, modems_port),
        desk_dialplan.own_greeting(plan, ABSENT, voice(FAILED, plan.language)),
        *desk_dialplan.codes(lambda prompt: voice(prompt, plan.language), PROMPTS),
        desk_dialplan.slots(plan, lambda prompt: voice(prompt, plan.language)),
        _outside(plan, modems_port, voice),
        *outside_limits.contexts(plan, lambda prompt: voice(prompt, plan.language)),
        *line_groups.contexts(plan, modems_port),
        _emergency(plan),
        _emergency_call(plan, voice, timing, modems_port),
        _preempt(),
        *_notices(plan, voice),
        _emergency_return(plan, timing),
        _selftest(plan, voice),
        _tester(engine_port),
        _doctor(),
        *tap_dialplan.contexts(engine_port, ABSENT),
    ]
    return "\n".join(contexts)


def carriers(plan: Plan) -> list[str]:
    """By which an emergency call goes, in this order, the modems after all others."""
    modems = [f"modem-{written.name(modem.name)}" for modem in plan.modems.values()]
    return [*_emergency_trunks(plan), *modems]


def _emergency_trunks(plan: Plan) -> list[str]:
    """Those that Asterisk carries alone, as they stand in the site file."""
    return [trunk_endpoint(trunk) for trunk in _taking_emergencies(plan)]


def _taking_emergencies(plan: Plan) -> list[Trunk]:
    return [trunk for trunk in plan.trunks.values() if trunk.emergency]


def trunk_context(trunk: Trunk) -> str:
    """Where calls from this trunk enter."""
    return f"from-{written.name(trunk.name)}"


def port_context(channel: int) -> str:
    """Where calls from this channel of a telephone card enter, which tells no number."""
    return f"port-{channel:d}"


def languages(plan: Plan) -> list[str]:
    """The languages in which the dialplan itself may have to speak."""
    return sorted({plan.language, *(line.language for line in plan.lines.values())})


def music_class(prompt: str, language: str) -> str:
    """The class of music that first speaks this prompt."""
    return f"{prompt}-{written.name(language)}"


# ---- lines ----


def line_context(plan: Plan, line: Line) -> str:
    """Where calls of this line enter."""
    if line.modem:
        return modem_dialplan.context(plan.modems[line.modem])
    return trunk_context(plan.trunks[line.trunk])


def _trunk_contexts(plan: Plan) -> Iterator[str]:
    for trunk in plan.trunks.values():
        lines = [line for line in plan.lines.values() if line.trunk == trunk.name]
        yield _entered(plan, trunk_context(trunk), lines, partial(number_formats.received, trunk))
        yield from _ports(plan, trunk)
    for modem in plan.modems.values():
        lines = [line for line in plan.lines.values() if line.modem == modem.name]
        yield _entered(plan, modem_dialplan.context(modem), lines)


def _ports(plan: Plan, trunk: Trunk) -> Iterator[str]:
    for channel, number in cards.numbers_of(plan, trunk).items():
        into = f"Goto({trunk_context(trunk)},{written.number(number)},1)"
        yield section(port_context(channel), [extension("s", into)])


def _as_written(number: str) -> tuple[str, ...]:
    return (number,)


def _entered(
    plan: Plan,
    context: str,
    lines: list[Line],
    received: Callable[[str], tuple[str, ...]] = _as_written,
) -> str:
    led = {number: line for line in lines for number in line.numbers}
    # What is written wins, where two lines have the same number in two ways.
    for line in lines:
        for number in line.numbers:
            led |= {each: led.get(each, line) for each in received(number)}
    numbers = [_into(plan, written.number(number), line) for number, line in led.items()]
    # A number nobody expected is still a caller: the first line takes it that people answer.
    ordered = sorted(lines, key=lambda line: fax.led_to(plan, line) is not None)
    others = [_into(plan, pattern, ordered[0]) for pattern in ("_[+*#0-9]!", "s") if ordered]
    return section(context, [*numbers, *others])


def _into(plan: Plan, pattern: str, line: Line) -> str:
    if (phone := fax.led_to(plan, line)) is not None:
        return fax.enters(pattern, line, phone)
    return extension(
        pattern,
        "Set(DIALLED=${FILTER(+*#0-9,${EXTEN})})",
        f"Set(LINE={written.name(line.name)})",
        f"Set(SPOKEN={written.name(line.language)})",
        "Goto(entrance,s,1)",
    )


def _entrance(window_s: int) -> str:
    # The end of the hour is compared both ways: a clock set back must not make it a year.
    until = "0${DB(emergency/until)}"
    hour = f"$[${{EPOCH}} < {until} & {until} <= ${{EPOCH}} + {window_s:d}]"
    returning = f'$[{hour} & "${{SELFTEST}}" = ""]'
    call = "CallUUID: ${CALLUUID},Line: ${LINE},Dialled: ${DIALLED}"
    return section(
        "entrance",
        [
            extension(
                "s",
                "Answer(,i)",
                "Set(__CALLUUID=${UUID()})",
                written.started("STARTED"),
                f"GotoIf({returning}?emergency-return,s,1)",
                f"UserEvent(CareLineCall,{call})",
                "Goto(engine,s,1)",
            ),
            # From a desk: no hour after an emergency call turns it away.
            extension(
                "inside",
                "Answer(,i)",
                "Set(__CALLUUID=${UUID()})",
                f"UserEvent(CareLineCall,{call})",
                "Goto(engine,s,1)",
            ),
        ],
    )


def _engine(engine_port: int) -> str:
    return section(
        "engine",
        [
            extension(
                "s",
                "(again) Set(NEXT=)",
                f"GotoIf({ABSENT}?failsafe,s,1)",
                f"TryExec(AudioSocket(${{CALLUUID}},127.0.0.1:{engine_port:d}))",
                'GotoIf($["${NEXT}" = "again"]?again)',
                'GotoIf($["${NEXT}" = "done" | "${NEXT}" = "talked"]?over)',
                'GotoIf($["${NEXT}" = "survey"]?survey)',
                "Goto(failsafe,s,1)",
                # Who has talked is not rung for again, whatever becomes of the question.
                "(survey) Set(NEXT=done)",
                f"GotoIf({ABSENT}?over)",
                f"TryExec(AudioSocket(${{CALLUUID}},127.0.0.1:{engine_port:d}))",
                "(over) Hangup()",
            ),
            _slate(),
        ],
    )


def _slate() -> str:
    """A call that ends unknown to the exchange, dead or deaf all the while, is told of later."""
    entry = f"DB({SLATE}/${{CALLUUID}})=${{LINE}}/${{DIALLED}}/${{STARTED}}"
    return extension("h", f'ExecIf($["${{KNOWN}}" = ""]?Set({entry}))')


def _failsafe(plan: Plan, voice: Voice, timing: Timing) -> str:
    """Phones ring at once; the caller hears a sentence and music meanwhile."""
    people = [each for each, phone in plan.phones.items() if not phone.fax]
    front_desk, everybody = _dialled(plan.front_desk), _dialled(people)
    music = f"m({FAILSAFE_WAIT}-${{SPOKEN}})"
    round_s = timing.front_desk_s + timing.everybody_s
    # In a busy clinic a round is over at once, and by rounds alone a caller would be let go within
    # a minute. A clock that jumps meanwhile counts for nothing.
    is_true = f"$[${{TOOK}} > 0 & ${{TOOK}} <= {2 * round_s:d}]"
    nobody = [
        extension(
            f"nobody-{language}", f"Playback({voice('failsafe-nobody', language)})", "Hangup()"
        )
        for language in languages(plan)
    ]
    return section(
        "failsafe",
        [
            extension(
                "s",
                'GotoIf($["${SELFTEST}" = "1"]?over)',
                "UserEvent(CareLineFailsafe,CallUUID: ${CALLUUID})",
                "(ring) Set(SPENT=0)",
                "(round) Set(BEGAN=${EPOCH})",
                f"Dial({front_desk},{timing.front_desk_s:d},{music})",
                f"Dial({everybody},{timing.everybody_s:d},{music})",
                f"MusicOnHold({FAILSAFE_WAIT}-${{SPOKEN}},{NOBODY_REACHABLE_S})",
                "Set(TOOK=$[${EPOCH} - ${BEGAN}])",
                f"Set(SPENT=$[${{SPENT}} + ${{IF({is_true}?${{TOOK}}:{NOBODY_REACHABLE_S})}}])",
                f"GotoIf($[${{SPENT}} < {FAILSAFE_ROUNDS * round_s:d}]?round)",
                "Goto(nobody-${SPOKEN},1)",
                "(over) UserEvent(CareLineFailsafe,CallUUID: ${CALLUUID})",
                "Hangup()",
            ),
            *nobody,
            _slate(),
        ],
    )


def _faxes(plan: Plan) -> str:
    machines = [fax.led(phone) for phone in plan.phones.values() if phone.fax]
    return section(fax.FAXES, [*machines, _slate()])


def _dialled(numbers: Iterable[str]) -> str:
    return "&".join(f"PJSIP/{written.number(each)}" for each in numbers)


# ---- legs the exchange originates ----


def _agent(engine_port: int, keys: list[str]) -> str:
    """When the engine died while this phone rang, whoever picks up is joined to the caller anyway,
    unless another phone was quicker. The caller then hangs up with the agent.

    A caller of whom NEXT says something is being seen to: above all, one who has talked and now
    hangs up. To be joined in that very moment would keep its channel for ever (seen in 1 of 30
    talks that the caller ended)."""
    return section(
        "agent",
        [
            extension(
                "s",
                "Answer(,i)",
                "Set(CHANNEL(dtmf_features)=TK)",
                *keys,
                "Set(BEFORE=${IMPORT(${CALLERCHAN},SENT)})",
                f"GotoIf({ABSENT}?alone)",
                f"TryExec(AudioSocket(${{AGENTUUID}},127.0.0.1:{engine_port:d}))",
                '(alone) GotoIf($["${NEXT}${IMPORT(${CALLERCHAN},NEXT)}" != ""]?over)',
                'GotoIf($["${IMPORT(${CALLERCHAN},BRIDGEPEER)}" != ""]?over)',
                'GotoIf($["${IMPORT(${CALLERCHAN},SENT)}" != "${BEFORE}"]?over)',
                "Bridge(${CALLERCHAN},x)",
                "(over) Hangup()",
            )
        ],
    )


def _called(engine_port: int, sorry: str) -> str:
    """Somebody whom the exchange called. When it has died since, or dies on them, they are told
    that the call was cut off, and by whom it was: what they were called for is durable, and they
    are called again."""
    return section(
        "called",
        [
            extension(
                "s",
                "(again) Set(NEXT=)",
                f"GotoIf({ABSENT}?alone)",
                f"TryExec(AudioSocket(${{CALLEDUUID}},127.0.0.1:{engine_port:d}))",
                'GotoIf($["${NEXT}" = "again"]?again)',
                'GotoIf($["${NEXT}" != ""]?over)',
                f"(alone) Playback({sorry})",
                "(over) Hangup()",
            )
        ],
    )


def _lamp() -> str:
    """The far end of a leg onto MinivmMWI, which only needs to last."""
    return section("lamp", [extension("s", "Answer(,i)", "Wait(5)", "Hangup()")])


# ---- phones ----


def _from_phone() -> str:
    inner = ("emergency", "inside", "pick-up", "pages", "own-greeting", "codes")
    others = (desk_dialplan.PARKED, "outside")
    return section("from-phone", [f"include => {each}" for each in (*inner, *others)])


def _outside(plan: Plan, modems_port: int, voice: Voice) -> str:
    return section("outside", [_rule(plan, rule, modems_port, voice) for rule in plan.dial_rules])


def _rule(plan: Plan, rule: DialRule, modems_port: int, voice: Voice) -> str:
    prefix, starts = (written.number(part) if part else "" for part in (rule.prefix, rule.starts))
    number = f"${{FILTER(0-9,${{EXTEN:{len(prefix)}}})}}"
    pattern = f"_{prefix}{starts}{'X' * (rule.digits - len(starts))}"
    if rule.modem:
        modem, features = plan.modems[rule.modem], desk_dialplan.CALLER_FEATURES
        return extension(
            pattern,
            *outside_limits.steps(rule, number),
            f"GotoIf({ABSENT}?sorry)",
            *modem_dialplan.steps_to(modem, "NUMBER", Kind.ORDINARY, modems_port, features),
            *desk_dialplan.IN_VAIN,
            "(sorry) Answer(,i)",
            f"Playback({voice(FAILED, plan.language)})",
            "Hangup()",
        )
    features = desk_dialplan.CALLER_FEATURES
    in_vain = (outside_limits.FAILED, *desk_dialplan.IN_VAIN)
    return extension(
        pattern,
        *outside_limits.steps(rule, number),
        written.started("__STARTED"),
        *line_groups.in_turn(plan, rule, len(prefix), features, in_vain),
    )


# ---- emergency calls ----


def _emergency(plan: Plan) -> str:
    return section(
        "emergency",
        [
            extension(
                number,
                f"Set(DIALLED={number})",
                f"Set(CENTRE={centre})",
                "Goto(emergency-call,s,1)",
            )
            for number, centre in centres(plan).items()
        ],
    )


def _emergency_call(plan: Plan, voice: Voice, timing: Timing, modems_port: int) -> str:
    language = plan.language
    music = music_class(EMERGENCY_TRYING, language)
    cannot = voice("cannot-reach-911", language)
    ends = f"$[${{EPOCH}} + {timing.emergency_window_s:d}]"
    trunks = _emergency_trunks(plan)
    tries = [step for trunk in _taking_emergencies(plan) for step in _in_turn(plan, trunk)]
    notice = "emergency-notice,${EXTENSION},1"
    of_phone = "emergency-of,${EXTENSION},1"
    by_modem = [step for modem in plan.modems.values() for step in _try_modem(modem, modems_port)]
    walk = f"Extension: ${{EXTENSION}},Dialled: ${{DIALLED}},Trunks: {' '.join(carriers(plan))}"
    return section(
        "emergency-call",
        [
            extension(
                "s",
                'GotoIf($["${SELFTEST}" = "1"]?walk)',
                "Set(__EMERGENCY=1)",
                written.started("__STARTED"),
                # A caller whom a telephone transfers here: it is that telephone's call.
                'GotoIf($["${EXTENSION}" != ""]?known)',
                "Set(PASSED=${BLINDTRANSFER:6})",
                "Set(EXTENSION=${FILTER(0-9,${SHIFT(PASSED,-)})})",
                f"GosubIf($[${{DIALPLAN_EXISTS({of_phone})}}]?{of_phone})",
                "(known) UserEvent(CareLineEmergency,Extension: ${EXTENSION},Dialled: ${DIALLED})",
                f"Set(DB(emergency/until)={ends})",
                f"Set(DB(emergency/${{EXTENSION}})={ends})",
                # A phone the dialplan does not know yet must not lose its call over the notice.
                f"GosubIf($[${{DIALPLAN_EXISTS({notice})}}]?{notice})",
                "Set(CALLERID(num)=${CALLBACK})",
                "Set(SPENT=0)",
                "Set(CUT_FROM=0)",
                *whereabouts.put_on(plan),
                "(again) Set(BUSY=)",
                # Without a line of Asterisk's own nothing can be tried while we are gone.
                *([] if trunks else [f"GotoIf({ABSENT if by_modem else 1}?cannot)"]),
                *whereabouts.every_other_try(plan),
                "Set(BEGAN=${EPOCH})",
                *tries,
                *by_modem,
                # A dead line takes seconds to try; a clock that jumps meanwhile counts for nothing.
                "Set(TOOK=$[${EPOCH} - ${BEGAN}])",
                "Set(TOOK=${IF($[${TOOK} > 0 & ${TOOK} < 60]?${TOOK}:0)})",
                "Set(SPENT=$[${SPENT} + ${TOOK} + 1])",
                f"GotoIf($[${{SPENT}} > {timing.emergency_tries_s:d}]?cannot)",
                'GotoIf($["${MEANWHILE}" != ""]?heard)',
                "Progress()",
                # From now on the sentence is heard, also while a dead line is tried. The music goes
                # on where it was: Dial ends whatever StartMusicOnHold would have begun.
                f"Set(MEANWHILE=m({music}))",
                # A line that was cut free may have gone to the next caller meanwhile.
                '(heard) GotoIf($["${BUSY}" = "" | ${SPENT} < ${CUT_FROM}]?pause)',
                f"Set(CUT_FROM=$[${{SPENT}} + {CUT_AGAIN_AFTER}])",
                "Gosub(preempt,s,1(${BUSY}))",
                "Goto(again)",
                f"(pause) MusicOnHold({music},1)",
                "Goto(again)",
                "(cannot) Answer(,i)",
                *([f"Playback({cannot})"] * CANNOT_TIMES),
                "(over) Hangup()",
                f"(walk) UserEvent(CareLineEmergencyWalk,{walk})",
                "Answer(,i)",
                "Wait(1)",
                "Hangup()",
            )
        ],
    )


def _in_turn(plan: Plan, trunk: Trunk) -> Iterator[str]:
    """All but the last give way: once they have said nothing at all for as long as line_groups
    waits, and in the first turns at once, where that was so a short while ago."""
    if trunk.card is not None or trunk is _taking_emergencies(plan)[-1]:
        yield from _try(plan, trunk, "${MEANWHILE}")
        return
    endpoint = trunk_endpoint(trunk)
    silent = line_groups.is_silent(endpoint)
    yield f"Set(SILENT={silent})"
    yield f"GotoIf($[0${{SILENT}} & ${{SPENT}} < {PASSES_BY_S}]?past-{endpoint})"
    yield from _try(plan, trunk, line_groups.watches(trunk, "${MEANWHILE}"))
    yield f"(past-{endpoint}) NoOp()"


def _try(plan: Plan, trunk: Trunk, options: str) -> Iterator[str]:
    """Fallen through means not answered; whoever was answered never comes back here."""
    if any(number_formats.changes(each) for each in _taking_emergencies(plan)):
        own = number_formats.callback_of(trunk)
        yield f'Set(CALLERID(num)=${{IF($["${{{own}}}" = ""]?${{CALLBACK}}:${{{own}}})}})'
    calls = "|".join(channels_of(trunk))
    busy = '"${DIALSTATUS}" = "BUSY" | "${DIALSTATUS}" = "CONGESTION"'
    yield f"Dial({way_to(trunk, '${CENTRE}')},,{options})"
    yield f'ExecIf($[{busy}]?Set(BUSY=${{BUSY}}${{IF($["${{BUSY}}" = ""]?:|)}}{calls}))'


def _try_modem(modem: Modem, modems_port: int) -> Iterator[str]:
    """After the trunks, and only where no emergency line is merely engaged: that one is cut free
    sooner. Not while it carries another emergency call, whose own this is to know. Fallen through
    means that nobody answered there, which the exchange alone knows."""
    talked = modem_dialplan.talked(modem)
    past = f"past-{written.name(modem.name)}"
    taken = f"${{GROUP_COUNT({EMERGENCIES}@{talked})}} > 0"
    yield f'GotoIf($["${{BUSY}}" != "" | {ABSENT} | {taken}]?{past})'
    yield f"Set(GROUP({talked})={EMERGENCIES})"
    yield f"Set(GLOBAL({talked})=)"
    yield from modem_dialplan.steps_to(modem, "CENTRE", Kind.EMERGENCY, modems_port, "g")
    yield f'GotoIf($["${{{talked}}}" = "1"]?over)'
    yield f"Set(GROUP({talked})=)"
    yield f"({past}) NoOp()"


def _preempt() -> str:
    """Ends the newest line call that is not an emergency. Two emergency calls at once take two."""
    return section(
        "preempt",
        [
            extension(
                "s",
                "Set(HELD=${LOCK(preempt)})",
                "Set(NEWEST=0)",
                "Set(VICTIM=)",
                "Set(CALLS=${CHANNELS(^(${ARG1}))})",
                # The list's separator, a space, can be given only by its code.
                r"(next) Set(ONE=${SHIFT(CALLS,\x20)})",
                'GotoIf($["${ONE}" = ""]?found)',
                'GotoIf($["${IMPORT(${ONE},EMERGENCY)}" = "1"]?next)',
                'GotoIf($["${SHARED(PREEMPTED,${ONE})}" = "1"]?next)',
                # One that says nothing of its beginning makes way all the same, after all others.
                "Set(BEGAN=1${IMPORT(${ONE},STARTED)})",
                "GotoIf($[${BEGAN} <= ${NEWEST}]?next)",
                "Set(NEWEST=${BEGAN})",
                "Set(VICTIM=${ONE})",
                "Goto(next)",
                '(found) GotoIf($["${VICTIM}" = ""]?over)',
                "Set(SHARED(PREEMPTED,${VICTIM})=1)",
                "SoftHangup(${VICTIM})",
                "(over) Set(HELD=${UNLOCK(preempt)})",
                "Return()",
            )
        ],
    )


def _notices(plan: Plan, voice: Voice) -> Iterator[str]:
    """Who is told, and what each hears; legs of their own, which no emergency call waits for."""
    phones = plan.phones.values()
    yield section("emergency-of", [_of_phone(plan, phone) for phone in phones])
    yield section("emergency-notice", [_notice(plan, phone) for phone in phones])
    yield section("emergency-told", [_told(phone, plan.language, voice) for phone in phones])


def _of_phone(plan: Plan, phone: Phone) -> str:
    """What the telephone's own calls have by themselves: the number to call back."""
    known = number_formats.callbacks(plan, phone.callback)
    steps = (f"Set({each})" for each in known)
    return extension(written.number(phone.extension), *steps, "Return()")


def _notice(plan: Plan, phone: Phone) -> str:
    caller = written.number(phone.extension)
    shown = f"911 from {caller} {written.label(phone.location)}"
    legs = [
        f"Originate(PJSIP/{told},exten,emergency-told,{caller},1,{NOTICE_S},ac({caller})n({shown}))"
        for told in map(written.number, plan.front_desk)
        if told != caller
    ]
    return extension(caller, *legs, "Return()")


def _told(phone: Phone, language: str, voice: Voice) -> str:
    def digits(number: str) -> str:
        return "&".join(voice(f"number-{digit}", language) for digit in number if digit != "+")

    said = [
        f"Playback({voice('emergency-from', language)}&{digits(phone.extension)})",
        # By itself: were its file missing, the rest must be heard all the same.
        f"Playback({voice(phone.location_prompt, language)})",
        f"Playback({voice('emergency-callback', language)}&{digits(phone.callback)})",
    ]
    return extension(
        written.number(phone.extension), "Answer(,i)", *(said * NOTICE_TIMES), "Hangup()"
    )


def _emergency_return(plan: Plan, timing: Timing) -> str:
    """The centre may be calling back: the phone that called it and the front desk ring together."""
    callers = [
        f"ExecIf($[${{EPOCH}} < 0${{DB(emergency/{number})}}]?Set(RUNG=PJSIP/{number}&${{RUNG}}))"
        for number in map(written.number, plan.phones)
        if number not in plan.front_desk
    ]
    call = "CallUUID: ${CALLUUID},Line: ${LINE},Dialled: ${DIALLED}"
    music = f"m({FAILSAFE_WAIT}-${{SPOKEN}})"
    return section(
        "emergency-return",
        [
            extension(
                "s",
                f"UserEvent(CareLineEmergencyReturn,{call})",
                f"Set(RUNG={_dialled(plan.front_desk)})",
                *callers,
                f"Dial(${{RUNG}},{timing.everybody_s:d},{music})",
                "Goto(failsafe,s,ring)",
            ),
            _slate(),
        ],
    )


# ---- the self-test line ----


def _selftest(plan: Plan, voice: Voice) -> str:
    """Its own number enters like any line; emergency numbers are walked, never dialled."""
    spoken = voice("selftest", plan.language)
    return section(
        SELFTEST,
        [
            extension(
                SELFTEST_NUMBER,
                f"Set(DIALLED={SELFTEST_NUMBER})",
                f"Set(LINE={SELFTEST})",
                f"Set(SPOKEN={written.name(plan.language)})",
                "Goto(entrance,s,1)",
            ),
            # The canary's telephone: always picked up, and heard to ring back.
            extension(
                "s",
                "Answer(,i)",
                f"Playback({spoken})",
                f"Wait({CANARY_S})",
                "Hangup()",
            ),
            # Both ends of a call are the line doctor's then.
            extension(
                f"_{FAR_NUMBER}XXXXX",
                "Answer(,i)",
                f"TryExec(AudioSocket({FAR_UUID},127.0.0.1:${{EXTEN:{len(FAR_NUMBER):d}}}))",
                "Hangup()",
            ),
            "include => emergency",
        ],
    )


def _doctor() -> str:
    """Who answered is the line doctor's, and nobody else's when that has gone."""
    return section(
        "doctor",
        [
            extension(
                "s",
                "TryExec(AudioSocket(${DOCTORUUID},127.0.0.1:${DOCTORPORT}))",
                "Hangup()",
            )
        ],
    )


def _tester(engine_port: int) -> str:
    """The caller on the self-test line: a leg that the exchange originates, and speaks for."""
    return section(
        "tester",
        [
            extension(
                "s",
                f"GotoIf({ABSENT}?over)",
                f"TryExec(AudioSocket(${{TESTERUUID}},127.0.0.1:{engine_port:d}))",
                "(over) Hangup()",
            )
        ],
    )
