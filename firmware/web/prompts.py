"""Prompts: what callers hear, in each language and where, what is missing first; and another sound
in place of one.

Whatever is brought, be it typed, recorded here, uploaded or spoken into a telephone, is looked at,
cut and heard before it is kept, just as it would be kept and as a telephone sounds. What was heard
before stays a version, one click away. A file of a stranger's is streamed to a file of ours that
has no name, and read in a process that can do nothing else (firmware/decoding.py).
"""

import threading
from base64 import b64decode
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import IO, Annotated, Literal

from babel import Locale, UnknownLocaleError
from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, RedirectResponse, Response
from pydantic import Field

from firmware import (
    account,
    brought,
    decoding,
    draft,
    edits,
    own_prompts,
    prompt_acts,
    recorded,
    settings,
    speech,
)
from firmware.brought import Brought
from firmware.clips import RATE_HZ, PromptError
from firmware.control import ControlError, ask_async
from firmware.decoding import RecordingError
from firmware.own_prompts import SITES_WORDS, Made, OwnPromptError, Spoken, Version
from firmware.phone_recording import ANSWERED_WITHIN_S, SPEAK_PROMPT, SpeakPromptRequest
from firmware.place import Place
from firmware.prompt_acts import Listed
from firmware.recorded import Cut
from firmware.speech import SpeechError
from firmware.web.entrance import Refused, visitor_of
from firmware.web.forms import Form, typed
from firmware.web.frame import render, words_of
from firmware.web.house import House, house_of
from firmware.web.visitors import Visitor
from firmware.web.words import Words, to_say
from ivr import flow
from ivr.plan import Plan
from ivr.where_spoken import Use
from routing_core.audio import Pcm

router = APIRouter()

BRING = "/prompts/bring/"
# Beside its file an upload has a head; the file itself is bounded as it comes in.
UPLOADS: Mapping[str, int] = {BRING: decoding.FILE_MOST + 1}
# Each is read in a process that may have 150 MB.
AT_ONCE = 2
VOICE_WITHIN_S = 30.0
PIECE = 1 << 20
# Of a drawn waveform: so many columns, and its height.
COLUMNS, HEIGHT = 600, 120
STEPS = 100  # of a handle, each second
WORDS_MOST = 1000
WAV = "audio/wav"

CANNOT_BE = to_say("This sound cannot be a prompt.")
CANNOT_SPEAK = to_say("These words cannot be spoken.")
NOT_DONE = to_say("This cannot be done with this prompt.")
NO_SITE = (
    409,
    to_say("Nothing is known of this clinic's prompts yet."),
    to_say("Set the clinic up, or publish its site file again."),
)
UNKNOWN = (
    404,
    to_say("There is no such prompt."),
    to_say("Choose one from the list of prompts."),
)
GONE = (
    404,
    to_say("This sound is not here any more."),
    to_say("It was kept, or others were brought since: bring it again."),
)
BUSY = (
    503,
    to_say("Other recordings are being read at this moment."),
    to_say("Try again in a few seconds."),
)
TOO_LARGE = (
    413,
    to_say("This file has more than 20 MB."),
    to_say("Save it in one channel, or as FLAC, OGG or MP3."),
)
NOT_WHOLE = (
    400,
    to_say("The recording did not arrive whole."),
    to_say("Send it again."),
)
NOT_A_FORM = (422, to_say("This is no form."), to_say("Use the page's own forms."))

MADE: Mapping[Made, str] = {
    Made.TYPED: to_say("typed"),
    Made.RECORDED: to_say("recorded"),
    Made.UPLOADED: to_say("uploaded"),
    Made.TRIMMED: to_say("trimmed"),
}

_reading = threading.BoundedSemaphore(AT_ONCE)
_voice = threading.BoundedSemaphore(1)


class SayForm(Form):
    text: Annotated[str, Field(min_length=1, max_length=WORDS_MOST)]
    word: Annotated[str, Field(max_length=40)] = ""
    said: Annotated[str, Field(max_length=100)] = ""


class HintForm(Form):
    word: Annotated[str, Field(min_length=1, max_length=40)]
    said: Annotated[str, Field(min_length=1, max_length=100)]
    text: str = ""  # it stands in the same form, and is not asked for here


class KeepForm(Form):
    start: Annotated[float, Field(ge=0, le=decoding.LONGEST_S + 1, allow_inf_nan=False)]
    end: Annotated[float, Field(ge=0, le=decoding.LONGEST_S + 1, allow_inf_nan=False)]
    words: Annotated[str, Field(max_length=WORDS_MOST)] = ""


