"""The exchange, and word by word what it is told and what it orders: `overheard` in its home.

A line is a word and the names it is about: calls, offers, extensions. Nobody's number is among
them.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from firmware.app import App
from firmware.place import Place
from ivr import commands, events
from ivr.commands import Command
from ivr.events import Event

FILE = "overheard"


def written(event: Event | None, orders: Sequence[Command]) -> list[str]:
    """What is worth a line of it."""
    lines = [_fact(event)] if event is not None else []
    return [line for line in (*lines, *map(_order, orders)) if line]


def append(home: Path, lines: Sequence[str]) -> None:
    """Whole lines, so that two programs may write one file."""
    if lines:
        with (home / FILE).open("a", encoding="utf-8") as file:
            file.write("".join(f"{line}\n" for line in lines))


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
        case events.Transferred(call=call, by=by):
            return f"passed {call} {by}"
        case events.SentOn(call=call):
            return f"sent {call}"
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

    def _decided(self, event: Event | None, orders: list[Command]) -> None:
        append(self._home, written(event, orders))
        super()._decided(event, orders)


if __name__ == "__main__":
    asyncio.run(Overheard(Place.from_environment()).run())
