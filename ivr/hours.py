"""Whether a schedule is open at a local time, and when that changes next.

Spans are wall-clock times of the clinic: a change to summer time moves no opening. The datetime
comes in aware and in the clinic's own zone.
"""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from ivr.plan import Hours, Span

# A schedule that has not changed for so long never will: weeks repeat, closed dates are finite.
HORIZON_DAYS = 400
DAY_MINUTES = 24 * 60


def is_open(hours: Hours, local: datetime) -> bool:
    """Open from a span's first instant until just before its last."""
    if local.date() in hours.closed:
        return False
    minute = _minute(local.time())
    return any(
        span.weekday == local.weekday() and opens_at(span) <= minute < closes_at(span)
        for span in hours.spans
    )


def next_change(hours: Hours, local: datetime) -> datetime | None:
    """The next instant at which the schedule opens or closes; None: never within HORIZON_DAYS."""
    now_open = is_open(hours, local)
    for edge in _edges(hours, local):
        if edge > local and is_open(hours, edge) is not now_open:
            return edge
    return None


def overlaps(hours: Hours) -> list[tuple[Span, Span]]:
    """Pairs of spans that share time on one weekday."""
    ordered = sorted(hours.spans, key=lambda span: (span.weekday, opens_at(span), closes_at(span)))
    return [
        (one, other)
        for index, one in enumerate(ordered)
        for other in ordered[index + 1 :]
        if one.weekday == other.weekday and opens_at(other) < closes_at(one)
    ]


def opens_at(span: Span) -> int:
    """Minutes from midnight."""
    return _minute(span.opens)


def closes_at(span: Span) -> int:
    """Minutes from midnight; a span that closes at 00:00 closes at the day's end."""
    return _minute(span.closes) or DAY_MINUTES


def _minute(at: time) -> int:
    return at.hour * 60 + at.minute


def _edges(hours: Hours, local: datetime) -> Iterator[datetime]:
    """Every instant at which something may change, in order, midnights included."""
    for day in range(HORIZON_DAYS):
        on = local.date() + timedelta(days=day)
        minutes = {0}
        for span in hours.spans:
            if span.weekday == on.weekday():
                minutes |= {opens_at(span), closes_at(span) % DAY_MINUTES}
        yield from (_at(on, minute, local) for minute in sorted(minutes))


def _at(on: date, minute: int, local: datetime) -> datetime:
    return datetime.combine(on, time(minute // 60, minute % 60), local.tzinfo)
