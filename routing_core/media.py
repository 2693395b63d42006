"""The media engine's face: commands go in, events and sealed-to-be chunks come out.

Two threads use it, each its own half: the loop thread everything but `chunks` and `give_back`, the
recorder thread those two. The engine itself runs in C and never waits for either. A call is an int
that names its place and how often the place has been used: a late command to a caller who left
reaches nobody. Times are nanoseconds of the monotonic clock.
"""

import errno
import mmap
import resource
import uuid
import weakref
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from routing_core._core import ffi, lib
from routing_core.progress import Kind, Tones

RATE_HZ = 8000
CLIPS_MOST: int = lib.RC_MEDIA_CLIPS
CALLS_MOST: int = lib.RC_MEDIA_CALLS_MOST

# The dead-man's handle: the loop feeds the engine each quarter second.
UNFED_AFTER_S = 1.0
# Of each call's recording: a second that is being spoken, and one that is being sealed.
AT_WORK_S = 2
# What is kept of a recording whose sealing stalls, of so many at once.
BACKLOG_S, BACKLOGS = 30, 64
# Files and sockets of the process beside the callers' connections.
OTHER_DESCRIPTORS = 256


class Closing(Enum):
    """Why a call's audio ended."""

    HUNG_UP = lib.RC_CLOSED_HUNG_UP
    LOST = lib.RC_CLOSED_LOST
    PEER_FAILED = lib.RC_CLOSED_PEER_FAILED
    BAD_FRAME = lib.RC_CLOSED_BAD_FRAME
    PEER_STUCK = lib.RC_CLOSED_PEER_STUCK
    LET_GO = lib.RC_CLOSED_LET_GO
    ALL_LET_GO = lib.RC_CLOSED_ALL_LET_GO
    UNFED = lib.RC_CLOSED_UNFED
    UNHEARD = lib.RC_CLOSED_UNHEARD
    STOPPED = lib.RC_CLOSED_STOPPED


@dataclass(frozen=True, slots=True)
class Opened:
    """A caller is here, under the UUID its dialplan drew."""

    call: int
    uuid: str


@dataclass(frozen=True, slots=True)
class ToneBegan:
    """A key is down, heard in the audio; `at_ns` is its onset."""

    call: int
    digit: str
    at_ns: int


@dataclass(frozen=True, slots=True)
class ToneEnded:
    """The key heard in the audio is up again."""

    call: int
    digit: str
    at_ns: int


@dataclass(frozen=True, slots=True)
class KeyFrame:
    """Asterisk told a key (RFC 4733 or INFO) at its end."""

    call: int
    digit: str
    at_ns: int


@dataclass(frozen=True, slots=True)
class Played:
    """The whole playlist has been sent; one that is stopped or replaced is never told."""

    call: int
    tag: int


@dataclass(frozen=True, slots=True)
class SpeechEnded:
    """The caller spoke while being recorded and has now been quiet for a while, or never spoke."""

    call: int
    spoke: bool


@dataclass(frozen=True, slots=True)
class RecordingEnded:
    """Ended by command or because the caller left. Each recording ends in one event of three."""

    call: int
    samples: int
    spoke: bool


@dataclass(frozen=True, slots=True)
class RecordingFull:
    """The recording is as long as it may be."""

    call: int
    samples: int
    spoke: bool


@dataclass(frozen=True, slots=True)
class Stalled:
    """The recorder is too far behind, and the recording ended here."""

    call: int
    samples: int
    spoke: bool


@dataclass(frozen=True, slots=True)
class LineTone:
    """A tone that is listened for is on the caller's line."""

    call: int
    kind: Kind


@dataclass(frozen=True, slots=True)
class LineSilent:
    """Nothing was heard or keyed for as long as was asked."""

    call: int


@dataclass(frozen=True, slots=True)
class Closed:
    """The caller's audio is gone; nothing of this call comes after it."""

    call: int
    reason: Closing


