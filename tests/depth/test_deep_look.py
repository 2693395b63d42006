"""What clang-tidy finds in the core when it follows its ways as far as it goes by itself, file by
file."""

from pathlib import Path

import pytest

from tests.house.test_linters import CORE, tidied


@pytest.mark.parametrize("source", CORE, ids=lambda source: str(source.name))
def test_clang_tidy_finds_nothing_however_far_it_follows(source: Path) -> None:
    tidied(source)
