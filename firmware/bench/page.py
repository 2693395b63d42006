"""The page of results: what the benches told, in Markdown, with the command that made it. Pure.

Nobody types a figure: the page is printed whole by `careline bench page`. A bench's own module says
at its head what it measures, and stands here in its words.
"""

import inspect
from collections.abc import Iterable, Mapping, Sequence
from types import ModuleType

from firmware.bench.beside import Aim, Report, number
from firmware.bench.crowd import Crowd
from firmware.bench.figures import Figure

HEAD = """# What was measured

Printed whole by `careline bench page`. Machines wander by 20-30 %, so each figure stands beside a
peer's of the same run, all sides in turn, and no test asserts one. What a row aims at is said below
its table, with what came of it: the project's targets, met or missed.

This run: {when}, {machine}.
"""


def page(
    when: str,
    machine: str,
    reports: Mapping[ModuleType, Report],
    latency: tuple[ModuleType, Sequence[Figure]],
    crowd: tuple[ModuleType, Crowd],
) -> str:
    """The whole of it."""
    parts = [HEAD.format(when=when, machine=machine)]
    parts += [_section(module, _report(report)) for module, report in reports.items()]
    parts += [_section(latency[0], _latency(latency[1])), _section(crowd[0], _crowd(crowd[1]))]
    return "\n".join(parts)


def _section(module: ModuleType, lines: Iterable[str]) -> str:
    name = module.__name__.rsplit(".", 1)[-1]
    law = inspect.cleandoc(module.__doc__ or "")
    return "\n".join([f"## `careline bench {name}`", "", law, "", *lines, ""])


def _report(report: Report) -> list[str]:
    peers = list(dict.fromkeys(peer for figure in report.figures for peer in figure.beside))
    lines = [
        _row("median", "unit", "CareLine", "least .. most", *peers),
        _row(*["---"] * (4 + len(peers))),
    ]
    for figure in report.figures:
        ours = figure.ours
        spread = f"{number(ours.low)} .. {number(ours.high)}"
        theirs = [figure.told_beside(peer) for peer in peers]
        lines.append(_row(figure.what, figure.unit, number(ours.median), spread, *theirs))
    rounds = sorted({len(figure.ours.values) for figure in report.figures})
    lines += [
        "",
        f"Rounds: {'/'.join(map(str, rounds))}; in brackets CareLine to that peer. Noise of the"
        f" machine meanwhile: {report.noise_percent:.0f} %.",
        "",
    ]
    lines += [f"- {note}" for note in report.notes]
    aimed = [figure for figure in report.figures if figure.aim and figure.is_met is not None]
    return lines + [_aim(figure.what, words(figure.aim), figure.is_met) for figure in aimed]


def _latency(figures: Sequence[Figure]) -> list[str]:
    lines = [
        _row("ms, median / p99", "CareLine", "plain dialplan", "ratio of medians"),
        _row("---", "---", "---", "---"),
    ]
    for figure in figures:
        ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
        lines.append(_row(figure.what, str(figure.ours), str(figure.peer or ""), ratio))
    lines += ["", f"Calls of each kind: {figures[0].ours.count}.", ""]
    aimed = [(figure.what, figure.target) for figure in figures if figure.target is not None]
    return lines + [_aim(what, target.words, target.is_met) for what, target in aimed]


def _crowd(came: Crowd) -> list[str]:
    return [
        f"- call to first prompt, ms: {came.first} (median / p99), worst {came.first.worst_ms:.0f}",
        f"- keys lost: {came.lost} of {came.pressed}",
        f"- still heard at the end: {came.talks_heard} talks, {came.music_heard} waiting callers'"
        " music",
    ]


def words(aim: Aim | None) -> str:
    """What was aimed at."""
    return "" if aim is None else aim.words()


def _aim(what: str, words: str, is_met: bool | None) -> str:
    return f"- {'met' if is_met else '**missed**'}: {what}, {words}"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
