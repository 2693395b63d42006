"""From kept hours to staffing: what each queue met in each hour of the week.

Calls an hour are the hour's own. Handle time and how long callers stay are the hour's own too where
it has enough of them, and the queue's where it has not. Wrap-up, as long as nobody reports it, is
what the site gives an agent. How many people answer is what the site says: every phone of a queue
is its agent.
"""

from collections import Counter, defaultdict
from datetime import datetime
from math import inf
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from firmware.busy import HourOfWeek, hour_of_week
from firmware.figures import WHOLE, By, Tally, hours_between
from firmware.rollups import by_hour, each_hour
from ivr.plan import Plan, Queue
from ivr.staffing import LEAST_CALLS, Slot


def slots(
    connection: Connection, plan: Plan, begin: datetime, end: datetime, zone: ZoneInfo
) -> list[Slot]:
    """Every hour of the week in which somebody called, for each queue of the site. Before the
    ledger's first call nothing was seen."""
    hours = by_hour(connection, begin, end, By.QUEUE, zone)
    called = each_hour(connection, begin, end, WHOLE, ("offered",), zone)
    first = min(called, default=end)
    seen = Counter(hour_of_week(hour, zone) for hour in hours_between(first, end, zone))
    weeks: defaultdict[tuple[str, HourOfWeek], Tally] = defaultdict(Tally)
    whole: defaultdict[str, Tally] = defaultdict(Tally)
    for (hour, name), tally in hours.items():
        weeks[name, hour_of_week(hour, zone)] += tally
        whole[name] += tally
    return [
        _slot(plan.queues[name], when, seen[when], tally, whole[name])
        for (name, when), tally in sorted(weeks.items())
        if name in plan.queues
    ]


def _slot(queue: Queue, when: HourOfWeek, weeks: int, tally: Tally, whole: Tally) -> Slot:
    weekday, hour = when
    handled = tally if tally.talks >= LEAST_CALLS else whole
    waited = tally if tally.offered >= LEAST_CALLS else whole
    return Slot(
        queue=queue.name,
        weekday=weekday,
        hour=hour,
        weeks=weeks,
        calls=tally.offered,
        handle_s=_handle_s(queue, handled),
        patience_s=inf if waited.staying_s is None else waited.staying_s,
        asa_s=tally.asa_s,
        agents=len(queue.agents),
        target_s=queue.target_s,
    )


def _handle_s(queue: Queue, tally: Tally) -> float | None:
    if tally.aht_s is None:
        return None
    return tally.aht_s + (queue.wrap_up_s if tally.wrap_up_s is None else 0.0)
