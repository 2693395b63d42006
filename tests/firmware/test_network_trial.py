"""A network on trial at `careline root`: it stays where somebody confirms it, and comes back by
itself whatever else is gone."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec

import pytest
from structlog.testing import capture_logs

from firmware.network_trial import Ended, NetworkTrial, NetworkTrialError, WishForm
from firmware.root import KeepNetwork, Root, RootError, TakeBackNetwork, TryNetwork, ask, network_of
from hw.network import FakeNetwork, NetworkError
from hw.network_files import Wish, WishError

FIXED = Wish(how="fixed", address="192.168.1.20/24", gateway="192.168.1.1")
LONG_S, SOON_S = 60.0, 20.0
P = ParamSpec("P")


class Diary:
    """What was entered, and the moment at which something was."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.news = asyncio.Event()

    async def enter(self, about: str) -> None:
        self.told.append(about)
        self.news.set()

    async def wait(self) -> None:
        async with asyncio.timeout(SOON_S):
            await self.news.wait()
        self.news.clear()


class Seen(FakeNetwork):
    """One of which it is seen that something is on trial."""

    def __init__(self) -> None:
        super().__init__()
        self.tried = threading.Event()

    def try_out(self, wish: Wish) -> None:
        super().try_out(wish)
        self.tried.set()

    async def wait(self) -> None:
        assert await asyncio.to_thread(self.tried.wait, SOON_S)