Event = (
    Opened
    | ToneBegan
    | ToneEnded
    | KeyFrame
    | Played
    | SpeechEnded
    | RecordingEnded
    | RecordingFull
    | Stalled
    | LineTone
    | LineSilent
    | Closed
)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A second of a recording, lent until it is given back. The last may be shorter, or empty."""

    call: int
    uuid: str
    number: int  # from 0 in each recording
    last: bool
    samples: int
    audio: memoryview  # the samples' bytes, 16 bit little-endian, to be sealed where they are
    room: memoryview  # the same bytes and 16 more, where a seal's tag may go
    place: int


@dataclass(frozen=True, slots=True)
class Stats:
    """Counts since the start, but for `calls` and `chunks_free`, which are of now."""

    calls: int
    chunks_free: int
    opened: int
    refused: int
    frames_in: int
    frames_out: int
    samples_dropped: int
    ticks: int
    ticks_late: int
    tick_late_worst_ns: int
    tick_work_worst_ns: int
    cpu_ns: int
    memory_locked: bool  # callers' words cannot reach a swap
    real_time: bool  # the engine goes before others on a busy machine


class MediaError(RuntimeError):
    """The engine could not be made, or takes no commands."""


class Clip:
    """Sound to play, copied once and never changed."""

    __slots__ = ("_at", "_samples")

    def __init__(self, samples: NDArray[np.int16]) -> None:
        if not isinstance(samples, np.ndarray):
            raise TypeError(f"a clip is a numpy array, not {type(samples).__name__}")
        if samples.dtype != np.int16 or samples.ndim != 1 or samples.size == 0:
            raise ValueError("a clip is one row of at least one int16 sample at 8 kHz")
        self._samples = samples.copy()
        self._samples.setflags(write=False)
        self._at = ffi.cast("int16_t *", self._samples.ctypes.data)

    def __len__(self) -> int:
        return self._samples.size

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self) / RATE_HZ


@dataclass(slots=True)
class _Heard:
    """What a call may be playing, and listens for: these must outlive it."""

    speech: tuple[Clip, ...] = ()
    music: tuple[Clip, ...] = ()
    tones: Tones | None = None

    def kind_of(self, place: int) -> Kind:
        assert self.tones is not None  # else none is told
        return self.tones.tones[place].kind


def _allow_descriptors(calls: int) -> None:
    """A connection is a descriptor, and the usual soft limit is 1,024 for the whole process."""
    wanted = calls + OTHER_DESCRIPTORS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise MediaError(
            f"{calls} calls need {wanted} open files and {hard} are allowed; "
            "raise the limit (ulimit -n, LimitNOFILE=) or ask for fewer calls"
        )
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _samples_in(seconds: float) -> int:
    return round(seconds * RATE_HZ)


class Media:
    """An AudioSocket server on 127.0.0.1 for up to `calls` callers.

    Of any recording `backlog_s` seconds may wait for the recorder thread, of so many recordings at
    once; of more, less. Two seconds of each call are beside that, so that a recorder that keeps
    up keeps up with all of them.
    """

    __slots__ = (
        "__weakref__",
        "_command",
        "_event",
        "_finish",
        "_heard",
        "_lent",
        "_media",
        "_memory",
        "_outgoing",
        "_sent",
    )

    def __init__(
        self,
        calls: int,
        *,
        port: int = 0,
        recordings: int = BACKLOGS,
        backlog_s: int = BACKLOG_S,
        unfed_after_s: float = UNFED_AFTER_S,
    ) -> None:
        settings = ffi.new("struct rc_media_settings *")
        if not 1 <= calls <= CALLS_MOST:
            raise ValueError(f"the engine carries 1 to {CALLS_MOST} calls, not {calls}")
        settings.calls = calls
        settings.chunks = calls * AT_WORK_S + recordings * backlog_s
        settings.chunks_of_one = backlog_s
        settings.port = port
        settings.unfed_after_ms = round(unfed_after_s * 1000)
        size = lib.rc_media_size(settings)
        if size == 0:
            raise ValueError("an engine needs room for at least one second of recording")
        _allow_descriptors(calls)
        self._memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        opened = ffi.new("struct rc_media **")
        status = lib.rc_media_open(ffi.from_buffer(self._memory), size, settings, opened)
        if status == lib.RC_SYSTEM:
            why = errno.errorcode.get(ffi.errno, str(ffi.errno))
            raise MediaError(
                f"the engine cannot listen on port {port} ({why}); does another exchange run here?"
            )
        self._media = opened[0]
        self._finish = weakref.finalize(self, _shut, self._media, self._memory)
        self._command = ffi.new("struct rc_media_command *")
        self._event = ffi.new("struct rc_media_event *")
        self._lent = ffi.new("struct rc_media_chunk *")
        self._heard: dict[int, _Heard] = {}
        self._outgoing: deque[tuple[int, tuple[Clip, ...]]] = deque()
        self._sent = 0

    # -- life ------------------------------------------------------------------------------------

    @property
    def port(self) -> int:
        """Where Asterisk connects."""
        return int(lib.rc_media_port(self._media))

    @property
    def event_fd(self) -> int:
        """Readable when `events` has something."""
        return int(lib.rc_media_event_fd(self._media))

    @property
    def chunk_fd(self) -> int:
        """Readable when a recording has begun or ended. Seconds between the two wake nobody: look
        for them a few times a second."""
        return int(lib.rc_media_chunk_fd(self._media))

    def start(self) -> None:
        """Answer connections from now on; the first `feed` is due within a second."""
        if lib.rc_media_start(self._media) != lib.RC_OK:
            raise MediaError("the engine's thread does not start; is it running already?")

    def stop(self) -> None:
        """Close every call and end the thread; what was recorded is still to be had."""
        lib.rc_media_stop(self._media)

    def feed(self) -> None:
        """The dead-man's handle: without it for a second, every caller goes to the fail-safe."""
        lib.rc_media_feed(self._media)

    def let_go_all(self) -> None:
        """Give every caller to the fail-safe now."""
        lib.rc_media_let_go_all(self._media)

    # -- what a caller hears ---------------------------------------------------------------------

    def load(self, samples: NDArray[np.int16]) -> Clip:
        """Sound for any caller, any number of times."""
        return Clip(samples)

    def play(self, call: int, clips: Sequence[Clip], *, tag: int) -> None:
        """Speak clips one after another, in place of what is being spoken."""
        if len(clips) > CLIPS_MOST:
            raise ValueError(f"a playlist has at most {CLIPS_MOST} clips, not {len(clips)}")
        self._command.tag = tag
        self._send_clips(call, lib.RC_ORDER_PLAY, clips)
        heard = self._heard.get(call)
        if heard is not None:
            self._outgoing.append((self._sent, heard.speech))
            heard.speech = tuple(clips)

    def stop_playing(self, call: int) -> None:
        """Stop speech; music, if on, goes on."""
        self._send(call, lib.RC_ORDER_STOP_PLAYING)

    def music(self, call: int, clip: Clip | None) -> None:
        """Play a clip over and over whenever nothing is spoken; None ends it."""
        clips = () if clip is None else (clip,)
        self._send_clips(call, lib.RC_ORDER_MUSIC, clips)
        heard = self._heard.get(call)
        if heard is not None:
            self._outgoing.append((self._sent, heard.music))
            heard.music = clips

    # -- what a caller says ----------------------------------------------------------------------

    def record(self, call: int, *, longest_s: float, quiet_s: float, silent_s: float = 0) -> None:
        """Record from now on; a recording that runs is ended first. Quiet after speech is told, and
        so is silence from the begin on; 0: it is not."""
        self._command.longest = _samples_in(longest_s)
        self._command.quiet = _samples_in(quiet_s)
        self._command.silent = _samples_in(silent_s)
        self._send(call, lib.RC_ORDER_RECORD)

    def stop_recording(self, call: int) -> None:
        """End the recording, if one runs; its last chunk follows."""
        self._send(call, lib.RC_ORDER_STOP_RECORDING)

    def listen(self, call: int, tones: Tones, *, silent_s: float = 0) -> None:
        """Listen, from now on, for what the line itself says: these tones, and that nothing at all
        was heard or keyed for so long; 0: that is not told. Once for each call."""
        heard = self._heard.get(call)
        if heard is None:
            return
        if heard.tones is not None:
            raise ValueError("this call's line is listened to already")
        heard.tones = tones
        self._command.tones = tones._table
        self._command.silent = _samples_in(silent_s)
        self._send(call, lib.RC_ORDER_LISTEN)

    def close(self, call: int) -> None:
        """Let the caller go; Asterisk's dialplan takes over."""
        self._send(call, lib.RC_ORDER_CLOSE)

    # -- commands --------------------------------------------------------------------------------

    def _send_clips(self, call: int, order: int, clips: Sequence[Clip]) -> None:
        self._command.count = len(clips)
        for number, clip in enumerate(clips):
            self._command.clips[number].samples = clip._at
            self._command.clips[number].length = len(clip)
        try:
            self._send(call, order)
        finally:
            self._command.count = 0

    def _send(self, call: int, order: int) -> None:
        if call not in self._heard:
            return
        self._command.call = call
        self._command.order = order
        status = lib.rc_media_command(self._media, self._command)
        if status == lib.RC_FULL:
            raise MediaError("the engine has stopped taking commands; restart the exchange")
        if status != lib.RC_OK:
            raise ValueError("the engine does not understand this command")
        self._sent += 1
        self._drop_clips()

    def _drop_clips(self) -> None:
        """Forget clips the engine cannot be playing any more."""
        taken = lib.rc_media_commands_taken(self._media)
        while self._outgoing and self._outgoing[0][0] <= taken:
            self._outgoing.popleft()

    # -- events and chunks -----------------------------------------------------------------------

    def events(self) -> list[Event]:
        """What has happened since the last time, in order."""
        found: list[Event] = []
        while lib.rc_media_next_event(self._media, self._event) == lib.RC_OK:
            found.append(self._translate(self._event))
        return found

    def _translate(self, event: Any) -> Event:
        call = int(event.call)
        kind = event.kind
        if kind == lib.RC_MEDIA_OPENED:
            self._heard[call] = _Heard()
            return Opened(call, str(uuid.UUID(bytes=bytes(event.uuid))))
        if kind == lib.RC_MEDIA_CLOSED:
            self._heard.pop(call, None)
            return Closed(call, Closing(event.reason))
        if kind == lib.RC_MEDIA_LINE_SILENT:
            return LineSilent(call)
        if kind == lib.RC_MEDIA_LINE_TONE:
            return LineTone(call, self._heard[call].kind_of(int(event.tag)))
        if kind == lib.RC_MEDIA_PLAYED:
            return Played(call, int(event.tag))
        if kind == lib.RC_MEDIA_SPEECH_ENDED:
            return SpeechEnded(call, bool(event.spoke))
        if kind in _OF_KEYS:
            return _OF_KEYS[kind](call, event.digit.decode("ascii"), int(event.at_ns))
        return _OF_RECORDINGS[kind](call, int(event.samples), bool(event.spoke))

    def chunks(self) -> list[Chunk]:
        """Seconds of recordings to be sealed, in order. Recorder thread only."""
        found: list[Chunk] = []
        while lib.rc_media_next_chunk(self._media, self._lent) == lib.RC_OK:
            found.append(self._lend(self._lent))
        return found

    def _lend(self, lent: Any) -> Chunk:
        at = lib.rc_media_chunk_audio(self._media, lent.chunk)
        offset = int(ffi.cast("uintptr_t", at)) - int(ffi.cast("uintptr_t", self._media))
        size = int(lent.samples) * 2
        whole = memoryview(self._memory)
        return Chunk(
            call=int(lent.call),
            uuid=str(uuid.UUID(bytes=bytes(lent.uuid))),
            number=int(lent.number),
            last=bool(lent.last),
            samples=int(lent.samples),
            audio=whole[offset : offset + size],
            room=whole[offset : offset + size + lib.RC_CHUNK_SPARE],
            place=int(lent.chunk),
        )

    def give_back(self, chunk: Chunk) -> None:
        """The chunk is durable, or given up: the engine wipes and uses it again."""
        if lib.rc_media_give_back(self._media, chunk.place) != lib.RC_OK:
            raise ValueError("this chunk was given back before")

    def stats(self) -> Stats:
        """How the engine fares; any thread may ask."""
        stats = ffi.new("struct rc_media_stats *")
        lib.rc_media_stats(self._media, stats)
        return Stats(
            **{name: int(getattr(stats, name)) for name in Stats.__slots__[:-2]},
            memory_locked=bool(stats.memory_locked),
            real_time=bool(stats.real_time),
        )


_OF_KEYS: dict[int, type[ToneBegan | ToneEnded | KeyFrame]] = {
    lib.RC_MEDIA_TONE_BEGAN: ToneBegan,
    lib.RC_MEDIA_TONE_ENDED: ToneEnded,
    lib.RC_MEDIA_KEY_FRAME: KeyFrame,
}
_OF_RECORDINGS: dict[int, type[RecordingEnded | RecordingFull | Stalled]] = {
    lib.RC_MEDIA_RECORDING_ENDED: RecordingEnded,
    lib.RC_MEDIA_RECORDING_FULL: RecordingFull,
    lib.RC_MEDIA_STALLED: Stalled,
}


def _shut(media: Any, memory: mmap.mmap) -> None:
    """Runs when nobody holds the engine; `memory` is here so that it lives until then."""
    lib.rc_media_stop(media)
    lib.rc_media_shut(media)
    del memory
