"""One look at a box by the socket of its exchange, as programs that watch boxes take it: how it is,
in figures, or that nobody answers."""

import json
from dataclasses import dataclass
from pathlib import Path

from firmware import watched_words
from firmware.control import ControlError, NotRunningError, ask
from firmware.watching import WATCHED, Watched, WatchedRequest

WITHIN_S = 5.0


@dataclass(frozen=True, slots=True)
class Look:
    """What was told; nothing where no exchange answered, or it could not."""

    told: Watched | None
    status: int

    @property
    def line(self) -> str:
        """For Nagios and people."""
        if self.told is not None:
            return watched_words.plugin_line(self.told)
        why = "no exchange answers" if self.status == watched_words.CRITICAL else "it did not say"
        return f"CARELINE {watched_words.SAID[self.status]} - {why}"

    @property
    def metrics(self) -> str:
        """For Prometheus."""
        return watched_words.exposition(self.told)

    def as_json(self) -> str:
        """For programs: one object, of a closed form."""
        told = None if self.told is None else self.told.model_dump(mode="json")
        return json.dumps({"status": self.status, "told": told})


def look(socket: Path) -> Look:
    """At the exchange behind this socket, now."""
    try:
        told = ask(socket, WATCHED, WatchedRequest(), timeout_s=WITHIN_S)
    except NotRunningError:
        return Look(None, watched_words.CRITICAL)
    except (ControlError, ValueError):
        return Look(None, watched_words.UNKNOWN)
    return Look(told, watched_words.status_of(told))
