"""The proof keeps what is done: a part is worked out once, and another core or seed is another."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.dtmf import parts
from tests.dtmf.detectors import OURS


def test_a_part_is_worked_out_once_and_then_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "KEPT", tmp_path)
    ours = [one for one in parts.parts(["1"]) if one.who == OURS.name]
    part = next(one for one in ours if one.of == "our own music")
    first = parts.result(part)
    (file,) = tmp_path.rglob("*.json")
    written = file.stat().st_mtime_ns
    assert parts.result(part) == first
    assert file.stat().st_mtime_ns == written
    parts.result(replace(part, recipe="another core's"))
    assert len(list(tmp_path.rglob("*.json"))) == 2


def test_every_seed_and_every_detector_is_a_part_of_its_own() -> None:
    listed = parts.parts(["1", "2"])
    assert len({one.recipe for one in listed}) == len(listed)
    ours = [one for one in listed if one.who == OURS.name]
    assert [one.of for one in ours if one.what == "items"] == ["1", "2"]
    assert len([one for one in ours if one.what == "talk"]) > 80
