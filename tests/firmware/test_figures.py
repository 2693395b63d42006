"""The clinic's figures: what people were told, what the exchange did, and what the sums say."""

import asyncio
import random
from collections.abc import Iterable, Iterator
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from sqlalchemy import select, text
from structlog.testing import capture_logs

from firmware import rollups
from firmware.figures import (
    By,
    Tally,
    computed,
    day_begins,
    first_call_enough,
    hour_of,
    hours_between,
    not_helped,
)
from firmware.first_calls import FirstCalls
from firmware.ledger import (
    UNHEARD,
    Arrived,
    Finished,
    Ledger,
    Moment,
    Noted,
    Row,
)
from firmware.machine import MachineKey
from firmware.store import open_reader
from firmware.tickets import OPENED
from ivr import events
from ivr.commands import KeepTicket, Offer, Outcome, TryTicket
from ivr.events import PhoneState, Refusal
from ivr.offering import Ringing
from ivr.plan import Enqueue
from tests.firmware.diary import Diary, tallies
from tests.ivr.story import NOON, a_clinic
from tests.ivr.test_callbacks import NUMBER, calling_back
from tests.ivr.test_exchange import CALLS, HAPPENINGS

KEY = MachineKey(b"k" * 32)
NEW_YORK = ZoneInfo("America/New_York")
EVER = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))


def whole(diary: Diary) -> Tally:
    return tallies(diary.rows)[By.ALL, ""]


def of_queue(diary: Diary, queue: str) -> Tally:
    return tallies(diary.rows)[By.QUEUE, queue]


# ---- stories ----


def test_four_callers_who_wait_10_20_30_and_40_seconds_wait_25_in_the_mean() -> None:
    diary = Diary()
    for name, wait_s in (("anna", 10), ("bert", 20), ("carl", 30), ("dora", 40)):
        diary.hears(events.PhoneChanged("103", PhoneState.IN_USE))
        diary.calls(name, "2")
        diary.waits(wait_s)
        diary.hears(events.PhoneChanged("103", PhoneState.IDLE))
        diary.talks(name)
        diary.waits(100)
        diary.leaves(name)
    found = whole(diary)
    assert found.asa_s == of_queue(diary, "nurse").asa_s == 25
    assert found.longest_s == 40
    assert found.service_level(20) == 0.5
    assert found.service_level(30) == 0.75
    assert found.talk_s == found.aht_s == 100
    assert tallies(diary.rows)[By.AGENT, "103"].answered == 4


def test_who_overflows_to_a_message_has_not_been_abandoned() -> None:
    diary = Diary()
    diary.hears(events.PhoneChanged("103", PhoneState.IN_USE))
    diary.calls("anna", "2")
    diary.waits(60)  # all the patience that the node has
    diary.prompt_ends("anna")
    diary.hears(events.SpeechEnded("anna"), events.RecordingKept("anna", "m", 5.0))
    diary.leaves("anna")
    for found in (whole(diary), of_queue(diary, "nurse")):
        assert (found.abandoned, found.short_abandoned, found.message) == (0, 0, 1)
        assert found.longest_s == 60
        assert found.asa_s is None


def test_a_wall_clock_that_jumps_an_hour_changes_no_wait() -> None:
    diary = Diary()
    diary.hears(events.PhoneChanged("103", PhoneState.IN_USE))
    diary.calls("anna", "2")
    diary.waits(10)
    diary.wall_jumps(timedelta(hours=1))
    diary.hears(events.PhoneChanged("103", PhoneState.IDLE))
    diary.talks("anna")
    diary.waits(30)
    diary.leaves("anna")
    assert (whole(diary).asa_s, whole(diary).talk_s) == (10, 30)


