"""What a desk telephone reaches inside the clinic, and where a caller comes whom it passes on. Text
only; pure.

    from-phone -> inside -> a telephone: ring, which asks the exchange where its calls go
                      |---> a queue, a mailbox: into the engine, as a call of its own
                      '---> sent: a caller of the clinic's, transferred to one of these

A caller who is passed on goes to the exchange like one who has just come, so that nobody is lost to
a telephone that is busy or switched off; without an exchange the telephone rings all the same.
Nothing here is on the way of an emergency call.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

from firmware.asterisk import modem_dialplan, speaker_dialplan, written
from firmware.asterisk.emergency_keys import centres
from firmware.asterisk.written import extension, section
from ivr import inside
from ivr.codes import AWAY_SAID, DIAL, FAILED
from ivr.plan import Phone, Plan

# Contexts.
SENT, PARKED, PARKED_BACK, RING, ONWARD = "sent", "parked", "parked-back", "ring", "onward"
AWAY, AUTO_ANSWER, SLOT = "away", "auto-answer", "slot"
PAGE_RING_S = 10
INSIDE_S = 60
OWNER_S = round(inside.PHONE_RING_S)  # where a mailbox waits behind it
ASK_TRIES = 150  # fiftieths of a second: longer than the watchdog lets an exchange stand still
HOPS_MOST = 4
CODE_TRIES = 60
REJECTED = 21  # Q.850, call rejected
HANGUP_AS_CALLED = "Hangup(${HANGUPCAUSE})"
# Both ends of a talk inside may pass the other on or park it (features.conf).
FEATURES = "tTkK"
# A caller of the clinic's: the line is not inherited by the legs that are rung for it.
IS_CALLER = '$["${LINE}" != ""]'
MUSIC = "m(default)"
CALLER_FEATURES = "TK"  # of a talk with the outside: only the telephone's own
# The end of a call to the outside: a caller who was passed there in vain is not lost.
IN_VAIN = (
    f'GotoIf({IS_CALLER}?{SENT},${{IF($["${{INVAIN}}" = ""]?s:${{INVAIN}})}},1)',
    HANGUP_AS_CALLED,
)

PICK_UP = "*81"  # before a colleague's number: takes the call that rings there
# What a talking telephone keys: for those that have no button for it.
FEATURE_CODES: Mapping[str, str] = {"blindxfer": "*1", "atxfer": "*2", "parkcall": "*3"}


def contexts(plan: Plan, absent: str, modems_port: int) -> Iterator[str]:
    """All of it; `absent` is the expression that there is no exchange."""
    yield _inside(plan)
    yield _ring(absent)
    yield _onward(plan)
    yield _pick_up()
    yield _pages(plan, absent, modems_port)
    yield _auto_answer()
    yield _sent(plan, absent)
    yield section(PARKED, [])  # its numbers are res_parking's to add
    yield _parked_back(plan)


def _inside(plan: Plan) -> str:
    phones = [
        extension(
            number,
            f"GotoIf({IS_CALLER}?{SENT},{number},1)",
            f"Goto({RING},{number},1)",
        )
        for number in map(written.number, plan.phones)
    ]
    boxes = [f"{inside.VOICEMAIL}{written.number(p.extension)}" for p in _with_mailbox(plan)]
    places = [
        extension(
            number,
            f"GotoIf({IS_CALLER}?{SENT},{number},1)",
            f"Set(DIALLED={number})",
            f"Set(LINE={inside.INSIDE})",
            f"Set(SPOKEN={written.name(plan.language)})",
            "Goto(entrance,inside,1)",
        )
        for number in (*map(written.number, inside.numbers(plan)), *boxes)
    ]
    return section("inside", [*phones, *places, *_lamps(plan)])


def _lamps(plan: Plan) -> Iterator[str]:
    """What a colleague's lamp shows: the telephone itself, whatever its calls are (RFC 4235)."""
    for number in map(written.number, plan.phones):
        yield f"exten => {number},hint,PJSIP/{number}"


def _with_mailbox(plan: Plan) -> list[Phone]:
    return [phone for phone in plan.phones.values() if phone.mailbox is not None]


