"""Every fault of a line and of the box has a colour, and whoever reads it is told what to do."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from firmware.asterisk import reach
from firmware.asterisk.wire import Message
from firmware.doctor import box, findings, kept, past
from firmware.doctor.findings import Colour, Finding
from firmware.doctor.keying import Key
from firmware.doctor.past import Past
from firmware.doctor.sounding import Echo, Found
from firmware.ports import BOX_PORTS
from firmware.topics import Part
from ivr.plan import Phone

GREEN, AMBER, RED = Colour
NOW = datetime(2026, 11, 23, tzinfo=UTC)
DESK = Phone("101", "Desk", "12 Maple Street - desk", "2025550100")
WINDOW = replace(DESK, extension="107", name="By the window", browser=True)


def only(found: tuple[Finding, ...]) -> Finding:
    (one,) = found
    return one


@pytest.mark.parametrize(
    ("finding", "colour", "words"),
    [
        (findings.of_noise(-60, -63), GREEN, ""),
        (findings.of_noise(-47, -50), AMBER, "cable"),
        (findings.of_noise(-38, -41), RED, "cable"),
        (findings.of_echo(None)[0], GREEN, ""),
        (findings.of_echo(None, noise_dbm0p=-30.0)[0], AMBER, "noise first"),
        (findings.of_echo(Echo(30, 12))[0], GREEN, ""),
        (findings.of_echo(Echo(10, 12))[0], AMBER, "echo canceller"),
        (findings.of_echo(Echo(5, 12))[0], RED, "echo canceller"),
        (findings.of_echo(Echo(30, 120), own_ms=80)[0], GREEN, ""),
        (findings.of_echo(Echo(30, 180), own_ms=80)[0], AMBER, "echo canceller"),
        (findings.of_echo(Echo(20, 180), own_ms=80)[0], RED, "echo canceller"),
        (findings.of_echo(Echo(50, 350))[1], AMBER, "nearer server"),
        (findings.of_echo(Echo(50, 850))[1], RED, "nearer server"),
        (findings.of_frames(290, 290), GREEN, ""),
        (findings.of_frames(200, 290), AMBER, "RTP"),
        (findings.of_frames(0, 290), RED, "RTP"),
        (findings.of_level(-13.2, "level there"), GREEN, ""),
        (findings.of_level(-15.0, "level there"), AMBER, "inside the box"),
        (findings.of_level(-99.0, "level there"), RED, "restart the box"),
        (only(findings.of_keys((), "")), AMBER, "RFC 4733"),
        (only(findings.of_keys((), "159")), GREEN, ""),
        (only(findings.of_keys((Key("1", -9, -9, 80),), "")), GREEN, ""),
        (only(findings.of_keys((Key("1", -9, -19, 80),), "")), RED, "high tone away"),
        (only(findings.of_keys((Key("1", -27, -28, 80),), "")), RED, "raise"),
        (only(findings.of_keys((Key("1", 1, 1, 80),), "")), RED, "lower"),
        (box.of_disk(50, 100), GREEN, ""),
        (box.of_disk(10, 100), AMBER, "recordings"),
        (box.of_disk(2, 100), RED, "recordings"),
        (box.of_certificate("it", NOW + timedelta(days=200), NOW), GREEN, ""),
        (box.of_certificate("it", NOW + timedelta(days=3), NOW), AMBER, "restart"),
        (box.of_certificate("it", NOW - timedelta(days=3), NOW), RED, "clock"),
        (only(tuple(box.of_phones({"101": DESK}, {"101": "NOT_INUSE"}))), GREEN, ""),
        (only(tuple(box.of_phones({"101": DESK}, {}))), AMBER, "power"),
        (past.of_callers("main", Past(20, 12, 0, 0)), GREEN, ""),
        (past.of_callers("main", Past(4, 0, 0, 0)), GREEN, ""),
        (past.of_callers("main", Past(20, 0, 0, 0)), AMBER, "caller ID"),
        (past.of_endings("main", Past(20, 0, 18, 2)), GREEN, ""),
        (past.of_endings("main", Past(20, 0, 10, 6)), AMBER, "disconnect supervision"),
        (box.of_part(Part(name="x", state="alarm", detail="y", cure="z")), RED, "z"),
    ],
)
def test_a_figure_has_its_colour_and_its_cure(finding: Finding, colour: Colour, words: str) -> None:
    assert finding.colour is colour
    assert words in finding.cure
    assert bool(finding.cure) == bool(colour)
    assert finding.figure


def test_one_way_audio_is_called_by_its_name() -> None:
    assert "one-way audio" in findings.of_frames(3, 290).figure


def test_frames_of_digital_silence_are_a_far_end_that_is_muted() -> None:
    mute = Found(noise_dbm0=-99, noise_dbm0p=-99, clipped=0, echo=None)
    assert only(findings.of_silence(mute, 290)).colour is AMBER
    assert findings.of_silence(mute, 0) == ()


def test_a_port_that_nobody_needs_is_told_and_those_of_calls_are_not(tmp_path: Path) -> None:
    net = tmp_path / "proc/net"
    net.mkdir(parents=True)
    head = "  sl  local_address rem_address   st\n"
    rows = {
        "tcp": ["0100007F:13AE 00000000:0000 0A", "00000000:01BB 00000000:0000 0A",
                "00000000:0D3D 00000000:0000 0A", "0A00000A:D431 0B00000A:01BB 01"],
        "udp": ["00000000:13C4 00000000:0000 07", "00000000:2710 00000000:0000 07",
                "00000000:9C40 00000000:0000 07"],
        "tcp6": ["00000000000000000000000001000000:0D3E 0:0 0A"],
    }  # fmt: skip
    for name, told in rows.items():
        lines = "".join(f"{n:4}: {row}\n" for n, row in enumerate(told))
        (net / name).write_text(head + lines, "ascii")
    found = box.listening(tmp_path)
    assert only(box.of_ports(found, BOX_PORTS)).figure.endswith(": tcp 3389")
    assert (
        only(box.of_ports([each for each in found if each.port != 3389], BOX_PORTS)).colour is GREEN
    )
    assert "closed" in only(box.of_ports(found[:1], BOX_PORTS)).figure
    assert box.of_ports([], BOX_PORTS) == ()


def test_asterisk_s_words_say_who_is_reached() -> None:
    def message(**fields: str) -> Message:
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return Message(f"\r\n{lines}".encode())

    states = reach.states_of(
        [
            message(Event="DeviceStateChange", Device="PJSIP/trunk-telco", State="UNAVAILABLE"),
            message(Event="DeviceStateChange", Device="PJSIP/101", State="NOT_INUSE"),
            message(Event="DeviceStateListComplete"),
        ]
    )
    assert states == {"trunk-telco": "UNAVAILABLE", "101": "NOT_INUSE"}


def test_ten_visits_are_kept_of_each_thing_and_a_torn_file_begins_anew(tmp_path: Path) -> None:
    file = tmp_path / "doctor.json"
    file.write_text('{"the box": [', "utf-8")
    for day in range(12):
        kept.keep(
            file,
            "line telco",
            kept.Visit(f"2026-11-{day + 1:02}", (Finding("noise", RED, "a", "b"),)),
        )
    kept.keep(file, "the box", kept.Visit("2026-11-23", (Finding("disk", GREEN, "half"),)))
    told = kept.read(file)
    assert [visit.at for visit in told["line telco"]] == [
        f"2026-11-{day:02}" for day in range(12, 2, -1)
    ]
    assert told["line telco"][0].colour is RED
    assert told["the box"][0].findings == (Finding("disk", GREEN, "half"),)


def test_a_telephone_in_the_browser_that_nobody_opened_is_no_matter_of_a_cable() -> None:
    phones = {"101": DESK, "107": WINDOW}
    desk, window = box.of_phones(phones, {"101": "NOT_INUSE", "107": "UNAVAILABLE"})
    assert (desk.colour, desk.figure) == (GREEN, "all 1 can be rung")
    assert (window.colour, window.about) == (AMBER, "telephones in the browser")
    assert window.figure == "1 of 1 cannot be rung: 107 By the window"
    assert "signs in to the page" in window.cure
    assert "power" not in window.cure