class RingForm(Form):
    phone: Annotated[str, Field(pattern=r"^[0-9]{2,6}$")]


class BackForm(Form):
    to: Annotated[int, Field(ge=SITES_WORDS, le=own_prompts.VERSIONS_MOST)]


# ---- the list ----


@dataclass(frozen=True, slots=True)
class Cell:
    """One prompt in one language."""

    prompt: Spoken
    language: str  # its name, for people
    words: str
    heard: str  # in a few words
    tone: str  # alarm, well or quiet; never said by colour alone
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Row:
    """One prompt in all languages that it has."""

    name: str
    cells: tuple[Cell, ...]
    where: tuple[str, ...]

    @property
    def is_missing(self) -> bool:
        return any(cell.tone == "alarm" for cell in self.cells)


@dataclass(frozen=True, slots=True)
class Shelf:
    """Prompts that belong together."""

    key: str
    title: str
    rows: tuple[Row, ...]


@router.get("/prompts")
def show_all(request: Request) -> Response:
    house, words = house_of(request), words_of(request)
    listed, fresh = _all(house)
    shelves = shelves_of(listed, _site(house), words, fresh)
    missing = sum(cell.tone == "alarm" for row in shelves[0].rows for cell in row.cells)
    return render(request, "prompts.html", shelves=shelves, missing=missing)


def shelves_of(
    listed: list[Listed], site: Plan, words: Words, fresh: Collection[Spoken] = ()
) -> tuple[Shelf, Shelf, Shelf]:
    """What is missing, what the clinic's own menus say, and what the box says by itself."""
    rows: dict[str, list[Listed]] = {}
    for each in listed:
        rows.setdefault(each.prompt.name, []).append(each)
    missing, used, others = list[Row](), list[Row](), list[Row]()
    for name, found in rows.items():
        row = _row(name, found, site, words, fresh)
        is_used = any(each.used for each in found)
        (missing if row.is_missing else used if is_used else others).append(row)
    return (
        Shelf("missing", words.gettext("Missing"), tuple(missing)),
        Shelf("used", words.gettext("Spoken by your menus and phones"), tuple(used)),
        Shelf("box", words.gettext("Said by the box itself"), tuple(others)),
    )


def _row(
    name: str, found: list[Listed], site: Plan, words: Words, fresh: Collection[Spoken]
) -> Row:
    where = dict.fromkeys(where_of(use, site, words) for each in found for use in each.used)
    cells = (_cell(each, words, is_fresh=each.prompt in fresh) for each in found)
    return Row(name, tuple(cells), tuple(where))


def _cell(each: Listed, words: Words, *, is_fresh: bool) -> Cell:
    tone, heard = heard_of(each, words, is_fresh=is_fresh)
    language = language_of(each.prompt.language, words)
    return Cell(each.prompt, language, each.words, heard, tone, each.seconds)


def heard_of(each: Listed, words: Words, *, is_fresh: bool) -> tuple[str, str]:
    """What callers hear, in a tone and a few words. Whatever is fresh in the draft is rendered when
    that is published, if there is a voice for it."""
    if each.seconds is None:
        if is_fresh and each.words and each.prompt.language == speech.LANGUAGE:
            return "quiet", words.gettext("by the voice, once you publish")
        return "alarm", words.gettext("nothing to hear")
    if (version := each.held.spoken) is not None:
        made = words.gettext(MADE[version.made])
        return "well", words.say("version %(number)s, %(made)s", number=version.number, made=made)
    return "quiet", words.gettext("the written words, by the voice")


def language_of(code: str, words: Words) -> str:
    """A language's name, in the reader's."""
    try:
        return Locale.parse(code).get_language_name(words.language) or code
    except (ValueError, UnknownLocaleError):
        return code


def where_of(use: Use, site: Plan, words: Words) -> str:
    """One part of the clinic that speaks a prompt, and to callers of which lines if it has more."""
    match use.where:
        case ("flows", flow.FRONT_DESK.flow, _, node):
            part = words.say("the box's own %(node)s", node=node)
        case ("flows", menu, _, node):
            part = words.say("menu %(menu)s, step %(node)s", menu=menu, node=node)
        case ("queues", name):
            part = words.say("queue %(name)s", name=name)
        case ("phones", name):
            part = words.say("phone %(name)s", name=name)
        case ("lines", name):
            part = words.say("line %(name)s", name=name)
        case _:
            part = words.gettext("on-call")
    if not use.lines or len(site.lines) == 1:
        return part
    return f"{part} ({words.say('lines: %(lines)s', lines=', '.join(use.lines))})"


# ---- one prompt ----


