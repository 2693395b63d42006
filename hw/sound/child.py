"""A sound device in a process of its own, started by hw/sound/portaudio.py and by nobody else.

PortAudio aborts the whole process for some devices (its issues #268 and #294), knows only those
that were there when it began (so each process begins anew), and may wait for ever for one that was
unplugged. So it never runs where calls are. It stands alone: of ours it imports nothing.

    child.py devices           tells of each device
    child.py play NAME         plays what comes on standard input; ends with it
    child.py hear NAME         tells what the device hears, until it is killed

It tells on standard output: one byte of kind, two of length (big endian), and so many bytes.

    D inputs outputs NAME      a device
    O                          found, and able to do it
    H samples                  heard
    S                          sound was lost at the device
    T                          sound was taken by the device
    G why                      gone; it ends

No stream is open while there is nothing to play: the device is free for others, and whether it is
still there is looked at every few seconds.
"""

import os
import select
import struct
import sys

try:
    import sounddevice
except OSError:  # a machine without PortAudio has no sound devices
    sys.exit(1)

RATE_HZ = 8000
FRAME_BYTES = 320  # 20 ms
LATE_MOST_BYTES = 10 * FRAME_BYTES
# So much silence is ahead of the sound: what comes a little late is not heard as a gap.
AHEAD = bytes(3 * FRAME_BYTES)
LATENCY_S = 0.06
IDLE_S = 0.5  # without sound for so long the stream is closed
LOOK_S = 2.0
HEAD = struct.Struct(">cH")
STREAM = {"samplerate": RATE_HZ, "channels": 1, "dtype": "int16"}


def tell(kind: bytes, told: bytes = b"") -> None:
    """One whole message; the pipe's reader is there or we end."""
    message = HEAD.pack(kind, len(told)) + told
    while message:
        message = message[os.write(1, message) :]


def devices() -> None:
    for one in sounddevice.query_devices():
        channels = f"{one['max_input_channels']} {one['max_output_channels']} "
        tell(b"D", channels.encode() + str(one["name"]).encode("utf-8", "replace"))


def index_of(name: str, direction: str) -> int:
    """PortAudio's number of it, for as long as this process lives. LookupError."""
    for one in sounddevice.query_devices():
        if one["name"] == name and one[f"max_{direction}_channels"] > 0:
            return int(one["index"])
    raise LookupError(name)


def play(name: str) -> None:
    device = index_of(name, "output")
    sounddevice.check_output_settings(device=device, **STREAM)
    tell(b"O")
    stream, rest = None, b""
    while True:
        readable, _, _ = select.select([0], [], [], LOOK_S if stream is None else IDLE_S)
        if readable:
            came = os.read(0, 1 << 16)
            if not came:
                return
            rest = newest(rest + came)
            whole = len(rest) - len(rest) % 2
            stream = opened(device) if stream is None else stream
            if stream.write(rest[:whole]):
                tell(b"S")
                stream.write(AHEAD)
            tell(b"T")
            rest = rest[whole:]
        elif stream is None:
            sounddevice.check_output_settings(device=device, **STREAM)
        else:
            stream.stop()
            stream.close()
            stream, rest = None, b""


def newest(samples: bytes) -> bytes:
    """Without what is too late; whole samples are left out, so halves stay what they were."""
    late = max(0, len(samples) - LATE_MOST_BYTES)
    return samples[late + late % 2 :]


def opened(device: int) -> sounddevice.RawOutputStream:
    stream = sounddevice.RawOutputStream(device=device, latency=LATENCY_S, **STREAM)
    stream.start()
    stream.write(AHEAD)
    return stream


def hear(name: str) -> None:
    device = index_of(name, "input")
    with sounddevice.RawInputStream(device=device, latency=LATENCY_S, **STREAM) as stream:
        tell(b"O")
        while True:
            samples, is_lost = stream.read(FRAME_BYTES // 2)
            if is_lost:
                tell(b"S")
            tell(b"H", bytes(samples))


def main() -> None:
    match sys.argv[1:]:
        case ["devices"]:
            devices()
        case ["play", name]:
            play(name)
        case ["hear", name]:
            hear(name)


try:
    main()
except (LookupError, OSError, sounddevice.PortAudioError) as failed:
    tell(b"G", type(failed).__name__.encode())
