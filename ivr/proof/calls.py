"""The shortest call that comes to a place: fewest seconds, as far as a plan tells them.

While a call lasts, hours are taken as they were when it came. A way that only other callers can
bring about, like one for those beyond the third place in line, cannot be imagined, and no call is
shown for what lies behind it alone.
"""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count

from ivr.flow import Place
from ivr.form import TakeRequest
from ivr.identity import AskIdentity
from ivr.plan import HoursFork, Menu
from ivr.proof.example import Example
from ivr.proof.moments import Moments, Situation
from ivr.proof.net import Edge, Net
from ivr.simulate import Phones

_BY_STRENGTH = list(Phones)


@dataclass(frozen=True, slots=True)
class Stand:
    """Where a caller stands: what is spoken, and whether it is known who calls."""

    place: Place
    language: str
    is_known: bool = False


@dataclass(frozen=True, slots=True)
class Path:
    """A call that comes to a place: its line, the hours, and its steps."""

    line: str
    place: Place
    situation: Situation
    edges: tuple[Edge, ...]
    seconds: float

    def example(self, after: str = "", phones: Phones = Phones.ANSWER) -> Example:
        """The call, and what the caller presses at its end."""
        needed = (phones, *(edge.takes.phones for edge in self.edges))
        return Example(
            self.line,
            self.situation.at,
            ",".join(self._acts(after)),
            max(needed, key=_BY_STRENGTH.index),
            self.situation.by_hand,
        )

    def then(self, edge: Edge) -> "Path":
        """The call that goes this way too, even if it leads nowhere."""
        seconds = self.seconds + edge.takes.seconds
        return replace(self, edges=(*self.edges, edge), seconds=seconds)

    def _acts(self, after: str) -> list[str]:
        """Keys, and what to wait for before them: a key that comes too soon cuts speech short."""
        acts: list[str] = []
        comes_at_once = True
        for edge in self.edges:
            if not edge.takes.press:
                comes_at_once = False
                continue
            if not comes_at_once or edge.keys[0] != "choices":
                acts.append(f"until {edge.start}")
            acts.append(edge.takes.press)
            comes_at_once = True
        if after:
            acts += [after] if comes_at_once else [f"until {self.place}", after]
        return acts


@dataclass(slots=True)
class Calls:
    """Calls of one plan, searched once for each situation."""

    net: Net
    moments: Moments
    _searched: dict[int, "_Search"] = field(default_factory=dict)

    def to(self, place: Place, language: str | None = None) -> Path | None:
        """The shortest call that comes there; with nothing switched by hand, if there is one."""
        return self.shortest([place], self.moments.as_written, language) or self.shortest(
            [place], self.moments.switched, language
        )

    def shortest(
        self,
        places: Iterable[Place],
        situations: Iterable[Situation],
        language: str | None = None,
    ) -> Path | None:
        """The shortest call to any of these places in any of these situations."""
        wanted = list(places)
        found = (self.within(situation).to(wanted, language) for situation in situations)
        return min(filter(None, found), key=lambda path: path.seconds, default=None)

    def within(self, situation: Situation) -> "_Search":
        """All that can be come to while the hours are so."""
        if (search := self._searched.get(id(situation))) is None:
            search = self._searched[id(situation)] = _Search(self.net, situation)
        return search


class _Search:
    """Dijkstra from all lines at once."""

    def __init__(self, net: Net, situation: Situation) -> None:
        self.net, self.situation = net, situation
        self.seconds: dict[Stand, float] = {}
        self._came: dict[Stand, tuple[Stand, Edge] | str] = {}
        self._at: dict[Place, list[Stand]] = {}
        order = count()
        fringe: list[tuple[float, int, Stand, tuple[Stand, Edge] | str]] = []
        for line, place in net.entrances().items():
            stand = Stand(place, net.language_at(place, net.plan.lines[line].language))
            heapq.heappush(fringe, (0.0, next(order), stand, line))
        while fringe:
            seconds, _, stand, came = heapq.heappop(fringe)
            if stand in self._came:
                continue
            self._came[stand], self.seconds[stand] = came, seconds
            self._at.setdefault(stand.place, []).append(stand)
            for edge, end in steps(net, situation, stand):
                if end not in self._came:
                    later = seconds + edge.takes.seconds
                    heapq.heappush(fringe, (later, next(order), end, (stand, edge)))

    def to(self, places: Iterable[Place], language: str | None = None) -> Path | None:
        """The shortest call to one of these places, spoken to in this language."""
        stands = (
            stand
            for place in places
            for stand in self._at.get(place, ())
            if language in (None, stand.language)
        )
        best = min(stands, key=lambda stand: self.seconds[stand], default=None)
        return None if best is None else self._path(best)

    def _path(self, stand: Stand) -> Path:
        edges: list[Edge] = []
        came = self._came[stand]
        while not isinstance(came, str):
            edges.append(came[1])
            came = self._came[came[0]]
        return Path(came, stand.place, self.situation, tuple(reversed(edges)), self.seconds[stand])


def steps(net: Net, situation: Situation, stand: Stand) -> Iterator[tuple[Edge, Stand]]:
    """Every way on from a stand while the hours are so."""
    node = net.node(stand.place)
    for edge, end in net.ways(stand.place):
        takes, is_known = edge.takes, stand.is_known
        if not takes.can_be_imagined or (takes.closed and not situation.is_closed(takes.closed)):
            continue
        match node:
            case HoursFork() if edge.by != situation.way_at(node):
                continue
            case TakeRequest(is_gated=True) if not is_known:
                if edge.by != "a person":
                    continue
                edge = passed(edge)
            case AskIdentity() if is_known:
                if edge.by != "identified":
                    continue
                edge = passed(edge)
            case AskIdentity():
                is_known = edge.by == "identified"
            case _:
                pass
        yield edge, Stand(end, net.language_at(end, stand.language), is_known)


def passed(edge: Edge) -> Edge:
    """A way that is gone without a key, for what is known of the caller."""
    return replace(edge, takes=replace(edge.takes, seconds=0.0, press=""))


def wrong_key(menu: Menu) -> str | None:
    """A key that means nothing in a menu."""
    return next((key for key in "987654321*#" if key not in menu.choices), None)
