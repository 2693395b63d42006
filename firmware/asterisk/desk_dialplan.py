"""What a desk telephone reaches inside the clinic, and where a caller comes whom it passes on. Text
only; pure.

    from-phone -> inside -> a telephone: it rings
                      |---> a queue, a mailbox: into the engine, as a call of its own
                      '---> sent: a caller of the clinic's, transferred to one of these

A caller who is passed on goes to the exchange like one who has just come, so that nobody is lost to
a telephone that is busy or switched off; without an exchange the telephone rings all the same.
Nothing here is on the way of an emergency call.
"""

from collections.abc import Iterator, Mapping

from firmware.asterisk import written
from firmware.asterisk.written import extension, section
from ivr import inside
from ivr.plan import Plan

SENT, PARKED, PARKED_BACK = "sent", "parked", "parked-back"  # contexts
INSIDE_S = 60
HANGUP_AS_CALLED = "Hangup(${HANGUPCAUSE})"
# Both ends of a talk inside may pass the other on or park it (features.conf).
FEATURES = "tTkK"
# A caller of the clinic's: the line is not inherited by the legs that are rung for it.
IS_CALLER = '$["${LINE}" != ""]'
MUSIC = "m(default)"
CALLER_FEATURES = "TK"  # of a talk with the outside: only the telephone's own
# The end of a call to the outside: a caller who was passed there in vain is not lost.
IN_VAIN = (f"GotoIf({IS_CALLER}?{SENT},s,1)", HANGUP_AS_CALLED)

# What a talking telephone keys: for those that have no button for it.
FEATURE_CODES: Mapping[str, str] = {"blindxfer": "*1", "atxfer": "*2", "parkcall": "*3"}


def contexts(plan: Plan, absent: str) -> Iterator[str]:
    """All of it; `absent` is the expression that there is no exchange."""
    yield _inside(plan)
    yield _sent(plan, absent)
    yield section(PARKED, [])  # its numbers are res_parking's to add
    yield _parked_back(plan)


def _inside(plan: Plan) -> str:
    phones = [
        extension(
            number,
            f"GotoIf({IS_CALLER}?{SENT},{number},1)",
            f"Dial(PJSIP/{number},{INSIDE_S},{FEATURES})",
            HANGUP_AS_CALLED,
        )
        for number in map(written.number, plan.phones)
    ]
    places = [
        extension(
            number,
            f"GotoIf({IS_CALLER}?{SENT},{number},1)",
            f"Set(DIALLED={number})",
            f"Set(LINE={inside.INSIDE})",
            f"Set(SPOKEN={written.name(plan.language)})",
            "Goto(entrance,inside,1)",
        )
        for number in map(written.number, inside.numbers(plan))
    ]
    return section("inside", [*phones, *places])


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
    told = "UserEvent(CareLineSent,CallUUID: ${CALLUUID},To: ${FILTER(*0-9,${EXTEN})})"
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
    back = (f"{inside.BACK}{written.number(phone)}" for phone in plan.phones)
    others = [
        extension(pattern, *begin, told, "Goto(engine,s,1)")
        for pattern in (*map(written.number, inside.numbers(plan)), *back, "s")
    ]
    return section(SENT, [*phones, *others])
