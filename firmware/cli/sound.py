"""The machine's sound devices, from its own console or by SSH: which there are, whether one is
heard, and a talk with a telephone by a headset. A technician listens; nothing is decided here."""

import asyncio
import uuid
from contextlib import AsyncExitStack
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console

from firmware.control import ControlError, ask_async
from firmware.handset import (
    LEG_WITHIN_S,
    RING_FOR_HANDSET,
    RingForHandsetRequest,
    Talk,
    awaited,
)
from firmware.place import Place
from hw.sound import portaudio
from hw.sound.level import bar
from hw.sound.pace import fiftieths
from hw.sound.port import FRAME_BYTES, Heard, Port, SoundGoneError
from hw.sound.portaudio import PortAudioPort, Way
from routing_core.audio import level_dbm0, pcm_from_bytes, tone

REFUSED = 1
TEST_HZ, TEST_DBM0 = 1004.0, -16.0  # the test tone of telephony (ITU-T O.6, North America)
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


@group.command("handset")
def talk(
    phone: Annotated[str, typer.Argument(help="the telephone's number inside the clinic")],
    device: Device,
    microphone: Annotated[str, typer.Option(help="as --device; else that one's own")] = "",
    is_tone: Annotated[bool, typer.Option("--tone", help="send a test tone instead")] = False,
) -> None:
    """Ring a telephone, and talk to it by a headset or handset at this box; Ctrl-C hangs up."""
    try:
        asyncio.run(_talk(phone, device, microphone or device, is_tone=is_tone))
    except (SoundGoneError, ValidationError) as wrong:
        why = "a telephone's number has 2 to 6 digits" if isinstance(wrong, ValueError) else wrong
        complain.print(str(why), markup=False)
        raise typer.Exit(REFUSED) from None
    except ControlError as refused:
        complain.print(f"{refused.why}: {refused.cure}", markup=False)
        raise typer.Exit(REFUSED) from None
    except KeyboardInterrupt:
        say.print("hung up")


async def _talk(phone: str, device: str, microphone: str, *, is_tone: bool) -> None:
    speaker = PortAudioPort(device, Way.PLAY)
    hearing = None if is_tone else PortAudioPort(microphone, Way.HEAR)
    async with AsyncExitStack() as ending:
        for port in (speaker, *([hearing] if hearing else [])):
            ending.push_async_callback(port.close)
            await port.open()
        waiting = await ending.enter_async_context(awaited(str(uuid.uuid4())))
        wish = RingForHandsetRequest(phone=phone, port=waiting.port, leg=waiting.uuid)
        await ask_async(Place.from_environment().control_socket, RING_FOR_HANDSET, wish)
        try:
            async with asyncio.timeout(LEG_WITHIN_S):
                leg = await waiting.leg
        except TimeoutError:
            raise ControlError(
                f"phone {phone} was not rung", "see `careline status`, and try again"
            ) from None
        say.print(f"{phone} rings; Ctrl-C hangs up")
        says = _test_tone(1) if is_tone else bytes(FRAME_BYTES)
        talk = Talk(leg, speaker, hearing, says, _show_levels)
        await talk.live()
    say.print("the talk is over" + (f"; sound was lost {talk.lost} times" if talk.lost else ""))


def _show_levels(said: bytes, heard: bytes) -> None:
    out, back = (level_dbm0(pcm_from_bytes(each)) for each in (said, heard))
    say.print(f"out {bar(out)} {out:6.1f} dBm0  in {bar(back)} {back:6.1f} dBm0", markup=False)


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
    sound = _test_tone(seconds)
    starts = iter(range(0, len(sound), FRAME_BYTES))
    async for _ in fiftieths():
        if (start := next(starts, None)) is None:
            return
        speaker.play(sound[start : start + FRAME_BYTES])


def _test_tone(seconds: int) -> bytes:
    """It goes on as it began: its cycles are whole in a second."""
    return tone(TEST_HZ, dbm0=TEST_DBM0, ms=1000 * seconds).astype("<i2").tobytes()


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
