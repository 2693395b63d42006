"""Publishing on the page: what the draft would change, said before it is done; who may do it; and
what everybody is told while a version is on trial and after it came back."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import pytest
from fastapi.testclient import TestClient

from firmware import draft, trial, versions
from firmware.asterisk.publish import PublishError, Step
from firmware.elsewhere import Elsewhere, Moved
from firmware.ledger import Ledger
from firmware.machine import MachineKey
from firmware.operations import Operation, Role, may
from firmware.place import Place
from firmware.proving import UnprovenError
from firmware.publishing import Published
from firmware.settings import Fault
from firmware.web import fault_places, marked
from firmware.web.outlook import Outlooks
from firmware.web.press import Press
from firmware.web.words import Words
from ivr.plan import Plan
from ivr.replay import Compared, Way
from tests.firmware import published
from tests.firmware.by_hand import SITE
from tests.firmware.test_trial import Desk
from tests.web.clinic import Clinic, named, token_in

SUMMER = SITE.replace("Welcome.", "We are on the beach.")
BROKEN = SITE.replace('1 = "desk"', '1 = "nowhere"')
LONG_S = 3000.0
SOON_S = 60.0


@pytest.fixture
def site(clinic: Clinic) -> Clinic:
    """One that was published once."""
    clinic.place.site_file.unlink()
    published.publish(clinic.place, SITE, "as we began")
    return clinic


@contextmanager
def admin(clinic: Clinic, role: Role = Role.ADMIN, language: str = "en") -> Iterator[TestClient]:
    with clinic.browser(language) as browser:
        clinic.sign_in(browser, named(role))
        yield browser


def drafted(clinic: Clinic, text: str) -> None:
    seen = draft.read(clinic.place).step
    draft.keep(clinic.place, text, "maria", "words", seen, clinic.clock.now)


def sent(browser: TestClient, path: str, **fields: str) -> str:
    """A form of the screen; where it leads."""
    token = token_in(browser.get("/publish").text)
    answer = browser.post(path, data=fields | {"token": token})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def on_trial(clinic: Clinic, within_s: float = LONG_S) -> None:
    """The draft's text is in force as version 2, and waits for a word."""
    published.publish(clinic.place, SUMMER, "summer")
    trial.begin(clinic.place, 1, 2, within_s)


# ---- the draft ----


def test_a_draft_is_told_in_sentences_and_every_screen_says_that_there_is_one(site: Clinic) -> None:
    with admin(site) as browser:
        assert "Nothing is drafted" in browser.get("/publish").text
        assert "Draft:" not in browser.get("/today").text
        drafted(site, SUMMER)
        shown = browser.get("/publish").text
        assert "The words of the prompt `welcome` (en): We are on the beach.; before, Welcome." in (
            shown
        )
        assert 'data-mark="changed"' in shown  # the menu that speaks it
        assert "Changed last by maria" in shown
        assert "Draft: 1 change" in browser.get("/today").text


def test_the_same_is_told_in_spanish(site: Clinic) -> None:
    drafted(site, SUMMER)
    with admin(site, language="es") as browser:
        shown = browser.get("/publish").text
        assert "We are on the beach.; antes, Welcome." in shown
        assert "Borrador: 1 cambio" in shown


def test_whoever_may_not_publish_is_not_shown_the_draft(site: Clinic) -> None:
    drafted(site, SUMMER)
    with admin(site, Role.FRONT_DESK) as browser:
        assert "Draft:" not in browser.get("/today").text
        assert browser.get("/publish").status_code == 403
        assert browser.get("/bar/live").json()["draft"] == ""
    assert not may(Role.FRONT_DESK, Operation.CONFIGURE)


def test_a_draft_with_a_fault_is_refused_with_its_reason_and_no_button(site: Clinic) -> None:
    drafted(site, BROKEN)
    with admin(site) as browser:
        shown = browser.get("/publish").text
        assert "It cannot be published as it is" in shown
        assert '<a href="/menus?flow=main&amp;node=menu">main · menu</a>: ' in shown
        assert "nowhere" in shown
        assert 'name="name"' not in shown
        assert sent(browser, "/publish", name="") == "/publish"
        assert site.house.press.now is None
        assert "it cannot be published as it is" in browser.get("/today").text


