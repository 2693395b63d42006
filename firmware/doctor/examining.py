"""The calls of the line doctor: one between two ends of its own inside the box, and one to a number
outside. Each blocks its thread while it lasts; what is heard is measured and forgotten."""

import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from firmware.asterisk.dialplan import FAR_UUID
from firmware.doctor import findings, keying, sounding
from firmware.doctor.findings import Colour, Finding
from firmware.doctor.leg import FRAME_S, Heard, Leg, let_go
from routing_core import audio
from routing_core.audio import SAMPLE_RATE_HZ, Pcm

KEYS, KEY_MS, GAP_MS = "159D", 100.0, 100.0
INSIDE_WITHIN_S = 10.0
AFTER_S = 0.5  # for what is still on its way
BEGINS_S = 0.2  # both ends are ready by then
KEYS_S = 12.0  # that a person has to press some
NOT_THERE = Finding(
    "self-test line",
    Colour.RED,
    "does not answer",
    "publish the site again, which writes this line anew; if it stays, call your technician",
)


@dataclass(frozen=True, slots=True)
class Examined:
    """What was found, how long the box itself takes for there and back, and what can be drawn."""

    found: tuple[Finding, ...]
    own_ms: float = 0.0
    curves: sounding.Curves | None = None


def dialled() -> Pcm:
    """The keys that the doctor presses itself."""
    gap = np.zeros(round(GAP_MS * SAMPLE_RATE_HZ / 1000), np.int16)
    return np.concatenate([np.append(gap, audio.digit(key, ms=KEY_MS)) for key in KEYS])


def inside(near: Leg, far: Leg, name: uuid.UUID) -> Examined:
    """Both ends are ours, so each is heard at the other."""
    sent = sounding.sent()
    lasts_s = (len(sent) + len(dialled())) / SAMPLE_RATE_HZ + AFTER_S
    tone = audio.tone(sounding.TONE_HZ, dbm0=sounding.SENT_DBM0, ms=sounding.TONE_S * 1000)
    with ThreadPoolExecutor(2) as threads:
        lines = [
            threads.submit(near.take, name, INSIDE_WITHIN_S),
            threads.submit(far.take, uuid.UUID(FAR_UUID), INSIDE_WITHIN_S),
        ]
        ours, theirs = (each.result() for each in lines)
        if ours is None or theirs is None:
            for line in (ours, theirs):
                if line is not None:
                    let_go(line)
            return Examined((NOT_THERE,))
        began_s = time.monotonic() + BEGINS_S
        said = [np.concatenate((sent, dialled())), np.concatenate((np.zeros_like(sent), tone))]
        talks = [
            threads.submit(leg.talk, line, sound, most_s=lasts_s, began_s=began_s)
            for leg, line, sound in zip((near, far), (ours, theirs), said, strict=True)
        ]
        heard_near, heard_far = (talk.result() for talk in talks)
        let_go(ours)
        let_go(theirs)
    return _of_both(heard_near, heard_far)


def _of_both(near: Heard, far: Heard) -> Examined:
    sent = len(sounding.sent())
    own = sounding.delay_ms(far.sound[:sent])
    keys = keying.keys_in(far.sound[max(0, sent - SAMPLE_RATE_HZ // 2) :])
    heard = sounding.found_in(near.sound[:sent])
    found = (
        findings.of_frames(min(near.frames_in, far.frames_in), near.frames_out),
        findings.of_level(sounding.tone_dbm0(far.sound[:sent]), "level there"),
        findings.of_level(sounding.tone_dbm0(near.sound[sent:]), "level back"),
        *findings.of_sound(heard),
        *findings.of_echo(heard.echo, noise_dbm0p=heard.noise_dbm0p),
        *findings.of_keys(keys, far.keys),
    )
    curves = sounding.curves_in(near.sound[:sent], own or 0.0)
    return Examined(found, own or 0.0, curves)


def outside(
    leg: Leg,
    name: uuid.UUID,
    *,
    ring_s: float,
    keys: bool,
    own_ms: float,
    tell: Callable[[str], None],
) -> Examined | None:
    """Whoever answers at the number holds the telephone still, and then presses keys; None where
    nobody answered."""
    line = leg.take(name, ring_s)
    if line is None:
        return None
    sent = sounding.sent()
    tell("they have picked up: nobody speaks for six seconds")
    timer = threading.Timer(
        len(sent) / SAMPLE_RATE_HZ, tell, ["now press 1, 5, 9 at the far end, after the beep"]
    )
    if keys:
        timer.start()
    try:
        sound = np.concatenate((sent, audio.beep())) if keys else sent
        lasts_s = len(sent) / SAMPLE_RATE_HZ + (KEYS_S if keys else 0.0)
        heard = leg.talk(line, sound, most_s=lasts_s)
    finally:
        timer.cancel()
        let_go(line)
    return of_line(heard, keys=keys, own_ms=own_ms)


def of_line(heard: Heard, *, keys: bool, own_ms: float) -> Examined:
    """What a call to somebody outside says of the line. Who hung up early is measured as far as it
    went; before the sweep was over that is nothing."""
    sent = len(sounding.sent())
    if heard.frames_out * FRAME_S * SAMPLE_RATE_HZ < sent:
        cure = "try again with somebody who holds on for ten seconds"
        return Examined((Finding("the call", Colour.AMBER, "they hung up too early", cure),))
    frames = findings.of_frames(heard.frames_in, heard.frames_out)
    if frames.colour is Colour.RED:
        return Examined((frames,))
    found = sounding.found_in(heard.sound[:sent])
    told = (
        frames,
        *findings.of_sound(found),
        *findings.of_silence(found, heard.frames_in),
        *findings.of_echo(found.echo, own_ms, found.noise_dbm0p),
        *(findings.of_keys(keying.keys_in(heard.sound[sent:]), heard.keys) if keys else ()),
    )
    return Examined(told, own_ms, sounding.curves_in(heard.sound[:sent], own_ms))