def test_who_goes_from_one_queue_to_another_counts_once_in_each_and_once_in_all() -> None:
    diary = Diary(plan=a_clinic(nurse=Enqueue("nurse", 20, "desk")))
    for phone in ("101", "102", "103"):
        diary.hears(events.PhoneChanged(phone, PhoneState.IN_USE))
    diary.calls("anna", "2")
    diary.waits(50)
    diary.leaves("anna")
    found = tallies(diary.rows)
    assert found[By.QUEUE, "nurse"] == Tally(
        offered=1, overflowed=1, waited_ms=20_000, longest_ms=20_000
    )
    assert found[By.QUEUE, "desk"].abandoned == found[By.ALL, ""].abandoned == 1
    assert found[By.QUEUE, "desk"].longest_s == 30
    assert found[By.ALL, ""].waited_ms == found[By.ALL, ""].longest_ms == 50_000


def test_what_a_caller_says_after_the_talk_is_a_mark_and_no_time_of_the_agents() -> None:
    diary = Diary()
    diary.calls("anna", "2")
    diary.talks("anna")
    diary.waits(100)
    diary.hears(events.CameBack("anna"))
    diary.prompt_ends("anna")
    diary.presses("anna", "4")
    diary.waits(20)
    diary.leaves("anna")
    agent = tallies(diary.rows)[By.AGENT, "103"]
    assert (agent.marks, agent.mark, agent.talk_s) == (1, 4, 100)
    assert whole(diary).mark == of_queue(diary, "nurse").mark == 4


def test_short_hang_ups_are_told_apart_and_can_be_left_out() -> None:
    diary = Diary()
    diary.hears(events.PhoneChanged("103", PhoneState.IN_USE))
    for name, wait_s in (("anna", 3), ("bert", 30), ("carl", 50), ("dora", 57)):
        diary.calls(name, "2")
        diary.waits(wait_s)
        diary.leaves(name)
    found = whole(diary)
    assert (found.short_abandoned, found.abandoned) == (1, 3)
    assert found.abandonment == found.abandonment_without_short == 1
    assert found.patience_s == pytest.approx((3 + 30 + 50 + 57) / 4)


def test_patience_counts_in_what_those_waited_who_were_helped_first() -> None:
    found = Tally(offered=10, answered=9, abandoned=1, hung_up=1, waited_ms=300_000)
    assert found.patience_s == 300


def test_a_call_that_ended_while_the_box_was_off_has_an_outcome_and_no_length() -> None:
    diary = Diary()
    diary.calls("anna", "2")
    diary.waits(5)
    diary.talks("anna")
    after_the_boot = Moment(NOON + timedelta(hours=1), 40_000)  # its monotonic clock began anew
    rows = [
        *diary.rows,
        Noted("anna", UNHEARD, "", after_the_boot),
        Finished("anna", Outcome.ANSWERED, after_the_boot),
    ]
    found = tallies(rows)[By.ALL, ""]
    assert (found.answered, found.asa_s, found.talks, found.aht_s) == (1, 5, 0, None)


def test_who_still_waited_when_the_box_went_off_is_in_no_mean() -> None:
    diary = Diary()
    diary.hears(events.PhoneChanged("103", PhoneState.IN_USE))
    diary.calls("anna", "2")
    after_the_boot = Moment(NOON, diary.moment().mono_ms + 9_000_000)
    rows = [
        *diary.rows,
        Noted("anna", UNHEARD, "", after_the_boot),
        Finished("anna", Outcome.FAILSAFE, after_the_boot),
    ]
    found = tallies(rows)[By.QUEUE, "nurse"]
    assert (found.failsafe, found.waited_ms, found.longest_ms) == (1, 0, 0)


def test_a_phone_nobody_picks_up_is_told_with_its_agent() -> None:
    diary = Diary()
    diary.calls("anna", "1")
    (first,) = diary.exchange.offers.values()
    diary.hears(events.OfferEnded(first.id, Refusal.SILENT))
    (second,) = diary.exchange.offers.values()
    diary.talks("anna")
    found = tallies(diary.rows)
    missed, took = found[By.AGENT, first.extension], found[By.AGENT, second.extension]
    assert (missed.rung, missed.missed, missed.offered) == (1, 1, 0)
    assert (took.rung, took.missed, took.in_progress) == (1, 0, 1)


