"""Keys in any audio: raw sound in at standard input, a line for each key out. No call is needed.

A line is written as soon as all of it is known, which is when the key was let go; with `--live` as
soon as the key is known, which is 25 ms after its begin on a clean line. Nothing said is taken
back, whatever comes after: audio that ends within a sample is told of at the end.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, BinaryIO

import numpy as np
import typer

from routing_core.audio import SAMPLE_BYTES, SAMPLE_RATE_HZ, Law, Pcm, decode
from routing_core.dtmf import Detector, ToneBegan, ToneEnded

BAD_INPUT = 2

# What is read at once, if there is so much: half a second of 8 kHz.
READ_BYTES = 8192

# So long after the last sample, no key is still waited for.
SILENCE_AFTER_MS = 60

app = typer.Typer()


class Coding(StrEnum):
    """How a sample is written: 16 bits, the lower byte first, or one byte of G.711."""

    SLIN = "slin"
    ALAW = "alaw"
    ULAW = "ulaw"


class Rate(StrEnum):
    """Samples a second."""

    NARROW = "8000"
    WIDE = "16000"


@app.command()
def dtmf(
    law: Annotated[Coding, typer.Option(help="how a sample is written")] = Coding.SLIN,
    rate: Annotated[Rate, typer.Option(help="samples a second")] = Rate.NARROW,
    live: Annotated[
        bool, typer.Option("--live", help="a line when a key is known, '-' for its end")
    ] = False,
) -> None:
    """The keys in raw audio from standard input, a line for each: DIGIT START_MS END_MS DECIDED_MS.

    START_MS and END_MS say when the key was pressed and let go, DECIDED_MS how much had been heard
    when it was known, all in milliseconds of audio. The line comes when the key was let go.
    """
    samples = Samples(law)
    ear = Ear(live=live)
    halver = Halver() if rate is Rate.WIDE else None
    try:
        for raw in pieces_of(sys.stdin.buffer):
            pcm = samples.of(raw)
            say(ear.hear(halver.halve(pcm) if halver else pcm))
        if halver:
            say(ear.hear(halver.rest()))
        say(ear.end())
    except BrokenPipeError:  # nobody reads on
        sys.stderr.close()
        raise typer.Exit(1) from None
    if samples.odd:
        typer.echo(
            "the audio ended in the middle of a sample: one byte is missing or too much; for one"
            " byte a sample say --law alaw or --law ulaw",
            err=True,
        )
        raise typer.Exit(BAD_INPUT)


def pieces_of(sound: BinaryIO) -> Iterator[bytes]:
    """Whatever has come, as it comes, until the end."""
    while piece := getattr(sound, "read1", sound.read)(READ_BYTES):
        yield piece


def say(lines: Iterator[str]) -> None:
    """Each at once: who waits for a key at the other end of a pipe shall not wait for a second."""
    for line in lines:
        typer.echo(line)
        sys.stdout.flush()


@dataclass(slots=True)
class Samples:
    """Bytes to samples, wherever the bytes were cut."""

    law: Coding
    odd: bytes = b""

    def of(self, raw: bytes) -> Pcm:
        """All that are whole; what is left waits for its other half."""
        if self.law is not Coding.SLIN:
            return decode(np.frombuffer(raw, np.uint8), Law(self.law.value))
        raw = self.odd + raw
        whole = len(raw) - len(raw) % SAMPLE_BYTES
        self.odd = raw[whole:]
        return np.frombuffer(raw[:whole], "<i2").astype(np.int16)


@dataclass(slots=True)
class Ear:
    """The detector, and the key that is down."""

    live: bool
    detector: Detector = field(default_factory=Detector)
    down: ToneBegan | None = None
    heard: int = 0

    def hear(self, pcm: Pcm) -> Iterator[str]:
        """More audio; the lines that are due."""
        self.heard += len(pcm)
        return self._lines(pcm)

    def end(self) -> Iterator[str]:
        """There is no more; a key still down ends here."""
        return self._lines(np.zeros(SILENCE_AFTER_MS * SAMPLE_RATE_HZ // 1000, np.int16))

    def _lines(self, pcm: Pcm) -> Iterator[str]:
        for event in self.detector.feed(pcm):
            match event:
                case ToneBegan():
                    self.down = event
                    if self.live:
                        yield line(event, "-")
                case ToneEnded(at_sample=at) if self.down is not None:
                    if not self.live:
                        yield line(self.down, ms(min(at, self.heard)))
                    self.down = None


def line(key: ToneBegan, end_ms: str) -> str:
    """As it is printed."""
    return f"{key.digit} {ms(key.at_sample)} {end_ms} {ms(key.decided_sample)}"


def ms(samples: int) -> str:
    """Of audio at the detector's rate."""
    return f"{samples * 1000 / SAMPLE_RATE_HZ:.1f}"


# The upper half of 8 kHz is 60 dB down from 4.4 kHz on; the tones of keys end at 1.7 kHz.
TAPS = 63
MIDDLE = TAPS // 2
TAPS_SUM = 1 << 15


def _half_band() -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """A sinc in a Kaiser window, in whole numbers: the same sum however the audio is cut."""
    at = np.arange(TAPS) - MIDDLE
    taps = np.sinc(at / 2) * np.kaiser(TAPS, 6.0)
    return np.asarray(np.rint(taps * TAPS_SUM / taps.sum()), np.int64)


@dataclass(slots=True)
class Halver:
    """16 kHz to 8 kHz, in pieces of any size; a sample comes out where it went in."""

    taps: np.ndarray[tuple[int], np.dtype[np.int64]] = field(default_factory=_half_band)
    kept: np.ndarray[tuple[int], np.dtype[np.int64]] = field(
        default_factory=lambda: np.zeros(MIDDLE, np.int64)  # silence came before
    )

    def halve(self, pcm: Pcm) -> Pcm:
        """As many as can be told by now."""
        sound = np.concatenate([self.kept, pcm.astype(np.int64)])
        if len(sound) < TAPS:
            self.kept = sound
            return np.zeros(0, np.int16)
        windows = np.lib.stride_tricks.sliding_window_view(sound, TAPS)[::2]
        self.kept = sound[2 * len(windows) :]
        made = (windows @ self.taps + TAPS_SUM // 2) // TAPS_SUM
        return np.clip(made, -32768, 32767).astype(np.int16)

    def rest(self) -> Pcm:
        """The last ones, for which silence comes after."""
        return self.halve(np.zeros(MIDDLE, np.int16))
