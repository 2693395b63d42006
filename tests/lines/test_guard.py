"""Strangers besiege a clinic: they find nobody, are blocked, and no call takes notice. The short
form of `make proof-guard`."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SECONDS = 8
WITHIN_S = 100
# In a network of its own; an ordinary user is root in a user namespace of their own.
ALONE = ("unshare", *(() if os.geteuid() == 0 else ("--map-root-user",)), "--net")


@pytest.fixture(scope="module")
def siege(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    home = tmp_path_factory.mktemp("siege") / "h"
    program = (sys.executable, "-m", "tests.lines.siege", str(home), str(SECONDS))
    done = subprocess.run(
        (*ALONE, "--kill-child", "--fork", *program),
        capture_output=True, text=True, timeout=WITHIN_S,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    figures: dict[str, Any] = json.loads(done.stdout[done.stdout.index("{\n") :])
    print(done.stdout)  # noqa: T201 - for the test's own record
    return figures


def test_a_scanner_is_blocked_within_ten_seconds_and_found_nobody(siege: dict[str, Any]) -> None:
    answers = siege["scan"]["answers"]
    assert len(answers) >= 5, "nobody was answered, so nothing was tried"
    assert len({answer.partition(" ")[2] for answer in answers}) == 1, "all names sound alike"
    assert siege["scanner blocked after s"] < 10


def test_a_flood_is_held_in_the_kernel(siege: dict[str, Any]) -> None:
    sent, answers = siege["flood"]["sent"], siege["flood"]["answers"]
    assert sent == {"INVITE": 200 * SECONDS, "REGISTER": 1000 * SECONDS}
    assert sum(answers.values()) < 300
    assert siege["flooder blocked after s"] < 10


def test_calls_keep_their_audio_and_911_connects_at_once(siege: dict[str, Any]) -> None:
    assert siege["heard, longest silence s"] <= 0.1
    assert siege["heard of the other s"] > 0.9 * siege["talk lasted s"]
    for heard in siege["packets while flooded"].values():
        assert heard["came"] > 45 * siege["flooded s"], "of 50 a second"
        assert heard["lost"] <= heard["came"] / 1000
    assert max(siege["911 besieged s"]) < 0.5
    assert siege["emergency calls"] == 1 + len(siege["911 besieged s"]), "no stranger's got through"


def test_a_desk_telephone_with_an_old_password_is_told_of_and_never_blocked(
    siege: dict[str, Any],
) -> None:
    assert sum(siege["old password"]["answers"].values()) >= 1000
    assert "10.66.0.2" not in siege["blocked"]


def test_who_guesses_passwords_from_outside_is_blocked_for_that(siege: dict[str, Any]) -> None:
    assert "block 203.0.113.101 for 10 min: wrong passwords" in siege["entered"]
    assert sum(siege["guessed"]["answers"].values()) < 100, "of 1,000"


def test_who_was_blocked_and_let_in_again_stands_in_the_audit(siege: dict[str, Any]) -> None:
    assert siege["blocked"] == ["203.0.113.101", "203.0.113.66", "203.0.113.99"]
    assert siege["blocked once one was let in"] == ["203.0.113.101", "203.0.113.66"]
    of_scanner = [each for each in siege["entered"] if "203.0.113.99" in each]
    assert of_scanner[0].startswith("block 203.0.113.99 for 10 min: ")
    assert of_scanner[-1] == "unblock 203.0.113.99"
    assert siege["told"] == "somebody outside tries names or passwords, and is blocked"
