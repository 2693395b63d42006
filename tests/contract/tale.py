"""How stories begin and end, and the list of all of them.

Most are told at any time, as many at once as there are lanes. Those in which something fails that
all calls stand on are told together, and it fails once for them all.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from firmware.asterisk.telco import Answers
from tests.contract.world import ANNA, Story, Strike, World

# The keys of a lane's menu (site.py).
ONE, BOTH, MESSAGE, RING, INFORMATION, BRIEF, URGENT, SHORT, BRISK, IF_THERE = "123456789*"
NO_CHOICE = "#"
OUTCOME = "outcome"

STORIES: dict[str, Story] = {}
# Those in which something fails under everybody: told with each other, and apart from the rest.
STRUCK: defaultdict[Strike, dict[str, Story]] = defaultdict(dict)
Tell = Callable[..., Awaitable[None]]


def told(
    name: str = "", *, takes_long: bool = False, by: Strike | None = None, **how: Any
) -> Callable[[Tell], Tell]:
    """Puts a story on the list. Those that take long come first, so that nobody waits for them in
    the end."""

    def listed(tell: Tell) -> Tell:
        story = {name or tell.__name__.replace("_", " "): partial(tell, **how)}
        stories = STORIES if by is None else STRUCK[by]
        rest = dict(stories)
        stories.clear()
        stories.update(story | rest if takes_long else rest | story)
        assert len(stories) == len(rest) + 1, f"two stories have the name {[*story]}"
        return tell

    return listed


async def calls_for(w: World, key: str, who: str = ANNA) -> None:
    await w.calls(who)
    await w.presses(key, who)


async def is_over(w: World, *who: str) -> None:
    for each in who or (ANNA,):
        await w.sees(OUTCOME, who=each)


async def leaves(w: World, who: str = ANNA) -> None:
    await w.hangs_up(who)
    await w.sees(OUTCOME, who=who)


async def talks_with_a(w: World, key: str = ONE) -> None:
    await w.behaves("a", Answers())
    await calls_for(w, key)
    await w.sees("joined")


async def talk_ends(w: World, phone: str, *, by_caller: bool, who: str = ANNA) -> None:
    await w.sees("joined", who=who)
    await (w.hangs_up(who) if by_caller else w.puts_down(phone))
    await is_over(w, who)
