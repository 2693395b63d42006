"""Every door to the core takes memory only of the kind it is for: whatever else it is given, it
refuses with the reason, and never reads or writes beside it.

The doors are found, not listed: a new function that takes an array fails here until it has a way
to be tried. This file runs under the sanitizers too.
"""

import array
import dataclasses
import importlib
import inspect
import pkgutil
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import routing_core
from routing_core import audio, dtmf, learning, media, mix, progress, trim
from routing_core.audio import Law

ALAW = Law.ALAW
TONES = progress.Tones([progress.Tone(progress.Kind.BUSY, (progress.Burst((425.0,), 500, 500),))])


@pytest.fixture(scope="module", autouse=True)
def engine() -> Iterator[None]:
    """One engine for all that is tried on it."""
    ENGINE.append(media.Media(1, recordings=1, backlog_s=1))
    yield
    ENGINE.clear()


ENGINE: list[media.Media] = []


@dataclass(frozen=True, slots=True)
class Door:
    """A parameter that takes memory: how to hand something in, and what may pass."""

    hand_in: Callable[[Any], object]
    sample: str = "int16"
    dimensions: tuple[int, ...] = (1,)
    is_filled: bool = False  # it must be writable
    is_optional: bool = False  # None asks for a new one
    is_copied: bool = False  # it may lie in pieces, and must hold something

    def fits(self, thing: object) -> bool:
        if thing is None:
            return self.is_optional
        if not isinstance(thing, np.ndarray) or thing.dtype != np.dtype(self.sample):
            return False
        if thing.ndim not in self.dimensions:
            return False
        if self.is_copied:
            return thing.size > 0
        if self.is_filled and not thing.flags.writeable:
            return False
        return bool(thing.flags.c_contiguous and thing.flags.aligned)


def like(thing: object, sample: str = "int16") -> Any:
    """An input to go with an output, as far as one can."""
    shape = thing.shape if isinstance(thing, np.ndarray) and thing.ndim in (1, 2) else (7,)
    return np.ones(shape, dtype=sample)


def rows_of(thing: object) -> int:
    return max(1, len(thing)) if isinstance(thing, np.ndarray) and thing.ndim == 2 else 1


def gain_for(thing: object) -> mix.Gain:
    return mix.Gain(-3.0, channels=rows_of(thing))


ONE_OR_MORE = (1, 2)
DOORS = {
    "audio.lent(array)": Door(lambda it: audio.lent(it, "int16_t")),
    "audio.lent_channels(array)": Door(
        lambda it: audio.lent_channels(it, "uint8_t"), "uint8", ONE_OR_MORE
    ),
    "audio.lent_out(out)": Door(
        lambda it: audio.lent_out(it, "int16_t", like(it)), dimensions=ONE_OR_MORE, is_filled=True
    ),
    "audio.encode(pcm)": Door(lambda it: audio.encode(it, ALAW), dimensions=ONE_OR_MORE),
    "audio.encode(out)": Door(
        lambda it: audio.encode(like(it), ALAW, it),
        "uint8",
        ONE_OR_MORE,
        is_filled=True,
        is_optional=True,
    ),
    "audio.decode(codes)": Door(lambda it: audio.decode(it, Law.ULAW), "uint8", ONE_OR_MORE),
    "audio.decode(out)": Door(
        lambda it: audio.decode(like(it, "uint8"), ALAW, it),
        dimensions=ONE_OR_MORE,
        is_filled=True,
        is_optional=True,
    ),
    "audio.level_dbm0(pcm)": Door(audio.level_dbm0),
    "audio.levels_dbm0(pcm)": Door(audio.levels_dbm0, dimensions=ONE_OR_MORE),
    "audio.Meter.feed(pcm)": Door(lambda it: audio.Meter().feed(it)),
    "audio.Voice.feed(pcm)": Door(lambda it: audio.Voice().feed(it)),
    "dtmf.Detector.feed(pcm)": Door(lambda it: dtmf.Detector().feed(it)),
    "dtmf.Detectors.feed(pcm)": Door(
        lambda it: dtmf.Detectors(rows_of(it)).feed(it), dimensions=ONE_OR_MORE
    ),
    "learning.learn(pcm)": Door(learning.learn),
    "media.Clip.__init__(samples)": Door(media.Clip, is_copied=True),
    "media.Media.load(samples)": Door(lambda it: ENGINE[0].load(it), is_copied=True),
    "mix.mix(one)": Door(lambda it: mix.mix(it, like(it)), dimensions=ONE_OR_MORE),
    "mix.mix(other)": Door(lambda it: mix.mix(like(it), it), dimensions=ONE_OR_MORE),
    "mix.mix(out)": Door(
        lambda it: mix.mix(like(it), like(it), it),
        dimensions=ONE_OR_MORE,
        is_filled=True,
        is_optional=True,
    ),
    "mix.Gain.apply(pcm)": Door(lambda it: gain_for(it).apply(it), dimensions=ONE_OR_MORE),
    "mix.Gain.apply(out)": Door(
        lambda it: gain_for(it).apply(like(it), it),
        dimensions=ONE_OR_MORE,
        is_filled=True,
        is_optional=True,
    ),
    "mix.Gain.mix(pcm)": Door(lambda it: gain_for(it).mix(it, like(it)), dimensions=ONE_OR_MORE),
    "mix.Gain.mix(onto)": Door(
        lambda it: gain_for(it).mix(like(it), it), dimensions=ONE_OR_MORE, is_filled=True
    ),
    "progress.Progress.feed(pcm)": Door(lambda it: progress.Progress(TONES).feed(it)),
    "trim.threshold_dbm0(pcm)": Door(trim.threshold_dbm0),
    "trim.keeps(pcm)": Door(trim.keeps),
    "trim.trimmed(pcm)": Door(trim.trimmed),
}

