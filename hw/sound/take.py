"""So many seconds of a microphone, for a recording. Whole or not at all: of a prompt nobody wants a
part.
"""

from collections.abc import Callable

from hw.sound.port import RATE_HZ, Port, Slipped, SoundGoneError


async def take(microphone: Port, seconds: float, listens: Callable[[], None]) -> bytes:
    """Samples from when it `listens` on. SoundGoneError: it went away, or some of it was lost."""
    wanted, taken = 2 * round(seconds * RATE_HZ), bytearray()
    await microphone.open()
    listens()
    try:
        while len(taken) < wanted:
            told = await microphone.next_told()
            if isinstance(told, Slipped):
                raise SoundGoneError("a part of it was lost: the machine was busy, record it again")
            taken += told.samples
    finally:
        await microphone.close()
    return bytes(taken[:wanted])
