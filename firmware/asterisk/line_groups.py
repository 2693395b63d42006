"""The trunks of a dial rule, one after another. Text only; pure.

The next is tried where the one before has failed by itself: it cannot be reached, refuses, is busy,
or has said nothing at all for SILENT_S. Never once the other end rings, is heard or has answered,
and never because the number itself is wrong.

    outside -> Dial by the first -> line-tried, as its call begins: watches it
                    |                    '-> line-silent: ends a call to which nobody said a word,
                    |                                     and the next calls pass that trunk by
                    '-> Dial by the next ... -> Dial by those passed by -> in vain

A trunk is passed by for PASSED_S, or until it answers whoever asks whether it is there; where all
others fail it is tried after all.

Whom the exchange calls is called by a leg through `by-rule-N`, where the rule has several trunks or
a modem.

A trunk that has said so much as `100 Trying` is waited for: from there a call may take long. A
telephone card is not watched: DAHDI itself says what fails, and an analog line says nothing at all.
Emergency calls have an order of their own (dialplan). Of them too a trunk is watched, but for the
last: should the watch not begin, Asterisk itself gives that trunk up a little later.
"""

from collections.abc import Iterator, Sequence

from firmware.asterisk import modem_dialplan, number_formats, written
from firmware.asterisk.written import extension, section
from ivr.plan import DialRule, Plan, ShownIn, Trunk

TRIED, SILENT = "line-tried", "line-silent"
# Asterisk itself gives a silent trunk up after 64 × T1, of which 6.4 s is the least there is.
SILENT_S = 4
PASSED_S = 120
OUTSIDE_S = 120
# Causes of Q.850 by which the number is wrong and not the line: no such number, it has changed, it
# is not whole.
WRONG_NUMBER = ("1", "22", "28")


def trunk_endpoint(trunk: Trunk) -> str:
    """The trunk's name among PJSIP's, and among the lines by which an emergency call goes."""
    return f"trunk-{written.name(trunk.name)}"


def channels_of(trunk: Trunk) -> tuple[str, ...]:
    """What the names of this trunk's channels begin with; none of them means anything in a regular
    expression but itself."""
    card = trunk.card
    if card is None:
        return (f"PJSIP/{trunk_endpoint(trunk)}-",)
    if card.is_analog:
        return tuple(f"DAHDI/{channel:d}-" for channel in range(card.first, card.last + 1))
    return (f"DAHDI/i{card.span:d}/",)


def way_to(trunk: Trunk, number: str) -> str:
    """What Dial and Originate are told, to call this number by it."""
    if trunk.card is not None:
        return f"DAHDI/g{trunk.card.group:d}/{number}"
    return f"PJSIP/{number}@{trunk_endpoint(trunk)}"


def channel_to(plan: Plan, rule: DialRule, number: str) -> str:
    """What Originate is to call for a number outside, digits alone."""
    if rule.otherwise or rule.modem:
        return f"Local/{written.number(number)}@{_by(plan, rule)}/n"
    trunk = plan.trunks[rule.trunk]
    return way_to(trunk, number_formats.sent(trunk, number))


def first_shown(plan: Plan, rule: DialRule) -> tuple[str, str]:
    """The number and the name that go with a call by the first way of a rule; by a modem the
    network shows its own."""
    if rule.modem:
        return written.number(rule.shows), written.label(plan.name)
    return shown(plan, rule, plan.trunks[rule.trunk])


def shown(plan: Plan, rule: DialRule, trunk: Trunk) -> tuple[str, str]:
    """The number and the name that go with a call by this trunk."""
    number = number_formats.sent(trunk, rule.shows)
    return number, number if trunk.shown_in is ShownIn.NAME else written.label(plan.name)


def contexts(plan: Plan, modems_port: int) -> Iterator[str]:
    """Those who watch over each try, and the ways of those whom the exchange calls."""
    yield from _watching()
    for rule in plan.dial_rules:
        if rule.otherwise or rule.modem:
            yield section(_by(plan, rule), [extension("_X!", *_of_box(plan, rule, modems_port))])


def _of_box(plan: Plan, rule: DialRule, modems_port: int) -> Iterator[str]:
    # It has its leg's variables, by which the exchange knows the leg.
    yield "Set(CALLEDUUID=)"
    yield "Set(TESTERUUID=)"
    if rule.modem:
        yield from modem_dialplan.of_box(plan, rule, modems_port)
        return
    yield "Set(__STARTED=${STARTED})"
    yield from in_turn(plan, rule, 0, "", ("Hangup(${HANGUPCAUSE})",))


