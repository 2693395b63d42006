"""The bar above every screen: what is on trial, with its countdown, for everybody who is signed in;
and for whoever may publish, the draft. It is asked for again every few seconds, so it costs little:
two small files are read, and what differs is worked out once.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from firmware import told_at_first, trial, versions
from firmware.draft import Kept
from firmware.operations import Operation
from firmware.trial import Trial
from firmware.web.house import House
from firmware.web.visitors import Visitor
from firmware.web.words import Words

# So long everybody is told that a version came back.
TOLD_FOR = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Bar:
    """What it says; empty words are not shown."""

    trial: str = ""
    left_s: float = 0.0
    may_settle: bool = False  # there is time to confirm it, or to take it back
    returned: str = ""
    draft: str = ""
    step: int = 0  # of the draft, as it is told here
    is_begun: bool = False  # the first run, and not done


def bar_of(house: House, visitor: Visitor | None, words: Words) -> Bar:
    """This visitor's."""
    if visitor is None:
        return Bar()
    may = visitor.may(Operation.CONFIGURE)
    kept = house.drafted.kept() if may else None
    pending = trial.pending(house.place)
    left_s = pending.left_s() if pending else 0.0
    return Bar(
        trial=_on_trial(pending, left_s, words) if pending else "",
        left_s=round(left_s, 1),
        may_settle=may and left_s > 0,
        returned="" if pending else _returned(house, house.now(), words),
        draft=_draft(house, kept, words) if kept else "",
        step=kept.step if kept else 0,
        is_begun=may and told_at_first.is_under_way(house.place),
    )


def _on_trial(pending: Trial, left_s: float, words: Words) -> str:
    if not left_s:
        return words.say(
            "Nobody confirmed version %(version)s: version %(before)s comes back now.",
            version=pending.version,
            before=pending.before,
        )
    return words.say(
        "Version %(version)s is on trial. Unless it is confirmed, version %(before)s comes back by"
        " itself.",
        version=pending.version,
        before=pending.before,
    )


def _returned(house: House, now: datetime, words: Words) -> str:
    newest = versions.newest(house.place)
    if newest is None or newest.note is None or not newest.note.returned or newest.is_in_force:
        return ""
    if now - newest.note.at > TOLD_FOR:
        return ""
    return words.say(
        "Version %(version)s was not confirmed and is not in force: version %(before)s is again.",
        version=newest.number,
        before=versions.in_force(house.place),
    )


def _draft(house: House, kept: Kept, words: Words) -> str:
    waiting = house.drafted.waiting(kept)
    if waiting is None:
        return ""
    if waiting.faults:
        return words.gettext("Draft: it cannot be published as it is")
    return words.count("Draft: %(num)s change", "Draft: %(num)s changes", len(waiting.told))
