"""A site file before the prover, for a command and for a page: its plan, or every fault of it with
a call that shows it.

The form is `settings`' to judge, where callers are led `ivr.check`'s. Of a file with faults of form
only what they cannot have brought about is told beside them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from firmware import settings, toml_lines, walks
from firmware.settings import Beside, Draft, Fault
from ivr.check import Finding, Moments, Proof, Rule, examine
from ivr.forewarn import Notice
from ivr.plan import Plan
from ivr.proof.net import lengths_of

# What can be proved of a file that has faults: the other rules would blame it for what they hide.
PROVABLE_BESIDE_FAULTS = {Rule.LOOP, Rule.PROMPT, Rule.HOURS, Rule.EXCEPTIONS}

Now = Callable[[Plan], datetime]  # the clinic's aware local time


class UnprovenError(ValueError):
    """A site file has faults, all of which are here."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Proven:
    """A site file without faults, all that its plan was made of, and what was proven of it."""

    text: str
    plan: Plan
    calendars: Mapping[str, str]
    moments: Moments
    warnings: tuple[Notice, ...] = ()


def now_there(plan: Plan) -> datetime:
    """What the clinic's clock shows."""
    return datetime.now(ZoneInfo(plan.timezone))


def proven(text: str, beside: Beside, now: Now = now_there) -> Proven:
    """A site file that may be published; else UnprovenError."""
    found = settings.draft(text, beside)
    proof = examined(found.plan, now) if found.plan else None
    faults = told_about(found, proof, now)
    if not faults and found.plan is not None:
        faults = list(walks.strayed(text, found.plan, found.lines))
    if faults or found.plan is None or proof is None:
        raise UnprovenError(faults)
    warnings = tuple(Notice(one.where, _in_words(one), one.cure) for one in proof.warnings)
    return Proven(text, found.plan, found.calendars, proof.moments, warnings)


def examined(plan: Plan, now: Now = now_there) -> Proof:
    """All that is found in a plan; prompts last as long as their words."""
    words = settings.prompts_of(plan)
    return examine(plan, words, now(plan), lengths_of(words))


def told_about(found: Draft, proof: Proof | None, now: Now) -> list[Fault]:
    """Faults of form, and of what a plan leads callers to, in the order of their lines."""
    findings = proof.refusals if proof else []
    if found.faults:
        findings = [one for one in findings if one.rule in PROVABLE_BESIDE_FAULTS]
    faults = _with_examples(found, now) if found.faults else []
    return sorted([*faults, *(_fault(one, found) for one in findings)])


def _with_examples(found: Draft, now: Now) -> list[Fault]:
    """A target that is not there is a fault of form; the prover knows a call that comes to it."""
    if found.rough is None:
        return list(found.faults)
    examples = {
        settings.dotted(one.where): str(one.example)
        for one in examined(found.rough, now).refusals
        if one.rule is Rule.DANGLING and one.example
    }
    # A flow's name is told as the first of a list of names.
    return [
        replace(fault, example=examples.get(fault.where.removesuffix("[1]"), ""))
        for fault in found.faults
    ]


def _fault(finding: Finding, found: Draft) -> Fault:
    line = toml_lines.nearest(found.lines, finding.where)
    where = ".".join(str(part) for part in finding.where)
    example = str(finding.example) if finding.example else ""
    return Fault(line, where, _in_words(finding), finding.cure, example)


def _in_words(finding: Finding) -> str:
    way = f" (the way there: {finding.way})" if finding.way else ""
    return f"{finding.rule}: {finding.reason}{way}"
