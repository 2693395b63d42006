"""A technician looks after the boxes of many clinics: a line for each, and the worst decides."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from firmware import fleet
from firmware.cli.watching import app
from firmware.fleet import BoxForm, FleetError, Seen, read, read_look, worst
from firmware.watched_words import CRITICAL, OK, UNKNOWN, WARNING


def test_a_list_names_boxes_and_where_they_are() -> None:
    boxes = read('[boxes.elm]\nhost = "elm.example.com"\n[boxes.oak]\nhost = "::1"\nport = 2222\n')
    assert boxes == {"elm": BoxForm(host="elm.example.com"), "oak": BoxForm(host="::1", port=2222)}


@pytest.mark.parametrize(
    "text",
    ["", "[boxes]", "[boxes.elm", '[boxes.elm]\nhost = "-oProxyCommand=id"',
     '[boxes.elm]\nhost = "a b"', '[boxes.elm]\nhost = "a\\nb"',
     '[boxes.elm]\nhost = "a"\nuser = "root"', '[boxes.elm]\nhost = "a"\nport = 0'],
)  # fmt: skip
def test_a_list_that_could_mean_something_else_is_refused(text: str) -> None:
    with pytest.raises(FleetError):
        read(text)


def test_an_alarm_is_worse_than_a_box_that_nobody_can_ask_and_that_than_a_warning() -> None:
    def one(status: int) -> Seen:
        return Seen("elm", status, None)

    assert worst([one(OK), one(WARNING)]) == WARNING
    assert worst([one(WARNING), one(UNKNOWN), one(OK)]) == UNKNOWN
    assert worst([one(UNKNOWN), one(CRITICAL)]) == CRITICAL


@pytest.mark.parametrize(
    ("told", "status"),
    [
        (b"", UNKNOWN),
        (b"Welcome to somebody else's machine", UNKNOWN),
        (b"[1]", UNKNOWN),
        (json.dumps({"status": 0, "told": {"version": "\x1b[31m"}}).encode(), UNKNOWN),
        (b'{"status": 2, "told": null}', CRITICAL),
        (b'{"status": 3, "told": null}', UNKNOWN),
    ],
)
def test_what_a_box_says_is_believed_only_in_its_closed_form(told: bytes, status: int) -> None:
    assert read_look("elm", told).status == status


def test_a_box_that_never_answers_keeps_no_other_waiting() -> None:
    boxes = {name: BoxForm(host="127.0.0.1") for name in ("elm", "oak")}
    seen = asyncio.run(fleet.look(boxes, within_s=0.3, ssh=("sh", "-c", "exec tail -f /dev/null")))
    assert [each.why for each in seen] == ["no answer within 0.3 s"] * 2


def test_a_list_that_cannot_be_read_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "hosts.toml").write_text("[boxes")
    done = CliRunner().invoke(app, ["fleet", str(tmp_path / "hosts.toml")])
    assert done.exit_code == UNKNOWN
    assert "it is no TOML" in done.output
