"""Listening to a talk without a file, and the keys of a recording. Text only; pure.

    tap: Local/s@spy -> the engine, which hears both sides; both hear what the engine plays, which
         is a tone where the agent's key has counted; it ends with the talk

This is the only place of ChanSpy: no telephone reaches it. A talk that is over, or an exchange that
is, ends it; the talk itself never notices.
"""

from collections.abc import Iterator, Mapping

from firmware.asterisk.written import extension, section
from ivr.events import TalkKey
from ivr.plan import Plan, Recorded

SPY, TAP = "spy", "tap"
KEYED = "CareLineTalkKey"
# What an agent keys in a talk, beside desk_dialplan.FEATURE_CODES.
KEYS: Mapping[TalkKey, str] = {TalkKey.RECORD: "*4", TalkKey.CARD: "*5"}


def records(plan: Plan) -> bool:
    """Whether any talk may be recorded: where none is, the keys stay the talk's own."""
    rules = [line.recording for line in plan.lines.values()]
    rules += [queue.recording for queue in plan.queues.values()]
    return any(rule is not None and rule.when is not Recorded.NEVER for rule in rules)


def contexts(engine_port: int, absent: str) -> Iterator[str]:
    """Of an expression that there is no exchange: an engine that refuses is never asked."""
    yield section(SPY, [extension("s", "Answer(,i)", "ChanSpy(${SPIED},uqESB)", "Hangup()")])
    yield section(
        TAP,
        [
            extension(
                "s",
                f"GotoIf({absent}?over)",
                f"TryExec(AudioSocket(${{TAPUUID}},127.0.0.1:{engine_port:d}))",
                "(over) Hangup()",
            )
        ],
    )


def keys() -> Iterator[str]:
    """The codes of features.conf's [applicationmap]; what was keyed is told to the exchange."""
    for key, code in KEYS.items():
        yield f'recording-{key} => {code},self,UserEvent,"{KEYED},Key: {key}"'


def offered(plan: Plan) -> list[str]:
    """What gives an agent's leg its keys."""
    names = "#".join(f"recording-{key}" for key in KEYS)
    return [f"Set(DYNAMIC_FEATURES={names})"] if records(plan) else []