@pytest.mark.parametrize("is_told_late", [False, True])
def test_who_picks_up_at_a_colleagues_phone_has_the_talk_and_the_colleague_missed_nothing(
    is_told_late: bool,
) -> None:
    diary = Diary()
    diary.calls("anna", "1")
    (offer,) = diary.exchange.offers.values()
    rung = offer.extension
    told = [events.OfferPickedUp(offer.id, "103"), events.OfferAccepted(offer.id)]
    diary.hears(*(reversed(told) if is_told_late else told), events.Joined("anna", offer.id))
    diary.waits(60)
    diary.leaves("anna")
    found = tallies(diary.rows)
    took, let_go = found[By.AGENT, "103"], found[By.AGENT, rung]
    assert (took.answered, took.talk_s) == (1, 60)
    assert (let_go.rung, let_go.missed, let_go.answered, let_go.talks) == (1, 0, 0, 0)


def test_hold_and_wrap_up_are_parts_of_the_handle_time_once_they_are_told() -> None:
    diary = Diary()
    diary.calls("anna", "2")
    diary.talks("anna")
    start = diary.moment()

    def at(second: int) -> Moment:
        return Moment(start.at, start.mono_ms + second * 1000)

    rows = [
        *diary.rows,
        Noted("anna", "held", "103", at(60)),
        Noted("anna", "resumed", "103", at(80)),
        Finished("anna", Outcome.ANSWERED, at(100)),
        Noted("anna", "wrapped up", "103 refill", at(130)),
    ]
    found = tallies(rows)[By.AGENT, "103"]
    assert (found.talk_s, found.hold_s, found.wrap_up_s, found.aht_s) == (80, 20, 30, 130)


def somebody_is_called_back(diary: Diary) -> str:
    """Ann asks for it from the menu and hangs up; 101 has her on the line again."""
    diary.hears(*(events.PhoneChanged(phone, PhoneState.IN_USE) for phone in ("101", "102")))
    diary.hears(events.CallArrived("ann", "main", "2025550100", NUMBER, ""))
    diary.presses("ann", "7")
    said = diary.presses("ann", "1")
    (ticket,) = [order.ticket for order in said if isinstance(order, KeepTicket)]
    diary.rows.append(Noted("ann", OPENED, f"{ticket.id} for desk", diary.moment()))
    diary.hears(events.TicketOpened(ticket))
    diary.leaves("ann")
    diary.waits(600)
    said = diary.hears(events.PhoneChanged("101", PhoneState.IDLE))
    (offer,) = [order.offer for order in said if isinstance(order, Offer)]
    diary.hears(events.OfferAccepted(offer))
    said = diary.hears(events.PromptEnded(offer, 1))
    (leg,) = [order.leg for order in said if isinstance(order, TryTicket)]
    diary.hears(events.TicketTried(ticket.id, leg), events.CalledOut(leg))
    diary.presses(leg, "1")
    diary.hears(events.Joined(leg, offer))
    return leg


def test_the_talk_of_a_call_back_is_handle_time_of_its_agent_and_queue_and_no_answered_call() -> (
    None
):
    diary = Diary(plan=calling_back())
    leg = somebody_is_called_back(diary)
    diary.waits(60)
    diary.hears(events.Held(leg))
    diary.waits(20)
    diary.hears(events.Resumed(leg))
    diary.waits(40)
    still = tallies(diary.rows)[By.ALL, ""]
    assert (still.called_back, still.talks) == (1, 0)  # how long it will be nobody knows yet
    diary.leaves(leg)
    diary.waits(30)
    diary.hears(events.AgentWrappedUp("101", "refill"))
    found = tallies(diary.rows)
    for key in ((By.ALL, ""), (By.LINE, "main"), (By.QUEUE, "desk"), (By.AGENT, "101")):
        handled = found[key]
        assert (handled.talk_s, handled.hold_s, handled.wrap_up_s) == (100, 20, 30)
        assert (handled.aht_s, handled.talks, handled.answered) == (150, 1, 0)
    assert (found[By.ALL, ""].offered, found[By.ALL, ""].callback) == (1, 1)
    assert whole(diary).asa_s is None


