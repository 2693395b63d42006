"""What people do about prompts: put another sound in force, go back, look, listen and compare.

Each change is entered in the audit before it is made, and the running exchange speaks it to whoever
calls next. These are plain functions for a page and for commands alike; sounds come and go as whole
WAV files, 8 kHz mono 16 bit.
"""

import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
from pydantic import TypeAdapter, ValidationError

from firmware import account, own_prompts, people, saying, settings, speech, spoken_before, topics
from firmware.audit import Act
from firmware.clips import PromptError, samples_in
from firmware.control import NotRunningError, ask
from firmware.forms import Words
from firmware.loudness import RATE_HZ
from firmware.own_prompts import SITES_WORDS, Made, OwnPromptError, Spoken, Version, Versions
from firmware.place import Place
from firmware.speech import SpeechError
from ivr.plan import Plan
from ivr.where_spoken import Use, uses
from routing_core.audio import Law, Pcm, decode, encode

# How an act is entered in the audit before it is done.
Enter = Callable[[Place, str, Act, str], None]

# A site's own words, where no recording stands before them.
FROM_THE_SITE = "the site's words"
NOT_SPOKEN = "nothing to hear"
UNSPOKEN_SHOWN = 10
NO_HINTS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Listed:
    """One prompt in one language, as a list tells of it."""

    prompt: Spoken
    words: str  # of the site file or the box; empty if it has none
    held: Versions
    seconds: float | None  # of what callers hear; None: there is no sound
    used: tuple[Use, ...]
    is_standard: bool  # the box has words for it, whatever the site says

    @property
    def source(self) -> str:
        """What callers hear, in a few words."""
        if (version := self.held.spoken) is not None:
            return f"version {version.number}, {version.made}"
        return NOT_SPOKEN if self.seconds is None else FROM_THE_SITE


# ---- changing ----


def keep(
    place: Place,
    site: Plan,
    prompt: Spoken,
    sound: bytes,
    made: Made,
    who: str,
    words: str = "",
    session: str = "",
    enter: Enter = account.give,
) -> Version:
    """Put a new version in force, whoever hears it next."""
    seconds = round(_samples(prompt, sound).size / RATE_HZ, 2)
    refuse_if_full(place, site)
    at = datetime.now(UTC).isoformat(timespec="seconds")
    with own_prompts.alone(place.prompts):
        held = own_prompts.versions_of(place.prompts, prompt)
        number = own_prompts.next_number(held, prompt)
        version = Version(
            number=number, made=made, by=who[:64], at=at, seconds=seconds, words=words
        )
        _account_for(place, who, f"{prompt}: version {number}, {made}", enter)
        own_prompts.keep(place.prompts, prompt, version, sound)
        spoken_before.overtake(place, prompt.path)
    _have_adopted(place, session)
    return version


def back(
    place: Place,
    site: Plan,
    prompt: Spoken,
    who: str,
    to: int | None = None,
    session: str = "",
    enter: Enter = account.give,
) -> int:
    """Put the version before this one in force again, or the one of this number; 0 is the words of
    the site file."""
    with own_prompts.alone(place.prompts):
        held = own_prompts.versions_of(place.prompts, prompt)
        number = _chosen(prompt, held, to)
        sound = (
            own_prompts.sound_of(place.prompts, prompt, number)
            if number != SITES_WORDS
            else _from_the_site(site, prompt)
        )
        _samples(prompt, sound)
        _account_for(place, who, f"{prompt}: back to {_numbered(number)}", enter)
        own_prompts.choose(place.prompts, prompt, number, sound)
        spoken_before.overtake(place, prompt.path)
    _have_adopted(place, session)
    return number


def _chosen(prompt: Spoken, held: Versions, to: int | None) -> int:
    if not held.versions:
        raise OwnPromptError(
            f"{prompt} has had no sound of its own: there is nothing to go back to"
        )
    if to is None:
        if held.in_force == SITES_WORDS:
            raise OwnPromptError(
                f"{prompt} speaks the site's words, which were before its first version: name the"
                " version you want"
            )
        return held.before
    if to != SITES_WORDS and held.numbered(to) is None:
        numbers = ", ".join(str(each.number) for each in held.versions)
        raise OwnPromptError(
            f"{prompt} has no version {to}; it has 0 (the site's words), {numbers}"
        )
    return to


def _from_the_site(site: Plan, prompt: Spoken) -> bytes:
    texts = settings.prompts_of(site)
    if prompt.name not in texts.get(prompt.language, {}):
        raise OwnPromptError(
            f"before its first version {prompt} was nothing: it has no words in"
            f" [prompts.{prompt.language}]; record another in its place"
        )
    wanted = speech.one_of(site, prompt.path)
    return speech.sound_of(wanted, speech.cache_folder())


def refuse_if_full(place: Place, site: Plan) -> None:
    """The ledger and the calls need what is left."""
    place.prompts.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(place.prompts).free
    if free <= site.retention.reserve_bytes:
        raise OwnPromptError(
            f"the disk is full but for what the system itself needs ({free / 1e6:.0f} MB are free):"
            " callers hear what they heard; make room first, see `careline retention`"
        )


def _account_for(place: Place, who: str, about: str, enter: Enter) -> None:
    """Once there is a clinic to account to."""
    if people.is_set_up(place.page_db):
        enter(place, who, Act.CHANGED_PROMPT, about)


