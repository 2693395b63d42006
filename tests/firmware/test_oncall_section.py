"""[people] and [oncall] as a clinic writes them, and what it is told when it errs."""

from datetime import date, datetime, time

import pytest

from firmware import settings
from firmware.settings import SiteFaults
from ivr.plan import MailServer, Plan, TakeMessage
from ivr.rota import HOLIDAY, ByTurns, ByWeekday, Override, Period, Swap, Window
from tests.sites import head

ROTA = """
[[dial_rules]]
prefix = "9"
digits = 10
trunk = "telco"
shows = "2025550100"

[flows.main]
start = "bye"
[flows.main.nodes.bye]
kind = "hangup"
[flows.main.nodes.urgent]
kind = "message"
mailbox = "doctor"
prompts = ["leave-a-message"]
next = "bye"
oncall = ["first"]

[mailboxes.doctor]
members = ["ann"]

[email]
host = "mail.example.com"
port = 587
security = "starttls"
sender = "careline@example.com"

[hours.office]
mon = ["08:00-17:00"]

[people.alvarez]
name = "Dr. Alvarez"
numbers = ["2025550171", "101"]
email = "alvarez@example.com"
[people.brandt]
name = "Dr. Brandt"
numbers = ["2025550172"]
[people.hospital]
name = "County Hospital"
numbers = ["2025550199"]

[oncall]
outside = "office"
last_resort = "hospital"

[[oncall.layers.first]]
people = ["alvarez", "brandt"]
turn = "daily"
begins = 2026-11-23
hand_off = "08:00"
only = { weekdays = ["17:00-08:00"] }

[[oncall.layers.first]]
people = ["brandt", "alvarez"]
turn = 14
begins = 2026-11-28
hand_off = "08:00"
only = { weekend = ["08:00-24:00"] }

[[oncall.layers.second]]
by_weekday = { mon = "brandt", tue = "alvarez" }
hand_off = "07:30"

[[oncall.overrides]]
layer = "first"
person = "brandt"
starts = "2026-12-24 17:00"
ends = "2026-12-26 08:00"

[[oncall.swaps]]
layer = "first"
one = { person = "alvarez", starts = "2026-11-23 17:00", ends = "2026-11-24 08:00" }
other = { person = "brandt", starts = "2026-11-24 17:00", ends = "2026-11-25 08:00" }
"""
SITE = head(["101"]) + ROTA


def read(text: str) -> Plan:
    return settings.read(text)


def period(start: str, end: str) -> Period:
    return Period(datetime.fromisoformat(start), datetime.fromisoformat(end))


def test_a_rota_is_read_as_it_is_written() -> None:
    rota = read(SITE).rota
    assert rota is not None
    assert (str(rota.zone), rota.outside, rota.last_resort) == (
        "America/New_York",
        "office",
        "hospital",
    )
    nights = tuple(Window(day, time(17), time(8)) for day in range(5))
    weekends = tuple(Window(day, time(8), time(0)) for day in (5, 6))
    assert rota.layers == {
        "first": (
            ByTurns(("alvarez", "brandt"), 1, time(8), date(2026, 11, 23), nights),
            ByTurns(("brandt", "alvarez"), 14, time(8), date(2026, 11, 28), weekends),
        ),
        "second": (ByWeekday(("brandt", "alvarez", *[None] * 5), time(7, 30)),),
    }
    christmas = period("2026-12-24 17:00", "2026-12-26 08:00")
    assert rota.overrides == (Override("first", "brandt", christmas),)
    assert rota.swaps == (
        Swap(
            "first",
            "alvarez",
            period("2026-11-23 17:00", "2026-11-24 08:00"),
            "brandt",
            period("2026-11-24 17:00", "2026-11-25 08:00"),
        ),
    )


def test_a_clinic_without_a_rota_is_a_clinic() -> None:
    site = SITE[: SITE.index("[oncall]")].replace('oncall = ["first"]', "")
    assert read(site).rota is None


def test_a_message_for_people_on_call_is_urgent_and_needs_a_rota() -> None:
    node = read(SITE).flows["main"].nodes["urgent"]
    assert isinstance(node, TakeMessage)
    assert (node.urgent, node.oncall) == (True, ("first",))
    with pytest.raises(SiteFaults, match=r"no on-call layer first; add \[oncall\]"):
        read(SITE[: SITE.index("[oncall]")])


def test_the_mail_server_is_read_and_no_address_shows_in_what_a_program_prints() -> None:
    plan = read(SITE)
    assert plan.mail == MailServer(
        "mail.example.com", 587, "starttls", None, "careline@example.com"
    )
    assert plan.people["alvarez"].email == "alvarez@example.com"
    assert "alvarez@example.com" not in repr(plan.people)


def test_holidays_of_the_site_are_days_of_a_rotation() -> None:
    text = SITE.replace("only = { weekdays", "only = { holidays") + '[holidays]\ncountry = "US"\n'
    rota = read(text).rota
    assert rota is not None
    assert date(2026, 12, 25) in rota.holidays
    assert rota.layers["first"][0].only == (Window(HOLIDAY, time(17), time(8)),)


