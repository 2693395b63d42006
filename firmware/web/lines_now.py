"""How each line that is in force stands now, for the list of lines: as the exchange tells it, in
the visitor's language, with the page's own cure where there is one.
"""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from fastapi import Request

from firmware.lines_desk import LINES, LineNow, LinesRequest
from firmware.web.asking import ask_now
from firmware.web.cures import Cure, cure_for
from firmware.web.entrance import Refused, visitor_of
from firmware.web.frame import words_of
from firmware.web.house import house_of
from firmware.web.moments import dated


@dataclass(frozen=True, slots=True)
class Shown:
    """A line of the table."""

    line: str
    state: str
    detail: str
    cure: str
    page: Cure | None  # in place of the cure
    in_use: int
    last_call: str


def lines_now(request: Request) -> list[Shown]:
    """Nothing where the exchange does not answer: Today says so."""
    try:
        reply = ask_now(request, LINES, LinesRequest())
    except Refused:
        return []
    return [_shown(request, line) for line in reply.lines]


def _shown(request: Request, line: LineNow) -> Shown:
    words, visitor = words_of(request), visitor_of(request)
    return Shown(
        line.line,
        line.state,
        words.told(line.detail),
        words.told(line.cure),
        cure_for(line.cure, visitor.may) if line.cure else None,
        line.in_use,
        _when(request, line.last_call) if line.last_call else "",
    )


def _when(request: Request, at: str) -> str:
    site = house_of(request).site.plan
    local = datetime.fromisoformat(at).astimezone(ZoneInfo(site.timezone) if site else None)
    return dated(local, words_of(request).locale)