def test_a_call_back_that_is_passed_on_is_one_talk_of_whom_it_reached_first() -> None:
    diary = Diary(plan=calling_back())
    leg = somebody_is_called_back(diary)
    diary.waits(60)
    diary.hears(events.Transferred(leg, "101", "103", events.Passing.JOINED))
    diary.waits(60)
    diary.leaves(leg)
    found = tallies(diary.rows)
    assert (found[By.AGENT, "101"].talk_s, found[By.ALL, ""].talks) == (120, 1)
    assert (By.AGENT, "103") not in found


# ---- whatever happens ----


@settings(max_examples=60)
@given(HAPPENINGS)
def test_at_every_step_of_any_history_each_sum_holds(happenings: list[object]) -> None:
    diary = Diary()
    for name in CALLS:
        diary.calls(name)
    for happening in happenings:
        if callable(happening):
            diary.hears(*happening(diary))
        elif isinstance(happening, float):
            diary.waits(happening)
    diary.hears(*(events.CallerLeft(name) for name in CALLS))
    diary.waits(60)
    for end in range(len(diary.rows) + 1):
        found = tallies(diary.rows[:end])
        for (by, _), tally in found.items():
            assert tally.holds_sum
            assert tally.answer_waits <= tally.offered or by is By.AGENT
            assert tally.answer_wait_ms <= tally.answer_waits * tally.longest_ms
            assert tally.within_10 <= tally.within_20 <= tally.within_300 <= tally.answer_waits
        lines = [tally for (by, _), tally in found.items() if by is By.LINE]
        assert sum(tally.offered for tally in lines) == found.get((By.ALL, ""), Tally()).offered
    assert whole(diary).in_progress == 0


# ---- hours and days ----


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 11, 1), 25), (date(2026, 3, 8), 23), (date(2026, 11, 2), 24)]
)
def test_a_day_has_as_many_hours_as_the_clinics_clock_strikes(day: date, hours: int) -> None:
    begin, end = (day_begins(each, NEW_YORK) for each in (day, day + timedelta(days=1)))
    found = hours_between(begin, end, NEW_YORK)
    assert len(found) == len(set(found)) == hours
    assert {hour.astimezone(NEW_YORK).date() for hour in found} == {day}


def test_the_hour_that_comes_twice_is_two_hours() -> None:
    first = datetime(2026, 11, 1, 1, 30, tzinfo=NEW_YORK)
    second = first.replace(fold=1)
    assert hour_of(second, NEW_YORK) - hour_of(first, NEW_YORK) == timedelta(hours=1)


def test_where_clocks_stand_half_an_hour_apart_an_hour_begins_when_they_strike() -> None:
    hour = hour_of(datetime(2026, 3, 2, 4, 10, tzinfo=UTC), ZoneInfo("Asia/Kolkata"))
    assert hour == datetime(2026, 3, 2, 3, 30, tzinfo=UTC)


# ---- kept by the hour ----


