"""Any bytes as a prompt's file: samples come out, no more than the bytes hold, or a PromptError."""

import sys

import atheris

with atheris.instrument_imports(include=["wave", "chunk", "firmware.clips"]):
    import wave  # noqa: F401  what does the reading

    from firmware.clips import PromptError, samples_in


def read(raw: bytes) -> None:
    """One input."""
    try:
        samples = samples_in("prompt.wav", raw)
    except PromptError:
        return
    if samples.dtype != "int16" or not 0 < 2 * samples.size <= len(raw):
        raise AssertionError(f"{samples.size} samples of {len(raw)} bytes")


atheris.Setup(sys.argv, read)
atheris.Fuzz()
