"""The template clinic keeps what the field asks of a clinic's menus (numbers.md of the design)."""

import pytest

from firmware import settings
from ivr.check import prove
from ivr.flow import Place, find, node_at
from ivr.plan import Menu, Plan
from ivr.simulate import WORDS_PER_S
from tests.firmware.test_settings import TEMPLATE
from tests.ivr.story import NOON

MENU_MAX_S = 24.0
CHOICES_MAX = 5
DEPTH_MAX = 2


@pytest.fixture(scope="module")
def site() -> Plan:
    return settings.read(TEMPLATE)


def menus(site: Plan) -> list[tuple[Place, Menu]]:
    found = [
        (Place(flow.name, name), node)
        for flow in site.flows.values()
        for name, node in flow.nodes.items()
    ]
    return [(place, node) for place, node in found if isinstance(node, Menu)]


def test_the_prover_finds_nothing(site: Plan) -> None:
    assert prove(site, settings.prompts_of(site), NOON) == []


def test_every_menu_begins_with_what_to_do_in_an_emergency(site: Plan) -> None:
    assert all(menu.prompts[0] == "emergency-first" for _, menu in menus(site))


def test_every_menu_is_short(site: Plan) -> None:
    words = settings.prompts_of(site)["en"]
    for place, menu in menus(site):
        spoken = " ".join(words[prompt] for prompt in menu.prompts)
        assert len(spoken.split()) / WORDS_PER_S <= MENU_MAX_S, place
        assert len(menu.choices) <= CHOICES_MAX, place


def test_no_menu_lies_deeper_than_the_second(site: Plan) -> None:
    for place, menu in menus(site):
        assert _depth(site, place, menu, seen=frozenset()) <= DEPTH_MAX


def test_every_key_a_menu_speaks_of_has_a_meaning(site: Plan) -> None:
    words = settings.prompts_of(site)["en"]
    for _, menu in menus(site):
        spoken = " ".join(words[prompt] for prompt in menu.prompts)
        named = {part[0] for part in spoken.split("press ")[1:]}
        assert named == set(menu.choices)


def _depth(site: Plan, place: Place, menu: Menu, seen: frozenset[Place]) -> int:
    """Menus on the longest way down from here by keys alone, none of them twice."""
    ends = [find(site, place.flow, target) for target in menu.choices.values()]
    below = [
        (end, node)
        for end in ends
        if end is not None and end not in seen | {place}
        for node in [node_at(site, end)]
        if isinstance(node, Menu)
    ]
    return 1 + max((_depth(site, end, node, seen | {place}) for end, node in below), default=0)
