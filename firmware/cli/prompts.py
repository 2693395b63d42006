"""Prompts: which there are and where they are spoken, and another sound in place of one.

What is changed here is heard by whoever calls next, stands before the words of the site file, and
is kept; a step back is one command. Whoever may put a site file in force may do it.
"""

import asyncio
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from firmware import decoding, own_prompts, prompt_acts, recorded
from firmware.cli.messages import player
from firmware.cli.terminal import BAD_INPUT, explained, fail, say, site_of
from firmware.clips import RATE_HZ, samples_in
from firmware.decoding import RecordingError
from firmware.own_prompts import Made, OwnPromptError, Spoken, Version, spoken
from firmware.peer import at_the_shell
from firmware.place import Place
from firmware.prompt_acts import Listed
from firmware.recorded import Cut
from firmware.speech import SpeechError
from hw.sound.port import SoundGoneError
from hw.sound.portaudio import PortAudioPort, Way
from hw.sound.take import take
from ivr.plan import Plan
from routing_core.audio import pcm_from_bytes

USES_SHOWN = 3

app = typer.Typer()
prompts = typer.Typer(
    help="What callers hear: the site's words, and recordings that stand before them.",
    invoke_without_command=True,
)
app.add_typer(prompts, name="prompts")

Name = Annotated[str, typer.Argument(metavar="NAME", help='as in the site file, like "welcome"')]
Language = Annotated[str, typer.Option(help="the clinic's own if left out")]
Start = Annotated[float, typer.Option(help="seconds of it that are left out at first", min=0)]
End = Annotated[float | None, typer.Option(help="second at which it ends")]
Numbered = Annotated[int, typer.Option("--version", help="one of its versions", min=0)]


