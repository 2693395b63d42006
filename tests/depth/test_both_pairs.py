"""The fake pair does as the real one: each story comes to the same steps and outcomes on both."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from itertools import islice

import pytest

from tests.contract import on_fake, on_pair
from tests.contract.on_pair import Told
from tests.contract.stories_all import STORIES, STRUCK
from tests.contract.told import Account, of_each, shown
from tests.contract.world import Story
from tests.system.town import Town

# What two real programs may do, the fake one does in one of so many tellings.
TELLINGS = 400
# A race may come out as it never did before; the same way each time it is no race.
TIMES_TOLD = 3
# However busy the machine is, nobody waits for as long: the stories are ended and say where they
# stood, before pytest's own limit leaves them half told to whoever comes next.
ALL_S = 120.0


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with on_pair.build(tmp_path_factory.mktemp("contract")) as standing:
        yield standing


def told_by_fake(story: Story) -> Iterator[Account]:
    return (on_fake.tell(story, seed) for seed in range(TELLINGS))


def is_told_by_fake(story: Story, account: Told) -> bool:
    """Each call's own way, and each telephone's in it, is one that the fake pair has told too. A
    story that went wrong is not."""
    if isinstance(account, BaseException):
        return False
    unheard = of_each(account)
    for told in told_by_fake(story):
        unheard -= of_each(told)
        if not unheard:
            return True
    return False


def test_fifty_stories_come_to_the_same_on_the_fake_pair_and_on_the_real_one(here: Town) -> None:
    assert len(STORIES) >= 50

    async def told() -> None:
        async with on_pair.lanes(here) as lanes:
            await come_to_the_same(STORIES, lanes.tell)
            for struck in STRUCK.values():
                await come_to_the_same(struck, lanes.tell_together)

    here.run(told(), within_s=ALL_S)


def unlike_the_fakes(stories: Mapping[str, Story], told: Mapping[str, Told]) -> dict[str, Told]:
    return {name: each for name, each in told.items() if not is_told_by_fake(stories[name], each)}


async def come_to_the_same(
    stories: Mapping[str, Story], tell: Callable[[Mapping[str, Story]], Awaitable[list[Told]]]
) -> None:
    unlike: dict[str, Told] = dict.fromkeys(stories, ())
    for _ in range(TIMES_TOLD):
        told = await tell({name: stories[name] for name in unlike})
        # The clinic goes on meanwhile.
        unlike = await asyncio.to_thread(
            unlike_the_fakes, stories, dict(zip(unlike, told, strict=True))
        )
        if not unlike:
            return
    raise AssertionError("\n\n".join(difference(n, stories[n], t) for n, t in unlike.items()))


def difference(name: str, story: Story, told: Told) -> str:
    """A story as it was told on the real pair, and twice on the other."""
    notes = getattr(told, "__notes__", "")
    real = f"{told!r} {notes}" if isinstance(told, BaseException) else shown(told)
    fake = "\n or ".join(map(shown, islice(told_by_fake(story), 2)))
    return f"{name}\n on the real pair\n{real}\n but on the fake one, say,\n{fake}"


@pytest.mark.parametrize("name", ["the caller hears what was wanted", "two pick up at once"])
def test_a_telling_that_lacks_one_step_is_none_of_the_fakes(name: str) -> None:
    tellings = [on_fake.tell(STORIES[name], seed) for seed in range(40)]
    known = set[object]().union(*map(of_each, tellings))
    ((who, lines),) = tellings[0]
    for place in range(len(lines)):
        lacking = ((who, lines[:place] + lines[place + 1 :]),)
        assert not of_each(lacking) <= known, lines[place]
