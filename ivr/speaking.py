"""What a caller hears: speech in its turn, and music into every silence that would seem a dead
line. Nothing here knows why something is said."""

from dataclasses import replace

from ivr import commands
from ivr.flow import Place
from ivr.standing import Call, Moment, Stage, Step

# Nothing we speak is longer; a prompt whose end never comes must not hold a caller.
SPEECH_MAX_S = 180.0
# Silence that a caller may take for a dead line starts at one second.
MUSIC_AFTER_S = 0.8


def speak(call: Call, prompts: tuple[str, ...], at: Moment) -> Step:
    """Speak without music between one prompt and the next."""
    silent, hush = without_music(call)
    spoken = replace(silent, tag=call.tag + 1, until=at.now + SPEECH_MAX_S, again_at=None)
    return spoken, [*hush, commands.Play(call.id, prompts, call.language, spoken.tag)]


def say(call: Call, prompts: tuple[str, ...], then: Place | None, at: Moment) -> Step:
    """Speak, and then go on; None: the call ends."""
    return speak(replace(call, stage=Stage.SPEAKING, then=then), prompts, at)


def wait(call: Call, within_s: float, at: Moment) -> Call:
    """For something that happens within this time; a silence until then is filled."""
    music_at = None if call.music else at.now + MUSIC_AFTER_S
    return replace(call, until=at.now + within_s, again_at=music_at)


def with_music(call: Call) -> Step:
    """Music whenever nothing is spoken."""
    return (call, []) if call.music else (replace(call, music=True), [commands.StartMusic(call.id)])


def without_music(call: Call) -> Step:
    """None of it, as before speech."""
    return (replace(call, music=False), [commands.StopMusic(call.id)]) if call.music else (call, [])


def music_is_due(call: Call, at: Moment) -> Step | None:
    """Music into a silence that has lasted; None: it is the stage itself that ends."""
    if call.until is not None and call.until <= at.now:
        return None
    return with_music(replace(call, again_at=None))
