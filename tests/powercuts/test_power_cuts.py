"""Twenty power cuts, and one each by dm-flakey and by dm-log-writes: whatever a caller was promised
and whatever was to be accounted for is there at the next start, and readable. A store that does not
wait for its disk loses it: so the cuts are real.

POWERCUTS_SEED draws other chances; each commit has its own. `make proof-powercut` is the long form.
"""

import os
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.powercuts import cuts, image
from tests.powercuts.cuts import Came, Chain

CHAINS, CUTS_OF_A_CHAIN = 2, 10
OUT = Path("build/powercuts")


def seed() -> int:
    """The one asked for; else each commit's own, so that chance differs and can be had again."""
    if asked := os.environ.get("POWERCUTS_SEED"):
        return int(asked)
    commit = subprocess.run(
        ["git", "rev-parse", "--short=7", "HEAD"], capture_output=True, text=True, check=False
    ).stdout
    return int(commit or "1", 16)


@dataclass(frozen=True, slots=True)
class UnderWay:
    """All of it at once, as far as there are processors: a guest has one."""

    chains: tuple[Future[list[Came]], ...]
    flakey: Future[list[Came]]
    log: Future[list[Came]]
    normal: Future[list[Came]]
    careless: Future[list[Came]]


@pytest.fixture(scope="module")
def under_way() -> Iterator[UnderWay]:
    built = image.build(OUT)
    cuts.warm_up(built)
    drawn = seed()

    def chain(
        name: str, number: int, story: Callable[[Chain], list[Came]], sync: str = "FULL"
    ) -> Future[list[Came]]:
        return pool.submit(lambda: story(Chain(built, OUT / name, drawn + number, sync=sync)))

    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        yield UnderWay(
            tuple(chain(f"chain-{number}", number, many_cuts) for number in range(CHAINS)),
            chain("flakey", 10, lambda it: [it.cut_by_flakey()]),
            chain("log-writes", 11, lambda it: [it.cut_by_log()]),
            chain("normal", 12, cut_and_look, "NORMAL"),
            chain("careless", 13, cut_and_look, "NONE"),
        )


def many_cuts(chain: Chain) -> list[Came]:
    return [*(chain.cut() for _ in range(CUTS_OF_A_CHAIN)), chain.look()]


def cut_and_look(chain: Chain) -> list[Came]:
    return [chain.cut_after(60), chain.look()]


def shown(came: list[Came], capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What was wrong; what was drawn is told whatever came of it."""
    with capsys.disabled():
        print(f"\nseed {seed()}")  # noqa: T201
        for each in came:
            print(f"{each.took_s:5.1f} s  {each.told}")  # noqa: T201
    return [wrong for each in came for wrong in each.wrong]


@pytest.mark.timeout(340)
def test_twenty_power_cuts_take_nothing_that_was_promised(
    under_way: UnderWay, capsys: pytest.CaptureFixture[str]
) -> None:
    came = [each for chain in under_way.chains for each in chain.result()]
    assert shown(came, capsys) == []
    assert sum(each.promised for each in came) > CHAINS * CUTS_OF_A_CHAIN
    assert len(came) == CHAINS * (CUTS_OF_A_CHAIN + 1)


@pytest.mark.timeout(340)
def test_what_the_disk_accepted_and_never_flushed_takes_no_promise_with_it(
    under_way: UnderWay, capsys: pytest.CaptureFixture[str]
) -> None:
    came = under_way.flakey.result()
    assert shown(came, capsys) == []
    assert came[0].promised > 0


@pytest.mark.timeout(340)
def test_wherever_the_log_of_durable_writes_ends_every_promise_before_is_there(
    under_way: UnderWay, capsys: pytest.CaptureFixture[str]
) -> None:
    came = under_way.log.result()
    assert shown(came, capsys) == []
    assert came[0].promised > 0


@pytest.mark.timeout(340)
def test_a_store_that_does_not_wait_for_its_disk_is_found_out(
    under_way: UnderWay, capsys: pytest.CaptureFixture[str]
) -> None:
    """By `synchronous=NORMAL` alone it is left behind its log, and has to be made again."""
    assert any("calls.db" in wrong for wrong in shown(under_way.normal.result(), capsys))


@pytest.mark.timeout(340)
def test_with_a_log_that_does_not_wait_either_promises_are_found_to_be_lost(
    under_way: UnderWay, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = shown(under_way.careless.result(), capsys)
    assert any(each.startswith("lost: ") for each in wrong)
