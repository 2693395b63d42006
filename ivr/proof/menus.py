"""Menus that callers can follow: at most 24 s long, five choices, two deep. What is more is warned
of and refuses nothing (targets of the field: a caller remembers no more, and hangs up)."""

from collections import deque
from collections.abc import Iterator

from ivr.flow import Place
from ivr.plan import Menu
from ivr.proof.calls import Calls
from ivr.proof.finding import Finding, Grade, Rule
from ivr.proof.net import Net, Reached, keys_of, way_to

LONGEST_S = 24.0
CHOICES_MOST = 5
DEEPEST = 2


def hard_menus(net: Net, calls: Calls, reached: Reached) -> Iterator[Finding]:
    deep = _depths(net)
    for place in reached:
        node = net.node(place)
        if not isinstance(node, Menu) or place.flow not in net.plan.flows:
            continue
        for rule, keys, reason, cure in _hard(net, place, node, deep.get(place, 0)):
            path = calls.to(place)
            yield Finding(
                rule,
                (*keys_of(place), *keys),
                way_to(reached, place),
                reason,
                cure,
                Grade.WARNED,
                path.example() if path else None,
            )


def _hard(
    net: Net, place: Place, menu: Menu, depth: int
) -> Iterator[tuple[Rule, tuple[str, ...], str, str]]:
    language = net.language_at(place, net.plan.language)
    lasts_s = net.length_s(menu.prompts, language)
    if lasts_s > LONGEST_S and all(p in net.lengths.get(language, {}) for p in menu.prompts):
        reason = f"callers listen for {lasts_s:.0f} s before they know all keys"
        cure = f"say it in {LONGEST_S:.0f} s: fewer words, or a say before it"
        yield Rule.LONG_MENU, ("prompts",), reason, cure
    if len(menu.choices) > CHOICES_MOST:
        reason = f"callers choose among {len(menu.choices)} keys"
        cure = f"keep it to {CHOICES_MOST}, and leave the others to a person"
        yield Rule.MANY_CHOICES, ("choices",), reason, cure
    if depth > DEEPEST:
        reason = f"callers come here through {depth - 1} menus"
        yield Rule.DEEP_MENU, (), reason, f"let no menu be deeper than the {DEEPEST}nd"


def _depths(net: Net) -> dict[Place, int]:
    """The fewest menus on a way to each place, itself among them."""
    depths: dict[Place, int] = {}
    fringe = deque((place, _is_menu(net, place)) for place in net.entrances().values())
    while fringe:
        place, depth = fringe.popleft()
        if depths.get(place, depth + 1) <= depth:
            continue
        depths[place] = depth
        for _, end in net.ways(place):
            if _is_menu(net, end):
                fringe.append((end, depth + 1))
            else:
                fringe.appendleft((end, depth))
    return depths


def _is_menu(net: Net, place: Place) -> int:
    return int(isinstance(net.node(place), Menu))