class Books:
    """A ledger on a disk, and its hours."""

    def __init__(self, home: Path) -> None:
        self.ledger = Ledger(home / "calls.db", home / "ledger.log", KEY)
        self._reader = open_reader(home / "calls.db")

    def write(self, rows: Iterable[Row]) -> None:
        self.ledger.submit(list(rows)).result(60)

    def count(self, zone: ZoneInfo = NEW_YORK, most: int = 1000) -> rollups.Rolled | None:
        with self._reader.connect() as connection:
            return rollups.roll(connection, zone, most)

    def keep(self, rolled: rollups.Rolled) -> None:
        self.ledger.store.submit(lambda open_: rollups.keep(open_, rolled)).result(60)

    def roll(self, zone: ZoneInfo = NEW_YORK, most: int = 1000) -> int:
        rounds = 0
        while (rolled := self.count(zone, most)) is not None:
            self.keep(rolled)
            rounds += 1
        return rounds

    def kept(self) -> list[tuple[object, ...]]:
        asked = select(rollups.tallies).order_by(*rollups.tallies.c)
        with self._reader.connect() as connection:
            return [tuple(row) for row in connection.execute(asked)]

    def by_hour(self, by: By, zone: ZoneInfo = NEW_YORK) -> dict[tuple[datetime, str], Tally]:
        with self._reader.connect() as connection:
            return rollups.by_hour(connection, *EVER, by, zone)

    def figures(self, by: By, zone: ZoneInfo = NEW_YORK) -> dict[str, Tally]:
        with self._reader.connect() as connection:
            return rollups.figures(connection, *EVER, by, zone)

    def afresh(self, by: By, zone: ZoneInfo = NEW_YORK) -> dict[tuple[datetime, str], Tally]:
        with self._reader.connect() as connection:
            rows = computed(connection, *EVER, zone)
        return {(hour, name): tally for (hour, of, name), tally in rows.items() if of is by}

    def not_helped(self) -> list[str]:
        with self._reader.connect() as connection:
            return not_helped(connection, *EVER)

    def first_call_enough(self, now: datetime) -> tuple[int, int]:
        with self._reader.connect() as connection:
            return first_call_enough(connection, *EVER, now)

    def close(self) -> None:
        self._reader.dispose()
        self.ledger.close()


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    opened = Books(tmp_path)
    yield opened
    opened.close()


def a_weekend(seed: int) -> list[Row]:
    """Calls by chance through the real exchange, over the night when summer time ends."""
    chance = random.Random(seed)
    diary = Diary(datetime(2026, 10, 31, 18, 0, tzinfo=NEW_YORK))
    for number in range(60):
        name = f"{seed}-{number}"
        diary.numbers[name] = chance.choice(["", "+15555550142", f"+1555555{number:04}"])
        diary.calls(name, chance.choice("12345"))
        for _ in range(chance.randrange(6)):
            _something(diary, chance)
            diary.waits(chance.expovariate(1 / 20))
        diary.waits(chance.choice([0.0, 60.0, 3000.0]))
    return diary.rows


def _something(diary: Diary, chance: random.Random) -> None:
    offers = [o for o in diary.exchange.offers.values() if o.state is Ringing.OPEN]
    calls = list(diary.exchange.calls)
    match chance.choice(("answer", "answer", "refuse", "leave", "speak", "keep")):
        case "answer" if offers:
            offer = chance.choice(offers)
            diary.hears(events.OfferAccepted(offer.id), events.Joined(offer.call, offer.id))
        case "refuse" if offers:
            diary.hears(events.OfferEnded(chance.choice(offers).id, chance.choice([*Refusal])))
        case "leave" if calls:
            diary.leaves(chance.choice(calls))
        case "speak" if calls:
            diary.prompt_ends(chance.choice(calls))
        case "keep" if calls:
            diary.hears(events.RecordingKept(chance.choice(calls), "m", 3.0))
        case _:
            pass