@dataclass(frozen=True, slots=True)
class Kept:
    """One version, as it is shown."""

    number: int
    told: str
    words: str
    seconds: float
    is_heard: bool


@router.get("/prompts/of/{language}/{name}")
def show(request: Request, language: str, name: str) -> Response:
    return _shown(request, _listed(house_of(request), language, name))


def _shown(
    request: Request,
    each: Listed,
    *,
    status: int = 200,
    said: SayForm | None = None,
    faults: Mapping[str, str] | None = None,
    why: str = "",
) -> Response:
    house, words = house_of(request), words_of(request)
    site, version = _site(house), each.held.spoken
    spoken = (version.words if version else "") or each.words
    is_fresh = each.prompt.name not in settings.prompts_of(site).get(each.prompt.language, {})
    tone, heard = heard_of(each, words, is_fresh=is_fresh)
    return render(
        request,
        "prompt.html",
        status=status,
        of=each,
        language=language_of(each.prompt.language, words),
        heard=heard,
        tone=tone,
        where=[where_of(use, site, words) for use in each.used],
        versions=[_kept(one, one == version, words) for one in reversed(each.held.versions)],
        before=each.held.before if version else None,
        speaks=each.prompt.language == speech.LANGUAGE,
        hints=dict(site.pronounced.get(each.prompt.language, {})),
        spoken=spoken,
        text=said.text if said else spoken,
        word=said.word if said else "",
        said=said.said if said else "",
        faults=faults or {},
        why=words.told(why),
        has_site_words=bool(each.words) and not is_fresh,
        phones=_phones(site, visitor_of(request)),
    )


def _phones(site: Plan, visitor: Visitor) -> list[tuple[str, str]]:
    """Extension and name of each, those first whose messages are the visitor's."""
    own_first = sorted(site.phones.values(), key=lambda one: one.mailbox not in visitor.mailboxes)
    return [(phone.extension, phone.name) for phone in own_first]


def _kept(version: Version, is_heard: bool, words: Words) -> Kept:
    told = " · ".join((words.gettext(MADE[version.made]), version.by, version.at[:10]))
    return Kept(version.number, told, version.words, version.seconds, is_heard)


@router.get("/prompts/sound/{language}/{name}")
def hear(
    request: Request, language: str, name: str, version: int = 0, phone: bool = False
) -> Response:
    """What callers hear, or one version of it."""
    house = house_of(request)
    prompt = _listed(house, language, name).prompt
    with _explained():
        sound = prompt_acts.sound_of(house.place, prompt, version)
        return _sounding(prompt_acts.as_heard(prompt, sound) if phone else sound)


@router.post("/prompts/back/{language}/{name}")
def back(request: Request, language: str, name: str) -> Response:
    house, visitor, wish = house_of(request), visitor_of(request), typed(request, BackForm).form
    if wish is None:
        raise Refused(*NOT_A_FORM)
    prompt = _listed(house, language, name).prompt
    with _explained():
        prompt_acts.back(
            house.place,
            _site(house),
            prompt,
            visitor.person,
            wish.to,
            visitor.session,
            account.give_or_lay,
        )
    return _to(prompt)


# ---- bringing another sound ----


@router.post("/prompts/say/{language}/{name}")
def say(request: Request, language: str, name: str) -> Response:
    house, came = house_of(request), typed(request, SayForm)
    each, site = _listed(house, language, name), _site(house)
    if came.form is None:
        return _shown(request, each, status=422, faults=came.faults)
    wish = came.form
    hints = {wish.word: wish.said} if wish.word and wish.said else {}
    try:
        with _one_of(_voice, VOICE_WITHIN_S):
            sound = prompt_acts.typed(site, each.prompt, wish.text, hints)
    except (OwnPromptError, SpeechError) as no:
        return _shown(request, each, status=422, said=wish, why=str(no))
    return _laid(request, each.prompt, Made.TYPED, sound, wish.text)


@router.post("/prompts/hint/{language}/{name}")
def hint(request: Request, language: str, name: str) -> Response:
    """How a word is said in every prompt: a step of the draft, heard once that is published."""
    house, came = house_of(request), typed(request, HintForm)
    each = _listed(house, language, name)
    if came.form is None:
        return _shown(request, each, status=422, faults=came.faults)
    wish, kept = came.form, draft.read(house.place)
    path = ("pronunciation", language, wish.word)
    try:
        text = edits.edited(kept.text, [edits.Put(path, wish.said)])
        what = f"how {wish.word} is said"
        draft.keep(house.place, text, visitor_of(request).person, what, kept.step, house.now())
    except (edits.EditError, draft.DraftError) as no:
        raise Refused(409, NOT_DONE, str(no)) from None
    return _to(each.prompt)


