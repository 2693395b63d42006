"""The machine's sound devices, from its own console or by SSH: which there are, and whether one is
heard. A technician listens; nothing is decided here."""

import asyncio
from typing import Annotated

import typer
from rich.console import Console

from hw.sound import portaudio
from hw.sound.level import bar
from hw.sound.port import FRAME_BYTES, RATE_HZ, Heard, Port, SoundGoneError
from hw.sound.portaudio import PortAudioPort, Way
from routing_core.audio import level_dbm0, pcm_from_bytes, tone

REFUSED = 1
TEST_HZ, TEST_DBM0 = 1004.0, -16.0  # the test tone of telephony (ITU-T O.6, North America)
FRAME_S = FRAME_BYTES / 2 / RATE_HZ
SHOWN_EVERY = 10  # frames

app = typer.Typer()
group = typer.Typer(help="Loudspeakers and microphones of this machine.")
app.add_typer(group, name="sound")
say = Console(highlight=False, soft_wrap=True)
complain = Console(stderr=True, highlight=False, soft_wrap=True)

Device = Annotated[str, typer.Option(help="its name or a part of it, as `careline sound list` has")]


@group.command(name="list")
def shown() -> None:
    """Which there are now."""
    found = asyncio.run(portaudio.devices())
    for one in found:
        can = [
            *(["loudspeaker"] if one.outputs else []),
            *(["microphone"] if one.inputs else []),
        ]
        say.print(f"{one.name}: {', '.join(can)}", markup=False)
    if not found:
        say.print("no sound devices: plug one in; Debian's package libportaudio2 must be there")


@group.command("test")
def play_tone(
    device: Device,
    microphone: Annotated[str, typer.Option(help="listen at this one, too")] = "",
    seconds: Annotated[int, typer.Option(min=1, max=60)] = 5,
) -> None:
    """Play a test tone, and show how loud the microphone hears it."""
    try:
        asyncio.run(_test(device, microphone, seconds))
    except SoundGoneError as gone:
        complain.print(str(gone), markup=False)
        raise typer.Exit(REFUSED) from None


async def _test(device: str, microphone: str, seconds: int) -> None:
    speaker = PortAudioPort(device, Way.PLAY)
    hearing = PortAudioPort(microphone, Way.HEAR) if microphone else None
    await speaker.open()
    try:
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(_watch(speaker))
            listening = group.create_task(_listen(hearing)) if hearing else None
            await _play(speaker, seconds)
            watching.cancel()
            if listening:
                listening.cancel()
    except* SoundGoneError as gone:
        raise gone.exceptions[0] from None
    finally:
        await speaker.close()
        if hearing:
            await hearing.close()
    say.print(f"played {TEST_HZ:.0f} Hz at {TEST_DBM0:.0f} dBm0 for {seconds} s")


async def _play(speaker: Port, seconds: int) -> None:
    sound = tone(TEST_HZ, dbm0=TEST_DBM0, ms=1000 * seconds).astype("<i2").tobytes()
    clock = asyncio.get_running_loop().time
    due = clock()
    for start in range(0, len(sound), FRAME_BYTES):
        speaker.play(sound[start : start + FRAME_BYTES])
        due += FRAME_S
        await asyncio.sleep(due - clock())


async def _watch(speaker: Port) -> None:
    while True:
        await speaker.next_told()
        say.print("the device had no sound to play for a moment")


async def _listen(hearing: Port) -> None:
    await hearing.open()
    heard = b""
    while True:
        told = await hearing.next_told()
        if isinstance(told, Heard):
            heard += told.samples
        if len(heard) >= SHOWN_EVERY * FRAME_BYTES:
            level = level_dbm0(pcm_from_bytes(heard))
            say.print(f"{bar(level)} {level:6.1f} dBm0", markup=False)
            heard = b""