@pytest.mark.parametrize("seed", [1, 2])
def test_kept_hours_are_what_the_ledger_says_at_any_time(books: Books, seed: int) -> None:
    """Rows come in, hours are kept now and then, sometimes a kill comes first: read at any time,
    the figures are those counted afresh."""
    chance, rows = random.Random(seed), a_weekend(seed)
    while rows:
        several = chance.randrange(1, 160)
        books.write(rows[:several])
        del rows[:several]
        match chance.randrange(4):
            case 0:
                books.roll(most=chance.randrange(20, 200))
            case 1:
                books.count()  # and a kill before it is kept
            case 2 if (rolled := books.count(most=40)) is not None:
                books.keep(rolled)  # and a kill before the rest
            case _:
                pass
        for by in (By.ALL, By.LINE, By.QUEUE, By.AGENT):
            assert books.by_hour(by) == books.afresh(by)
    books.roll()
    assert {tally.holds_sum for by in (By.ALL, By.QUEUE) for tally in books.figures(by).values()}
    kept = books.kept()
    assert len(kept) > 20
    books.ledger.store.submit(lambda open_: open_.execute(rollups.tallies.delete())).result(60)
    books.ledger.store.submit(lambda open_: open_.execute(rollups.state.delete())).result(60)
    books.roll(most=100)
    assert books.kept() == kept


def test_hours_kept_twice_are_kept_once(books: Books) -> None:
    books.write(a_weekend(4))
    rolled = books.count(most=10_000)
    assert rolled is not None
    books.keep(rolled)
    kept = books.kept()
    books.keep(rolled)
    assert books.kept() == kept
    assert books.count() is None


def test_the_exchange_keeps_hours_and_says_when_it_cannot(books: Books) -> None:
    rolling = rollups.Rollups(books.ledger.store, lambda: NEW_YORK)
    books.write(a_weekend(7))
    forge = text(
        "CREATE TRIGGER full BEFORE INSERT ON tallies BEGIN SELECT RAISE(ABORT, 'no'); END"
    )
    books.ledger.store.submit(lambda open_: open_.execute(forge)).result(60)
    with capture_logs() as logged:
        asyncio.run(rolling.catch_up())
    assert len(logged) == 1
    assert "no" in rolling.fault
    assert books.kept() == []
    mend = text("DROP TRIGGER full")
    books.ledger.store.submit(lambda open_: open_.execute(mend)).result(60)
    asyncio.run(rolling.catch_up())
    assert rolling.fault == ""
    assert books.count() is None
    assert books.kept()


def test_a_clinic_that_moves_to_another_zone_has_its_hours_counted_anew(books: Books) -> None:
    books.write(a_weekend(5))
    books.roll()
    kolkata = ZoneInfo("Asia/Kolkata")
    assert books.by_hour(By.ALL, kolkata) == books.afresh(By.ALL, kolkata)
    books.roll(kolkata)
    assert books.by_hour(By.ALL, kolkata) == books.afresh(By.ALL, kolkata)
    assert books.by_hour(By.ALL) == books.afresh(By.ALL)


def test_what_nobody_kept_yet_is_read_all_the_same(books: Books) -> None:
    books.write(a_weekend(6))
    before = {by: books.figures(by) for by in (By.ALL, By.LINE, By.QUEUE, By.AGENT)}
    assert before[By.ALL][""].offered == 60
    books.roll()
    assert {by: books.figures(by) for by in before} == before


def test_the_self_tests_calls_are_nobodys(books: Books) -> None:
    moment = Moment(NOON, 0)
    books.write([Arrived("a", "selftest", "", "", "", moment)])
    assert books.figures(By.ALL) == {}


def a_call(name: str, number: str, day: int, outcome: Outcome = Outcome.ANSWERED) -> list[Row]:
    moment = Moment(NOON + timedelta(days=day), day * 86_400_000)
    return [
        Arrived(name, "main", "2025550100", number, "", moment),
        Finished(name, outcome, moment),
    ]


