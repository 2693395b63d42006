"""How loud a recording is over its length, in bars that a page can draw: no sound can be told from
them."""

from firmware import prompt_acts
from routing_core.audio import pcm_from_bytes

BARS = 120
LOUDEST = 255


def peaks(audio: bytes, bars: int = BARS) -> bytes:
    """The loudest sample of each part of 16-bit audio, of 255 for the loudest of all; as many bars
    as there are, or fewer where there are not that many samples."""
    columns = prompt_acts.peaks(pcm_from_bytes(audio), bars)
    tops = [max(high, -low) for low, high in columns]
    loudest = max([1, *tops])
    return bytes(top * LOUDEST // loudest for top in tops)