def _ring(absent: str) -> str:
    """A desk calls a telephone. Its owner may have said where its calls go: the exchange knows, and
    is asked before it rings and after it rang in vain. Without an exchange it simply rings."""
    has_box = f"${{DIALPLAN_EXISTS(inside,{inside.VOICEMAIL}${{RUNG}},1)}}"
    for_s = f"${{IF({has_box}?{OWNER_S}:{INSIDE_S})}}"
    return section(
        RING,
        [
            extension(
                "_X!",
                "Set(RUNG=${FILTER(0-9,${EXTEN})})",
                "Set(BECAME=)",
                f"(ask) GotoIf({absent}?alone)",
                "Set(ROUTE=)",
                "Set(TRIES=0)",
                "UserEvent(CareLineInside,To: ${RUNG},Became: ${BECAME})",
                "(wait) Wait(0.02)",
                'GotoIf($["${ROUTE}" != ""]?known)',
                "Set(TRIES=$[${TRIES} + 1])",
                f"GotoIf($[${{TRIES}} < {ASK_TRIES}]?wait)",
                '(alone) Set(ROUTE=${IF($["${BECAME}" = ""]?ring:end)})',
                '(known) GotoIf($["${ROUTE}" = "ring"]?ring)',
                f'GotoIf($["${{ROUTE}}" = "box"]?inside,{inside.VOICEMAIL}${{RUNG}},1)',
                f'GotoIf($["${{ROUTE:0:2}}" = "to" & 0${{HOPS}} < {HOPS_MOST}]?onward)',
                'Hangup(${IF($["${BECAME}" = ""]?17:${HANGUPCAUSE})})',
                f"(ring) Dial(PJSIP/${{RUNG}},{for_s},{FEATURES})",
                'Set(BECAME=${IF($["${DIALSTATUS}" = "BUSY"]?busy:silent)})',
                "Goto(ask)",
                "(onward) Set(__HOPS=$[0${HOPS} + 1])",
                f"Goto({ONWARD},${{ROUTE:2}},1)",
            )
        ],
    )


def _onward(plan: Plan) -> str:
    """Where a number leads that the exchange gives, or a telephone that forwards its calls: never
    to an emergency centre, whatever dial rule would take it there."""
    nowhere = [extension(number, f"Hangup({REJECTED})") for number in centres(plan)]
    return section(ONWARD, [*nowhere, "include => inside", "include => outside"])


def _pick_up() -> str:
    """A colleague's telephone rings: without an exchange, too."""
    return section(
        "pick-up",
        [
            extension("*80", "Pickup()", "Hangup()"),
            extension(
                f"_{PICK_UP}X!", "PickupChan(PJSIP/${FILTER(0-9,${EXTEN:3})}-,p)", "Hangup()"
            ),
        ],
    )


def _pages(plan: Plan, absent: str, modems_port: int) -> str:
    """All the telephones of a group answer by themselves and hear who dialled its number, and so
    does its loudspeaker, which is the exchange's; a loudspeaker alone needs one."""
    pages = []
    for number, phones in plan.pages.items():
        speaker = plan.heard_at.get(number)
        leg = _to_speaker(speaker, modems_port) if speaker else ""
        if phones:
            devices = "&".join(filter(None, (_devices(phones), leg)))
            steps = [f"Page({devices},b({AUTO_ANSWER}^s^1)q,{PAGE_RING_S})", "Hangup()"]
        else:
            steps = [f"GotoIf({absent}?alone)", f"Dial({leg})", "Hangup()", "(alone) Hangup(34)"]
        to_sent = f"GotoIf({IS_CALLER}?{SENT},s,1)"
        pages.append(extension(written.number(number), to_sent, *steps))
    return section("pages", pages)


def _to_speaker(speaker: str, modems_port: int) -> str:
    return modem_dialplan.channel(speaker_dialplan.uuid_of(written.name(speaker)), modems_port)


def _devices(phones: Iterable[str]) -> str:
    return "&".join(f"PJSIP/{written.number(phone)}" for phone in phones)


def _auto_answer() -> str:
    """Makers differ in the header by which a telephone picks up by itself."""
    headers = {
        "Call-Info": r"<sip:page>\;answer-after=0",
        "Alert-Info": r"<sip:page>\;info=alert-autoanswer",
    }
    steps = (f"Set(PJSIP_HEADER(add,{name})={value})" for name, value in headers.items())
    return section(AUTO_ANSWER, [extension("s", *steps, "Return()")])


def own_greeting(plan: Plan, absent: str, sorry: str) -> str:
    """A telephone's owner comes to the engine: to record what is said before a message for them, or
    to listen to the messages of this telephone, or of another one's or a mailbox's number."""
    ways = {
        inside.OWN_GREETING: f"{inside.OWN_GREETING}${{EXTENSION}}",
        inside.LISTEN: f"{inside.LISTEN}${{EXTENSION}}",
        f"_{inside.LISTEN}X!": "${FILTER(*0-9,${EXTEN})}",
    }
    return section(
        "own-greeting",
        [
            extension(
                pattern,
                f"GotoIf({IS_CALLER}?{SENT},s,1)",
                f"GotoIf({absent}?alone)",
                f"Set(DIALLED={dialled})",
                f"Set(LINE={inside.INSIDE})",
                f"Set(SPOKEN={written.name(plan.language)})",
                "Goto(entrance,inside,1)",
                "(alone) Answer(,i)",
                f"Playback({sorry})",
                "Hangup()",
            )
            for pattern, dialled in ways.items()
        ],
    )