@pytest.mark.parametrize("zone", [NEW_YORK, ZoneInfo("Asia/Kolkata")])
def test_months_days_and_hours_together_say_of_any_span_what_the_ledger_says(
    books: Books, zone: ZoneInfo
) -> None:
    """Over two years of calls, some of them not yet kept, whatever hours are asked about."""
    chance = random.Random(11)
    days = [chance.randrange(730) for _ in range(250)]
    calls = [a_call(f"{n}", "", day, chance.choice([*Outcome])) for n, day in enumerate(days)]
    for some in (calls[:230], calls[230:]):
        books.roll(zone)
        books.write(row for call in some for row in call)
    for _ in range(15):
        ends = sorted(NOON + timedelta(hours=chance.randrange(-24, 740 * 24)) for _ in range(2))
        begin, end = (hour_of(each, zone) for each in ends)
        with books._reader.connect() as connection:
            told = rollups.figures(connection, begin, end, By.ALL, zone)
            by_day = rollups.by_day(connection, begin, end, zone)
            true = computed(connection, begin, end, zone)
        whole = sum((tally for (_, by, _), tally in true.items() if by is By.ALL), Tally())
        assert told.get("", Tally()) == sum(by_day.values(), Tally()) == whole


def test_who_calls_again_within_a_week_was_not_helped_by_the_first_call(books: Books) -> None:
    books.write(a_call("a", "+15555550142", 0))
    books.write(a_call("b", "+15555550142", 3))
    books.write(a_call("c", "+15555550143", 3))
    books.write(a_call("d", "+15555550142", 11))  # more than a week later: something else
    books.write(a_call("e", "", 11))
    books.write(a_call("f", "", 12))
    found = books.figures(By.ALL)[""]
    assert (found.known_callers, found.repeats) == (4, 1)
    assert books.first_call_enough(NOON + timedelta(days=60)) == (4, 3)


def test_who_hung_up_and_has_not_got_through_since_is_to_be_called(books: Books) -> None:
    books.write(a_call("helped before", "+15555550142", 0))
    books.write(a_call("to be called", "+15555550142", 1, Outcome.ABANDONED))
    books.write(a_call("got through", "+15555550143", 1, Outcome.ABANDONED))
    books.write(a_call("no number", "", 2, Outcome.ABANDONED))
    books.write(a_call("wrong number", "+15555550144", 2, Outcome.SHORT_ABANDONED))
    books.write(a_call("at last", "+15555550143", 3, Outcome.MESSAGE))
    assert books.not_helped() == ["to be called", "no number"]
    books.write(a_call("called", "+15555550142", 30))
    assert books.not_helped() == ["no number"]


def test_of_a_call_whose_week_is_not_over_nobody_knows_yet_whether_it_was_enough(
    books: Books,
) -> None:
    books.write(a_call("a", "+15555550142", 0))
    books.write(a_call("b", "+15555550143", 3))
    assert books.first_call_enough(NOON + timedelta(days=8)) == (1, 1)


def test_months_that_are_over_are_counted_once_and_tell_what_a_count_afresh_tells(
    books: Books,
) -> None:
    chance, kept = random.Random(5), FirstCalls()
    for each in range(90):
        number = f"+1555555014{chance.randrange(10)}"
        books.write(a_call(f"{each}", number, 2 * each + chance.randrange(2)))
    zone = NEW_YORK
    for day in (0, 70, 190, 191):
        now = NOON + timedelta(days=day)
        for first, last in ((0, 30), (0, 200), (17, 190), (-9_000, 20_000)):
            begin, end = (
                day_begins((NOON + timedelta(days=n)).date(), zone) for n in (first, last)
            )
            with books._reader.connect() as connection:
                told = kept.enough(connection, begin, end, now, zone)
                assert told == first_call_enough(connection, begin, end, now)
    assert 4 <= len(kept._over) <= 7


def test_every_figure_has_its_column(books: Books) -> None:
    columns = books.ledger.store.submit(
        lambda open_: [row.name for row in open_.execute(text("PRAGMA table_info(tallies)"))]
    ).result(60)
    assert columns == ["span", "by", "begins", "name", *(each.name for each in fields(Tally))]
    assert list(Tally().outcomes) == list(Outcome)
