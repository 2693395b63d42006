"""Every number on the figures leads to exactly the calls that it counts: whatever happened to them,
whether their hours are kept already or not, and whoever narrows the list further."""

import html
import random
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from firmware import call_search, requests, rollups
from firmware.ledger import Arrived, Finished, Ledger, Moment, Noted, Row
from firmware.machine import MachineKey
from firmware.operations import Role
from firmware.place import Place
from firmware.requests import Left
from firmware.store import open_reader
from firmware.tickets import OPENED
from ivr.canary import SELFTEST
from ivr.commands import Outcome
from ivr.form import RequestKind
from ivr.inside import INSIDE
from tests.web.clinic import Clinic, named
from tests.web.weeks import NEW_YORK

# The week before has the night in which New York's clocks go forward.
NOW = datetime(2026, 3, 18, 17, 40, tzinfo=UTC)
DAYS = "span=any&first=2026-03-02&last=2026-03-18"
CALLS, KEPT = 140, 110
LINES = ("main", "main", "second", INSIDE, SELFTEST)
QUEUES = ("desk", "nurse")
PHONES = ("101", "102", "103")
ENDS = (*Outcome, *[Outcome.ANSWERED] * 6, *[Outcome.ABANDONED] * 3, None)


class Told:
    """A call at random, told as the exchange would have noted it down."""

    def __init__(self, number: int, drawn: random.Random) -> None:
        self.call, self._drawn = str(UUID(int=number + 1)), drawn
        back = timedelta(minutes=drawn.randrange(16 * 24 * 60))
        self.at, self._after_ms = NOW - back, 0
        self._began_ms = number * 10_000_000
        self.line = ""
        self.rows: list[Row] = []

    def _note(self, step: str, detail: str = "", after_s: int = 0) -> None:
        self._after_ms += after_s * 1000
        self.rows.append(Noted(self.call, step, detail, self.moment))

    @property
    def moment(self) -> Moment:
        at = self.at + timedelta(milliseconds=self._after_ms)
        return Moment(at, self._began_ms + self._after_ms)

    def tell(self) -> "Told":
        drawn, end = self._drawn, self._drawn.choice(ENDS)
        self.line = drawn.choice(LINES)
        number = drawn.choice(("", *(f"+1202555010{n}" for n in range(8))))
        self.rows = [Arrived(self.call, self.line, "2025550100", number, "", self.moment)]
        for queue in drawn.choices(QUEUES, k=drawn.choice((0, 1, 1, 2, 3))):
            self._waits(queue)
        if end is Outcome.ANSWERED:
            self._talks()
        if drawn.random() < 0.1:
            self._note("ended unheard")
        if end is not None:
            self._after_ms += 1000
            self.rows.append(Finished(self.call, end, self.moment))
        if end is Outcome.CALLBACK and drawn.random() < 0.7:
            self._note(OPENED, f"in {drawn.choice(QUEUES)}", 1)
            self._note("called back", "", 600)
            self._note("call-back talk", drawn.choice(PHONES), 90)
        return self

    def _waits(self, queue: str) -> None:
        self._note("queue", f"main/{queue}")
        self._note("waits", queue)
        for _ in range(self._drawn.randrange(3)):
            phone = self._drawn.choice(PHONES)
            self._note("offer", phone, self._drawn.randrange(40))
            self._note(self._drawn.choice(("silent", "refused")), phone, 5)

    def _talks(self) -> None:
        phone = self._drawn.choice(PHONES)
        self._note("offer", phone, self._drawn.randrange(50))
        self._note("accepted", phone, 3)
        self._note("joined")
        if self._drawn.random() < 0.3:
            self._note("held", "", 20)
            self._note("resumed", "", 20)
        if self._drawn.random() < 0.4:
            self._note("surveyed", "", 60)
            self._note("rated", str(self._drawn.randrange(1, 6)), 4)


@pytest.fixture
def mixed(clinic: Clinic) -> Clinic:
    """With a past in which all of it happened, most of it kept by the hour and the rest not yet."""
    clinic.clock.now = NOW
    drawn, key = random.Random(7), MachineKey.at(clinic.place.machine_key)
    told = sorted((Told(each, drawn).tell() for each in range(CALLS)), key=lambda each: each.at)
    ledger = Ledger(clinic.place.calls_db, clinic.place.ledger_log, key)
    try:
        for part in (told[:KEPT], told[KEPT:]):
            keep(ledger, clinic.place)
            ledger.submit([row for each in part for row in each.rows]).result(60)
        callers = [each for each in told if each.line != SELFTEST]
        for number, each in enumerate(callers[::4]):
            asks(ledger, each, number, key)
    finally:
        ledger.close()
    return clinic


def keep(ledger: Ledger, place: Place) -> None:
    """As the exchange does from time to time."""
    reader = open_reader(place.calls_db)
    try:
        with reader.connect() as connection:
            rolled = rollups.roll(connection, NEW_YORK, 100_000)
        if rolled is not None:
            ledger.store.submit(partial(rollups.keep, rolled=rolled)).result(60)
    finally:
        reader.dispose()


