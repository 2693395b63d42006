"""How the box is in figures, for programs that watch boxes: Nagios' one line and status, and
Prometheus' text. Names, once given, stay."""

from collections.abc import Iterator, Sequence

from firmware.watching import GRAVITY, Watched

# A plugin's statuses, as Nagios' own guidelines have them.
OK, WARNING, CRITICAL, UNKNOWN = range(4)
SAID = ("OK", "WARNING", "CRITICAL", "UNKNOWN")


def status_of(told: Watched) -> int:
    """0 all well, 1 a warning, 2 an alarm."""
    return GRAVITY.index(told.state)


def plugin_line(told: Watched) -> str:
    """What is not well in words of closed lists, then the figures."""
    unwell = [f"{each.kind} {each.state}" for each in told.parts if each.state != "well"]
    if not told.balanced:
        unwell.insert(0, "the ledger does not balance")
    callers = sum(each.callers for each in told.waiting)
    longest_s = max((each.longest_s for each in told.waiting), default=0.0)
    return (
        f"CARELINE {SAID[status_of(told)]} - {', '.join(unwell) or 'all is well'}"
        f" | calls={told.in_progress} waiting={callers} longest={longest_s:g}s"
        f" offered={told.offered}c load={told.load:g}"
    )


def exposition(told: Watched | None) -> str:
    """Prometheus' text format 0.0.4; None where no exchange answers."""
    return "".join(f"{line}\n" for line in _lines(told))


def _lines(told: Watched | None) -> Iterator[str]:
    yield from _family("up", "gauge", "whether the exchange answers", [("", int(told is not None))])
    if told is None:
        return
    version = f'{{version="{told.version}"}}'
    yield from _family("build_info", "gauge", "the version that runs", [(version, 1)])
    yield from _family("uptime_seconds", "gauge", "since the exchange began", [("", told.up_s)])
    yield from _family("offered_calls_total", "counter", "calls that came", [("", told.offered)])
    ended = [(f'{{outcome="{outcome}"}}', count) for outcome, count in told.outcomes.items()]
    yield from _family("ended_calls_total", "counter", "calls by how they ended", ended)
    yield from _family("calls", "gauge", "calls that are here now", [("", told.in_progress)])
    yield from _family("ringing_calls", "gauge", "telephones ring for them", [("", told.ringing)])
    yield from _family("talking_calls", "gauge", "somebody talks with them", [("", told.talking)])
    waiting = [(f'{{urgency="{each.urgency}"}}', each.callers) for each in told.waiting]
    yield from _family("waiting_callers", "gauge", "callers who wait in a queue", waiting)
    longest = [(f'{{urgency="{each.urgency}"}}', each.longest_s) for each in told.waiting]
    yield from _family("longest_wait_seconds", "gauge", "who has waited longest", longest)
    balanced = int(told.balanced)
    yield from _family("ledger_balanced", "gauge", "every call is accounted for", [("", balanced)])
    parts = [(f'{{kind="{each.kind}"}}', GRAVITY.index(each.state)) for each in told.parts]
    yield from _family("part_state", "gauge", "0 well, 1 warning, 2 alarm", parts)
    yield from _family("load1", "gauge", "programs that want a processor", [("", told.load)])
    if told.celsius is not None:
        celsius = told.celsius
        yield from _family("temperature_celsius", "gauge", "of the processor", [("", celsius)])


def _family(
    name: str, kind: str, means: str, samples: Sequence[tuple[str, float]]
) -> Iterator[str]:
    if not samples:
        return
    yield f"# HELP careline_{name} {means}"
    yield f"# TYPE careline_{name} {kind}"
    for labels, value in samples:
        yield f"careline_{name}{labels} {value!r}"