@prompts.callback()
def list_prompts(
    context: typer.Context,
    *,
    language: Annotated[str, typer.Option(help="only this one")] = "",
    own: Annotated[
        bool, typer.Option("--own", help="only those with a sound of their own")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array.")] = False,
) -> None:
    """Every prompt with its language, its seconds, what callers hear, and where it is spoken."""
    if context.invoked_subcommand is not None:
        return
    with _explained():
        place, site = _clinic()
        held = [
            each
            for each in prompt_acts.listed(place, site)
            if language in ("", each.prompt.language) and (each.held.versions or not own)
        ]
    if as_json:
        typer.echo(json.dumps([_plain(each) for each in held]))
        return
    table = Table("prompt", "language", "seconds", "heard", "spoken by", box=None)
    for each in held:
        seconds = "-" if each.seconds is None else f"{each.seconds:.1f}"
        where = escape(_where(each))
        table.add_row(each.prompt.name, each.prompt.language, seconds, each.source, where)
    Console().print(table if held else "no prompts")


@prompts.command("import")
def import_(
    name: Name,
    file: Annotated[Path, typer.Argument(help="WAV, MP3, OGG or FLAC, at most 20 MB")],
    language: Language = "",
    start: Start = 0.0,
    end: End = None,
    words: Annotated[str, typer.Option(help="what is said in it, for whoever reads")] = "",
) -> None:
    """Put a recording in place of a prompt: cut close, at the level of all, never with a key in
    it."""
    with _explained():
        place, site = _clinic()
        prompt = _prompt(site, name, language)
        try:
            sound = recorded.prompt_from(_read(file), Cut(start, end))
        except RecordingError as refused:
            fail(f"{file}: {refused}", BAD_INPUT)
        _keep(place, site, prompt, sound, Made.UPLOADED, words)


@prompts.command()
def record(
    name: Name,
    microphone: Annotated[str, typer.Option(help="as `careline sound list` has it, or a part")],
    seconds: Annotated[float, typer.Option(help="how long it listens", min=1, max=180)] = 10,
    language: Language = "",
    words: Annotated[str, typer.Option(help="what is said in it, for whoever reads")] = "",
) -> None:
    """Speak a prompt into this machine's microphone: the silence around the words is cut off."""
    with _explained():
        place, site = _clinic()
        prompt = _prompt(site, name, language)
        try:
            spoken_in = asyncio.run(_heard_by(microphone, seconds))
            sound = recorded.prompt_of(pcm_from_bytes(spoken_in).astype(np.int16))
        except (RecordingError, SoundGoneError) as refused:
            fail(f"{prompt}: {refused}", BAD_INPUT)
        _keep(place, site, prompt, sound, Made.RECORDED, words)


async def _heard_by(microphone: str, seconds: float) -> bytes:
    port = PortAudioPort(microphone, Way.HEAR)
    return await take(port, seconds, lambda: say(f"speak now, within {seconds:g} s"))


@prompts.command("say")
def say_(
    name: Name,
    text: Annotated[str, typer.Argument(help="what callers shall hear")],
    language: Language = "",
) -> None:
    """Have the voice say other words in place of a prompt, as `[pronunciation.LANGUAGE]` of the
    site file spells them."""
    with _explained():
        place, site = _clinic()
        prompt = _prompt(site, name, language)
        sound = prompt_acts.typed(site, prompt, text)
        _keep(place, site, prompt, sound, Made.TYPED, text)


@prompts.command()
def trim(name: Name, language: Language = "", start: Start = 0.0, end: End = None) -> None:
    """Leave out the beginning or the end of what is heard now; what it was is kept."""
    with _explained():
        place, site = _clinic()
        prompt = _prompt(site, name, language)
        heard = samples_in(str(prompt), prompt_acts.sound_of(place, prompt))
        try:
            sound = recorded.prompt_of(heard, Cut(start, end))
        except RecordingError as refused:
            fail(f"{prompt}: {refused}", BAD_INPUT)
        words = own_prompts.versions_of(place.prompts, prompt).spoken
        _keep(place, site, prompt, sound, Made.TRIMMED, words.words if words else "")


@prompts.command()
def back(
    name: Name,
    language: Language = "",
    to: Annotated[
        int | None, typer.Option(help="this version; 0 is the site file's words", min=0)
    ] = None,
) -> None:
    """Put the version before this one in force again; before the first are the site's words."""
    with _explained():
        place, site = _clinic()
        prompt = _prompt(site, name, language)
        number = prompt_acts.back(place, site, prompt, at_the_shell(), to)
        say(f"{prompt}: callers hear {f'version {number}' if number else 'the words of the site'}")


@prompts.command()
def versions(name: Name, language: Language = "") -> None:
    """Every sound that a prompt has had, and what is otherwise in each."""
    with _explained():
        place, site = _clinic()
        prompt = _prompt(site, name, language)
        held = own_prompts.versions_of(place.prompts, prompt)
    if not held.versions:
        say(f"{prompt} has had no sound of its own")
        return
    table = Table("version", "", "made", "by", "seconds", "since the one before", box=None)
    before: Version | None = None
    for each in held.versions:
        mark = "heard" if each.number == held.in_force else ""
        otherwise = "; ".join(prompt_acts.compared(before, each)) if before else ""
        made = f"{each.made} {each.at[:16].replace('T', ' ')}"
        row = (str(each.number), mark, made, escape(each.by), f"{each.seconds:.1f}")
        table.add_row(*row, escape(otherwise))
        before = each
    Console().print(table)


@prompts.command()
def play(
    name: Name,
    language: Language = "",
    number: Numbered = 0,
    *,
    as_heard: Annotated[
        bool, typer.Option("--as-heard", help="as it comes out of a telephone")
    ] = False,
) -> None:
    """Play a prompt, or one of its versions, on this machine's loudspeaker."""
    with _explained():
        sound = _sound(name, language, number, as_heard=as_heard)
        program = player()
        if subprocess.run(program, input=sound, check=False).returncode != 0:
            fail(f"{program[0]} could not play it: use `careline prompts export`")


@prompts.command()
def export(
    name: Name,
    file: Annotated[Path, typer.Argument(help="The WAV file to write.")],
    language: Language = "",
    number: Numbered = 0,
    *,
    as_heard: Annotated[
        bool, typer.Option("--as-heard", help="as it comes out of a telephone")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Write a prompt, or one of its versions, as a WAV file."""
    with _explained():
        if file.exists() and not force:
            fail(f"{file} exists: choose another name, or give --force", BAD_INPUT)
        sound = _sound(name, language, number, as_heard=as_heard)
        file.write_bytes(sound)
        say(f"{file}: {samples_in(name, sound).size / RATE_HZ:.1f} s")


@contextmanager
def _explained() -> Iterator[None]:
    with explained():
        try:
            yield
        except (OwnPromptError, SpeechError) as refused:
            fail(str(refused))


def _clinic() -> tuple[Place, Plan]:
    place = Place.from_environment()
    return place, site_of(place)


def _prompt(site: Plan, name: str, language: str) -> Spoken:
    return spoken(language or site.language, name)


def _read(file: Path) -> bytes:
    """No more than is taken, and one byte by which too much is seen."""
    with file.open("rb") as opened:
        return opened.read(decoding.FILE_MOST + 1)


def _keep(place: Place, site: Plan, prompt: Spoken, sound: bytes, made: Made, words: str) -> None:
    version = prompt_acts.keep(place, site, prompt, sound, made, at_the_shell(), words)
    say(f"{prompt}: callers hear version {version.number}, {version.seconds:.1f} s")
    (listed,) = (each for each in prompt_acts.listed(place, site) if each.prompt == prompt)
    if not listed.words:
        say(
            f'nothing speaks it yet: add {prompt.name} = "what it says" to'
            f" [prompts.{prompt.language}] of the site file, name it where it is to be heard, and"
            " publish"
        )


def _sound(name: str, language: str, number: int, *, as_heard: bool) -> bytes:
    place, site = _clinic()
    prompt = _prompt(site, name, language)
    sound = prompt_acts.sound_of(place, prompt, number)
    return prompt_acts.as_heard(prompt, sound) if as_heard else sound


def _where(each: Listed) -> str:
    if not each.used:
        return "the box itself" if each.is_standard else "nothing"
    shown = [str(use) for use in each.used[:USES_SHOWN]]
    more = len(each.used) - len(shown)
    return "; ".join([*shown, *([f"and {more} more"] if more else [])])


def _plain(each: Listed) -> dict[str, object]:
    return {
        "prompt": each.prompt.name,
        "language": each.prompt.language,
        "words": each.words,
        "seconds": each.seconds,
        "heard": each.source,
        "versions": [version.model_dump(mode="json") for version in each.held.versions],
        "used": [
            {"where": list(use.where), "words": str(use), "lines": list(use.lines)}
            for use in each.used
        ],
    }
