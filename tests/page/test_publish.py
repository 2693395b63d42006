"""Publishing in a real browser, on a real exchange and Asterisk: what nobody confirms comes back,
and everybody is told. What is confirmed is called, and taken back, in test_story.py."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from firmware import draft, trial, versions
from firmware.operations import Role
from tests.page.practice import Practice
from tests.page.visit import Visit, visiting

# In which a story does not confirm, and in which it does; a clinic has 90 s.
SHORT_S, LONG_S = 4.0, 3000.0


def drafted(here: Practice, was: str, becomes: str) -> None:
    """As an editing screen does it, on what is in force."""
    kept = draft.discard(here.place, draft.read(here.place).step)
    text = kept.text.replace(was, becomes, 1)
    assert text != kept.text
    draft.keep(here.place, text, "the admin", "a change", kept.step, datetime.now(UTC))


def in_force(here: Practice) -> int:
    number = versions.in_force(here.place)
    assert number is not None
    return number


@contextmanager
def screen(here: Practice, chromium: Browser, role: Role = Role.ADMIN) -> Iterator[Visit]:
    with visiting(chromium, here.address) as visit:
        visit.sign_in(role)
        yield visit


def publish(here: Practice, visit: Visit, name: str) -> None:
    """It is on trial when this returns, for as long as a busy machine may need."""
    visit.go("/publish")
    visit.page.locator("#name").fill(name)
    visit.page.locator("form[action='/publish'] button").click()
    expect(visit.page.locator(".countdown")).to_be_visible()
    on_trial_for(here, LONG_S)


def on_trial_for(here: Practice, within_s: float) -> None:
    """Its time goes faster, or more slowly: from when all of it is in force."""
    with trial.alone(here.place):
        pending = trial.pending(here.place)
        assert pending is not None
        trial.begin(here.place, pending.before, pending.version, within_s)


def test_what_nobody_confirms_comes_back_and_everybody_is_told(
    here: Practice, chromium: Browser, pictures: Path
) -> None:
    before = in_force(here)
    drafted(here, 'name = "Front desk 1"', 'name = "Reception"')
    with screen(here, chromium) as visit, screen(here, chromium, Role.NURSE) as nurse:
        visit.go("/publish")
        expect(visit.page.locator(".bar-draft")).to_contain_text("Draft: 1 change")
        expect(visit.page.locator(".changes")).to_contain_text("Reception; before, Front desk 1")
        publish(here, visit, "a name at the front")
        visit.page.screenshot(path=pictures / "publish-on-trial.png", full_page=True)
        expect(nurse.page.locator(".countdown")).to_be_visible()  # on a screen that stood open
        expect(nurse.page.get_by_role("button", name="Confirm")).to_have_count(0)
        on_trial_for(here, SHORT_S)
        expect(visit.page.locator("[data-bar-text=returned]")).to_contain_text("not confirmed")
        expect(nurse.page.locator("[data-bar-text=returned]")).to_contain_text("not confirmed")
        expect(visit.page.locator(f"[data-version='{before}']")).to_contain_text("in force")
        expect(visit.page.locator(".bar-draft")).to_contain_text("Draft: 1 change")
        assert in_force(here) == before
        visit.page.locator(".bar-draft summary").click()
        visit.page.get_by_role("button", name="Discard the draft").click()
        expect(visit.page.locator(".bar-draft")).not_to_be_visible()


@pytest.mark.parametrize("language", ["en", "es"])
def test_nobody_is_kept_from_publishing(
    here: Practice, chromium: Browser, pictures: Path, language: str
) -> None:
    drafted(here, 'name = "Front desk 1"', 'name = "Reception"')
    with visiting(chromium, here.address, language) as visit:
        visit.sign_in(Role.ADMIN)
        for path, name in (
            ("/publish", "publish"),
            (f"/publish/compare?before={in_force(here)}&after=draft", "compare"),
        ):
            visit.go(path)
            visit.nobody_is_kept(pictures, name)
    draft.discard(here.place, draft.read(here.place).step)
