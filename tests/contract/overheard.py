"""The exchange, and word by word what it is told and what it orders: `overheard` in its home.

A line is a word and the names it is about: calls, offers, extensions. Nobody's number is among
them. SIGUSR1 makes its engine lose the callers who are named in `lose` there, as a fault would.
"""

import asyncio
import fcntl
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from firmware.app import App
from firmware.place import Place
from ivr import commands, events
from ivr.commands import Command
from ivr.events import Event

FILE, LOSE = "overheard", "lose"
# Words that others wait for: all that Asterisk has is known; a caller fell to the fail-safe.
WATCHED, FELL = "watched", "fell"
HELD_BACK = "held-back"


def written(event: Event | None, orders: Sequence[Command]) -> list[str]:
    """What is worth a line of it."""
    lines = [_fact(event)] if event is not None else []
    return [line for line in (*lines, *map(_order, orders)) if line]


def append(home: Path, lines: Sequence[str]) -> None:
    """Whole lines, so that two programs may write one file."""
    if lines:
        with (home / FILE).open("a", encoding="utf-8") as file:
            file.write("".join(f"{line}\n" for line in lines))


@contextmanager
def held_back(home: Path) -> Iterator[None]:
    """No exchange begins meanwhile."""
    with (home / HELD_BACK).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def times_told(home: Path, word: str) -> int:
    """How many lines begin with this word."""
    lines = home.joinpath(FILE).read_text("utf-8").splitlines()
    return sum(line.split()[0] == word for line in lines)


def _fact(event: Event) -> str:
    match event:
        case events.OfferRang(offer=offer):
            return f"rang {offer}"
        case events.OfferAccepted(offer=offer):
            return f"accepted {offer}"
        case events.OfferEnded(offer=offer, reason=reason):
            return f"ended {offer} {reason}"
        case events.PhoneChanged(extension=extension, state=state):
            return f"phone {extension} {state}"
        case events.Joined(call=call, offer=offer):
            return f"joined {call} {offer}"
        case events.CallerLeft(call=call):
            return f"left {call}"
        case events.AudioLost(call=call):
            return f"lost {call}"
        case events.CameBack(call=call):
            return f"came {call}"
        case events.Transferred(call=call, by=by, passing=passing):
            return f"passed {call} {by} {passing}"
        case events.Parked(call=call, by=by, is_over=is_over):
            return f"{'taken' if is_over else 'parked'} {call} {by}"
        case events.CallArrived(call=call):
            return f"arrived {call}"
        case events.PhonesWatched(watched=watched):
            return WATCHED if watched else "unwatched"
        case events.SentOn(call=call):
            return f"sent {call}"
        case events.FellToFailsafe(call=call):
            return f"{FELL} {call}"
        case events.RecordingKept(call=call) | events.RecordingFailed(call=call):
            return f"recorded {call}"
        case _:
            return ""


def _order(order: Command) -> str:
    match order:
        case commands.Offer(offer=offer, call=call, extension=extension):
            return f"offer {offer} {call} {extension}"
        case commands.Record(call=call):
            return f"record {call}"
        case commands.Release(call=call):
            return f"release {call}"
        case _:
            return ""


class Overheard(App):
    """What it decides is written down as well."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._home = place.home

    def lose(self) -> None:
        """Nobody has said what comes next for them, so that Asterisk rings people."""
        for call in self._home.joinpath(LOSE).read_text("utf-8").split():
            if (handle := self._legs.handle(call)) is not None:
                self._media.close(handle)

    def _decided(self, event: Event | None, orders: list[Command]) -> None:
        append(self._home, written(event, orders))
        super()._decided(event, orders)


async def run() -> None:
    app = Overheard(Place.from_environment())
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, app.lose)
    await app.run()


PROGRAM = (sys.executable, "-m", "tests.contract.overheard")

if __name__ == "__main__":
    with held_back(Place.from_environment().home):
        pass
    asyncio.run(run())
