"""How much telephones may call outside, by Asterisk alone. Text only; pure.

    outside -> outside-allowed: counts the try -> barred, enough or stopped: a sentence, no call
       |                             '-> allowed: the line is dialled
       '-> in vain -> outside-failed: counts numbers that do not exist

It holds while our programs are down, and no program of ours stands between a telephone and a line:
so the counts lie in Asterisk's own database, which outlives its restarts. Nothing here is on the
way of an emergency call, which is another context. Where that database cannot be written, as on a
full disk, calls go on uncounted: patients must be reached.

A telephone is stopped by an entry STOPPED/EXTENSION, `WHY/SECONDS`, which an admin takes away. Of
numbers only a remainder is kept, which a million others share: no number can be told from it.
"""

from collections.abc import Callable, Iterator

from firmware.asterisk import desk_dialplan, written
from firmware.asterisk.written import extension, section
from ivr.costly import barred
from ivr.plan import DialRule, Plan

COUNTED, STOPPED = "outside", "outside-stopped"  # of the database
GROUP = "outside"
ALLOWED, COUNT_FAILED, REFUSED = "outside-allowed", "outside-failed", "outside-refused"
BARRED_SAID, ENOUGH_SAID, STOPPED_SAID = "outside-barred", "outside-enough", "outside-stopped"
# A caller whom the clinic itself passes outside is counted and never stopped: whoever calls in
# often would keep the others from who is on duty.
NOBODY = "0"
OFTEN, FAILING = "often", "failing"  # why a telephone is stopped
WITHIN_S = 600
NIGHT_FROM_H, NIGHT_TO_H = 22, 6
BUCKETS = 9973  # of the numbers called: a prime, so that digits alone do not decide
# Q.850: no such number, no way there, refused, changed, not whole. A line that is down is another.
NO_NUMBER = "^(1|3|21|22|28)$"
PROMPTS = (BARRED_SAID, ENOUGH_SAID, STOPPED_SAID)

FAILED = f"Gosub({COUNT_FAILED},s,1)"
UNLOCK = f"Set(HELD=${{UNLOCK({COUNTED})}})"


def steps(rule: DialRule, number: str) -> Iterator[str]:
    """Before a line is dialled by this rule; `number` is an expression that holds digits alone."""
    yield f"Set(NUMBER={number})"
    yield f"Gosub({ALLOWED},s,1)"
    yield f'GotoIf($["${{GOSUB_RETVAL}}" != ""]?{REFUSED},${{GOSUB_RETVAL}},1)'
    if expression := barred(rule.starts, rule.digits):
        yield f'GotoIf(${{REGEX("{expression}" ${{NUMBER}})}}?{REFUSED},{BARRED_SAID},1)'


def contexts(plan: Plan, spoken: Callable[[str], str]) -> Iterator[str]:
    yield _allowed(plan)
    yield _count_failed(plan)
    yield _refused(spoken)