def _by(plan: Plan, rule: DialRule) -> str:
    return f"by-rule-{plan.dial_rules.index(rule) + 1}"


def _watching() -> Iterator[str]:
    told = "v(TRIED=${CHANNEL}^FOR=${ARG1}^BY=${ARG2})"
    yield section(
        TRIED,
        [
            extension(
                "s",
                f"Originate(Local/s@{SILENT}/n,app,NoOp,,,{2 * SILENT_S},a{told})",
                "Return()",
            )
        ],
    )
    # What a trunk said last stands with the caller for whom it is tried.
    said = "${IMPORT(${FOR},HANGUPCAUSE(${TRIED},tech))}"
    yield section(
        SILENT,
        [
            extension(
                "s",
                f"Wait({SILENT_S})",
                f'GotoIf($["{said}" != ""]?over)',
                # Who has hung up meanwhile has left no word either, and is not to be asked for any.
                'GotoIf($["${CHANNELS(^${TRIED}$)}" = "" | "${CHANNELS(^${FOR}$)}" = ""]?over)',
                f"Set(GLOBAL({passed_until('${BY}')})=$[${{EPOCH}} + {PASSED_S}])",
                "SoftHangup(${TRIED})",
                "(over) Hangup()",
            )
        ],
    )


def in_turn(
    plan: Plan, rule: DialRule, begins: int, options: str, in_vain: Sequence[str]
) -> Iterator[str]:
    """The steps that dial a number; it begins at this digit of what was dialled. Fallen through to
    `in_vain` means that nobody answered."""
    *others, last = (plan.trunks[trunk] for trunk in rule.trunks)
    for number, trunk in enumerate(others, 1):
        if trunk.card is None:
            yield f"Set(PASSED{number}={is_silent(trunk_endpoint(trunk))})"
            yield f"GotoIf($[${{PASSED{number}}}]?past{number})"
        yield from _by_trunk(plan, rule, trunk, begins, watches(trunk, options))
        yield f"GotoIf({_IS_OVER}?vain)"
        yield f"(past{number}) NoOp()"
    yield from _by_trunk(plan, rule, last, begins, options)
    for number, trunk in enumerate(others, 1):
        if trunk.card is None:
            yield f"GotoIf({_IS_OVER}?vain)"
            yield f"GotoIf($[!${{PASSED{number}}}]?left{number})"
            yield from _by_trunk(plan, rule, trunk, begins, watches(trunk, options))
            yield f"(left{number}) NoOp()"
    first, *rest = in_vain
    yield f"(vain) {first}" if others else first
    yield from rest


def watches(trunk: Trunk, options: str) -> str:
    """The options of a Dial by this trunk, which is given up where it says nothing at all."""
    if trunk.card:  # it tells at once
        return options
    return f"{options}b({TRIED}^s^1(${{CHANNEL}}^{trunk_endpoint(trunk)}))"


def look_at(endpoint: str) -> str:
    """The address of record by which a trunk is asked whether it is there."""
    return f"look-{endpoint}"


def passed_until(endpoint: str) -> str:
    """The global variable that has until when a trunk is passed by."""
    return f"PASSED-{endpoint}"


def is_silent(endpoint: str) -> str:
    """Whether it is passed by: 1 or 0. A clock that was set back since ends it too."""
    left = f"0${{{passed_until(endpoint)}}} - ${{EPOCH}}"
    contact = f"${{PJSIP_AOR({look_at(endpoint)},contact)}}"
    answers = f'"${{PJSIP_CONTACT({contact},status)}}" = "Reachable"'
    return f"$[{left} > 0 & {left} <= {PASSED_S} & !({answers})]"


def _by_trunk(plan: Plan, rule: DialRule, trunk: Trunk, begins: int, options: str) -> Iterator[str]:
    shows, name = shown(plan, rule, trunk)
    yield f"Set(CALLERID(num)={shows})"
    yield f"Set(CALLERID(name)={name})"
    before, off = number_formats.of_rule(trunk, rule)
    number = f"{before}${{FILTER(0-9,${{EXTEN:{begins + off}}})}}"
    yield f"Dial({way_to(trunk, number)},{OUTSIDE_S},{options})"


_FAILED = " | ".join(f'"${{DIALSTATUS}}" = "{it}"' for it in ("CHANUNAVAIL", "CONGESTION", "BUSY"))
_WRONG = " | ".join(f'"${{HANGUPCAUSE}}" = "{cause}"' for cause in WRONG_NUMBER)
_IS_OVER = f'$["${{RINGTIME}}${{PROGRESSTIME}}" != "" | !({_FAILED}) | {_WRONG}]'
