"""A fax machine at an adapter: the telephone company sends a page by T.30, and what stands at the
desk takes it, through the clinic's Asterisk. Both modems are spandsp's, and neither is ours."""

import asyncio
import re
import time
from collections.abc import Iterator

import pytest

from firmware.asterisk.telco import Codec, Keys, Telco
from tests.system import practice
from tests.system.town import Figures, Town, soon

FAX = "110"
NUMBER = "2025550188"
WITHIN_S = 25.0
PAGE = "page.tif"
ROWS = 100  # of 1,728 points: an inch of a page in coarse resolution
SITE = (
    practice.SITE.replace("[phones.110]", "[phones.110]\nfax = true")
    .replace(', "109", "110"]', ', "109"]')
    .replace("[flows.main]", f'[lines.fax]\ntrunk = "telco"\nnumbers = ["{NUMBER}"]\n'
             f'phone = "{FAX}"\n\n[flows.main]', 1)
)  # fmt: skip
SENDER = f"""
[faxes]
exten => s,1,SendFAX(/site/rec/{PAGE},${{GLOBAL(SENDS)}})
same => n,Hangup()
exten => h,1,Set(GLOBAL(SENT)=${{FAXSTATUS}} ${{FAXMODE}} ${{FAXPAGES}})
[machine]
exten => s,1,Answer(,i)
same => n,ReceiveFAX(/site/rec/taken.tif,${{GLOBAL(TAKES)}})
same => n,Hangup()
exten => h,1,Set(GLOBAL(TAKEN)=${{FAXSTATUS}} ${{FAXMODE}} ${{FAXPAGES}})
"""


def page() -> bytes:
    """A TIFF of one page with a black stripe from top to bottom, as T.6 has it: the first row in
    horizontal mode (63 white, 10 black), each other like the one before."""
    bits = "001" + "00110100" + "0000100" + "1" + "111" * (ROWS - 1) + "000000000001" * 2
    bits += "0" * (-len(bits) % 8)
    strip = int(bits, 2).to_bytes(len(bits) // 8, "big")
    begins = 8 + 2 + 12 * 12 + 4
    resolution = (
        (204).to_bytes(4, "little") + b"\1\0\0\0" + (98).to_bytes(4, "little") + b"\1\0\0\0"
    )
    # Tag, type (3: short, 4: long, 5: fraction) and value.
    tags = [
        (256, 4, 1728), (257, 4, ROWS), (258, 3, 1), (259, 3, 4), (262, 3, 0),
        (273, 4, begins + 16), (277, 3, 1), (278, 4, ROWS), (279, 4, len(strip)),
        (282, 5, begins), (283, 5, begins + 8), (296, 3, 2),
    ]  # fmt: skip
    entries = b"".join(
        tag.to_bytes(2, "little")
        + kind.to_bytes(2, "little")
        + b"\1\0\0\0"
        + it.to_bytes(4, "little")
        for tag, kind, it in tags
    )
    count = len(tags).to_bytes(2, "little")
    return b"II*\0\x08\0\0\0" + count + entries + b"\0\0\0\0" + resolution + strip


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """At 110 stands a fax machine; the exchange does not run at all."""
    with practice.build(tmp_path_factory.mktemp("fax"), SITE) as standing:
        standing.run(plugged_in(standing.telco))
        yield standing


async def plugged_in(telco: Telco) -> None:
    """The telephone company sends faxes, and a fax machine is what answers at 110."""
    told = telco.home / "current"
    dials = (told / "extensions.conf").read_text("utf-8")
    assert f"Goto(desk,{FAX},1)" in dials
    dials = dials.replace(f"Goto(desk,{FAX},1)", "Goto(machine,s,1)")
    (told / "extensions.conf").write_text(dials + SENDER, "utf-8")
    ends = (told / "pjsip.conf").read_text("utf-8")
    ends = ends.replace("type=endpoint", "type=endpoint\nt38_udptl=yes\nt38_udptl_nat=yes")
    (told / "pjsip.conf").write_text(ends, "utf-8")
    (telco.home / "rec" / PAGE).write_bytes(page())
    for module in ("res_pjsip_t38", "res_fax", "res_fax_spandsp"):
        assert "Loaded" in await telco.asterisk.rx(f"module load {module}.so")
    await telco.asterisk.rx("module reload res_pjsip.so")
    await telco.asterisk.rx("dialplan reload")
    await telco.desks_registered()


async def faxed(telco: Telco, mode: str) -> tuple[str, str]:
    """What the sender's machine and the clinic's say of a page that was sent: by T.38 if they may
    agree on it, else forced to tones."""
    sends, takes = ("z", "f") if mode == "T38" else ("F", "F")
    told = {"SENDS": sends, "TAKES": takes, "SENT": "nothing", "TAKEN": "nothing"}
    for name, value in told.items():
        await telco.asterisk.rx(f"dialplan set global {name} {value}")
    line = f"line-{Codec.ULAW}-{Keys.RFC4733}"
    await telco.link.send(
        "Originate", ("Channel", f"PJSIP/{NUMBER}@{line}"), ("Context", "faxes"), ("Exten", "s"),
        ("Priority", "1"), ("Async", "true"), ("Timeout", "20000"),
    )  # fmt: skip
    async with asyncio.timeout(WITHIN_S):
        while True:
            shown = await telco.asterisk.rx("dialplan show globals")
            sent, taken = (re.search(rf"(?m)^\s*{each}=(.*)$", shown) for each in ("SENT", "TAKEN"))
            assert sent
            assert taken
            if "nothing" not in (sent[1], taken[1]):
                return sent[1].strip(), taken[1].strip()


@pytest.mark.parametrize("mode", ["T38", "audio"])
def test_a_page_arrives_whole_while_the_exchange_is_down(clinic: Town, mode: str) -> None:
    async def story() -> None:
        assert await faxed(clinic.telco, mode) == (f"SUCCESS {mode} 1",) * 2

    clinic.run(story())


def test_a_fax_on_the_only_line_makes_way_for_an_emergency_call(clinic: Town) -> None:
    async def story(figures: Figures) -> None:
        await clinic.telco.lines(1)
        fax = await clinic.telco.call(NUMBER)
        await soon(fax.answered)
        began = time.monotonic()
        emergency = await clinic.telco.dial("104", "911")
        figures.at_most(2.0, await soon(emergency.answered) - began, "answered")
        await soon(fax.ended)
        await emergency.hang_up()

    clinic.run_on_time(story)
