"""Asking the exchange for somebody who is signed in: it looks at their session itself, so nothing
that the page believes of them has to be believed."""

from typing import TypeVar

from fastapi import Request

from firmware.control import ControlError, Strict, Topic, ask, ask_async
from firmware.web.entrance import Refused, visitor_of
from firmware.web.house import house_of

Q = TypeVar("Q", bound=Strict)
R = TypeVar("R", bound=Strict)

REFUSED = 409


async def ask_for(request: Request, topic: Topic[Q, R], wish: Q) -> R:
    """The exchange's reply. Refused: it says no, or there is none; with its own words and cure."""
    door = house_of(request).place.control_socket
    try:
        return await ask_async(door, topic, wish, session=visitor_of(request).session)
    except ControlError as no:
        raise Refused(REFUSED, no.why, no.cure) from no


def ask_now(request: Request, topic: Topic[Q, R], wish: Q) -> R:
    """The same from a function that has a thread of its own."""
    door = house_of(request).place.control_socket
    try:
        return ask(door, topic, wish, session=visitor_of(request).session)
    except ControlError as no:
        raise Refused(REFUSED, no.why, no.cure) from no