def slots(plan: Plan, spoken: Callable[[str], str]) -> str:
    """What the telephone hears that is told of a slot (firmware/asterisk/slots.py)."""
    first = int(plan.parking.first)
    numbers = (
        str(first + place).zfill(len(plan.parking.first)) for place in range(plan.parking.slots)
    )
    return section(
        SLOT,
        [
            extension(
                number,
                "Answer(,i)",
                f"Playback({'&'.join(spoken(f'number-{digit}') for digit in number)})",
                "Hangup()",
            )
            for number in numbers
        ],
    )


def codes(spoken: Callable[[str], str], prompts: Iterable[str]) -> Iterator[str]:
    """The exchange answers by a variable, and only then something is said: what is spoken holds.
    Without an exchange it says so after CODE_TRIES tenths of a second."""
    yield section(
        "codes",
        [
            extension(
                "_*XX!",
                "Answer(,i)",
                "Set(SAID=)",
                "Set(TRIES=0)",
                "UserEvent(CareLineCode,Extension: ${EXTENSION},Code: ${FILTER(+*#0-9,${EXTEN})})",
                "(wait) Wait(0.1)",
                'GotoIf($["${SAID}" != ""]?say)',
                "Set(TRIES=$[${TRIES} + 1])",
                f"GotoIf($[${{TRIES}} < {CODE_TRIES}]?wait)",
                f"Set(SAID={FAILED})",
                f'(say) GotoIf($["${{SAID:0:{len(DIAL)}}}" = "{DIAL}"]?dial)',
                "(next) Set(ONE=${SHIFT(SAID,&)})",
                'GotoIf($["${ONE}" = ""]?over)',
                "Gosub(said,${ONE},1)",
                "Goto(next)",
                f"(dial) Goto({ONWARD},${{SAID:{len(DIAL)}}},1)",
                "(over) Hangup()",
            )
        ],
    )
    yield section(
        AWAY, [extension("s", "Answer(,i)", f"Playback({spoken(AWAY_SAID)})", "Hangup()")]
    )
    yield section(
        "said", [extension(p, f"Playback({spoken(p)})", "Return()") for p in dict.fromkeys(prompts)]
    )


def _parked_back(plan: Plan) -> str:
    """Parked too long: back to who parked it, and for a caller of the clinic's then to whoever is
    there. PARKER is `PJSIP/101`."""
    steps = (
        "Set(BACK=${FILTER(0-9,${PARKER:6})})",
        f"GotoIf({IS_CALLER}?caller)",
        f"Dial(PJSIP/${{BACK}},{INSIDE_S},{FEATURES})",
        HANGUP_AS_CALLED,
        f"(caller) GotoIf($[${{DIALPLAN_EXISTS({SENT},{inside.BACK}${{BACK}},1)}}]"
        f"?{SENT},{inside.BACK}${{BACK}},1:{SENT},s,1)",
    )
    return section(PARKED_BACK, [extension(pattern, *steps) for pattern in ("_[A-Za-z0-9]!", "s")])


def _sent(plan: Plan, absent: str) -> str:
    """A telephone that has passed its caller on must not be joined to it once more, though its own
    leg ends later: the count tells (`agent`)."""
    begin = ("Set(SENT=$[0${SENT} + 1])", "Set(NEXT=)")
    told = "UserEvent(CareLineSent,CallUUID: ${CALLUUID},To: ${FILTER(*#0-9,${EXTEN})})"
    phones = [
        extension(
            number,
            *begin,
            f"GotoIf({absent}?alone)",
            told,
            "Goto(engine,s,1)",
            f"(alone) Dial(PJSIP/{number},{INSIDE_S},{MUSIC}{FEATURES})",
            "Goto(failsafe,s,1)",
        )
        for number in map(written.number, plan.phones)
    ]
    back = [f"{inside.BACK}{written.number(phone)}" for phone in plan.phones]
    boxes = [f"{inside.VOICEMAIL}{written.number(p.extension)}" for p in _with_mailbox(plan)]
    others = [
        extension(pattern, *begin, told, "Goto(engine,s,1)")
        for pattern in (*map(written.number, inside.numbers(plan)), *back, *boxes, "s")
    ]
    return section(SENT, [*phones, *others])
