"""What every screen shares: where the clinic lies, what time it is, who is signed in, the words."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import cast

import structlog
from fastapi.requests import HTTPConnection

from firmware import account, settings
from firmware.audit import Act
from firmware.call_search import LastDigits, Part
from firmware.first_calls import FirstCalls
from firmware.passwords import Cost
from firmware.place import Place
from firmware.web.confirming import Confirming
from firmware.web.drafted import Drafted
from firmware.web.figure_parts import Counted
from firmware.web.first_visit import FirstVisit
from firmware.web.lately import Lately
from firmware.web.limits import Pace
from firmware.web.live import Live
from firmware.web.new_papers import NewPapers
from firmware.web.outlook import Outlooks
from firmware.web.press import Press
from firmware.web.rounds import Rounds
from firmware.web.seats import Seats
from firmware.web.visitors import Visitors
from firmware.web.voices import Voices
from firmware.web.words import Words
from ivr.plan import Plan

log = structlog.get_logger(__name__)


class Site:
    """The clinic's site file as it is published now; read anew when another is."""

    def __init__(self, site_file: Path) -> None:
        self._site_file = site_file
        self._read: tuple[tuple[int, int, int], Plan] | None = None
        self._lock = threading.Lock()

    @property
    def plan(self) -> Plan | None:
        """None before there is one, or where it has faults: then nothing is known of it."""
        with self._lock:
            try:
                # Of the file that the name leads to: a long list asks for each of its lines.
                found = self._site_file.stat()
                seen = (found.st_dev, found.st_ino, found.st_mtime_ns)
                if self._read is None or self._read[0] != seen:
                    path = self._site_file.resolve()
                    plan = settings.read(path.read_text("utf-8"), settings.beside(path))
                    self._read = (seen, plan)
            except (OSError, ValueError):
                return None
            return self._read[1]


@dataclass(frozen=True, slots=True)
class House:
    """One page's, for as long as its process lives."""

    place: Place
    now: Callable[[], datetime]
    site: Site
    visitors: Visitors
    words: Mapping[str, Words]
    first: FirstVisit
    live: Live
    digits: LastDigits
    first_calls: FirstCalls
    counted: Lately[Counted]
    behind: Lately[Part | None]  # calls behind a figure
    cost: Cost  # of the passwords chosen here
    drafted: Drafted
    outlooks: Outlooks
    press: Press
    rounds: Rounds
    confirming: Confirming
    new_papers: NewPapers
    voices: Voices
    assets: Mapping[str, str] = field(repr=False)  # a file of static/ -> its address
    # Who fetches by a link: a telephone asks for a few files, and whoever guesses for many.
    fetching: Pace = field(default_factory=lambda: Pace(per_s=0.2, burst=60))
    seats: Seats = field(default_factory=Seats)
    too_soon: dict[str, datetime] = field(default_factory=dict)  # whose was entered last when

    def account(self, who: str, act: Act, about: str = "") -> None:
        """Enter it in the audit before it is done. OSError: it cannot be, and must not be done."""
        account.give_or_lay(self.place, who, act, about)

    @property
    def talks(self) -> bool:
        """Whether the site in force has a telephone in the browser."""
        plan = self.site.plan
        return plan is not None and any(phone.browser for phone in plan.phones.values())

    @property
    def clinic(self) -> str:
        """Its name, as far as it has one yet."""
        plan = self.site.plan
        return plan.name if plan else ""


def house_of(request: HTTPConnection) -> House:
    """The house in which this is asked."""
    return cast(House, request.app.state.house)
