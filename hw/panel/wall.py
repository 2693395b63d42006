"""The panel's mind: what its lamps show, whose button was pressed, how long a door is open. Pure:
what the device said, wishes and the time come in; orders to the device and events come out.

The law of doors: a door is opened for at most its own limit, by somebody's wish and at that time
only. Where the panel is away, the wish is refused and forgotten; where it goes away, the door
counts as closed. Whenever a panel comes back each relay is turned off before anything else.

The law of lamps: what is to be shown outlives the device. It shows it when it is back.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from hw.panel.debounce import Contact
from hw.panel.events import (
    ButtonPressed,
    ButtonReleased,
    ButtonStuck,
    Changed,
    Closing,
    DoorClosed,
    DoorOpened,
    DoorRefused,
    Event,
    PanelFound,
    PanelLost,
    Turn,
)
from hw.panel.patterns import Pattern, is_lit, next_change

STUCK_S = 60.0
# Long enough for a wheelchair; a door that should stand open for longer has a key.
DOOR_MOST_S = 30.0


@dataclass(frozen=True, slots=True)
class Layout:
    """What is on the wall; each name stands once."""

    buttons: frozenset[str] = frozenset()
    lamps: frozenset[str] = frozenset()
    doors: Mapping[str, float] = field(default_factory=dict)  # and for how many seconds at most

    def problems(self) -> Iterable[str]:
        """What is wrong with it, in sentences; nothing where nothing is."""
        names = [*self.buttons, *self.lamps, *self.doors]
        for name in sorted({each for each in names if names.count(each) > 1}):
            yield f"{name!r} is the name of two things on the panel: give one another name"
        for door, most_s in self.doors.items():
            if not 0 < most_s <= DOOR_MOST_S:
                yield f"the door {door!r} may be open for up to {DOOR_MOST_S:g} s, not {most_s:g}"


@dataclass(slots=True)
class _Lamp:
    pattern: Pattern = Pattern.OFF
    since: float = 0.0
    shows: bool | None = None  # what the device was told last; None: it must be told


@dataclass(slots=True)
class _Button:
    contact: Contact
    stuck_at: float | None = None


Step = tuple[list[Turn], list[Event]]


class Wall:
    """One panel. Times are seconds of a clock that never jumps."""

    def __init__(self, layout: Layout) -> None:
        """ValueError: the layout has problems."""
        if wrong := list(layout.problems()):
            raise ValueError("; ".join(wrong))
        self._layout = layout
        self._lamps = {name: _Lamp() for name in sorted(layout.lamps)}
        self._buttons: dict[str, _Button] = {}
        self._open_until: dict[str, float] = {}
        self._is_there = False
        self._was_lost = False

    def found(self, down: frozenset[str], now: float) -> Step:
        """The device answers; `down` are the buttons that are held just now."""
        self._is_there, self._was_lost = True, False
        self._buttons = {
            name: _Button(Contact.at(name in down), now + STUCK_S if name in down else None)
            for name in sorted(self._layout.buttons)
        }
        # One that had no time to be told lost has still begun anew: it holds no door.
        events = self._close_all(Closing.LOST)
        orders = [Turn(door, is_on=False) for door in sorted(self._layout.doors)]
        for lamp in self._lamps.values():
            lamp.shows = None
        return orders + self._light(now), [*events, PanelFound()]

    def lost(self, why: str) -> Step:
        """The device is gone, or a try to find it failed."""
        events = self._close_all(Closing.LOST)
        if not self._was_lost:
            events.append(PanelLost(why))
        self._is_there, self._was_lost = False, True
        self._buttons = {}
        return [], events

    def changed(self, change: Changed, now: float) -> Step:
        """The device saw an input change. Of a button nobody named nothing is thought."""
        if button := self._buttons.get(change.button):
            button.contact.changed(change.is_down, now)
        return self.tick(now)

    def show(self, lamp: str, pattern: Pattern, now: float) -> Step:
        """From now on. KeyError: there is no such lamp."""
        one = self._lamps[lamp]
        if one.pattern is not pattern:
            one.pattern, one.since = pattern, now
        return self.tick(now)

    def open_door(self, door: str, for_s: float, now: float) -> Step:
        """For so long, or for the door's own limit, counted from now. KeyError: no such door."""
        for_s = min(for_s, self._layout.doors[door])
        if not self._is_there or not for_s > 0:
            return [], [DoorRefused(door)]
        self._open_until[door] = now + for_s
        return [Turn(door, True, for_s)], [DoorOpened(door, for_s)]

    def close_door(self, door: str) -> Step:
        """Before its time; one that is not open stays as it is. KeyError: no such door."""
        if door not in self._layout.doors:
            raise KeyError(door)
        if self._open_until.pop(door, None) is None:
            return [], []
        return [Turn(door, is_on=False)], [DoorClosed(door, Closing.ASKED)]

    def is_up(self, button: str) -> bool:
        """Nobody holds it."""
        found = self._buttons.get(button)
        return found is None or not found.contact.is_down

    def tick(self, now: float) -> Step:
        """Whatever is due by `now`."""
        orders: list[Turn] = []
        events: list[Event] = []
        for door in sorted(name for name, until in self._open_until.items() if until <= now):
            del self._open_until[door]
            orders.append(Turn(door, is_on=False))
            events.append(DoorClosed(door, Closing.TIME))
        for name, button in self._buttons.items():
            events += _felt(name, button, now)
        return orders + self._light(now), events

    def next_deadline(self, now: float) -> float | None:
        """When `tick` has something to do, at the latest."""
        due = list(self._open_until.values())
        for button in self._buttons.values():
            due += [at for at in (button.contact.deadline(), button.stuck_at) if at is not None]
        if self._is_there:
            changes = (next_change(one.pattern, one.since, now) for one in self._lamps.values())
            due += [at for at in changes if at is not None]
        return min(due, default=None)

    def _light(self, now: float) -> list[Turn]:
        """What the lamps must be told, so that they show what they should."""
        if not self._is_there:
            return []
        orders = []
        for name, lamp in self._lamps.items():
            lit = is_lit(lamp.pattern, lamp.since, now)
            if lamp.shows is not lit:
                lamp.shows = lit
                orders.append(Turn(name, lit))
        return orders

    def _close_all(self, why: Closing) -> list[Event]:
        doors, self._open_until = sorted(self._open_until), {}
        return [DoorClosed(door, why) for door in doors]


def _felt(name: str, button: _Button, now: float) -> list[Event]:
    """What one button has to tell by `now`."""
    if button.contact.settled(now):
        if button.contact.is_down:
            button.stuck_at = now + STUCK_S
            return [ButtonPressed(name)]
        button.stuck_at = None
        return [ButtonReleased(name)]
    if button.stuck_at is not None and button.stuck_at <= now:
        button.stuck_at = None
        return [ButtonStuck(name)]
    return []
