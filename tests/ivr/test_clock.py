"""Each reading of the wall clock comes once, whatever a zone has ever done to its clocks."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.clock import instant, reading

NEW_YORK = ZoneInfo("America/New_York")
# Changes by an hour, by half an hour, at midnight, and a day left out (Samoa, 30 December 2011).
ZONES = (
    NEW_YORK,
    ZoneInfo("Europe/Berlin"),
    ZoneInfo("Australia/Lord_Howe"),
    ZoneInfo("America/Havana"),
    ZoneInfo("Asia/Beirut"),
    ZoneInfo("Pacific/Apia"),
    ZoneInfo("UTC"),
)


def on(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_an_ordinary_reading_is_the_instant_that_everybody_takes_it_for() -> None:
    assert instant(on("2026-11-23 08:00"), NEW_YORK) == on("2026-11-23 13:00+00:00")
    assert reading(on("2026-11-23 13:00+00:00"), NEW_YORK) == on("2026-11-23 08:00")


def test_a_reading_that_comes_twice_counts_the_first_time() -> None:
    assert instant(on("2026-11-01 01:30"), NEW_YORK) == on("2026-11-01 05:30+00:00")


def test_a_reading_that_is_skipped_comes_with_the_change() -> None:
    assert instant(on("2027-03-14 02:30"), NEW_YORK) == on("2027-03-14 07:00+00:00")
    assert instant(on("2027-03-14 02:00"), NEW_YORK) == on("2027-03-14 07:00+00:00")
    samoa = ZoneInfo("Pacific/Apia")
    assert instant(on("2011-12-30 12:00"), samoa) == on("2011-12-30 10:00+00:00")


def test_a_clock_set_back_stands_still_until_it_is_past_where_it_was() -> None:
    standing = on("2026-11-01 02:00") - timedelta.resolution
    assert reading(on("2026-11-01 06:00+00:00"), NEW_YORK) == standing
    assert reading(on("2026-11-01 06:59+00:00"), NEW_YORK) == standing
    assert reading(on("2026-11-01 07:00+00:00"), NEW_YORK) == on("2026-11-01 02:00")


def near_a_change(zone: ZoneInfo) -> st.SearchStrategy[datetime]:
    """Instants, most of them within a day and a half of a change of the zone's clocks."""
    days = [datetime(2010, 1, 1, tzinfo=UTC) + timedelta(days=n) for n in range(20 * 365)]
    changed = [
        day
        for day in days
        if day.astimezone(zone).utcoffset()
        != (day + timedelta(days=1)).astimezone(zone).utcoffset()
    ]
    around = st.timedeltas(timedelta(hours=-36), timedelta(hours=36))
    return st.builds(lambda day, off: day + off, st.sampled_from(changed or days), around)


@pytest.mark.parametrize("zone", ZONES, ids=str)
def test_a_reading_has_come_exactly_when_the_clock_has_read_it(zone: ZoneInfo) -> None:
    @given(near_a_change(zone), st.timedeltas(timedelta(hours=-3), timedelta(hours=3)))
    def holds(at: datetime, off: timedelta) -> None:
        wall = at.astimezone(zone).replace(tzinfo=None, fold=0) + off
        assert (instant(wall, zone) <= at) is (wall <= reading(at, zone))

    holds()


@pytest.mark.parametrize("zone", ZONES, ids=str)
def test_the_reading_is_never_less_than_the_clock_shows_nor_than_it_was(zone: ZoneInfo) -> None:
    @given(near_a_change(zone), st.timedeltas(timedelta(0), timedelta(hours=30)))
    def holds(at: datetime, later: timedelta) -> None:
        assert reading(at, zone) >= at.astimezone(zone).replace(tzinfo=None, fold=0)
        assert reading(at + later, zone) >= reading(at, zone)

    holds()
