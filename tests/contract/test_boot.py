"""Two copies of a box's programs, on a PC and on a Pi alike: a new one is tried once, one that
fails gives way by itself, and a power cut costs neither."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firmware.durable import replace_file, sync_directory
from firmware.update.slots import healthy, ill
from hw.boot import STARTS, Boot, BootError, Durable, other, running
from hw.boot.firmware import PcFirmware, PiFirmware
from hw.boot.pc import KERNELS, PcBoot
from hw.boot.pi import PiBoot, autoboot

COUNT_STARTS = ("sh", "image/pi/count-starts")
DURABLE = Durable(replace_file, sync_directory)


class PowerCutError(Exception):
    """From here on nothing is written."""


@dataclass
class Plug:
    """Pulled before a write: the one of this number, from 0 on."""

    pulled_at: int
    writes: int = 0

    def __post_init__(self) -> None:
        self.durable = Durable(self.replace, self.sync)

    def replace(self, path: Path, content: bytes) -> None:
        if self.writes == self.pulled_at:
            path.with_name(path.name + ".new").write_bytes(content[: len(content) // 2])
        self._one()
        replace_file(path, content)

    def sync(self, directory: Path) -> None:
        """A name that has changed is one that was written."""
        self._one()
        sync_directory(directory)

    def _one(self) -> None:
        if self.writes == self.pulled_at:
            raise PowerCutError
        self.writes += 1


class Board:
    """One of a kind, its firmware played by a folder; what starts is healthy or not."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind = kind
        self._folder = folder
        self.firmware = PcFirmware(folder) if kind == "pc" else PiFirmware(folder, COUNT_STARTS)
        self.boot = self.with_(DURABLE)

    def with_(self, durable: Durable) -> Boot:
        return PcBoot(self._folder, durable) if self.kind == "pc" else PiBoot(self._folder, durable)

    def restart(self, *, is_healthy: bool = True) -> str:
        """By its own word: the slot that runs now."""
        return self._came_up(self.firmware.start(self.boot.restart_argument()), is_healthy)

    def power_on(self, *, is_healthy: bool = True) -> str:
        """Its plug was pulled, and is in again."""
        return self._came_up(self.firmware.start(), is_healthy)

    def _came_up(self, slot: str, is_healthy: bool) -> str:
        if is_healthy:
            healthy(self.boot, slot)
        return slot

    def bring(self, slot: str, boot: Boot) -> None:
        """The slot's kernel, where it lies on the same partition."""
        kernel = self._folder / "brought"
        kernel.write_bytes(b"kernel of " + slot.encode())
        if isinstance(boot, PcBoot):
            boot.bring(slot, kernel)


def install(board: Board, slot: str, boot: Boot) -> None:
    """As RAUC does it."""
    board.bring(slot, boot)
    boot.set_bad(slot)
    boot.set_primary(slot)


@pytest.fixture(params=["pc", "pi"])
def board(request: pytest.FixtureRequest, tmp_path: Path) -> Board:
    return Board(request.param, tmp_path / "boot")


def updated(board: Board) -> Board:
    """From a to b, which is healthy."""
    install(board, "b", board.boot)
    assert board.restart() == "b"
    return board


def test_a_healthy_box_starts_the_same_slot_for_ever(board: Board) -> None:
    assert [board.power_on() for _ in range(10)] == ["a"] * 10
    assert board.boot.primary() == "a"
    assert board.boot.is_good("a")
    assert not board.boot.is_good("b"), "nobody has written it"


def test_an_update_is_tried_at_the_next_start_and_stays_if_it_is_healthy(board: Board) -> None:
    install(board, "b", board.boot)
    assert board.boot.primary() == "b"
    assert board.restart() == "b"
    assert [board.power_on() for _ in range(5)] == ["b"] * 5
    assert board.boot.primary() == "b"
    assert board.boot.is_good("a"), "and the former one is there"


def test_an_update_that_is_not_healthy_gives_way_at_the_next_start_by_itself(board: Board) -> None:
    install(board, "b", board.boot)
    assert board.restart(is_healthy=False) == "b"
    assert board.power_on() == "a"
    assert [board.power_on() for _ in range(5)] == ["a"] * 5
    assert board.boot.primary() == "a"
    assert not board.boot.is_good("b")


def test_what_fails_its_gate_on_trial_restarts_the_box_and_nothing_else_does(board: Board) -> None:
    assert not ill(board.boot, "a"), "there is no other"
    install(board, "b", board.boot)
    board.restart(is_healthy=False)
    assert ill(board.boot, "b")
    assert board.restart() == "a"
    assert not ill(board.boot, "a"), "it was healthy once"


def test_what_was_healthy_once_gives_way_after_two_starts_in_a_row_that_were_not(
    board: Board,
) -> None:
    updated(board)
    assert [board.power_on(is_healthy=False) for _ in range(STARTS)] == ["b", "b"]
    assert board.power_on() == "a"
    assert board.power_on() == "a"


def test_one_start_that_fails_now_and_then_changes_nothing(board: Board) -> None:
    updated(board)
    for _ in range(5):
        assert board.power_on(is_healthy=False) == "b"
        assert board.power_on() == "b"


def test_where_both_fail_one_of_them_starts_all_the_same(board: Board) -> None:
    updated(board)
    started = [board.power_on(is_healthy=False) for _ in range(12)]
    assert set(started) == {"a", "b"}
    assert board.power_on() in ("a", "b")


