"""Somebody at a browser: which screen they look at, in which language, and whether anything was
refused or fails whoever cannot see, or has a small screen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from playwright.sync_api import Browser, Page

from firmware.operations import Role
from firmware.web import vendor
from tests.page.practice import PASSWORD, SOON_S

GRAVE = ("serious", "critical")
# How a screen is looked at: width and height in CSS pixels.
LOOKS = {
    "desktop": (1280, 800),
    "tablet": (1024, 768),
    "phone": (390, 844),
    "zoomed": (640, 400),  # 1280 × 800 at 200 %
}
TELEVISION = {"television": (1920, 1080)}

OVERFLOWS = """() => {
  const seen = document.documentElement.clientWidth;
  const parts = document.querySelectorAll("header.top *, main caption, .wide :is(th, td)");
  const ends = Array.from(parts, (part) => part.getBoundingClientRect().right);
  return document.documentElement.scrollWidth > seen || ends.some((end) => end > seen + 1);
}"""


@dataclass(slots=True)
class Visit:
    """One person's, with one browser window."""

    page: Page
    address: str
    language: str = "en"
    complaints: list[str] = field(default_factory=list)  # the browser's own

    def go(self, path: str) -> None:
        self.page.goto(f"{self.address}{path}")

    def sign_in(self, role: Role, password: str = PASSWORD) -> None:
        self.sign_in_as(f"the {role}", password)

    def sign_in_as(self, person: str, password: str) -> None:
        self.go("/sign-in")
        self.page.locator("#person").fill(person)
        self.page.locator("#password").fill(password)
        self.page.locator("form[action='/sign-in'] button.main").click()
        self.page.wait_for_url("**/today")

    def look(self, how: str) -> None:
        width, height = (LOOKS | TELEVISION)[how]
        self.page.set_viewport_size({"width": width, "height": height})

    def barriers(self) -> list[str]:
        """What axe-core finds serious, in words."""
        self.page.evaluate(_axe())
        told = self.page.evaluate("async () => (await axe.run()).violations")
        return [
            f"{each['id']}: {each['help']} at {[node['target'] for node in each['nodes']]}"
            for each in told
            if each["impact"] in GRAVE
        ]

    def nobody_is_kept(self, pictures: Path, name: str, looks: Iterable[str] = LOOKS) -> None:
        """From what stands here, in each of these looks: neither who cannot see nor who has a small
        screen. Each is drawn, too, to be looked at."""
        for how in looks:
            self.look(how)
            picture = pictures / f"{name}-{self.language}-{how}.png"
            self.page.screenshot(path=picture, full_page=True)
            assert self.barriers() == [], (name, how)
            assert not self.overflows(), (name, how)

    def fits(self, how: str) -> None:
        """Nothing here must be scrolled sideways, in this look."""
        self.look(how)
        assert not self.overflows(), (self.page.url, how)

    def overflows(self) -> bool:
        """Whether it must be scrolled sideways, or some of it lies beyond the edge."""
        return bool(self.page.evaluate(OVERFLOWS))


@contextmanager
def visiting(
    chromium: Browser, address: str, language: str = "en", dark: bool = False
) -> Iterator[Visit]:
    """A window with nothing in it yet. What the browser complains about fails the story."""
    context = chromium.new_context(
        ignore_https_errors=True,
        locale={"en": "en-US", "es": "es-MX"}[language],
        color_scheme="dark" if dark else "light",
    )
    context.set_default_timeout(SOON_S * 1000)
    page = context.new_page()
    visit = Visit(page, address, language)
    page.on("pageerror", lambda fault: visit.complaints.append(str(fault)))
    page.on(
        "console",
        lambda said: visit.complaints.append(said.text) if said.type == "error" else None,
    )
    try:
        yield visit
        assert visit.complaints == []
    finally:
        context.close()


@cache
def _axe() -> str:
    return (vendor.fetched() / "axe-core/axe.min.js").read_text("utf-8")