def live(tale: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """A story that takes its time."""

    @wraps(tale)
    def told(*given: P.args, **named: P.kwargs) -> None:
        asyncio.run(tale(*given, **named))

    return told


async def ended(trial: NetworkTrial) -> Ended:
    return (await trial.told()).ended


@live
async def test_nobody_confirms_and_the_former_network_comes_back_by_itself() -> None:
    device, diary = FakeNetwork(), Diary()
    trial = NetworkTrial(device, diary.enter, within_s=0.05, begins_after_s=0)
    trial.begin(FIXED)
    await diary.wait()
    assert device.asked == ["try out", "take back"]
    assert diary.told == ["the former network is back: nobody confirmed the new one"]
    assert await ended(trial) == "back"
    with pytest.raises(NetworkTrialError, match="no network is on trial"):
        await trial.keep()


@live
async def test_whoever_confirms_has_it_for_good() -> None:
    device, diary = Seen(), Diary()
    trial = NetworkTrial(device, diary.enter, within_s=LONG_S, begins_after_s=0)
    trial.begin(FIXED)
    with pytest.raises(NetworkTrialError, match="on trial already"):
        trial.begin(Wish())
    await device.wait()
    assert 0 < (await trial.told()).left_s <= LONG_S
    await trial.keep()
    told = await trial.told()
    assert told.in_force == WishForm.of(FIXED)
    assert told.before == WishForm.of(Wish())
    assert (told.trial, told.left_s, told.ended) == (None, 0.0, "kept")
    await trial.close()
    assert device.asked == ["try out", "keep"]
    assert diary.told == []


@live
async def test_it_can_be_taken_back_at_once_and_before_it_has_begun() -> None:
    device, diary = FakeNetwork(), Diary()
    trial = NetworkTrial(device, diary.enter, within_s=LONG_S, begins_after_s=LONG_S)
    trial.begin(FIXED)
    with pytest.raises(NetworkTrialError, match="not changed yet"):
        await trial.keep()
    await trial.take_back()
    assert device.on_trial() is None
    assert await ended(trial) == "back"
    await trial.close()


@live
async def test_a_network_that_cannot_be_had_is_back_at_once() -> None:
    device, diary = FakeNetwork(fails=True), Diary()
    trial = NetworkTrial(device, diary.enter, within_s=LONG_S, begins_after_s=0)
    trial.begin(FIXED)
    await diary.wait()
    assert device.on_trial() is None
    assert await ended(trial) == "failed"


@live
async def test_a_root_that_ends_takes_it_back_and_so_does_one_that_comes_after_a_killed_one() -> (
    None
):
    device, diary = Seen(), Diary()
    trial = NetworkTrial(device, diary.enter, within_s=LONG_S, begins_after_s=0)
    trial.begin(FIXED)
    await device.wait()
    await trial.close()
    assert device.on_trial() is None
    device.try_out(FIXED)  # and here somebody killed it
    after = NetworkTrial(device, diary.enter)
    await after.recover()
    assert device.on_trial() is None
    assert diary.told[-1] == "the former network is back: root was started anew"


class Sticky(Seen):
    """Whose machine does not take it back at first, or cannot keep it."""

    refusals = 1

    def take_back(self) -> None:
        if self.refusals:
            self.refusals -= 1
            raise NetworkError("networkctl failed: busy")
        super().take_back()

    def keep(self) -> None:
        raise NetworkError("networkctl failed: no space")


@live
async def test_a_return_that_fails_is_tried_until_it_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("firmware.network_trial.AGAIN_S", 0)
    device, diary = Sticky(), Diary()
    trial = NetworkTrial(device, diary.enter, within_s=0, begins_after_s=0)
    trial.begin(FIXED)
    await diary.wait()
    assert device.on_trial() is None
    assert device.refusals == 0


@live
async def test_what_cannot_be_kept_is_not_on_trial_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("firmware.network_trial.AGAIN_S", 0)
    device, diary = Sticky(), Diary()
    trial = NetworkTrial(device, diary.enter, within_s=LONG_S, begins_after_s=0)
    trial.begin(FIXED)
    await device.wait()
    with pytest.raises(NetworkError):
        await trial.keep()
    assert device.on_trial() is None
    assert await ended(trial) == "failed"


class Late(Seen):
    """Whose machine has kept it, and then something fails."""

    def keep(self) -> None:
        super().keep()
        raise NetworkError("networkctl failed: busy")


@live
async def test_what_is_in_force_is_told_as_kept_although_something_failed_after_it() -> None:
    device, diary = Late(), Diary()
    trial = NetworkTrial(device, diary.enter, within_s=LONG_S, begins_after_s=0)
    trial.begin(FIXED)
    await device.wait()
    await trial.keep()
    assert (await trial.told()).in_force == WishForm.of(FIXED)
    assert await ended(trial) == "kept"
    assert diary.told == ["the new network stays: something failed as the new one was confirmed"]


@live
async def test_a_root_that_was_killed_while_it_kept_a_network_says_which_one_is_in_force() -> None:
    device, diary = FakeNetwork(kept=FIXED, trial=FIXED), Diary()
    trial = NetworkTrial(device, diary.enter)
    await trial.recover()
    assert (device.on_trial(), device.in_force()) == (None, FIXED)
    assert await ended(trial) == "kept"
    assert diary.told == ["the new network stays: root was started anew"]


class Odd(Seen):
    """Whose machine says, in one act, what nobody has thought of."""

    def __init__(self, at: str) -> None:
        super().__init__()
        self.at = at

    def _stumble(self, at: str) -> None:
        if at == self.at:
            self.at = ""
            raise TypeError("'NoneType' object is not iterable")

    def try_out(self, wish: Wish) -> None:
        super().try_out(wish)
        self._stumble("try out")

    def keep(self) -> None:
        self._stumble("keep")
        super().keep()

    def take_back(self) -> None:
        self._stumble("take back")
        super().take_back()


@pytest.mark.parametrize(
    ("at", "how"), [("try out", "failed"), ("keep", "failed"), ("take back", "back")]
)
@live
async def test_a_fault_that_nobody_has_thought_of_stops_no_clock(
    monkeypatch: pytest.MonkeyPatch, at: str, how: Ended
) -> None:
    monkeypatch.setattr("firmware.network_trial.AGAIN_S", 0)
    device, diary = Odd(at), Diary()
    trial = NetworkTrial(device, diary.enter, within_s=LONG_S, begins_after_s=0)
    with capture_logs() as logged:
        trial.begin(FIXED)
        await device.wait()
        if at == "keep":
            with pytest.raises(TypeError):
                await trial.keep()
        elif at == "take back":
            await trial.take_back()
        await diary.wait()
    assert (device.on_trial(), device.in_force()) == (None, None)
    assert await ended(trial) == how
    assert [each["log_level"] for each in logged] == ["error"], "and it is told loudly"
    trial.begin(FIXED)  # and another one can be tried
    await trial.close()


@live
async def test_an_audit_that_breaks_does_not_break_the_end_of_a_trial() -> None:
    device = Seen()

    async def enter(_about: str) -> None:
        raise RuntimeError("the spool is gone")

    trial = NetworkTrial(device, enter, within_s=LONG_S, begins_after_s=0)
    trial.begin(FIXED)
    await device.wait()
    await trial.take_back()
    await trial.close()
    assert await ended(trial) == "back"


class Slow(Seen):
    """Whose machine takes its time, until the story lets it go on."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.may_go_on = threading.Event(), threading.Event()

    def keep(self) -> None:
        self._wait()
        super().keep()

    def take_back(self) -> None:
        self._wait()
        super().take_back()

    def _wait(self) -> None:
        self.begun.set()
        assert self.may_go_on.wait(SOON_S)


@pytest.mark.parametrize("word", ["keep", "take_back"])
@live
async def test_whoever_gives_up_waiting_leaves_nothing_half_done(word: str) -> None:
    device, diary = Slow(), Diary()
    trial = NetworkTrial(device, diary.enter, within_s=LONG_S, begins_after_s=0)
    trial.begin(FIXED)
    await device.wait()
    asking = asyncio.create_task(getattr(trial, word)())
    assert await asyncio.to_thread(device.begun.wait, SOON_S)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    device.may_go_on.set()
    async with asyncio.timeout(SOON_S):
        while not await ended(trial):
            await asyncio.to_thread(device.on_trial)
    assert device.on_trial() is None
    assert device.in_force() == (FIXED if word == "keep" else None)


class Tardy(Seen):
    """Whose files of a trial are still being written, until the story lets it go on."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.may_go_on = threading.Event(), threading.Event()

    def try_out(self, wish: Wish) -> None:
        self.begun.set()
        assert self.may_go_on.wait(SOON_S)
        super().try_out(wish)


@pytest.mark.parametrize("word", ["take_back", "close"])
@live
async def test_a_trial_that_ends_while_it_is_still_being_written_leaves_nothing_behind(
    word: str,
) -> None:
    device, diary = Tardy(), Diary()
    trial = NetworkTrial(device, diary.enter, within_s=LONG_S, begins_after_s=0)
    trial.begin(FIXED)
    assert await asyncio.to_thread(device.begun.wait, SOON_S)
    ending = asyncio.create_task(getattr(trial, word)())
    await asyncio.to_thread(device.on_trial)  # so much later that the end is under way
    device.may_go_on.set()
    async with asyncio.timeout(SOON_S):
        await asyncio.gather(ending, asyncio.to_thread(device.tried.wait, SOON_S))
    assert device.asked == ["try out", "take back"]
    assert device.on_trial() is None
    assert len(diary.told) == 1, "whoever is first ends it, and nobody else"
    assert await ended(trial) == "back"


@live
async def test_whoever_confirms_what_is_still_being_written_has_all_of_it_or_nothing() -> None:
    device, diary = Tardy(), Diary()
    trial = NetworkTrial(device, diary.enter, within_s=LONG_S, begins_after_s=0)
    for fails in (True, False):
        device.fails = fails
        device.begun.clear()
        device.may_go_on.clear()
        trial.begin(FIXED)
        assert await asyncio.to_thread(device.begun.wait, SOON_S)
        asking = asyncio.create_task(trial.keep())
        await asyncio.to_thread(device.on_trial)
        device.may_go_on.set()
        if fails:
            with pytest.raises(NetworkTrialError, match="no network is on trial"):
                await asking
            await diary.wait()
            assert (device.on_trial(), device.in_force()) == (None, None)
    await asking
    assert (device.on_trial(), device.in_force()) == (None, FIXED)
    assert diary.told == ["the former network is back: it could not be had"]


@live
async def test_what_cannot_be_had_is_refused_before_anything_changes() -> None:
    device, diary = FakeNetwork(), Diary()
    trial = NetworkTrial(device, diary.enter)
    with pytest.raises(WishError, match="The router does not lie in"):
        trial.begin(Wish(how="fixed", address="10.0.0.2/24", gateway="10.0.1.1"))
    assert (await trial.told()).trial is None
    nowhere = NetworkTrial(None, diary.enter)
    assert not (await nowhere.told()).is_box
    with pytest.raises(NetworkTrialError, match="not the box's"):
        nowhere.begin(FIXED)


# ---- by root's socket ----


@asynccontextmanager
async def root(at: Path, device: FakeNetwork | None) -> AsyncIterator[list[tuple[str, str]]]:
    entered: list[tuple[str, str]] = []

    async def asterisk(_command: str) -> str:
        return ""

    service = Root(
        at, asterisk, frozenset({os.geteuid()}), lambda *told: entered.append(told), device
    )
    up = asyncio.Event()
    serving = asyncio.create_task(service.serve(up.set))
    await up.wait()
    try:
        yield entered
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


@live
async def test_root_tries_keeps_and_tells_and_enters_who_asked(tmp_path: Path) -> None:
    at, device = tmp_path / "root.sock", FakeNetwork()
    wish = WishForm(how="fixed", address="192.168.1.20/24")
    async with root(at, device) as entered:
        assert (await network_of(at)).in_force is None
        await ask(at, TryNetwork(wish=wish))
        assert (await network_of(at)).trial == wish
        await ask(at, TakeBackNetwork())
        assert (await network_of(at)).ended == "back"
        with pytest.raises(RootError, match="no network is on trial"):
            await ask(at, KeepNetwork())
        with pytest.raises(RootError, match="4094"):
            await ask(at, TryNetwork(wish=WishForm(vlan="5000", phones_address="10.0.0.1/8")))
    acts = [about for _, about in entered]
    assert acts[:3] == [
        "try-network",
        "the former network is back: somebody asked for it",
        "take-back-network",
    ]
    assert "keep-network: failed" in acts
    assert not any("look" in about for about in acts)


@live
async def test_a_root_that_is_ended_leaves_no_network_on_trial(tmp_path: Path) -> None:
    at, device = tmp_path / "root.sock", FakeNetwork()
    device.try_out(FIXED)
    async with root(at, device):
        assert device.on_trial() is None, "left there by one that was killed"
        await ask(at, TryNetwork(wish=WishForm()))
    assert device.on_trial() is None


@live
async def test_where_the_network_is_not_the_box_s_root_says_so(tmp_path: Path) -> None:
    at = tmp_path / "root.sock"
    async with root(at, None):
        assert not (await network_of(at)).is_box
        with pytest.raises(RootError, match="not the box's"):
            await ask(at, TryNetwork(wish=WishForm()))
