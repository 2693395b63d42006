"""Imagined calls that somebody has kept: each is walked once more whenever a site file is proved,
and one that goes elsewhere is a fault, for either the menu or the kept call is wrong then.

A way is the places a call comes to and how it ends, not the seconds it takes, nor who picks up.
"""

import shlex
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from shlex import quote
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from firmware import settings, toml_lines
from firmware.settings import Fault
from firmware.walks_section import SECTION, WalkForm
from ivr.errors import CallLogicError
from ivr.plan import Plan
from ivr.replay import PLACES, Recorded
from ivr.simulate import KEY_GAP_S, Kind, Lasts, Phones, Told, walk

ANSWERED = Phones.ANSWER
AT = "%Y-%m-%d %H:%M"
# Of the ledger's steps: keys a caller pressed, what a phone did, and that the caller hung up.
KEYED = frozenset({"digit", "skipped", "rated"})
DID = {
    "silent": Phones.SILENT,
    "busy": Phones.BUSY,
    "refused": Phones.REFUSE,
    "unreachable": Phones.ABSENT,
}
LEFT = frozenset({"abandoned", "short_abandoned"})


@dataclass(frozen=True, slots=True)
class Walk:
    """What an imagined caller does, and what the clinic's phones do meanwhile."""

    line: str
    local: datetime
    press: str = ""
    phones: Phones = ANSWERED
    others: Mapping[str, Phones] = field(default_factory=dict)

    def told(self, plan: Plan, lasts: Lasts | None = None) -> list[Told]:
        """All that happens; prompts last as long as their words, unless it is said how long.
        CallLogicError: it cannot be walked by this plan."""
        words = settings.prompts_of(plan)
        return walk(
            plan,
            words,
            self.line,
            self.local,
            self.press,
            self.phones,
            each=self.others,
            lasts=lasts,
        )

    def as_table(self, goes: Iterable[str]) -> dict[str, str | list[str] | dict[str, str]]:
        """As it stands in the site file."""
        table: dict[str, str | list[str] | dict[str, str]] = {
            "line": self.line,
            "at": self.local.strftime(AT),
            "press": self.press,
            "phones": str(self.phones),
            "goes": list(goes),
        }
        if self.others:
            table["others"] = {phone: str(does) for phone, does in self.others.items()}
        return table


def walk_of(call: Recorded) -> Walk:
    """What the caller of a past call did, as far as the ledger tells, and what the phones did."""
    begun = next((row for row in call.rows if row.step == "arrived"), call.rows[0])
    done, acted_s = list[str](), 0.0
    for row in call.rows:
        if row.step in KEYED and len(row.detail) == 1:
            wait_s = round(max(0.0, row.now - begun.now - acted_s - KEY_GAP_S), 1)
            done += [*([f"wait {wait_s:g}"] if wait_s else []), row.detail]
            acted_s += wait_s + KEY_GAP_S
    if (ended := call.rows[-1]).detail in LEFT and ended.step == "outcome":
        done += [f"wait {max(0.0, ended.now - begun.now - acted_s - KEY_GAP_S):.1f}", "hang up"]
    others = {row.detail: DID[row.step] for row in call.rows if row.step in DID}
    others |= {row.detail: Phones.ANSWER for row in call.rows if row.step == "accepted"}
    others = {phone: does for phone, does in others.items() if phone.isdecimal()}
    phones = Phones.ANSWER if Phones.ANSWER in others.values() else Phones.SILENT
    rest = {phone: does for phone, does in others.items() if does is not phones}
    return Walk(call.line, begun.local, ",".join(done), phones, rest)


def walk_by(example: str, zone: ZoneInfo) -> Walk | None:
    """A call as it is typed behind `careline simulate FILE`; None: these words are no call that can
    be imagined here."""
    try:
        parts = shlex.split(example)
        given = dict(zip(parts[::2], parts[1::2], strict=True))
        at = datetime.fromisoformat(given.pop("--at"))
        made = Walk(
            given.pop("--line"),
            at.astimezone(zone) if at.tzinfo else at.replace(tzinfo=zone),
            given.pop("--press", ""),
            Phones(given.pop("--phones", ANSWERED)),
        )
    except (KeyError, ValueError):
        return None
    return None if given else made


def way_of(told: Iterable[Told]) -> tuple[str, ...]:
    """The places, and how it ended."""
    return tuple(
        each.detail if each.kind is Kind.OUTCOME else f"{each.step} {each.detail}"
        for each in told
        if each.kind is Kind.OUTCOME or (each.kind is Kind.STEP and each.step in PLACES)
    )


def kept_in(text: str, plan: Plan) -> dict[str, tuple[Walk, tuple[str, ...]]]:
    """Those of a site file by their names, each with its way; what cannot be read is left out, for
    the form's own faults tell of it."""
    found = {}
    section = tomllib.loads(text).get(SECTION, {})
    for name, table in section.items() if isinstance(section, dict) else ():
        try:
            form = WalkForm.model_validate(table)
            local = datetime.strptime(form.at, AT).replace(tzinfo=ZoneInfo(plan.timezone))
        except (ValidationError, ValueError):
            continue
        others = {phone: Phones(does) for phone, does in form.others.items()}
        made = Walk(form.line, local, form.press, Phones(form.phones), others)
        found[name] = (made, tuple(form.goes))
    return found


def strayed(text: str, plan: Plan, lines: Mapping[toml_lines.Path, int]) -> Iterator[Fault]:
    """A fault for each that goes elsewhere now."""
    for name, (kept, goes) in kept_in(text, plan).items():
        line = toml_lines.nearest(lines, (SECTION, name))
        try:
            now = way_of(kept.told(plan))
        except CallLogicError as impossible:
            yield Fault(line, f"{SECTION}.{name}", str(impossible), "mend it, or take it away")
            continue
        if now != goes:
            yield Fault(
                line,
                f"{SECTION}.{name}",
                f"the kept call goes elsewhere now: {_parting(goes, now)}",
                "change the menu back, or keep the call as it goes now, or take it away",
                _example(kept),
            )


def _parting(was: tuple[str, ...], now: tuple[str, ...]) -> str:
    """Where both part for the first time."""
    alike = next(
        (at for at, pair in enumerate(zip(was, now, strict=False)) if len({*pair}) > 1), None
    )
    at = min(len(was), len(now)) if alike is None else alike
    before, after = (way[at] if at < len(way) else "nowhere more" for way in (was, now))
    return f"to {after}, and before to {before}"


def _example(kept: Walk) -> str:
    if kept.others:
        return ""  # a command line knows what all phones do, and not each
    words = ["--line", kept.line, "--at", kept.local.strftime(AT), "--press", kept.press]
    return " ".join(map(quote, [*words, "--phones", str(kept.phones)]))