@pytest.mark.parametrize(
    ("where", "said", "href"),
    [
        ("flows.main.start", "main", "/menus?flow=main"),
        ("phones.911", "Phones · 911", "/rooms/phones/part/911"),
        ("dial_rules[2].shows", "Dialling out · 2", "/rooms/dial_rules/part/2"),
        ("clinic.name", "Clinic", "/rooms/clinic"),
        ("prompts.en.welcome", "welcome", "/prompts/of/en/welcome"),
        ("hours.office.mon", "Hours · office", "/hours/schedule/office"),
        ("oncall", "On call", "/hours/oncall"),
        ("file", "file", ""),
    ],
)
def test_a_fault_is_led_to_where_it_is_mended(where: str, said: str, href: str) -> None:
    assert fault_places.place(where, Words("en")) == (said, href)


def test_a_discarded_draft_is_gone_but_not_one_that_was_not_seen(site: Clinic) -> None:
    drafted(site, SUMMER)
    with admin(site) as browser:
        seen = browser.get("/bar/live").json()["step"]
        drafted(site, SUMMER.replace("beach", "river"))
        token = token_in(browser.get("/publish").text)
        late = browser.post("/publish/discard", data={"token": token, "seen": str(seen)})
        assert late.status_code == 409
        assert "the draft was changed by maria while you looked at it" in late.text
        assert sent(browser, "/publish/discard", seen=str(seen + 1)) == "/publish"
        assert "Nothing is drafted" in browser.get("/publish").text


def test_nothing_is_published_where_nothing_changes(site: Clinic) -> None:
    with admin(site) as browser:
        token = token_in(browser.get("/publish").text)
        answer = browser.post("/publish", data={"token": token, "name": ""})
        assert answer.status_code == 409
        assert "The draft changes nothing." in answer.text


# ---- on trial ----


def test_everybody_who_is_signed_in_sees_the_countdown_and_who_may_confirms(site: Clinic) -> None:
    drafted(site, SUMMER)
    on_trial(site)
    for role in (Role.FRONT_DESK, Role.NURSE, Role.AUDITOR, Role.ADMIN):
        with admin(site, role) as browser:
            assert "Version 2 is on trial." in browser.get("/today").text
            told = browser.get("/bar/live").json()
            assert LONG_S - 600 < told["left_s"] <= LONG_S
            assert told["may_settle"] == may(role, Operation.CONFIGURE)
    with admin(site) as browser:
        assert sent(browser, "/publish/confirm") == "/publish"
        assert browser.get("/bar/live").json()["trial"] == ""
        assert "Nothing is drafted" in browser.get("/publish").text
    assert (versions.in_force(site.place), trial.pending(site.place)) == (2, None)
    assert (named(Role.ADMIN), "confirmed", "version 2") in [
        (who, act, about.partition(",")[0]) for who, act, about in accounted(site.place)
    ]


def test_what_nobody_confirms_comes_back_and_the_draft_is_still_there(site: Clinic) -> None:
    drafted(site, SUMMER)
    on_trial(site)
    with admin(site) as browser:
        assert sent(browser, "/publish/take-back") == "/publish"
        assert "version 1 comes back now" in browser.get("/today").text
        asyncio.run(Desk(site.place).begins().look())  # as a running exchange does
        noted(site, 2, at=site.clock.now)
        shown = browser.get("/publish").text
        assert "Version 2 was not confirmed and is not in force: version 1 is again." in shown
        assert "was not confirmed" in shown
        assert "Draft: 1 change" in shown
    assert versions.in_force(site.place) == 1


def test_while_one_is_on_trial_no_other_can_be_begun(site: Clinic) -> None:
    on_trial(site)
    drafted(site, SITE.replace("Welcome.", "Autumn has come."))
    with admin(site) as browser:
        shown = browser.get("/publish").text
        assert "Another version is on trial" in shown
        assert "Put in force again" not in shown


