"""How long to wait before a device that is gone is tried again. Pure: it waits for nothing itself.

Each failure doubles the wait up to the longest; one success forgets them all. So what was pulled
out and put back is there within a second, and what stays away costs next to nothing.
"""

from dataclasses import dataclass

FIRST_S = 0.5
LONGEST_S = 30.0


@dataclass(slots=True)
class Backoff:
    """The waits between the tries, in seconds."""

    first_s: float = FIRST_S
    longest_s: float = LONGEST_S
    _next_s: float = 0.0

    def failed(self) -> float:
        """How long to wait now."""
        wait_s = min(max(self._next_s, self.first_s), self.longest_s)
        self._next_s = min(wait_s * 2, self.longest_s)
        return wait_s

    def worked(self) -> None:
        """The next failure waits the first, shortest time again."""
        self._next_s = 0.0