def _have_adopted(place: Place, session: str) -> None:
    """An exchange that does not run will read it at its start."""
    with suppress(NotRunningError):
        ask(place.control_socket, topics.ADOPT, topics.AdoptRequest(), session=session)


# ---- typing ----


def typed(site: Plan, prompt: Spoken, text: str, hints: Mapping[str, str] = NO_HINTS) -> bytes:
    """These words, spoken by the voice of the language; beside the site's hints how to say a word,
    those that are tried."""
    try:
        words = TypeAdapter[str](Words).validate_python(text)
    except ValidationError:
        raise OwnPromptError("write the words in one line of at most 1000 characters") from None
    known = site.pronounced.get(prompt.language, {})
    tried = replace(site, pronounced={**site.pronounced, prompt.language: {**known, **hints}})
    return saying.said(tried, prompt.language, prompt.name, words)


# ---- looking and listening ----


def listed(place: Place, site: Plan) -> list[Listed]:
    """Every prompt that the site has words for or speaks, or that has a sound of its own."""
    texts, owned, spoken = settings.prompts_of(site), own_prompts.all_of(place.prompts), uses(site)
    standard = settings.standard_prompts()
    named = {Spoken(language, name) for language, words in texts.items() for name in words}
    named |= {Spoken(use.language, name) for name, used in spoken.items() for use in used}
    return [
        Listed(
            prompt,
            texts.get(prompt.language, {}).get(prompt.name, ""),
            owned.get(prompt, Versions()),
            seconds_of(place, prompt),
            _used(spoken, prompt),
            prompt.name in standard.get(prompt.language, {}),
        )
        for prompt in sorted(named | owned.keys())
    ]


def refuse_unspoken(place: Place, site: Plan) -> None:
    """Whoever publishes is told of all prompts at once that no voice speaks and nobody has
    recorded. SpeechError: there are some."""
    for language, words in sorted(settings.prompts_of(site).items()):
        if language == speech.LANGUAGE:
            continue
        named = [Spoken(language, name) for name in sorted(words)]
        recorded = own_prompts.all_of(place.prompts)
        mute = [each.name for each in named if recorded.get(each, Versions()).spoken is None]
        if mute:
            shown = ", ".join(mute[:UNSPOKEN_SHOWN])
            more = len(mute) - UNSPOKEN_SHOWN
            raise SpeechError(
                f"{len(mute)} of {len(named)} prompts in {language} have no voice and are not"
                f" recorded: {shown}{f' and {more} more' if more > 0 else ''}. Bring each:"
                f" `careline prompts import NAME FILE --language {language}`"
            )


def _used(spoken: Mapping[str, tuple[Use, ...]], prompt: Spoken) -> tuple[Use, ...]:
    return tuple(use for use in spoken.get(prompt.name, ()) if use.language == prompt.language)


def seconds_of(place: Place, prompt: Spoken) -> float | None:
    """How long callers listen to it; None: there is no sound that could be played."""
    try:
        samples = samples_in(str(prompt), (place.prompts / prompt.path).read_bytes())
    except (OSError, PromptError):
        return None
    return samples.size / RATE_HZ


def sound_of(place: Place, prompt: Spoken, number: int | None = None) -> bytes:
    """What callers hear, or one version."""
    if number:
        return own_prompts.sound_of(place.prompts, prompt, number)
    try:
        return (place.prompts / prompt.path).read_bytes()
    except FileNotFoundError:
        raise OwnPromptError(
            f"{prompt} has no sound: publish the site, or record it (`careline prompts import"
            f" {prompt.name} FILE --language {prompt.language}`)"
        ) from None


def as_heard(prompt: Spoken, sound: bytes) -> bytes:
    """As it comes out of a telephone: through the network's µ-law (ITU-T G.711) and back."""
    heard = decode(encode(_samples(prompt, sound), Law.ULAW), Law.ULAW)
    return speech.wav(heard.astype(np.float64) / 32767)


def peaks(sound: Pcm, columns: int) -> list[tuple[int, int]]:
    """The lowest and the highest sample of each column of a drawn waveform."""
    if columns < 1:
        raise ValueError(f"{columns} columns: a waveform is drawn in one or more")
    if not sound.size:
        return []
    starts = np.unique(np.arange(columns) * sound.size // columns)
    low, high = np.minimum.reduceat(sound, starts), np.maximum.reduceat(sound, starts)
    return list(zip(low.tolist(), high.tolist(), strict=True))


def compared(one: Version, other: Version) -> list[str]:
    """What is otherwise in the other, in words; the ear tells the rest."""
    told = []
    if one.made != other.made:
        told.append(f"{one.made}, then {other.made}")
    if one.by != other.by:
        told.append(f"by {one.by}, then by {other.by}")
    if (longer := other.seconds - one.seconds) != 0:
        told.append(f"{abs(longer):.1f} s {'longer' if longer > 0 else 'shorter'}")
    if one.words != other.words:
        told.append(f'"{one.words}", then "{other.words}"')
    return told


def _samples(prompt: Spoken, sound: bytes) -> Pcm:
    try:
        return samples_in(str(prompt), sound)
    except PromptError as fault:
        raise OwnPromptError(str(fault)) from fault


def _numbered(number: int) -> str:
    return f"version {number}" if number else FROM_THE_SITE
