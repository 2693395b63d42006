"""What a figure counts, in words, as the list of its calls says it: each condition by itself, so
that each can be taken away."""

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from babel.dates import format_datetime

from firmware.busy import hour_written
from firmware.counted_calls import ALL
from firmware.figures import LONGEST, WITHIN_S
from firmware.web import moments
from firmware.web.staffing_words import hour_name, weekdays
from firmware.web.words import Words, to_say
from ivr.plan import Plan

WHAT: Mapping[str, str] = {
    ALL: to_say("calls of the clinic's lines"),
    "lost": to_say("hung up, waiting or at once"),
    "in_progress": to_say("in progress"),
    "answered": to_say("answered"),
    "abandoned": to_say("gave up waiting"),
    "short_abandoned": to_say("hung up at once"),
    "callback": to_say("call-back promised"),
    "message": to_say("left a message"),
    "self_served": to_say("served by the menu"),
    "transferred": to_say("transferred"),
    "emergency": to_say("emergency"),
    "blocked": to_say("blocked"),
    "failsafe": to_say("under the fail-safe"),
    "overflowed": to_say("went on to another place"),
    "answer_waits": to_say("answered after a wait that was measured"),
    "talks": to_say("talked, and it is known how long"),
    "known_callers": to_say("showed a number"),
    "repeats": to_say("had called the week before"),
    "called_back": to_say("were called back"),
    "marks": to_say("said how it was"),
    "rung": to_say("the phone was rung"),
    "missed": to_say("the phone was rung, and nobody picked up"),
    LONGEST: to_say("the longest wait"),
    "enough": to_say("answered, and did not call again in the week after"),
    "week_over": to_say("answered with a number, more than a week ago"),
    "not_helped": to_say("gave up waiting, and not helped since"),
    "requests": to_say("left a request that was due on these days"),
    "requests_in_time": to_say("left a request that was due on these days, done in time"),
    "requests_late": to_say("left a request that was due on these days, done late"),
    "requests_overdue": to_say("left a request that was due on these days and is overdue"),
}
IN_TIME = {f"within_{seconds}": seconds for seconds in WITHIN_S}


def what(counts: str, words: Words) -> str:
    """What became of the calls, or of what they were about."""
    if counts in IN_TIME:
        return words.say("answered within %(seconds)s s", seconds=IN_TIME[counts])
    return words.gettext(WHAT[counts])


def whose(by: str, name: str, plan: Plan | None, words: Words) -> str:
    """Of which line, queue or phone."""
    if by == "line":
        return words.say("line %(name)s", name=name)
    if by == "agent":
        phones = plan.phones if plan else {}
        known = phones[name].name if name in phones else ""
        return words.say("phone %(name)s", name=f"{name} {known}".rstrip())
    return words.say("queue %(name)s", name=name) if name else words.gettext("no queue")


def in_hour(hour: str, words: Words) -> str:
    """An hour of the week."""
    weekday, begins = hour_written(hour)
    return f"{weekdays(words)[weekday]}, {hour_name(begins, words)}"


def from_hour(at: datetime, zone: ZoneInfo, words: Words) -> str:
    """One hour of all that were."""
    local = at.astimezone(zone)
    named = format_datetime(local, "zzz", locale=words.locale)  # an hour comes twice in autumn
    said = f"{moments.dated(local, words.locale)} {named}"
    return words.say("the hour from %(when)s", when=said)
