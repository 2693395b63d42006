"""What our engine listens for on each caller's line, and what it means to the call.

A line is listened to where there is something to hear on it: the tone of a calling fax machine
where the clinic has a fax machine; and at a gateway or a telephone card, whose analog lines tell a
hang-up late or never, the network's busy tones and a silence that nobody alive keeps. Each of a
caller's visits to the engine is listened to once; calls that came by no line of the site are not.
No I/O; the engine is told what to do.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache

from firmware import gateways
from firmware.asterisk import fax
from ivr import events
from ivr.line_said import fax_of
from ivr.plan import Card, Gateway, Line, Plan
from ivr.says import Says
from routing_core import media
from routing_core.media import Media
from routing_core.national import FAX_CALLING
from routing_core.progress import Kind, Tone, Tones

# Twice, 3 s apart: no machine that merely beeps beside a caller is taken for a fax machine. Known
# within 6 s of the first; a fax machine calls for 35 s and more (T.30).
FAX = replace(FAX_CALLING, needed=2)
MEANS = {Kind.FAX_CALLING: Says.FAX, Kind.BUSY: Says.HUNG_UP, Kind.REORDER: Says.HUNG_UP}


class LineEar:
    """All callers' lines; `handle` names a caller's connection to the engine, if it has one."""

    def __init__(
        self,
        media: Media,
        plan: Callable[[], Plan],
        handle: Callable[[str], int | None],
    ) -> None:
        self._media = media
        self._plan = plan
        self._handle = handle
        self._lines: dict[str, Line] = {}  # by call
        self._heard_at: dict[str, int] = {}  # the visit that is listened to

    def tell(self, told: Sequence[events.Event]) -> None:
        """What has happened; a caller who has come to the engine is listened to."""
        for event in told:
            match event:
                case events.CallArrived(call=call, line=name):
                    if (line := self._plan().lines.get(name)) is not None:
                        self._lines[call] = line
                        self._listen(call)
                case events.SentOn(call=call) | events.CameBack(call=call):
                    self._listen(call)
                case events.CallerLeft(call=call):
                    self._lines.pop(call, None)
                    self._heard_at.pop(call, None)
                case _:
                    pass

    def means(self, call: str, fact: media.LineTone | media.LineSilent) -> Sequence[events.Event]:
        """What the engine heard."""
        match fact:
            case media.LineSilent():
                return (events.LineSaid(call, Says.SILENT),)
            case media.LineTone(kind=kind):
                return (events.LineSaid(call, MEANS[kind]),) if kind in MEANS else ()

    def _listen(self, call: str) -> None:
        line, handle = self._lines.get(call), self._handle(call)
        if line is None or handle is None or self._heard_at.get(call) == handle:
            return
        self._heard_at[call] = handle
        plan = self._plan()
        wanted, silent_s = listened_for(plan, line), silence_of(plan, line)
        if wanted or silent_s:
            self._media.listen(handle, _table(wanted), silent_s=silent_s)


def listened_for(plan: Plan, line: Line) -> tuple[Tone, ...]:
    """The tones that mean something on this line."""
    is_for_people = fax.led_to(plan, line) is None
    faxes = (FAX,) if is_for_people and fax_of(plan) is not None else ()
    return faxes if _analog_of(plan, line) is None else (*faxes, *gateways.tones_of(plan))


def silence_of(plan: Plan, line: Line) -> int:
    """After how many seconds of nothing a caller of this line has gone; 0: never."""
    analog = _analog_of(plan, line)
    return 0 if analog is None else analog.silence_s


def _analog_of(plan: Plan, line: Line) -> Gateway | Card | None:
    trunk = plan.trunks.get(line.trunk)
    if trunk is None:
        return None
    return trunk.card if trunk.card and trunk.card.is_analog else trunk.gateway


@lru_cache(maxsize=16)
def _table(tones: tuple[Tone, ...]) -> Tones:
    return Tones(tones)
