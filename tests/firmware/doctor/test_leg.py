"""The doctor's end of a call, with the other end of the socket in the test's hands: what is heard
lies where it was heard, and nobody but the call that is expected gets in."""

import socket
import struct
import threading
import time
import uuid

import numpy as np
import pytest

from firmware.doctor.leg import FRAME, KEY, NAME, SOUND, Frame, Leg, laid_out, let_go
from routing_core import audio

FRAMES = [np.full(FRAME, n + 1, np.int16).tobytes() for n in range(6)]


def test_a_stream_lies_end_to_end_from_where_its_least_late_frame_says() -> None:
    came = [0.130, 0.140, 0.161, 0.199]  # the first was late, the third is the truest
    laid = laid_out([Frame(at, sound) for at, sound in zip(came, FRAMES, strict=False)], 0.0)
    assert list(np.flatnonzero(laid)[[0, -1]]) == [round(0.12 * 8000), round(0.12 * 8000) + 639]


def test_after_a_pause_a_frame_lies_where_it_came() -> None:
    came = [0.1, 0.12, 0.5, 0.52]
    laid = laid_out([Frame(at, sound) for at, sound in zip(came, FRAMES, strict=False)], 0.0)
    assert laid[800] == 1
    assert not laid[1120:4000].any()
    assert laid[4000] == 3


def test_what_came_before_the_beginning_is_left_out() -> None:
    laid = laid_out([Frame(10.0 + n / 50, sound) for n, sound in enumerate(FRAMES)], 10.05)
    assert laid[0] == 3
    assert len(laid) == 6 * FRAME - 400


def test_nothing_heard_is_nothing() -> None:
    assert len(laid_out([], 0.0)) == 0


class Asterisk:
    """Connects as its AudioSocket does, and sends back what it hears, quieter and later."""

    def __init__(self, port: int, name: uuid.UUID) -> None:
        self.line = socket.create_connection(("127.0.0.1", port))
        self.say(NAME, name.bytes)

    def say(self, kind: int, body: bytes = b"") -> None:
        self.line.sendall(struct.pack(">BH", kind, len(body)) + body)

    def echoes(self, frames_late: int, divided: int) -> None:
        reader = self.line.makefile("rb")
        kept: list[bytes] = [bytes(2 * FRAME)] * frames_late
        while len(head := reader.read(3)) == 3 and head[0] == SOUND:
            pcm = np.frombuffer(reader.read(int.from_bytes(head[1:], "big")), np.int16)
            kept.append((pcm // divided).astype(np.int16).tobytes())
            self.say(SOUND, kept.pop(0))


def test_what_comes_back_of_a_call_is_heard_as_late_as_it_comes() -> None:
    name = uuid.uuid4()
    with Leg() as leg:
        stranger = Asterisk(leg.port, uuid.uuid4())
        far = Asterisk(leg.port, name)
        line = leg.take(name, 5)
        assert line is not None
        assert stranger.line.recv(1) == b""  # it was shown out
        far.say(KEY, b"5")
        echoing = threading.Thread(target=far.echoes, args=(4, 10))
        echoing.start()
        tone = audio.tone(1004, dbm0=-10, ms=400)
        heard = leg.talk(line, tone, most_s=0.8)
        let_go(line)
        echoing.join(5)
    loud = np.flatnonzero(np.abs(heard.sound) > 200)
    assert loud[0] / 8 == pytest.approx(80, abs=12)
    assert audio.level_dbm0(heard.sound[loud[0] : loud[-1]]) == pytest.approx(-30, abs=0.5)
    assert heard.keys == "5"
    assert not heard.hung_up
    assert heard.frames_out == 40


def test_who_hangs_up_is_told_at_once() -> None:
    name = uuid.uuid4()
    with Leg() as leg:
        far = Asterisk(leg.port, name)
        line = leg.take(name, 5)
        assert line is not None
        far.line.close()
        began = time.monotonic()
        assert leg.talk(line, np.zeros(8000, np.int16), most_s=10).hung_up
        assert time.monotonic() - began < 5
        line.close()


def test_who_stops_the_doctor_does_not_wait_for_a_call_that_never_comes() -> None:
    with Leg() as leg:
        threading.Timer(0.1, leg.stop).start()
        assert leg.take(uuid.uuid4(), 30) is None
