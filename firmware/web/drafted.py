"""The draft beside what is in force, for the bar on every screen and for the screen that publishes:
how much differs, in sentences, and whether it could be published.

Each is worked out once for the two texts it is about; the newest few are kept.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, TypeVar
from zoneinfo import ZoneInfo

from firmware import draft, proving, settings, versions
from firmware.draft import ChangedMeanwhileError, Kept
from firmware.place import Place
from firmware.proving import Proven, UnprovenError
from firmware.settings import Fault
from firmware.web.words import ENGLISH, Words
from ivr.difference import Picture, picture
from ivr.difference_words import Told
from ivr.plan import Plan

REMEMBERED = 8
ENGLISH_WORDS = Words(ENGLISH)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Difference:
    """Between two texts: sentences, and a picture to be marked; nothing where one of them cannot be
    read, and then its faults."""

    told: tuple[Told, ...] = ()
    marks: Picture | None = None
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class Examined:
    """Whether a draft could be published: all that was proven of it, or its faults."""

    site: Proven | None
    faults: tuple[Fault, ...] = ()


class _Once(Generic[T]):
    """What is worked out once, of the newest few; two who ask at the same time wait for one."""

    def __init__(self) -> None:
        self._known: OrderedDict[Hashable, T] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, key: Hashable, work_out: Callable[[], T]) -> T:
        with self._lock:
            if key not in self._known:
                self._known[key] = work_out()
                while len(self._known) > REMEMBERED:
                    self._known.popitem(last=False)
            self._known.move_to_end(key)
            return self._known[key]


class Drafted:
    """One page's; to be asked in any thread."""

    def __init__(
        self, place: Place, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._place, self._now = place, now
        self._differences, self._proofs = _Once[Difference](), _Once[Examined]()

    def kept(self) -> Kept | None:
        """The draft as it is now; None before there is a site to change."""
        try:
            return draft.read(self._place)
        except OSError:
            return None

    def in_force(self) -> str:
        """The text that is."""
        try:
            return self._place.site_file.read_text("utf-8")
        except FileNotFoundError:
            return ""

    def waiting(self, kept: Kept) -> Difference | None:
        """What the draft would change; None: nothing is drafted."""
        text = self.in_force()
        if not text or kept.text == text:
            return None
        return self.between(text, kept.text)

    def between(self, before: str, after: str, words: Words = ENGLISH_WORDS) -> Difference:
        """Any two, read as a version's and as a draft's own files lie."""
        key = (before, after, words.language)
        return self._differences(key, lambda: self._compared(before, after, words))

    def between_plans(
        self, before: tuple[str, Plan], after: tuple[str, Plan], words: Words
    ) -> Difference:
        """Of texts whose plans are known."""

        def compared() -> Difference:
            told = versions.compare_texts(*before, *after, words.say_of_a_difference)
            return Difference(tuple(told), picture(before[1], after[1]))

        return self._differences((before[0], after[0], words.language), compared)

    def let_go(self) -> None:
        """What is in force now came of the draft: it has done its work."""
        kept = self.kept()
        if kept is not None and kept.done and kept.text == self.in_force():
            with suppress(ChangedMeanwhileError):  # then there is more to publish
                draft.discard(self._place, kept.step)

    def examined(self, text: str) -> Examined:
        """Whether it could be published; this may take a second or two."""
        key = (text, self.in_force(), self._now().date())
        return self._proofs(key, lambda: self._examined(text))

    def _compared(self, before: str, after: str, words: Words) -> Difference:
        beside = draft.beside(self._place)
        one, other = settings.draft(before, beside), settings.draft(after, beside)
        if one.plan is None or other.plan is None or one.faults or other.faults:
            return Difference(faults=(*one.faults, *other.faults))
        told = versions.compare_texts(
            before, one.plan, after, other.plan, words.say_of_a_difference
        )
        return Difference(tuple(told), picture(one.plan, other.plan))

    def _examined(self, text: str) -> Examined:
        def now_there(plan: Plan) -> datetime:
            return self._now().astimezone(ZoneInfo(plan.timezone))

        try:
            return Examined(proving.proven(text, draft.beside(self._place), now_there))
        except UnprovenError as wrong:
            return Examined(None, tuple(wrong.faults))