def test_no_telephone_number_of_a_person_shows_in_what_a_program_prints() -> None:
    person = read(SITE).people["alvarez"]
    assert person.numbers == ("2025550171", "101")
    assert "2025550171" not in repr(person)
    assert "2025550171" not in repr(read(SITE).people)


# Each line to change, what it becomes, and words of the reason and of the cure that must follow.
WRONG = (
    ('numbers = ["2025550172"]', 'numbers = ["911"]', "emergency number", "of this person"),
    ('numbers = ["2025550172"]', 'numbers = ["20255501720"]', "no dial rule", "dial_rules"),
    ('numbers = ["2025550172"]', 'numbers = ["202-555"]', "does not fit", "numbers in quotes"),
    ('numbers = ["2025550172"]', "numbers = []", "0 entries", "1 to 5 numbers"),
    ('last_resort = "hospital"', 'last_resort = "hospitl"', "no", "did you mean hospital"),
    ('last_resort = "hospital"', "", "last_resort is missing", "add last_resort"),
    ('outside = "office"', 'outside = "offise"', "no", "did you mean office"),
    ('people = ["alvarez", "brandt"]', 'people = ["alvares"]', "no", "did you mean alvarez"),
    ('people = ["alvarez", "brandt"]', "people = []", "0 entries", "1 to 50 people"),
    ('turn = "daily"', 'turn = "monthly"', "does not fit", '"daily", "weekly" or a number'),
    ("turn = 14", "turn = 0", "does not fit", "from 1 to 60"),
    ("begins = 2026-11-23", 'begins = "2026-11-23"', "does not fit", "without quotes"),
    ('hand_off = "07:30"', 'hand_off = "7:30"', "does not fit", '"08:00"'),
    ("only = { weekdays", "only = { workdays", "does not fit", "weekend"),
    ('{ weekend = ["08:00-24:00"] }', '{ weekend = ["8-24"] }', "does not fit", "17:00-08:00"),
    ('by_weekday = { mon = "brandt",', 'by_weekday = { mon = "brand",', "no", "mean brandt"),
    ("by_weekday = { mon =", "by_weekday = { monday =", "does not fit", "mon, tue"),
    ('ends = "2026-12-26 08:00"', 'ends = "2026-12-24 17:00"', "not after it starts", "later"),
    ('starts = "2026-12-24 17:00"', 'starts = "2026-02-30 17:00"', "does not fit", "2026-12-24"),
    ('layer = "first"', 'layer = "third"', "no layer third", "first, second"),
    ('other = { person = "brandt"', 'other = { person = "alvarez"', "with themselves", "person to"),
    ("[[oncall.layers.second]]", "[[oncall.layers.2nd]]", "cannot be a name", "small letters"),
    ("only = { weekdays", "only = { holidays", "no holidays", "add [holidays]"),
    ('oncall = ["first"]', 'oncall = ["frist"]', "no on-call layer frist", "first, second"),
    ('outside = "office"', 'outside = "office"\nring_s = 5', "does not fit", "from 10 to 60"),
    ('email = "alvarez@example.com"', 'email = "alvarez"', "does not fit", "an e-mail address"),
    ('security = "starttls"', 'security = "ssl"', "does not fit", '"tls"'),
    ('host = "mail.example.com"', 'host = "a b"', "does not fit", "mail.example.com"),
    ('security = "starttls"', 'security = "none"', "another machine", "starttls"),
)  # fmt: skip


@pytest.mark.parametrize(("right", "wrong", "reason", "cure"), WRONG)
def test_what_is_nonsense_is_told_once_with_its_line_and_cure(
    right: str, wrong: str, reason: str, cure: str
) -> None:
    assert right in SITE
    with pytest.raises(SiteFaults) as caught:
        read(SITE.replace(right, wrong, 1))
    (fault,) = caught.value.faults
    assert reason in fault.reason
    assert cure in fault.cure
    assert abs(fault.line - 1 - SITE[: SITE.index(right)].count("\n")) <= 2


@pytest.mark.parametrize("value", ["5", "[]", '"first"'])
@pytest.mark.parametrize("key", ["oncall", "oncall.layers", "oncall.layers.first", "oncall.swaps",
                                 "oncall.overrides", "people", "people.alvarez"])  # fmt: skip
def test_whatever_stands_in_the_place_of_a_table_is_a_fault_and_not_a_crash(
    key: str, value: str
) -> None:
    site = head(["101"])
    with pytest.raises(SiteFaults):
        read(f"{key} = {value}\n{site}{ROTA[: ROTA.index('[hours')]}")


def test_a_fault_of_the_dial_rules_is_not_laid_at_the_people_who_need_them() -> None:
    with pytest.raises(SiteFaults) as caught:
        read(SITE.replace("digits = 10", "digits = 1", 1))
    (fault,) = caught.value.faults
    assert "digits" in fault.where


def test_no_fault_about_a_person_repeats_a_number_that_could_be_theirs() -> None:
    with pytest.raises(SiteFaults) as caught:
        read(SITE.replace('["2025550172"]', '["20255501729"]', 1))
    assert "20255501729" not in str(caught.value)
