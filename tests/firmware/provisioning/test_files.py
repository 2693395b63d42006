"""What telephones fetch, byte by byte as their makers' guides have it, and names that would be
more than names there: each is refused, or stands there as it is."""

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware import settings
from firmware.provisioning import files, grandstream, softphone, yealink
from firmware.provisioning.clock import Change, Clock, Summer, clock_of
from firmware.provisioning.desk import (
    Desk,
    Maker,
    Press,
    Server,
    UnwritableError,
    desk_of,
    mac,
)
from tests.sites import head

GOLDEN = Path(__file__).parent / "golden"
NEW_YORK = clock_of("EST5EDT,M3.2.0,M11.1.0")
AMERICAN = Summer(60, Change(3, 2, 0, 2), Change(11, 1, 0, 2))
EUROPEAN = Summer(60, Change(3, 5, 0, 2), Change(10, 5, 0, 3))
MAC = "000b82aabbcc"
SERVER = Server("192.0.2.5", 5060, 5061)
PASSWORD = "c0ffee" * 8
SITE = (
    head(("101", "102", "103", "104", "105", "1001"))
    + """
[flows.main]
start = "bye"
[flows.main.nodes.bye]
kind = "hangup"
prompts = ["goodbye"]
"""
)
PLAN = settings.read(SITE)
HOSTILE = (
    'Ann "the desk"',
    "Ann\naccount.1.password = stolen",
    "Ann\r\nP2 = stolen",
    "Ann</P3><P2>stolen</P2>",
    "Ann & Ben",
    "<Ann>",
    "%NULL%",
    "$MAC",
    "${jndi}",
    "#Ann",
    "Ann\u2028account.1.password = stolen",
    "Ann\x00",
    "]]>",
    "Ann;tag",
)


def desk(name: str = "Front desk", language: str = "en", clock: Clock | None = NEW_YORK) -> Desk:
    """What telephone 101 of a clinic with six is told."""
    plan = replace(PLAN, language=language)
    return desk_of(plan, replace(plan.phones["101"], name=name), PASSWORD, SERVER, clock)


def secured() -> Desk:
    return replace(desk(), is_secure=True)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("yealink.cfg", yealink.own(desk())),
        ("yealink-es.cfg", yealink.own(desk("Recepción", "es", Clock(330)))),
        ("grandstream.xml", grandstream.own(desk(), MAC)),
        ("grandstream-es.xml", grandstream.own(desk("Recepción", "es", Clock(330)), MAC)),
        ("linphone.xml", softphone.linphone(desk("Recepción", "es"))),
        ("yealink-tls.cfg", yealink.own(secured())),
        ("grandstream-tls.xml", grandstream.own(secured(), MAC)),
        ("linphone-tls.xml", softphone.linphone(secured())),
    ],
)
def test_each_maker_s_file_is_byte_by_byte_what_its_guide_asks_for(name: str, written: str) -> None:
    assert written.encode() == (GOLDEN / name).read_bytes()


def test_a_program_reads_where_to_sign_in_from_a_square_that_holds_no_password() -> None:
    assert softphone.address(desk()) == "sip:101@192.0.2.5:5060;transport=udp"
    assert softphone.address(secured()) == "sip:101@192.0.2.5:5061;transport=tls"


def test_colleagues_have_keys_in_the_order_of_their_numbers_and_nobody_a_key_to_themselves() -> (
    None
):
    colleagues = [key.number for key in desk().keys if key.press is Press.COLLEAGUE]
    assert colleagues == ["102", "103", "104", "105", "1001"]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_that_would_be_more_than_a_name_is_refused_and_not_repeated(name: str) -> None:
    with pytest.raises(UnwritableError) as refused:
        desk(name)
    assert name not in str(refused.value)