def _allowed(plan: Plan) -> str:
    limits, zone = plan.outside, written.zone(plan.timezone)
    hour = f"${{STRFTIME(${{EPOCH}},{zone},%H)}}"
    is_night = f"$[{hour} >= {NIGHT_FROM_H} | {hour} < {NIGHT_TO_H}]"
    return section(
        ALLOWED,
        [
            extension(
                "s",
                # A caller whom a telephone passes or forwards outside is that telephone's call.
                'Set(PASSED=${IF($["${FORWARDERNAME}" = ""]?${BLINDTRANSFER}:${FORWARDERNAME})})',
                "Set(PASSED=${PASSED:6})",
                'Set(WHO=${IF($["${EXTENSION}" = ""]?${FILTER(0-9,${SHIFT(PASSED,-)})}'
                ":${EXTENSION})})",
                f'Set(WHO=${{IF($["${{WHO}}" = ""]?{NOBODY}:${{WHO}})}})',
                f"Set(HELD=${{LOCK({COUNTED})}})",
                f'GotoIf($["${{DB({STOPPED}/${{WHO}})}}" != ""]?stopped)',
                *_within("tries"),
                f"Set(MOST=${{IF({is_night}?{limits.tries_at_night}:{limits.tries})}})",
                f'GotoIf($[${{COUNT}} > ${{MOST}} & "${{WHO}}" = "{NOBODY}"]?enough)',
                "GotoIf($[${COUNT} > ${MOST}]?stop)",
                _keep("tries"),
                f"Set(DAY=${{STRFTIME(${{EPOCH}},{zone},%Y%m%d)}})",
                f"Set(BUCKET=$[${{NUMBER:-15}} % {BUCKETS}])",
                f"Set(OF_PHONE=${{DB({COUNTED}/${{WHO}}/day)}})",
                f"Set(OF_NUMBER=${{DB({COUNTED}/number/${{BUCKET}})}})",
                'Set(OF_PHONE=${IF($["${OF_PHONE:0:8}" = "${DAY}"]?0${OF_PHONE:9}:0)})',
                'Set(OF_NUMBER=${IF($["${OF_NUMBER:0:8}" = "${DAY}"]?0${OF_NUMBER:9}:0)})',
                f"GotoIf($[${{OF_PHONE}} >= {limits.per_phone_a_day}]?enough)",
                f"GotoIf($[${{OF_NUMBER}} >= {limits.per_number_a_day}]?enough)",
                f"GotoIf($[${{GROUP_COUNT(${{WHO}}@{GROUP})}} >= {limits.at_once}]?enough)",
                f"Set(DB({COUNTED}/${{WHO}}/day)=${{DAY}}-$[${{OF_PHONE}} + 1])",
                f"Set(DB({COUNTED}/number/${{BUCKET}})=${{DAY}}-$[${{OF_NUMBER}} + 1])",
                f"Set(GROUP({GROUP})=${{WHO}})",
                UNLOCK,
                "Return()",
                f"(enough) {UNLOCK}",
                f"Return({ENOUGH_SAID})",
                *_stop(OFTEN),
                f"(stopped) {UNLOCK}",
                f"Return({STOPPED_SAID})",
            )
        ],
    )


def _count_failed(plan: Plan) -> str:
    return section(
        COUNT_FAILED,
        [
            extension(
                "s",
                f"Set(GROUP({GROUP})=)",
                f'GotoIf($[${{REGEX("{NO_NUMBER}" ${{HANGUPCAUSE}})}} = 0]?over)',
                f"Set(HELD=${{LOCK({COUNTED})}})",
                *_within("failed"),
                _keep("failed"),
                f'GotoIf($[${{COUNT}} >= {plan.outside.failing} & "${{WHO}}" != "{NOBODY}"]?stop)',
                UNLOCK,
                "(over) Return()",
                *_stop(FAILING),
                UNLOCK,
                "Return()",
            )
        ],
    )


def _within(what: str) -> Iterator[str]:
    """COUNT is how many there are with this one since BEGAN, not longer than WITHIN_S ago, nor
    before the telephone was let go again. A clock set back begins anew."""
    yield f"Set(KEPT=${{DB({COUNTED}/${{WHO}}/{what})}})"
    yield "Set(BEGAN=0${KEPT:0:10})"
    yield (
        f"Set(COUNT=${{IF($[${{EPOCH}} >= ${{BEGAN}} & ${{EPOCH}} < ${{BEGAN}} + {WITHIN_S}]"
        "?0${KEPT:11}:0)})"
    )
    yield "Set(BEGAN=${IF($[${COUNT} = 0]?${EPOCH}:${KEPT:0:10})})"
    yield "Set(COUNT=$[${COUNT} + 1])"


def _keep(what: str) -> str:
    return f"Set(DB({COUNTED}/${{WHO}}/{what})=${{BEGAN}}-${{COUNT}})"


def _stop(why: str) -> Iterator[str]:
    """What was counted goes: once let go again, the telephone begins anew."""
    yield f"(stop) Set(DB({STOPPED}/${{WHO}})={why}/${{EPOCH}})"
    yield from (f"Set(DB({COUNTED}/${{WHO}}/{what})=)" for what in ("tries", "failed"))


def _refused(spoken: Callable[[str], str]) -> str:
    """Whoever dialled hears why; a caller who was passed on goes back to whoever is there."""
    to_whom_is_there, _ = desk_dialplan.IN_VAIN
    return section(
        REFUSED,
        [
            extension(
                prompt,
                to_whom_is_there,
                "Answer(,i)",
                f"Playback({spoken(prompt)})",
                f"Hangup({desk_dialplan.REJECTED})",
            )
            for prompt in PROMPTS
        ],
    )