@router.post("/prompts/bring/{language}/{name}")
async def bring(
    request: Request, language: str, name: str, made: Literal["recorded", "uploaded"]
) -> Response:
    """A file, as the browser has it; the answer says where it can be looked at."""
    house = house_of(request)
    prompt = (await run_in_threadpool(_listed, house, language, name)).prompt
    with _one_of(_reading), _explained():
        await run_in_threadpool(prompt_acts.refuse_if_full, house.place, _site(house))
        with await run_in_threadpool(brought.nameless, house.place) as file:
            await _receive(request, file)
            samples = await run_in_threadpool(_read, file, Made(made))
    sound = speech.wav(samples.astype(float) / 32767)
    where = await run_in_threadpool(_laid, request, prompt, Made(made), sound)
    return JSONResponse({"href": where.headers["location"]})


@router.post("/prompts/ring/{language}/{name}")
async def ring(request: Request, language: str, name: str) -> Response:
    """A telephone rings, and the answer comes once it is hung up: where what was spoken into it can
    be looked at."""
    house, visitor, wish = house_of(request), visitor_of(request), typed(request, RingForm).form
    if wish is None:
        raise Refused(*NOT_A_FORM)
    prompt = (await run_in_threadpool(_listed, house, language, name)).prompt
    with _explained():
        reply = await ask_async(
            house.place.control_socket,
            SPEAK_PROMPT,
            SpeakPromptRequest(phone=wish.phone),
            ANSWERED_WITHIN_S,
            visitor.session,
        )
    sound = b64decode(reply.sound)
    where = await run_in_threadpool(_laid, request, prompt, Made.RECORDED, sound)
    return JSONResponse({"href": where.headers["location"]})


async def _receive(request: Request, file: IO[bytes]) -> None:
    """All of it, a piece at a time; never more than a file may have."""
    held, size = bytearray(), 0
    async for part in request.stream():
        size += len(part)
        if size > decoding.FILE_MOST:
            raise Refused(*TOO_LARGE)
        held += part
        if len(held) >= PIECE:
            await run_in_threadpool(file.write, bytes(held))
            held.clear()
    if str(size) != request.headers.get("content-length", str(size)):
        raise Refused(*NOT_WHOLE)
    await run_in_threadpool(file.write, bytes(held))


def _read(file: IO[bytes], made: Made) -> Pcm:
    """What is heard in it."""
    file.seek(0)
    if made is Made.RECORDED:
        recorded.refuse_unless_ours(file)
        file.seek(0)
    file.flush()
    return decoding.decoded_file(file.fileno())


@router.post("/prompts/trim/{language}/{name}")
def trim(request: Request, language: str, name: str) -> Response:
    """What is heard now is looked at anew, to leave a part of it out."""
    house = house_of(request)
    each = _listed(house, language, name)
    with _explained():
        sound = prompt_acts.sound_of(house.place, each.prompt)
    version = each.held.spoken
    return _laid(
        request, each.prompt, Made.TRIMMED, sound, version.words if version else each.words
    )


def _laid(request: Request, prompt: Spoken, made: Made, sound: bytes, words: str = "") -> Response:
    house, visitor = house_of(request), visitor_of(request)
    name = brought.lay(house.place, prompt, made, visitor.person, sound, words)
    return RedirectResponse(f"/prompts/new/{name}", 303)


# ---- looking at what was brought ----


@router.get("/prompts/new/{sound}")
def look(request: Request, sound: str) -> Response:
    return _looked_at(request, _brought(request, sound))