def test_a_new_box_whose_only_slot_fails_goes_on_starting_it(board: Board) -> None:
    assert [board.power_on(is_healthy=False) for _ in range(6)] == ["a"] * 6


def test_an_update_that_broke_off_while_it_was_written_is_never_started(board: Board) -> None:
    updated(board)
    board.bring("a", board.boot)
    board.boot.set_bad("a")
    assert [board.power_on(is_healthy=False) for _ in range(5)] == ["b"] * 5


def test_the_former_version_is_back_when_somebody_asks_for_it(board: Board) -> None:
    updated(board)
    board.boot.set_primary("a")
    assert board.restart() == "a"
    assert board.power_on() == "a"


def test_a_slot_that_is_called_bad_while_it_runs_gives_way_to_the_other(board: Board) -> None:
    updated(board)
    board.boot.set_bad("b")
    assert board.boot.primary() == "a"
    assert board.power_on() == "a"


def on_trial(board: Board) -> Board:
    """Slot b runs for the first time, and nobody has looked at it yet."""
    install(board, "b", board.boot)
    assert board.restart(is_healthy=False) == "b"
    return board


# What stands before it, what is done, and what may start where the power is cut amid it.
CUTS: dict[str, tuple[Callable[[Board], Board], Callable[[Board, Boot], None]]] = {
    "an update is written": (updated, lambda board, boot: install(board, "a", boot)),
    "the former one is wanted back": (updated, lambda _board, boot: boot.set_primary("a")),
    "an update is healthy": (on_trial, lambda _board, boot: healthy(boot, "b")),
    "what runs is bad": (updated, lambda _board, boot: boot.set_bad("b")),
}


@pytest.mark.parametrize("act", CUTS)
@pytest.mark.parametrize("kind", ["pc", "pi"])
def test_wherever_the_power_is_cut_a_whole_slot_starts_and_the_next_update_goes_on_from_there(
    kind: str, act: str, tmp_path: Path
) -> None:
    before, do = CUTS[act]
    for pulled_at in range(20):
        board, plug = before(Board(kind, tmp_path / str(pulled_at))), Plug(pulled_at)
        try:
            do(board, board.with_(plug.durable))
        except PowerCutError:
            started = board.power_on()
            assert board.boot.is_good(started)
            assert board.boot.primary() in (started, "a"), "the trial of a may still be to come"
            runs = board.restart()
            install(board, other(runs), board.boot)
            assert board.restart() == other(runs)
            assert board.power_on() == other(runs)
        else:
            assert 0 < pulled_at == plug.writes
            return
    raise AssertionError("it never ends")


@pytest.mark.parametrize("pulled_at", range(6))
def test_an_update_whose_writing_is_cut_never_starts_half_written(
    pulled_at: int, tmp_path: Path
) -> None:
    """Until its last write it is none that starts."""
    board = updated(Board("pc", tmp_path / "boot"))
    plug = Plug(pulled_at)
    try:
        install(board, "a", board.with_(plug.durable))
    except PowerCutError:
        started = [board.power_on() for _ in range(2)]
        assert started in (["b", "b"], ["a", "a"])
        kernels = {each.name for each in (tmp_path / "boot" / KERNELS).glob("*.efi")}
        assert len(kernels) == 2, kernels


def test_the_slot_that_is_to_start_is_never_written_over(tmp_path: Path) -> None:
    board = updated(Board("pc", tmp_path / "boot"))
    with pytest.raises(BootError, match="not written over"):
        board.bring("b", board.boot)


def test_the_little_root_turns_autoboot_round_to_what_we_would_have_written(tmp_path: Path) -> None:
    board = updated(Board("pi", tmp_path / "boot"))
    written = tmp_path / "boot" / "autoboot.txt"
    assert written.read_bytes() == autoboot("b")
    for _ in range(STARTS + 1):
        board.power_on(is_healthy=False)
    assert written.read_bytes() == autoboot("a")
    assert len(autoboot("a")) <= 512


def test_the_kernel_s_command_line_says_which_slot_runs() -> None:
    assert running("quiet rauc.slot=b panic=10\n") == "b"
    with pytest.raises(BootError, match="no box"):
        running("quiet root=/dev/sda1 xrauc.slot=a")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(["pc", "pi"]),
    life=st.lists(st.sampled_from(["well", "ill", "update", "cut", "back"]), max_size=12),
    data=st.data(),
)
def test_whatever_befalls_a_box_it_starts_and_a_good_update_stays(
    kind: str, life: list[str], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    board = Board(kind, tmp_path_factory.mktemp("box") / "boot")
    runs = board.power_on()
    for step in life:
        match step:
            case "well" | "ill":
                runs = board.power_on(is_healthy=step == "well")
            case "update":
                install(board, other(runs), board.boot) if board.boot.primary() == runs else None
                runs = board.restart()
            case "back":
                if board.boot.is_good(other(runs)):
                    board.boot.set_primary(other(runs))
            case "cut":
                plug = Plug(data.draw(st.integers(0, 6)))
                try:
                    if board.boot.primary() == runs:
                        install(board, other(runs), board.with_(plug.durable))
                except PowerCutError:
                    runs = board.power_on()
    runs = board.power_on()
    if board.boot.primary() == runs:
        install(board, other(runs), board.boot)
        assert board.restart() == other(runs)
        assert board.power_on() == other(runs)
