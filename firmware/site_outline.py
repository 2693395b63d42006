"""How a site file is laid out, for whoever helps from elsewhere: the names of its fields, its
numbers and its switches. Every other word in it was written by somebody, and is taken out; names of
people, telephones and queues are counted instead.
"""

import asyncio
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from firmware.control import Door
from firmware.forms import Strict
from firmware.sections import SECTIONS
from firmware.support import OUTLINE, Outline, OutlineRequest

WRITTEN = '"…"'
# Longer ones may be somebody's telephone.
NUMBER_MOST = 99_999


def answer_at(door: Door, site: Path) -> None:
    """From now on this door answers how the site file is laid out."""

    async def told(_request: OutlineRequest) -> Outline:
        return Outline(site=outline(await asyncio.to_thread(site.read_text, "utf-8")))

    door.answer(OUTLINE, told)


def outline(text: str) -> str:
    """The site file without what people wrote; why not, where it cannot be read."""
    try:
        site = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return "# it is no TOML\n"
    return "".join(f"{line}\n" for line in _lines(site, "", _fields()))


def _lines(table: Mapping[str, object], path: str, fields: frozenset[str]) -> Iterator[str]:
    for place, (key, value) in enumerate(table.items(), 1):
        name = f"{path}{key if key in fields else f'#{place}'}"
        match value:
            case dict():
                yield f"{name}: {len(value)}"
                yield from _lines(value, f"{name}.", fields)
            case list():
                yield f"{name}: {len(value)}"
                inner = {str(i): each for i, each in enumerate(value) if isinstance(each, dict)}
                yield from _lines(inner, f"{name}.", fields)
            case _:
                yield f"{name} = {_value(value)}"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float) and abs(value) <= NUMBER_MOST:
        return str(value)
    return WRITTEN


@cache
def _fields() -> frozenset[str]:
    """Every name that the site file's own forms give, and no other."""
    names, waiting = set(SECTIONS), [Strict]
    while waiting:
        form = waiting.pop()
        names |= set(form.model_fields)
        waiting.extend(form.__subclasses__())
    return frozenset(names)
