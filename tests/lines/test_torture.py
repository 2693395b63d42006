"""What RFC 4475 tortures an exchange with, one message after another, while two desks talk: each is
answered as its row says, and nobody who talks takes notice."""

import asyncio
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware.asterisk.telco import Answers
from tests.lines import torture
from tests.lines.torture import Torture
from tests.system import ear, practice
from tests.system.town import Figures, Town, soon

ANSWER_WITHIN_S = 0.25
SAID_HZ = 2900
SILENCE_AT_MOST_S = 0.1


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with practice.build(tmp_path_factory.mktemp("torture")) as standing:
        yield standing


async def answered(knocking: socket.socket, one: Torture, to: tuple[str, int]) -> int | None:
    """The first answer that is this message's own."""
    loop = asyncio.get_running_loop()
    await loop.sock_sendto(knocking, one.message, to)
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            while True:
                answer = await loop.sock_recv(knocking, 65536)
                named = re.search(rb"(?im)^(?:call-id|i)\s*:\s*([^@\s]+)", answer)
                is_its_own = named is None or named[1].decode("latin-1") == one.name
                if answer.startswith(b"SIP/2.0 ") and is_its_own and answer[8:9] != b"1":
                    return int(answer[8:11])
    except TimeoutError:
        return None


def test_each_torture_message_is_answered_as_its_row_says_and_two_desks_talk_on(
    here: Town, tmp_path: Path
) -> None:
    async def story(_figures: Figures) -> None:
        said = ear.write_tone(tmp_path / "said.wav", SAID_HZ)
        await here.telco.behave("103", Answers())
        call = await here.telco.dial("102", "103", speaks=said)
        ring = await here.telco.next_ring("103")
        await soon(ring.talked)
        ports = here.rehearsal.site.ports
        to = (ports.sip_address, ports.sip)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as knocking:
            knocking.bind(("127.0.0.77", 0))
            knocking.setblocking(False)
            me = "{}:{}".format(*knocking.getsockname())
            rows = torture.every(to[0], me)
            told = [(one, await answered(knocking, one, to)) for one in rows]
        otherwise = [
            f"{one.section} {one.name}: {code}, and not one of {one.answers}"
            for one, code in told
            if code not in one.answers
        ]
        assert not otherwise, "\n".join(otherwise)
        assert len({one.section for one, _ in told}) == 49
        await call.hang_up()
        await soon(ring.ended)
        assert ear.longest_silence_s(ring.heard, 0.5) <= SILENCE_AT_MOST_S
        assert not here.telco.emergency_invitations

    here.run_on_time(story)
