"""What was reckoned lately, for whoever asks the same of the same books: five people who look at
the figures of a year at once do not have it counted five times. The books tell by themselves that
they were written to, so nobody is shown what is no longer so.
"""

from collections.abc import Callable, Hashable
from pathlib import Path
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")

MOST = 16  # different questions
State = tuple[tuple[int, int], ...]


class Lately(Generic[T]):
    """Answers by their questions, each with what it is an answer of."""

    def __init__(self) -> None:
        self._known: dict[Hashable, tuple[object, T]] = {}
        self._alone = Lock()

    def of(self, question: Hashable, as_of: object, reckon: Callable[[], T]) -> T:
        """As it was reckoned `as_of` the same state, else anew. Whoever asks meanwhile waits, and
        has it then; what `reckon` raises is raised, and nothing is kept of it."""
        with self._alone:
            known = self._known.pop(question, None)
            if known is None or known[0] != as_of:
                known = as_of, reckon()
            self._known[question] = known
            while len(self._known) > MOST:
                del self._known[next(iter(self._known))]
            return known[1]


def state_of(database: Path) -> State:
    """Another after each commit: when its files were written to last, in nanoseconds, and their
    sizes. To be taken before what it says is read."""
    return tuple(_file(database.with_name(database.name + beside)) for beside in ("", "-wal"))


def _file(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except FileNotFoundError:
        return 0, 0
    return found.st_mtime_ns, found.st_size