def test_a_confirmation_that_comes_too_late_says_so(site: Clinic) -> None:
    with admin(site) as browser:
        token = token_in(browser.get("/publish").text)
        answer = browser.post("/publish/confirm", data={"token": token})
        assert answer.status_code == 409
        assert "nothing waits to be confirmed" in answer.text


# ---- versions ----


def test_any_two_versions_are_compared_and_with_the_draft_too(site: Clinic) -> None:
    published.publish(site.place, SUMMER, "summer")
    drafted(site, SITE)
    with admin(site) as browser:
        listed = browser.get("/publish").text
        assert re.search(r'data-version="2".*?summer.*?in force', listed, re.DOTALL)
        shown = browser.get("/publish/compare?before=1&after=2").text
        assert "We are on the beach.; before, Welcome." in shown
        shown = browser.get("/publish/compare?before=2&after=draft").text
        assert "Welcome.; before, We are on the beach." in shown
        assert "They are the same." in browser.get("/publish/compare?before=1&after=1").text
        assert browser.get("/publish/compare").text == shown  # who has not chosen yet
        drawn = browser.get("/publish/picture?before=1&after=2").json()
        assert Counter(drawn["nodes"].values())["changed"] == 1


@pytest.mark.parametrize(
    "asked", ["before=9&after=1", "before=x&after=1", "after=", "before=1&after=²"]
)
def test_a_version_that_is_not_there_is_said_not_to_be(site: Clinic, asked: str) -> None:
    with admin(site) as browser:
        answer = browser.get(f"/publish/compare?{asked}")
        assert answer.status_code == 200
        assert "there is no" in answer.text.lower()


def test_the_picture_shows_both_where_a_key_led_and_where_it_leads(site: Clinic) -> None:
    drafted(site, SITE.replace('1 = "desk"', '1 = "bye"'))
    with admin(site) as browser:
        shown = browser.get("/publish").text
    ((flow, graph),) = [
        (each.flow, json.loads(each.graph))
        for each in marked.drawn(
            site.house.drafted.between(SITE, draft.read(site.place).text).marks, Words("en")
        )
    ]
    assert flow == "main"
    assert "data-graph" in shown
    arrows = {(each["from"], each["to"]): (each["label"], each["mark"]) for each in graph["arrows"]}
    assert arrows["main/menu", "main/bye"] == ("key 1, new", "added")
    label, mark = arrows["main/menu", "main/desk"]  # who presses nothing is still led there
    assert "key 1, gone" in label
    assert mark == "changed"  # some of its ways have gone, others have not
    assert {each["id"]: each["kind"] for each in graph["boxes"]}["main/menu"] == "changed"


# ---- beside the page ----


def done(is_so: Callable[[], bool]) -> bool:
    """Within the time that everything has."""
    ticking = Event()
    return any(is_so() or ticking.wait(0.01) for _ in range(int(SOON_S / 0.01)))


def test_a_publish_on_its_way_tells_each_step_and_lets_no_other_begin() -> None:
    press, going_on = Press(), Event()

    def work(told: Callable[[Step], None]) -> Published:
        told(Step.WRITTEN)
        assert going_on.wait(SOON_S)
        return Published(7, is_first=False)

    assert press.begin("maria", work)
    assert done(lambda: press.now is not None and press.now.steps == (Step.WRITTEN,))
    assert not press.begin("john", work)
    going_on.set()
    assert done(lambda: press.now is not None and press.now.is_over)
    assert press.now is not None
    assert press.now.published == Published(7, is_first=False)
    assert press.begin("john", work)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (PublishError("the old version is in force again"), "the old version is in force again"),
        (ValueError("Mrs Doe"), "It failed by a fault of ours"),
        (UnprovenError([Fault(1, "flows", "it is broken", "mend it")]), ""),
    ],
)
def test_what_keeps_a_version_from_coming_into_force_is_said(fault: Exception, said: str) -> None:
    press = Press()

    def work(_told: Callable[[Step], None]) -> Published:
        raise fault

    assert press.begin("maria", work)
    assert done(lambda: press.now is not None and press.now.is_over)
    assert press.now is not None
    assert press.now.why_not.startswith(said)
    assert "Mrs Doe" not in press.now.why_not
    assert bool(press.now.faults) == isinstance(fault, UnprovenError)


