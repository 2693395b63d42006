"""The doctor's own end of a call: Asterisk connects to it as to the engine (AudioSocket), it sends
what it was given, and keeps what it hears, both on one clock.

It is no part of the engine, in which callers are: it listens at a port of its own on loopback, for
the one call whose UUID it knows, and runs in a thread of its own. What it hears is only ever in
memory.
"""

import socket
import struct
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from routing_core.audio import SAMPLE_RATE_HZ, Pcm, pcm_from_bytes

# AudioSocket's kinds: https://docs.asterisk.org/Configuration/Channel-Drivers/AudioSocket/
HANG_UP, NAME, KEY, SOUND, FAULT = 0x00, 0x01, 0x03, 0x10, 0xFF
HEADER = struct.Struct(">BH")
FRAME = 160  # samples: 20 ms
FRAME_S = FRAME / SAMPLE_RATE_HZ
LATE_S = 0.06  # what comes later than this was preceded by silence, or by a loss
LOOK_S = 0.005


@dataclass(frozen=True, slots=True)
class Heard:
    """Of one call. `sound` begins at the moment in which the first frame was sent."""

    sound: Pcm
    frames_in: int
    frames_out: int
    keys: str  # those that came beside the audio (RFC 4733, INFO)
    hung_up: bool  # by the far end, before all was sent


@dataclass(frozen=True, slots=True)
class Frame:
    """As it came."""

    at_s: float
    sound: bytes


def laid_out(frames: Sequence[Frame], began_s: float) -> Pcm:
    """The frames on one clock: those that come in a stream lie end to end from the time at which
    the least late of them came; after a pause, the next lies where it came."""
    streams: list[list[Frame]] = []
    due_s = 0.0
    for frame in frames:
        if not streams or frame.at_s > due_s + LATE_S:
            streams.append([])
            due_s = frame.at_s
        streams[-1].append(frame)
        due_s = min(due_s, frame.at_s) + len(frame.sound) / 2 / SAMPLE_RATE_HZ
    pieces: list[tuple[int, Pcm]] = []
    for stream in streams:
        sound = pcm_from_bytes(b"".join(each.sound for each in stream))
        ends = np.cumsum([len(each.sound) / 2 / SAMPLE_RATE_HZ for each in stream])
        starts = np.concatenate(([0.0], ends[:-1]))
        first_s = min(each.at_s - start for each, start in zip(stream, starts, strict=True))
        pieces.append((round((first_s - began_s) * SAMPLE_RATE_HZ), sound))
    whole = np.zeros(max((max(0, at + len(sound)) for at, sound in pieces), default=0), np.int16)
    for at, sound in pieces:
        inside = sound[max(0, -at) :]
        whole[max(0, at) : max(0, at) + len(inside)] = inside
    return whole


class Leg:
    """Listens for as long as a `with` lasts; several calls may come to it one after another."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=2)
        self._over = threading.Event()
        self.port: int = self._listening.getsockname()[1]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()
        self._listening.close()

    def stop(self) -> None:
        """End what is going on, from any thread."""
        self._over.set()

    def take(self, name: uuid.UUID, within_s: float) -> socket.socket | None:
        """The connection of this call; None if it does not come in time, or was stopped."""
        until = time.monotonic() + within_s
        self._listening.settimeout(0.1)
        while time.monotonic() < until and not self._over.is_set():
            try:
                came, _ = self._listening.accept()
            except TimeoutError:
                continue
            came.settimeout(1.0)
            try:
                kind, body = _read(came)
            except OSError:
                came.close()
                continue
            if (kind, body) == (NAME, name.bytes):
                return came
            came.close()
        return None

    def talk(
        self, line: socket.socket, sound: Pcm, *, most_s: float, began_s: float | None = None
    ) -> Heard:
        """Send all of it, then silence until `most_s` have passed since the first frame; two legs
        that are to be compared begin at the same moment."""
        line.setblocking(False)
        began_s = time.monotonic() if began_s is None else began_s
        heard = _Ear()
        out = 0
        while not self._over.is_set() and not heard.hung_up and out * FRAME_S < most_s:
            if time.monotonic() >= began_s + out * FRAME_S:
                frame = np.zeros(FRAME, np.int16)
                piece = sound[out * FRAME : (out + 1) * FRAME]
                frame[: len(piece)] = piece
                if not _sent(line, HEADER.pack(SOUND, FRAME * 2) + frame.tobytes()):
                    break
                out += 1
            heard.listen(line)
            time.sleep(LOOK_S)
        lasted = out * FRAME_S >= most_s
        return Heard(
            sound=laid_out(heard.frames, began_s),
            frames_in=len(heard.frames),
            frames_out=out,
            keys=heard.keys,
            hung_up=not lasted and not self._over.is_set(),
        )


def let_go(line: socket.socket) -> None:
    """Hang up."""
    _sent(line, HEADER.pack(HANG_UP, 0))
    line.close()


class _Ear:
    """What has come of one connection, in whatever pieces."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.keys = ""
        self.hung_up = False
        self._rest = b""

    def listen(self, line: socket.socket) -> None:
        try:
            came = line.recv(65_536)
        except BlockingIOError:
            return
        except OSError:
            came = b""
        self.hung_up = self.hung_up or not came
        self._rest += came
        now_s = time.monotonic()
        while len(self._rest) >= HEADER.size:
            kind, size = HEADER.unpack_from(self._rest)
            if len(self._rest) < HEADER.size + size:
                return
            body = self._rest[HEADER.size : HEADER.size + size]
            self._rest = self._rest[HEADER.size + size :]
            self._take(kind, body, now_s)

    def _take(self, kind: int, body: bytes, now_s: float) -> None:
        match kind:
            case 0x10 if body and len(body) % 2 == 0:
                self.frames.append(Frame(now_s, body))
            case 0x03 if len(body) == 1 and body in b"0123456789*#ABCD":
                self.keys += body.decode("ascii")
            case 0x00 | 0xFF:
                self.hung_up = True
            case _:
                pass  # of a kind that says nothing to us


def _read(line: socket.socket) -> tuple[int, bytes]:
    kind, size = HEADER.unpack(_whole(line, HEADER.size))
    return kind, _whole(line, size)


def _whole(line: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        piece = line.recv(size - len(found))
        if not piece:
            raise ConnectionResetError("it is gone")
        found += piece
    return found


def _sent(line: socket.socket, frame: bytes) -> bool:
    try:
        line.sendall(frame)
    except OSError:
        return False
    return True
