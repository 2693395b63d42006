"""Who has which telephone in the browser: each person one at most, each telephone one person.

Whoever takes a second one, or the same in another window, gives up the first: its window is told
so. A telephone that somebody else has is not taken from them. Known to this process alone, for a
connection is its process's too.
"""

from collections.abc import Callable
from dataclasses import dataclass


class TakenError(Exception):
    """Somebody else has this telephone."""


@dataclass(eq=False, slots=True)
class Seat:
    """One of them, while it is connected."""

    extension: str
    person: str
    leave: Callable[[], None]  # tells its window that the telephone is elsewhere now


class Seats:
    """All of them; for the loop's own thread."""

    def __init__(self) -> None:
        self._seats: list[Seat] = []

    def take(self, extension: str, person: str, leave: Callable[[], None]) -> Seat:
        """This telephone for this person. TakenError."""
        if self.whose(extension) not in (None, person):
            raise TakenError
        for seat in [each for each in self._seats if each.person == person]:
            self._seats.remove(seat)
            seat.leave()
        seat = Seat(extension, person, leave)
        self._seats.append(seat)
        return seat

    def give_up(self, seat: Seat) -> None:
        """Also when it was given up already."""
        if seat in self._seats:
            self._seats.remove(seat)

    def whose(self, extension: str) -> str | None:
        """Who has this telephone now."""
        return next((each.person for each in self._seats if each.extension == extension), None)
