"""By when a request is due: its time, counted only while the clinic is open."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from ivr import hours
from ivr.form import RequestKind, RequestRule
from ivr.hours import Switch
from ivr.plan import Plan


def rule_of(plan: Plan, kind: RequestKind) -> RequestRule:
    """What the site says of a kind, else what holds without a word."""
    return plan.requests.get(kind) or RequestRule(kind)


def due_at(
    plan: Plan,
    kind: RequestKind,
    local: datetime,
    switches: Mapping[str, Switch],
    *,
    trusted: bool = True,
) -> datetime:
    """In the clinic's time. A clock that cannot be trusted, and a schedule that does not open for
    as long as can be seen, put nothing off."""
    rule = rule_of(plan, kind)
    schedule = plan.hours.get(rule.hours) if rule.hours else None
    left = timedelta(seconds=rule.due_s)
    at = local.astimezone(UTC)
    if schedule is None or not trusted:
        return (at + left).astimezone(local.tzinfo)
    for answer in hours.answers(schedule, local, switches.get(schedule.name)):
        until = answer.until.astimezone(UTC) if answer.until else None
        if answer.is_open:
            if until is None or at + left <= until:
                return (at + left).astimezone(local.tzinfo)
            left -= until - at
        if until is None:
            break
        at = until
    return (local.astimezone(UTC) + timedelta(seconds=rule.due_s)).astimezone(local.tzinfo)
