"""A clinic with somebody of each role, and its page as a browser meets it: the real application,
without a socket."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from fastapi import FastAPI
from fastapi.testclient import TestClient

from firmware import people
from firmware.keys import KeyPair
from firmware.operations import Role
from firmware.passwords import Cost
from firmware.place import Place
from firmware.sessions import LIMITS, Limits
from firmware.spool import Laid
from firmware.web.house import House
from firmware.web.page import house, page
from tests.firmware.by_hand import SITE

CHEAP = Cost(passes=1, memory_kib=8, lanes=1)
PASSWORD = "seven quiet lamps"
ADDRESS = "https://careline.local"
# What every browser says of a form that is sent from the page it shows.
OURS = {"origin": ADDRESS, "sec-fetch-site": "same-origin", "accept": "text/html"}


def named(role: Role) -> str:
    return f"the {role}"


class Clock:
    """Time that goes on when a story says so."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


class Clinic:
    """Its place, its page, and the browsers of its people."""

    def __init__(self, home: Path, limits: Limits = LIMITS) -> None:
        self.place = Place(home)
        self.clock = Clock()
        self._laid: dict[Path, Laid] = {}
        self.place.site_file.write_text(SITE, "utf-8")
        self.house: House = house(self.place, now=self.clock, limits=limits, cost=CHEAP)
        self.app: FastAPI = page(self.house)

    def staff(self) -> "Clinic":
        """Set up, with somebody of each role."""
        db = self.place.page_db
        first = named(Role.ADMIN)
        people.set_up(db, KeyPair.fresh().public, first, PASSWORD, ["desk"], CHEAP)
        for role in set(Role) - {Role.ADMIN}:
            code = people.invite(db, named(role), role, self.clock.now)
            people.accept(db, named(role), code, PASSWORD, self.clock.now, CHEAP)
        return self

    @classmethod
    def copied(cls, staffed: Path, home: Path) -> "Clinic":
        """One that was made before, for a story of its own."""
        return cls(shutil.copytree(staffed, home, dirs_exist_ok=True))

    @contextmanager
    def browser(self, language: str = "en") -> Iterator[TestClient]:
        """One with the page open and nobody signed in."""
        headers = OURS | {"accept-language": language}
        with TestClient(self.app, ADDRESS, headers=headers, follow_redirects=False) as opened:
            yield opened

    def sign_in(
        self, browser: TestClient, who: str, password: str = PASSWORD, leads_to: str = "/today"
    ) -> None:
        answer = browser.post("/sign-in", data={"person": who, "password": password})
        assert answer.headers["location"] == leads_to, answer.text

    def audited(self) -> list[tuple[str, str, str]]:
        """What waits for the audit, as no exchange runs here."""
        there = sorted(self.place.audit_spool.glob("*.json"))
        for path in there:
            if path not in self._laid:  # a story may look again and again
                self._laid[path] = Laid.model_validate_json(path.read_bytes())
        laid = [self._laid[path] for path in there]
        return [(each.who, str(each.act), each.about) for each in laid]


def token_in(text: str) -> str:
    """What the forms of a screen carry."""
    found = re.search(r'data-token="([0-9a-f]+)"', text)
    return found[1] if found else ""
