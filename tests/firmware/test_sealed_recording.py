"""Engine, recorder and vault together: what a caller says lies sealed, and only so."""

from __future__ import annotations

import os
import select
import socket
import struct
import subprocess
import sys
import time
import uuid
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

from firmware import vault
from firmware.keys import KeyPair
from tests.firmware.voice import voice
from tests.plain_audio import force_core, forms_of, leaks, pieces_of

NURSES = KeyPair(b"n" * 32)
ROOT = Path(__file__).parents[2]
FRAME, FRAME_S = 160, 0.02
# The engine takes what is a second early, and puts silence in for what is late: so we are early,
# for this process may have to wait for its turn.
AHEAD_S = 0.8
SOON_S = 60
SPOKEN = voice(3.02, seed=9)

# The exchange as far as a message needs it: an engine that is fed, and a recorder behind it.
EXCHANGE = """
import select, sys
from pathlib import Path
from firmware.keys import KeyPair
from firmware.recorder import Kept, Recorder
from routing_core.media import Media, Opened, Played

media = Media(4)
nurses = KeyPair(b"n" * 32).public

def tell(told):
    print("kept" if isinstance(told, Kept) else told.reason, flush=True)

recorder = Recorder(media, Path(sys.argv[1]), lambda mailbox: [nurses], tell)
media.start()
print(media.port, flush=True)
while True:
    media.feed()
    select.select([media.event_fd], [], [], 0.2)
    for event in media.events():
        if isinstance(event, Opened):
            recorder.expect(event.uuid, "nurses", urgent=False)
            media.record(event.call, longest_s=60, quiet_s=0)
            media.play(event.call, [], tag=1)  # orders are carried out in order
        elif isinstance(event, Played):
            print("recording", flush=True)
"""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A process of ours with an engine in it."""

    process: subprocess.Popen[str]
    said: IO[str]
    port: int
    messages: Path

    def line(self) -> str:
        ready, _, _ = select.select([self.said], [], [], SOON_S)
        assert ready, "the exchange says nothing"
        return self.said.readline().strip()


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[Exchange]:
    messages = tmp_path / "messages"
    with subprocess.Popen(
        [sys.executable, "-c", EXCHANGE, str(messages)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    ) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        yield Exchange(process, process.stdout, port, messages)
        process.kill()


def speak(exchange: Exchange, audio: array[int]) -> socket.socket:
    """A caller who says this at the pace at which the engine speaks, and stays on the line."""
    caller = socket.create_connection(("127.0.0.1", exchange.port), timeout=SOON_S)
    caller.sendall(struct.pack(">BH", 0x01, 16) + uuid.uuid4().bytes)
    assert exchange.line() == "recording"
    heard, began = caller.makefile("rb"), time.monotonic()
    for frame, start in enumerate(range(0, len(audio), FRAME)):
        while time.monotonic() - began < frame * FRAME_S - AHEAD_S:
            heard.read(3 + 2 * FRAME)
        raw = audio[start : start + FRAME].tobytes()
        caller.sendall(struct.pack(">BH", 0x10, len(raw)) + raw)
    return caller


def recorded(messages: Path) -> array[int]:
    """What the one message there holds, as samples."""
    vault.adopt(messages, set())
    (path,) = messages.glob("*" + vault.SEALED)
    samples = array("h")
    samples.frombytes(vault.hear(path, NURSES).audio)
    return samples


def contains(whole: array[int], part: array[int]) -> bool:
    return part.tobytes() in whole.tobytes()


def test_a_message_spoken_over_a_socket_is_opened_bit_for_bit(exchange: Exchange) -> None:
    caller = speak(exchange, SPOKEN)
    caller.sendall(struct.pack(">BH", 0x00, 0))
    assert exchange.line() == "kept"
    assert contains(recorded(exchange.messages), SPOKEN)
    assert leaks(SPOKEN, [exchange.messages]) == []
    caller.close()


def test_a_core_forced_in_the_middle_of_a_message_holds_nothing_of_it(
    exchange: Exchange, tmp_path: Path
) -> None:
    """Neither the memory of the process nor what it wrote: all but the last second is sealed."""
    caller = speak(exchange, SPOKEN)
    core = force_core(exchange.process.pid)
    assert core.stat().st_size > 1_000_000
    assert leaks(SPOKEN, [tmp_path]) == []
    assert len(recorded(exchange.messages)) >= 2 * vault.SAMPLE_RATE
    caller.close()


def test_the_search_of_a_core_would_find_what_a_process_holds(tmp_path: Path) -> None:
    """A process that kept a copy on its heap is caught by the same search."""
    planted = forms_of(next(iter(pieces_of(SPOKEN))))["raw, little-endian"]
    program = (
        "import sys; kept = bytearray.fromhex(sys.stdin.readline()); print('ready', flush=True);"
        "sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(planted.hex() + "\n")
        process.stdin.flush()
        assert process.stdout.readline() == "ready\n"
        core = force_core(process.pid)
    (leak,) = leaks(SPOKEN, [tmp_path])
    assert leak.path == core
