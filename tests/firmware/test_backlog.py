"""A disk that refuses the ledger is an alarm: no row is lost, none is written twice, none is
promised."""

import asyncio
import errno
import os
import resource
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog

from firmware import backlog, ledger
from firmware.backlog import Backlog
from firmware.journal import log_to_journal
from firmware.ledger import Arrived, Finished, Ledger, Moment, Noted, Step
from firmware.ledger_log import lines
from firmware.machine import MachineKey
from firmware.store import StoreError, open_reader
from ivr.commands import Outcome

NOW = Moment(datetime(2026, 3, 2, 9, 30, tzinfo=UTC), 1_000)
KEY = MachineKey(b"k" * 32)


@contextmanager
def full_disk() -> Iterator[None]:
    """No file of this process can grow, as on a disk without room."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


class Clinic:
    """A ledger and its backlog, in a running loop."""

    def __init__(self, home: Path) -> None:
        self.durable = asyncio.Event()
        self.commits: list[list[str]] = []
        self._loop = asyncio.get_running_loop()
        self.calls_db = home / "calls.db"
        self.ledger = Ledger(self.calls_db, home / "ledger.log", KEY, self._heard)
        self.backlog = Backlog(self.ledger)
        self._running = asyncio.create_task(self.backlog.run())

    def _heard(self, steps: Sequence[Step]) -> None:
        self.commits.append([step.step for step in steps])
        if any(step.step == "outcome" for step in steps):
            self._loop.call_soon_threadsafe(self.durable.set)

    async def close(self) -> None:
        self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)
        self.ledger.close()

    def steps(self) -> list[str]:
        reader = open_reader(self.calls_db)
        with reader.connect() as connection:
            found = [step.step for step in ledger.steps_of(connection, "a")]
        reader.dispose()
        return found


def live(home: Path, story: Callable[[Clinic], Awaitable[None]]) -> None:
    async def told() -> None:
        clinic = Clinic(home)
        try:
            await asyncio.wait_for(story(clinic), 60)
        finally:
            await clinic.close()

    asyncio.run(told())


@pytest.fixture(autouse=True)
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "RETRY_S", 0.05)


@pytest.fixture(autouse=True)
def journal() -> Iterator[None]:
    """The service's own: structlog's usual one fails with the disk it writes to."""
    log_to_journal()
    yield
    structlog.reset_defaults()


def test_a_call_on_a_full_disk_is_in_the_ledger_whole_once_there_is_room(tmp_path: Path) -> None:
    async def story(clinic: Clinic) -> None:
        with full_disk():
            clinic.backlog.put([Arrived("a", "main", "1", "2", "n", NOW)])
            with pytest.raises(StoreError, match="check the disk's space"):
                await clinic.backlog.promise(Noted("a", "menu", "main/menu", NOW))
            clinic.backlog.put([Finished("a", Outcome.ANSWERED, NOW)])
            assert len(clinic.backlog) == 3
            assert clinic.backlog.fault
        await clinic.durable.wait()
        await clinic.backlog.promise(Noted("a", "after", "", NOW))
        assert clinic.steps() == ["offered", "menu", "outcome", "after"]
        assert not clinic.backlog.fault
        assert len(clinic.backlog) == 0

    live(tmp_path, story)


def test_rows_of_one_moment_share_a_commit_that_a_promise_does_not_wait_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "LINGER_S", 3600.0)

    async def story(clinic: Clinic) -> None:
        clinic.backlog.put([Arrived("a", "main", "1", "2", "n", NOW)])
        for step in ("menu", "digit"):
            await asyncio.sleep(0)
            clinic.backlog.put([Noted("a", step, "", NOW)])
        assert clinic.commits == []
        await clinic.backlog.promise(Noted("a", "message", "", NOW))
        assert clinic.commits == [["offered", "menu", "digit", "message"]]

    live(tmp_path, story)


def test_rows_that_nobody_waits_for_are_written_all_the_same(tmp_path: Path) -> None:
    async def story(clinic: Clinic) -> None:
        clinic.backlog.put([Arrived("a", "main", "1", "2", "n", NOW)])
        clinic.backlog.put([Finished("a", Outcome.ANSWERED, NOW)])
        await clinic.durable.wait()
        assert clinic.commits == [["offered", "outcome"]]

    live(tmp_path, story)


def test_what_only_the_log_refused_is_not_written_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(clinic: Clinic) -> None:
        def broken_disk(_fd: int) -> None:
            raise OSError(errno.EIO, "Input/output error")

        with monkeypatch.context() as broken:
            broken.setattr(os, "fdatasync", broken_disk)
            clinic.backlog.put([Arrived("a", "main", "1", "2", "n", NOW)])
            with pytest.raises(StoreError):
                await clinic.backlog.promise(Finished("a", Outcome.MESSAGE, NOW))
        await clinic.durable.wait()
        assert clinic.steps() == ["offered", "outcome"]
        logged = [each for line in lines(tmp_path / "ledger.log") for each in line.changes]
        assert [each.row["step"] for each in logged if each.table == "steps"] == clinic.steps()

    live(tmp_path, story)


def test_what_still_waits_at_the_end_is_written_before_the_ledger_closes(tmp_path: Path) -> None:
    async def story() -> Clinic:
        clinic = Clinic(tmp_path)
        clinic.backlog.put([Arrived("a", "main", "1", "2", "n", NOW)])
        await asyncio.sleep(0)
        clinic.backlog.put([Finished("a", Outcome.ABANDONED, NOW)])
        await clinic.close()
        return clinic

    assert asyncio.run(story()).steps() == ["offered", "outcome"]