# These take memory and give none of it to the core.
NO_DOORS = {
    "audio.channels_of(audio)",  # asks for a shape
    "audio.lent_out(source)",  # what was lent already
    "audio.pcm_from_bytes(raw)",  # has a test of its own below
}

BUFFERS = ("ndarray", "bytes", "bytearray", "memoryview")


def callables_of(module: types.ModuleType) -> Iterator[Callable[..., object]]:
    """Public functions, and public methods of public classes; what only holds values is neither."""
    for name, thing in vars(module).items():
        if name.startswith("_") or getattr(thing, "__module__", "") != module.__name__:
            continue
        if inspect.isfunction(thing):
            yield thing
        elif inspect.isclass(thing) and not dataclasses.is_dataclass(thing):
            for method_name, method in vars(thing).items():
                is_public = not method_name.startswith("_") or method_name == "__init__"
                if is_public and inspect.isfunction(method):
                    yield method


def doors_found() -> set[str]:
    found = set()
    for part in pkgutil.iter_modules(routing_core.__path__):
        if part.name.startswith("_"):
            continue
        module = importlib.import_module(f"routing_core.{part.name}")
        for function in callables_of(module):
            for name, parameter in inspect.signature(function).parameters.items():
                if any(word in str(parameter.annotation) for word in BUFFERS):
                    found.add(f"{part.name}.{function.__qualname__}({name})")
    return found


def test_every_door_is_tried() -> None:
    assert doors_found() == DOORS.keys() | NO_DOORS


KINDS = [
    "int16", "uint8", "int8", "uint16", "int32", "int64", "float16", "float32", "float64",
    "complex64", "bool", ">i2", ">i4", "S2", "U1", "M8[s]", "i2,u1", "object",
]  # fmt: skip
SHAPES = [(), (0,), (1,), (7,), (160,), (1, 9), (2, 5), (3, 0), (2, 3, 4)]


def plain(kind: str, shape: tuple[int, ...]) -> Any:
    return np.zeros(shape, dtype=kind)


def every_other(kind: str, shape: tuple[int, ...]) -> Any:
    return np.zeros((*shape, 2), dtype=kind)[..., 0]


def backwards(kind: str, shape: tuple[int, ...]) -> Any:
    return np.zeros(shape, dtype=kind)[::-1] if shape else np.zeros(shape, dtype=kind)


def sideways(kind: str, shape: tuple[int, ...]) -> Any:
    return np.zeros(shape[::-1], dtype=kind).T


