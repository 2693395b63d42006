"""A clinic's figures in words: what each one is, what it counts, how it is reckoned, with which
numbers this time, and where it comes from. Nothing here says who called.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isinf

from babel.numbers import format_decimal, format_percent

from firmware.counted_calls import ALL, ENOUGH, LOST, NOT_HELPED, WEEK_OVER
from firmware.figures import LONGEST, Tally
from firmware.requests import OnTime
from firmware.web.words import Words, to_say
from ivr.commands import Outcome

UNKNOWN = "–"

OUTCOMES: Mapping[str, str] = {
    "answered": to_say("were answered"),
    "abandoned": to_say("hung up waiting"),
    "short_abandoned": to_say("hung up straight away"),
    "callback": to_say("wait for a call-back"),
    "message": to_say("left messages"),
    "self_served": to_say("were helped by the menu"),
    "transferred": to_say("were passed on"),
    "emergency": to_say("heard emergency advice"),
    "blocked": to_say("were blocked"),
    "failsafe": to_say("went by the fail-safe"),
    "in_progress": to_say("still go on"),
}
OF_CALLS = to_say("The exchange's own record of each call, to its last step.")
OF_REQUESTS = to_say("The requests that callers left, and when somebody was done with each.")
OF_SURVEY = to_say("The key that callers pressed when they were asked after the talk.")


@dataclass(frozen=True, slots=True)
class Behind:
    """The way to some calls: what they are (`counts` of firmware/counted_calls.py), in words."""

    counts: str
    words: str


@dataclass(frozen=True, slots=True)
class Figure:
    """One number that explains itself; `behind` leads to its calls."""

    key: str
    name: str
    value: str
    reckoned: str  # with the numbers of these days
    counts: str
    formula: str
    source: str
    behind: tuple[Behind, ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """All that is known of some days."""

    tally: Tally
    first_call: tuple[int, int]  # how many were asked about, and for how many one call was enough
    not_helped: int
    work: OnTime
    within_s: int


def clock(seconds: float | None) -> str:
    """`0:25`."""
    if seconds is None:
        return UNKNOWN
    if isinf(seconds):
        return "∞"
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02}"


def percent(share: float | None, words: Words) -> str:
    return UNKNOWN if share is None else str(format_percent(share, locale=words.locale))


def number(value: float, words: Words) -> str:
    return str(format_decimal(value, locale=words.locale))


def decimal(value: float | None, words: Words) -> str:
    """With one digit behind the point."""
    return UNKNOWN if value is None else str(format_decimal(value, "#,##0.0", locale=words.locale))


def rounded(value: float | None, words: Words) -> str:
    """The same, where a whole number is said as one."""
    return UNKNOWN if value is None else str(format_decimal(value, "#,##0.#", locale=words.locale))


def outcome_name(outcome: str, words: Words) -> str:
    return words.gettext(OUTCOMES[outcome])


def figures_of(all_: Known, words: Words) -> Iterator[Figure]:
    """Each with its explanation, the most asked for first."""
    yield from _reached(all_, words)
    yield from _lost(all_, words)
    yield from _handled(all_, words)
    yield from _after(all_, words)


def _reached(all_: Known, words: Words) -> Iterator[Figure]:
    tally = all_.tally
    in_time = getattr(tally, f"within_{all_.within_s}")
    known = (*((each.value, n) for each, n in tally.outcomes.items()),)
    parts = [
        f"{number(n, words)} {outcome_name(name, words)}"
        for name, n in (*known, ("in_progress", tally.in_progress))
        if n
    ]
    yield Figure(
        "calls",
        words.gettext("Calls"),
        number(tally.offered, words),
        " + ".join(parts),
        words.gettext(
            "Every call that came in on one of the clinic's lines. Test calls, and calls from one"
            " phone of the clinic to another, are none."
        ),
        words.gettext("All the ways in which calls ended, added up, and those still going on."),
        words.gettext(OF_CALLS),
        behind(words, (ALL, tally.offered)),
    )
    yield Figure(
        "level",
        words.say("Answered within %(seconds)s s (service level)", seconds=all_.within_s),
        percent(tally.service_level(all_.within_s), words),
        _of(in_time, tally.offered, words),
        words.gettext("Calls that a person took before so many seconds of waiting were over."),
        words.gettext("Answered in time ÷ all calls."),
        words.gettext(OF_CALLS),
        behind(words, (f"within_{all_.within_s}", in_time), (ALL, tally.offered)),
    )
    yield Figure(
        "asa",
        words.gettext("Mean wait until answered (ASA)"),
        clock(tally.asa_s),
        _parts_of(tally.answer_wait_ms, tally.answer_waits, words),
        words.gettext(
            "How long those who were answered had waited for a person, from when they first asked"
            " for one."
        ),
        words.gettext("All their waits together ÷ how many they were."),
        words.gettext(OF_CALLS),
        behind(words, ("answer_waits", tally.answer_waits)),
    )
    yield Figure(
        "longest",
        words.gettext("Longest wait"),
        clock(tally.longest_s if tally.waited_ms else None),
        "",
        words.gettext(
            "The longest that anybody waited for a person, whether it led to one or not."
        ),
        words.gettext("The greatest of all waits."),
        words.gettext(OF_CALLS),
        (Behind(LONGEST, words.gettext("Whose wait it was")),) if tally.longest_ms else (),
    )


def _lost(all_: Known, words: Words) -> Iterator[Figure]:
    tally = all_.tally
    without = words.say(
        "%(share)s without those who hung up at once",
        share=percent(tally.abandonment_without_short, words),
    )
    lost = tally.abandoned + tally.short_abandoned
    yield Figure(
        "lost",
        words.gettext("Hung up (abandonment)"),
        percent(tally.abandonment, words),
        f"{_of(lost, tally.offered, words)}; {without}" if tally.offered else "",
        words.gettext(
            "Callers who hung up before they were helped; who hung up at once, before anybody could"
            " have, is counted too."
        ),
        words.gettext("Hung up ÷ all calls."),
        words.gettext(OF_CALLS),
        behind(words, (LOST, lost), (ALL, tally.offered)),
    )
    yield Figure(
        "not-helped",
        words.gettext("Hung up, and not helped since"),
        number(all_.not_helped, words),
        _of(all_.not_helped, tally.abandoned, words) if tally.abandoned else "",
        words.gettext(
            "Of the callers who hung up waiting, those who have not got through to this day: people"
            " to be called back."
        ),
        words.gettext(
            "Hung up waiting − those whose number was answered, passed on, called back or left a"
            " message later. Who hid the number counts as not helped."
        ),
        words.gettext(OF_CALLS),
        behind(words, (NOT_HELPED, all_.not_helped), (Outcome.ABANDONED, tally.abandoned)),
    )


def _handled(all_: Known, words: Words) -> Iterator[Figure]:
    tally = all_.tally
    found, enough = all_.first_call
    yield Figure(
        "fcr",
        words.gettext("First call was enough (FCR)"),
        percent(enough / found if found else None, words),
        _of(enough, found, words)
        if found
        else words.gettext("Known when a week has passed after the call."),
        words.gettext(
            "Answered callers who did not call again in the week after, so that one call was enough"
            " as far as can be told. Calls whose week is not over are not asked about yet, nor"
            " those without a number."
        ),
        words.gettext("Did not call again ÷ all who were answered, and whose week is over."),
        words.gettext(OF_CALLS),
        behind(words, (ENOUGH, enough), (WEEK_OVER, found)),
    )
    parts = (
        (words.gettext("talk"), tally.talk_s),
        (words.gettext("hold"), tally.hold_s),
        (words.gettext("wrap-up"), tally.wrap_up_s),
    )
    yield Figure(
        "aht",
        words.gettext("Handle time (AHT)"),
        clock(tally.aht_s),
        " + ".join(f"{name} {clock(seconds)}" for name, seconds in parts if seconds is not None),
        words.gettext("How long one call keeps a person busy, in the mean."),
        words.gettext("Talk + hold + wrap-up of a call, as far as phones report them."),
        words.gettext(OF_CALLS),
        behind(words, ("talks", tally.talks)),
    )
    yield Figure(
        "repeats",
        words.gettext("Had called the week before"),
        percent(tally.repeats / tally.known_callers if tally.known_callers else None, words),
        _of(tally.repeats, tally.known_callers, words),
        words.gettext("Calls from a number that had called in the seven days before."),
        words.gettext("Called again ÷ all calls that showed a number."),
        words.gettext(OF_CALLS),
        behind(words, ("repeats", tally.repeats), ("known_callers", tally.known_callers)),
    )


def _after(all_: Known, words: Words) -> Iterator[Figure]:
    tally, work = all_.tally, all_.work
    yield Figure(
        "callbacks",
        words.gettext("Call-backs kept"),
        percent(tally.called_back / tally.callback if tally.callback else None, words),
        _of(tally.called_back, tally.callback, words),
        words.gettext("Callers who were promised a call-back, and were called back."),
        words.gettext("Called back ÷ promised."),
        words.gettext(OF_CALLS),
        behind(words, ("called_back", tally.called_back), (Outcome.CALLBACK, tally.callback)),
    )
    late = words.say(
        "%(late)s late, %(open)s overdue",
        late=number(work.late, words),
        open=number(work.still_open, words),
    )
    yield Figure(
        "requests",
        words.gettext("Requests done in time"),
        percent(work.in_time / work.due if work.due else None, words),
        f"{_of(work.in_time, work.due, words)}; {late}" if work.due else "",
        words.gettext("Requests that were due on these days."),
        words.gettext("Done before they were due ÷ all that were due."),
        words.gettext(OF_REQUESTS),
        tuple(_requests(work, words)),
    )
    yield Figure(
        "survey",
        words.gettext("What callers say (survey)"),
        words.say("%(mark)s of 5", mark=decimal(tally.mark, words)) if tally.marks else UNKNOWN,
        words.count("%(num)s caller said so", "%(num)s callers said so", tally.marks)
        if tally.marks
        else words.gettext("Nobody was asked, or nobody answered."),
        words.gettext("Callers who said after a talk how it was, from 1 to 5."),
        words.gettext("The sum of what they gave ÷ how many they were."),
        words.gettext(OF_SURVEY),
        behind(words, ("marks", tally.marks)),
    )


def behind(words: Words, *counted: tuple[str, int]) -> tuple[Behind, ...]:
    """What is counted, and the whole that it is a share of; where there are none leads nothing."""
    said = (to_say("These calls: %(calls)s"), to_say("Of these: %(calls)s"))
    return tuple(
        Behind(counts, words.say(each, calls=number(calls, words)))
        for each, (counts, calls) in zip(said, counted, strict=False)
        if calls
    )


def _requests(work: OnTime, words: Words) -> Iterator[Behind]:
    """A request is found by its call."""
    for counts, requests, said in (
        ("requests_in_time", work.in_time, to_say("Done in time: %(requests)s")),
        ("requests_late", work.late, to_say("Late: %(requests)s")),
        ("requests_overdue", work.still_open, to_say("Overdue: %(requests)s")),
        ("requests", work.due, to_say("Due: %(requests)s")),
    ):
        if requests:
            yield Behind(counts, words.say(said, requests=number(requests, words)))


def _of(part: int, whole: int, words: Words) -> str:
    return f"{number(part, words)} ÷ {number(whole, words)}" if whole else ""


def _parts_of(sum_ms: int, parts: int, words: Words) -> str:
    return f"{clock(sum_ms / 1000)} ÷ {number(parts, words)}" if parts else ""