@given(st.text(max_size=100) | st.from_regex(r"[\w .'/+-]{0,80}", fullmatch=True))
def test_any_name_is_refused_or_stands_in_each_file_just_as_it_is(name: str) -> None:
    try:
        told = desk(name)
    except UnwritableError:
        return
    lines = yealink.own(told).split("\n")
    assert lines.count(f"account.1.display_name = {name}") == 1
    assert len(lines) == len(yealink.own(desk()).split("\n"))
    config = ElementTree.fromstring(grandstream.own(told, MAC)).find("config")  # noqa: S314
    assert config is not None
    assert config.findtext("P3") == name
    assert [each.tag for each in config] == _tags(grandstream.own(desk(), MAC))
    sections = ElementTree.fromstring(softphone.linphone(told))  # noqa: S314
    identity = next(one.text for one in sections.iter() if one.get("name") == "reg_identity")
    assert identity == f'"{name}" <sip:101@192.0.2.5>'


def _tags(xml: str) -> list[str]:
    return re.findall(r"<(P\d+)>", xml)


@pytest.mark.parametrize("password", ["short", "with space", "a" * 65, "semi;colon", "dollar$ign"])
def test_a_password_that_a_file_could_misread_is_refused_and_not_repeated(password: str) -> None:
    with pytest.raises(UnwritableError) as refused:
        desk_of(PLAN, PLAN.phones["101"], password, SERVER, NEW_YORK)
    assert password not in str(refused.value)
    assert PASSWORD not in repr(desk())


@pytest.mark.parametrize(
    ("posix", "clock"),
    [
        ("EST5EDT,M3.2.0,M11.1.0", Clock(-300, AMERICAN)),
        ("MST7", Clock(-420)),
        ("<-03>3", Clock(-180)),
        ("IST-5:30", Clock(330)),
        ("NST3:30NDT,M3.2.0,M11.1.0", Clock(-210, AMERICAN)),
        ("CET-1CEST,M3.5.0,M10.5.0/3", Clock(60, EUROPEAN)),
        # No telephone keeps these: summer begins the day before, by a fixed day, or is winter.
        ("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", None),
        ("EST5EDT,J60,J300", None),
        ("IST-1GMT0,M10.5.0,M3.5.0/1", None),
        ("not a zone", None),
        ("", None),
    ],
)  # fmt: skip
def test_a_zone_s_last_line_is_the_clock_of_a_telephone(posix: str, clock: Clock | None) -> None:
    assert clock_of(posix) == clock


def test_a_telephone_whose_zone_cannot_be_told_is_left_its_own_clock() -> None:
    assert "local_time" not in yealink.own(desk(clock=None))
    assert "<P64>" not in grandstream.own(desk(clock=None), MAC)


@pytest.mark.parametrize("typed", ["00:0B:82:AA:BB:CC", "000b.82aa.bbcc", " 00-0b-82-aa-bb-cc "])
def test_a_mac_is_known_however_a_label_writes_it(typed: str) -> None:
    assert mac(typed) == MAC


@pytest.mark.parametrize("typed", ["", "000b82aabbc", "000b82aabbccd", "000b82aabbcg", "../../etc"])
def test_what_is_no_mac_is_none(typed: str) -> None:
    assert mac(typed) is None


@pytest.mark.parametrize(
    ("file", "device"),
    [
        ("000b82aabbcc.cfg", MAC),
        ("cfg000b82aabbcc.xml", MAC),
        ("linphone.xml", ""),
        ("y000000000053.cfg", None),
        ("cfg000b82aabbcc", None),
        ("000b82aabbcc.boot", None),
        ("000B82AABBCC.cfg", None),
        ("cfg.xml", None),
        ("..", None),
    ],
)
def test_a_file_s_name_tells_whose_own_it_is(file: str, device: str | None) -> None:
    assert files.device_of(file) == device


def test_a_telephone_is_given_its_own_maker_s_files_and_no_other() -> None:
    assert files.own(Maker.YEALINK, f"cfg{MAC}.xml", desk()) is None
    assert files.own(Maker.GRANDSTREAM, f"{MAC}.cfg", desk()) is None
    assert files.own(Maker.OTHER, "linphone.xml", desk()) is None
    assert files.common(Maker.GRANDSTREAM, "y000000000053.cfg") is None
    common = files.common(Maker.YEALINK, "y000000000053.cfg")
    assert common
    assert common.text == "#!version:1.0.0.1\n"