def asks(ledger: Ledger, caller: Told, number: int, key: MachineKey) -> None:
    """Somebody leaves requests, of which one is done in time, one late, and one is left."""
    for turn in range(1 + number % 2):
        name, due = str(UUID(int=1000 + 2 * number + turn)), caller.at + timedelta(hours=8)
        left = Left(name, caller.call, RequestKind.REFILL, due, None, (), None, caller.moment)
        ledger.store.submit(partial(requests.record, left=left, key=key)).result(60)
        if after_h := (2, 30, 0)[number % 3]:
            when = Moment(caller.at + timedelta(hours=after_h), 0)
            outcome = requests.Outcome.DONE
            done = partial(requests.done, request=name, by="x", outcome=outcome, moment=when)
            ledger.store.submit(done).result(60)


def links(text: str) -> dict[str, str]:
    """Where the numbers of a screen lead, and what they say."""
    found = re.findall(r'<a href="(/calls[?][^"]+)"[^>]*>([^<]*)</a>', text)
    return {html.unescape(href): html.unescape(said) for href, said in found}


def listed(browser: TestClient, href: str) -> tuple[int, Counter[str]]:
    """What a list says it counts, and each of its calls with how often: all its parts."""
    total, found = -1, Counter[str]()
    while href:
        answer = browser.get(href)
        assert answer.status_code == 200, href
        total = int(re.findall(r'data-total="(\d+)"', answer.text)[0])
        for row in re.findall(r"<tr data-tone.*?</tr>", answer.text, re.DOTALL):
            (call,) = re.findall(r'<th scope="row"><a href="/calls/([0-9a-f-]{36})"', row)
            assert call not in found
            found[call] = int(next(iter(re.findall(r'data-times="(\d+)"', row)), 1))
        older = re.findall(r'<a class="button" href="([^"]+before=[^"]+)"', answer.text)
        href = html.unescape(older[0]) if older else ""
    return total, found


def counts_of(href: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(href).query))


@pytest.mark.parametrize(
    "days", [DAYS, "span=day&day=2026-03-17", "span=any&first=2025-01-01&last=2026-03-31"]
)
def test_every_number_leads_to_as_many_calls_as_it_says(
    mixed: Clinic, monkeypatch: pytest.MonkeyPatch, days: str
) -> None:
    monkeypatch.setattr(call_search, "PAGE", 17)  # so that there are parts
    with mixed.browser() as browser:
        mixed.sign_in(browser, named(Role.ADMIN))
        leads = links(browser.get(f"/figures?{days}").text)
        assert len({counts_of(href)["counts"] for href in leads}) >= 15
        for href, said in leads.items():
            total, found = listed(browser, href)
            assert total == found.total() > 0, href
            is_mean = "hour" in counts_of(href)  # of some weeks
            if not is_mean and (number := re.fullmatch(r"(?:.*: )?(\d+)", said)):
                assert total == int(number[1]), (href, said)


def test_the_hours_of_the_week_are_led_to_and_are_all_the_calls_there_are(mixed: Clinic) -> None:
    with mixed.browser() as browser:
        mixed.sign_in(browser, named(Role.ADMIN))
        text = browser.get(f"/figures?{DAYS}").text
        (heat,) = re.findall(r'<table class="heat">.*?</table>', text, re.DOTALL)
        hours = [listed(browser, href) for href in links(heat)]
        whole = browser.get("/calls?since=2026-03-02&until=2026-03-18&counts=offered")
        (said,) = re.findall(r'data-total="(\d+)"', whole.text)
    assert sum(total for total, _ in hours) == int(said)
    assert len(set().union(*(found for _, found in hours))) == int(said)


def test_each_condition_is_said_and_can_be_taken_away_and_a_search_narrows_further(
    mixed: Clinic,
) -> None:
    asked = "/calls?since=2026-03-02&until=2026-03-18&counts=rung&by=agent&name=101"
    with mixed.browser() as browser:
        mixed.sign_in(browser, named(Role.ADMIN))
        text = browser.get(asked).text
        assert "the phone was rung" in text
        assert "phone 101 Desk 101" in text
        without = [href for href, said in links(text).items() if said == "×"]
        days = {"since": "2026-03-02", "until": "2026-03-18"}
        assert [counts_of(href) for href in without] == [
            days | {"counts": "offered", "by": "agent", "name": "101"},
            days | {"counts": "rung"},
        ]
        narrower = browser.get(f"{asked}&outcome=abandoned")
        assert "data-total" not in narrower.text  # no figure says how many these are
        _, all_of_them = listed(browser, asked)
        _, gave_up = listed(browser, asked.replace("rung&by=agent&name=101", "abandoned"))
        shown = re.findall(r'<th scope="row"><a href="/calls/([0-9a-f-]{36})"', narrower.text)
        assert shown
        assert set(shown) == set(all_of_them) & set(gave_up)


@pytest.mark.parametrize(
    "odd",
    ["counts=everything", "by=queue&name=desk", "hour=0-09", "counts=enough&by=line&name=main",
     "counts=offered&hour=7-09", "counts=offered&at=now", "counts=offered&by=caller"],
)  # fmt: skip
def test_what_no_figure_counts_is_refused(clinic: Clinic, odd: str) -> None:
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.ADMIN))
        assert browser.get(f"/calls?{odd}").status_code == 422