def _looked_at(
    request: Request, found: Brought, *, cut: Cut | None = None, status: int = 200, why: str = ""
) -> Response:
    words, meant = words_of(request), cut or found.meant
    each = _listed(house_of(request), found.prompt.language, found.prompt.name)
    total = max(1, found.samples.size * STEPS // RATE_HZ) / STEPS  # what a handle can reach
    end = total if meant.end_s is None else min(round(meant.end_s, 2), total)
    return render(
        request,
        "prompt_new.html",
        status=status,
        new=found,
        of=each,
        language=language_of(found.prompt.language, words),
        made=words.gettext(MADE[found.made]),
        start=min(round(meant.start_s, 2), end),
        end=end,
        total=total,
        drawn=drawn(found.samples),
        columns=COLUMNS,
        height=HEIGHT,
        words_said=found.words or each.words,
        why=words.told(why),
    )


@router.get("/prompts/new/{sound}/heard")
def hear_new(
    request: Request,
    sound: str,
    start: float = 0.0,
    end: float | None = None,
    phone: bool = False,
) -> Response:
    """Just as it would be kept."""
    found = _brought(request, sound)
    with _explained():
        finished = found.finished(Cut(start, end))
        return _sounding(prompt_acts.as_heard(found.prompt, finished) if phone else finished)


@router.post("/prompts/new/{sound}/keep")
def keep(request: Request, sound: str) -> Response:
    house, visitor, came = house_of(request), visitor_of(request), typed(request, KeepForm)
    found, wish = _brought(request, sound), came.form
    if wish is None:
        why = to_say("Give the beginning and the end in seconds, like 0.4 and 7.2.")
        return _looked_at(request, found, status=422, why=why)
    cut = Cut(wish.start, wish.end)
    try:
        finished = found.finished(cut)
    except RecordingError as no:
        return _looked_at(request, found, cut=cut, status=422, why=str(no))
    with _explained():
        prompt_acts.keep(
            house.place,
            _site(house),
            found.prompt,
            finished,
            found.made,
            visitor.person,
            wish.words,
            visitor.session,
            account.give_or_lay,
        )
    brought.drop(house.place, sound)
    return _to(found.prompt)


@router.post("/prompts/new/{sound}/drop")
def drop(request: Request, sound: str) -> Response:
    found = _brought(request, sound)
    brought.drop(house_of(request).place, sound)
    return _to(found.prompt)


def drawn(samples: Pcm) -> str:
    """The waveform as a line of an SVG, as tall as its loudest."""
    loudest = max(1, int(abs(samples.astype(int)).max(initial=0)))
    middle = HEIGHT / 2
    columns = prompt_acts.peaks(samples, COLUMNS)
    scale = (middle - 1) / loudest
    wide = COLUMNS / max(1, len(columns))
    return "".join(
        f"M{(at + 0.5) * wide:.1f} {middle - high * scale:.1f}V{middle - low * scale + 0.5:.1f}"
        for at, (low, high) in enumerate(columns)
    )


# ---- what they share ----


def _site(house: House) -> Plan:
    site = house.site.plan
    if site is None:
        raise Refused(*NO_SITE)
    return site


def _all(house: House) -> tuple[list[Listed], frozenset[Spoken]]:
    """Whatever the site in force has; and what the draft has beside it, which can be recorded
    before that is published."""
    found, kept = prompt_acts.listed(house.place, _site(house)), house.drafted.kept()
    if kept is None or not kept.done:
        return found, frozenset()
    drafted = _drafted(kept.text, house.place)
    if drafted is None:
        return found, frozenset()
    known = {each.prompt for each in found}
    fresh = [each for each in prompt_acts.listed(house.place, drafted) if each.prompt not in known]
    return [*found, *fresh], frozenset(each.prompt for each in fresh)


@lru_cache(maxsize=2)
def _drafted(text: str, place: Place) -> Plan | None:
    """A draft is read once, and not for each screen."""
    return settings.draft(text, draft.beside(place)).plan


def _listed(house: House, language: str, name: str) -> Listed:
    """A prompt that the list has: nobody names a file by an address."""
    for each in _all(house)[0]:
        if (each.prompt.language, each.prompt.name) == (language, name):
            return each
    raise Refused(*UNKNOWN)


def _brought(request: Request, sound: str) -> Brought:
    found = brought.find(house_of(request).place, sound, visitor_of(request).person)
    if found is None:
        raise Refused(*GONE)
    return found


def _to(prompt: Spoken) -> Response:
    return RedirectResponse(f"/prompts/of/{prompt.language}/{prompt.name}", 303)


def _sounding(sound: bytes) -> Response:
    return Response(sound, media_type=WAV)


@contextmanager
def _one_of(places: threading.BoundedSemaphore, within_s: float | None = None) -> Iterator[None]:
    """One at a time, or so many. Refused: all are taken."""
    if not places.acquire(blocking=within_s is not None, timeout=within_s):
        raise Refused(*BUSY)
    try:
        yield
    finally:
        places.release()


@contextmanager
def _explained() -> Iterator[None]:
    """What cannot be done is said with its reason."""
    try:
        yield
    except RecordingError as no:
        raise Refused(422, CANNOT_BE, str(no)) from None
    except PromptError as no:
        raise Refused(422, CANNOT_BE, str(no)) from None
    except SpeechError as no:
        raise Refused(422, CANNOT_SPEAK, str(no)) from None
    except OwnPromptError as no:
        raise Refused(409, NOT_DONE, str(no)) from None
    except ControlError as no:
        raise Refused(409, no.why, no.cure) from None