def test_the_calls_of_the_past_are_gone_through_once_for_each_draft(
    site: Clinic, tmp_path: Path
) -> None:
    asked, going_on = list[Plan](), Event()
    plan = site.house.site.plan
    assert plan is not None
    (tmp_path / "calls.db").touch()

    def look(_place: Place, plan: Plan, *, progress: Callable[[int, int], None]) -> Elsewhere:
        asked.append(plan)
        progress(3, 12)
        assert going_on.wait(SOON_S)
        return Elsewhere(30, 12, 12, ())

    outlooks = Outlooks(Place(tmp_path), look)
    outlooks.of(SITE, plan)
    assert done(lambda: outlooks.of(SITE, plan).looked_at == 3)
    going_on.set()
    assert done(lambda: outlooks.of(SITE, plan).found is not None)
    assert len(asked) == 1
    outlooks.of(SUMMER, plan)
    assert done(lambda: outlooks.of(SUMMER, plan).found is not None)
    assert len(asked) == 2
    assert outlooks.known(SITE) is None


def test_a_call_that_would_go_elsewhere_is_told_with_its_time_and_its_way_in_words(
    site: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = Compared(
        Way(("menu main/menu", "queue main/front-desk", "phone 101"), "short_abandoned"),
        Way(("menu main/menu",), "message"),
    )
    moved = Moved("c-1", datetime(2026, 3, 1, 14, 5, tzinfo=UTC), both)
    going_on = Event()

    def look(_place: Place, _plan: Plan, *, progress: Callable[[int, int], None]) -> Elsewhere:
        assert going_on.wait(SOON_S)
        return Elsewhere(30, 12, 12, (moved,))

    Ledger(site.place.calls_db, site.place.ledger_log, MachineKey(b"m" * 32)).close()
    drafted(site, SUMMER)
    monkeypatch.setattr(site.house.outlooks, "_look", look)
    with admin(site) as browser:
        first = browser.get("/publish").text
        assert "menu → front desk" not in first
        going_on.set()
        assert done(lambda: "menu → front desk" in browser.get("/publish").text)
        now = browser.get("/publish").text
    assert "menu → front desk → phone 101 → hung up at once" in now
    assert "menu → left a message" in now
    assert 'href="/calls/c-1">Sun, Mar 1, 9:05\u202fAM' in now
    # A screen drawn before knows that it is drawn anew, however soon the calls were gone through.
    assert seen_by(first) != seen_by(now)


def seen_by(screen: str) -> str:
    found = re.search(r'data-live="/publish/live\?seen=([0-9a-f]+)"', screen)
    assert found is not None
    return found[1]


def test_a_clinic_without_calls_is_told_that_there_are_none(site: Clinic) -> None:
    drafted(site, SUMMER)
    with admin(site) as browser:
        browser.get("/publish")
        assert done(lambda: "There are no calls yet" in browser.get("/publish").text)


# ---- what it takes ----


def noted(clinic: Clinic, number: int, *, at: object) -> None:
    """As if it had been published a moment ago by the clinic's clock."""
    version = versions.find(clinic.place, number)
    assert version.note is not None
    versions.note(version.folder, version.note.model_copy(update={"at": at}))


def accounted(place: Place) -> list[tuple[str, str, str]]:
    """What stands in the audit."""
    from firmware.audit import entries
    from firmware.store import open_reader

    reader = open_reader(place.calls_db)
    try:
        with reader.connect() as connection:
            rows = connection.execute(entries.select())
            return [(row.who, row.act, row.about) for row in rows]
    finally:
        reader.dispose()