def read_only(kind: str, shape: tuple[int, ...]) -> Any:
    locked = np.zeros(shape, dtype=kind)
    locked.setflags(write=False)
    return locked


def one_for_all(kind: str, shape: tuple[int, ...]) -> Any:
    return np.broadcast_to(np.zeros((), dtype=kind), shape)


def between_samples(kind: str, shape: tuple[int, ...]) -> Any:
    if kind == "object":
        return plain(kind, shape)
    size = np.zeros(shape, dtype=kind).nbytes
    return np.frombuffer(bytearray(size + 1), np.uint8)[1:].view(kind).reshape(shape)


LAYOUTS = [plain, every_other, backwards, sideways, read_only, one_for_all, between_samples]

ARRAYS = st.builds(
    lambda layout, kind, shape: layout(kind, shape),
    st.sampled_from(LAYOUTS), st.sampled_from(KINDS), st.sampled_from(SHAPES),
)  # fmt: skip

# Arrays that all is well with but one thing, or nothing.
NEARLY = st.builds(
    lambda layout, kind, shape: layout(kind, shape),
    st.sampled_from(LAYOUTS), st.sampled_from(["int16", "uint8"]), st.sampled_from(SHAPES),
)  # fmt: skip

NO_ARRAYS = st.sampled_from([
    None, [], [1, 2, 3], (1, 2), b"", b"\0\1", b"odd", bytearray(4), memoryview(b"\0\1\2\3"),
    array.array("h", [1, 2, 3]), "words", 7, 1.5, np.int16(7), {}, {1: 2}, object(), np.int16,
])  # fmt: skip


@pytest.mark.parametrize("name", DOORS)
@settings(max_examples=60)
@given(thing=ARRAYS | NEARLY | NO_ARRAYS)
@example(thing=plain("int16", (160,)))
@example(thing=plain("uint8", (160,)))
@example(thing=between_samples("int16", (7,)))
def test_what_does_not_fit_is_refused_with_the_reason_and_what_fits_passes(
    name: str, thing: object
) -> None:
    door, reason = DOORS[name], None
    try:
        door.hand_in(thing)
    except learning.NotLearnedError:
        pass  # it was heard, and no tone in it
    except (TypeError, ValueError) as refusal:
        reason = str(refusal)
    assert reason != ""
    assert (reason is None) == door.fits(thing), reason


@given(st.binary(max_size=50))
def test_bytes_are_samples_in_pairs_and_nothing_else(raw: bytes) -> None:
    if len(raw) % 2:
        with pytest.raises(ValueError, match="one byte is missing or extra"):
            audio.pcm_from_bytes(raw)
    else:
        assert audio.pcm_from_bytes(raw).tobytes() == raw


@pytest.mark.parametrize("thing", [None, [1, 2], "words", 7, 1.5, object()])
def test_what_is_no_bytes_is_refused(thing: Any) -> None:
    with pytest.raises(TypeError):
        audio.pcm_from_bytes(thing)


@given(shift=st.integers(-8, 8))
def test_an_output_that_overlaps_its_input_is_refused_unless_it_is_the_input(shift: int) -> None:
    whole = np.arange(32, dtype=np.int16)
    source, out = whole[8:16], whole[8 + shift : 16 + shift]
    calls: list[Callable[[], object]] = [
        lambda: mix.mix(source, source, out),
        lambda: mix.Gain().apply(source, out),
        lambda: mix.Gain().mix(source, out),
        lambda: mix.mix(like(source), source, out),
    ]
    for call in calls:
        if shift == 0 or abs(shift) == 8:
            call()
        else:
            with pytest.raises(ValueError, match="overlaps the input"):
                call()


def test_codes_never_overlap_the_sound_they_are_of() -> None:
    pcm = np.arange(32, dtype=np.int16)
    with pytest.raises(ValueError, match="overlaps the input"):
        audio.encode(pcm[:16], ALAW, pcm.view(np.uint8)[:16])
    with pytest.raises(ValueError, match="overlaps the input"):
        audio.decode(pcm.view(np.uint8)[:16], ALAW, pcm[:16])
