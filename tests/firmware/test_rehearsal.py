"""A rehearsal starts what it needs, or says why not."""

import asyncio
from pathlib import Path

import pytest

from firmware.place import Place
from firmware.rehearsal import NotReadyError, serving


def test_a_service_that_does_not_start_is_told_with_its_last_words(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.run.mkdir()

    async def story() -> None:
        command = ("sh", "-c", "echo careline exchange: the disk is gone; exit 1")
        async with serving(place, "exchange", command, lambda line: None, ready_within_s=0.5):
            raise AssertionError("it started")

    with pytest.raises(NotReadyError, match="the disk is gone"):
        asyncio.run(story())
