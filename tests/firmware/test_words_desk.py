"""What was recorded by telephone, on the disk: spoken after a kill, destroyed when it has run out,
and stood for where it is damaged."""

import asyncio
import re
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import numpy as np
import pytest
from sqlalchemy import Connection, text

from firmware import pins, settings, vault, words_desk
from firmware.clips import Clips
from firmware.control import Door
from firmware.desk_codes import DeskCodes
from firmware.desk_store import DeskStore
from firmware.hours_desk import HoursDesk
from firmware.keys import KeyPair
from firmware.machine import MachineKey
from firmware.passwords import Cost
from firmware.place import Place
from firmware.recorder import Kept
from firmware.store import Store
from firmware.vault import CHUNK_BYTES, Label, Sealing
from firmware.wallclock import Reading
from firmware.words_desk import WordsDesk
from ivr import commands, events
from ivr.hours import Switch
from ivr.own_words import OWN, Kind, named
from ivr.plan import SnowDay
from routing_core import audio
from routing_core.media import Clip, Media
from tests.firmware.test_settings import TEMPLATE
from tests.firmware.voice import voice

# Monday 23 November 2026, 09:00 in New York.
MORNING = datetime(2026, 11, 23, 14, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 24, 5, tzinfo=UTC)
CALL = "11111111-1111-4111-8111-111111111111"
SPOKEN = np.array(voice(2.0), dtype=np.int16)
CHEAP = Cost(1, 8, 1)
Done = TypeVar("Done")


@dataclass
class Box:
    """A box on whose disk things are found again; each `life` is one exchange's."""

    place: Place
    site: str = TEMPLATE
    now: datetime = MORNING
    in_step: bool = True  # the clock, with a time service
    told: list[events.Event] = field(default_factory=list)
    live: list[str] = field(default_factory=lambda: [CALL])

    @contextmanager
    def life(self) -> Iterator["Life"]:
        self.place.messages.mkdir(exist_ok=True)
        key, store = MachineKey.at(self.place.machine_key), Store(self.place.calls_db, "calls")
        try:
            yield Life(self, store, key)
        finally:
            store.close()

    def files(self) -> set[str]:
        return {path.stem for path in self.place.messages.iterdir()}


class Life:
    """Everything that knows of recordings, as the exchange puts it together."""

    def __init__(self, box: Box, store: Store, key: MachineKey) -> None:
        self.box, self.store, plan = box, store, settings.read(box.site)
        self.hours = HoursDesk(
            store,
            lambda: plan,
            box.told.append,
            lambda: Reading(box.now.timestamp(), 0.0, box.in_step),
        )
        self.desks = DeskCodes(
            DeskStore(store, key), lambda: plan, box.told.append, lambda hashes: None
        )
        self.media = Media(1, port=0)
        self.desk = WordsDesk(
            self.media,
            box.place,
            lambda: plan,
            key,
            self.hours,
            self.desks,
            box.told.append,
            lambda: box.live,
        )
        self.clips = Clips(self.media, box.place.prompts, "en")
        found = vault.adopt(box.place.messages, ())
        self.hours.open(Door())
        self.desks.open(Door())
        self.desk.open([each.label for each in found])

    def does(self, work: Coroutine[object, object, Done]) -> Done:
        return asyncio.run(work)

    def records(self, spoken: "np.typing.NDArray[np.int16]" = SPOKEN) -> str:
        """As the recorder seals it, and then tells of it."""
        label = Label(str(uuid4()), CALL, OWN, 0, urgent=False)
        sealing = Sealing(self.box.place.messages, label, self.desk.recipients(OWN))
        raw = memoryview(spoken.astype("<i2").tobytes())
        parts = range(0, len(raw), CHUNK_BYTES)
        for at in parts:
            sealing.add(raw[at : at + CHUNK_BYTES], last=at == parts[-1])
        sealing.finish()
        self.does(self.desk.take(Kept(label, 2.0)))
        return label.message

    def hears(self, name: str) -> Clip:
        (clip,) = self.desk.find(self.clips, "en", (name,))
        return clip

    def closes(self, message: str) -> Switch:
        switch = Switch("office", False, MIDNIGHT, named(Kind.ANNOUNCEMENT, message))
        self.does(self.desk.perform(commands.SwitchHours(CALL, {"office": switch})))
        return switch


def snowed_in() -> str:
    """The template with its own example written out."""
    comment, begin = re.compile("^# ?", re.M), TEMPLATE.index("# [flows.snow]")
    end = TEMPLATE.index("# A name that the voice", begin)
    return TEMPLATE[:begin] + comment.sub("", TEMPLATE[begin:end]) + TEMPLATE[end:]


def test_the_templates_example_is_right_and_a_name_that_is_nobodys_is_told() -> None:
    plan = settings.read(snowed_in())
    assert plan.flows["snow"].nodes["announce"] == SnowDay(("alvarez", "brandt"), ("office",))
    for known, wrong in (('"alvarez", "brandt"', '"snowman"'), ('["office"]', '["ofice"]')):
        at = snowed_in().rindex(known)
        faulty = snowed_in()[:at] + snowed_in()[at:].replace(known, wrong, 1)
        with pytest.raises(settings.SiteFaults, match=r"snow\.nodes\.announce"):
            settings.read(faulty)


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(Place(tmp_path))


def test_an_announcement_outlives_a_kill_is_shown_and_destroyed_once_it_has_run_out(
    box: Box,
) -> None:
    with box.life() as first:
        message = first.records()
        assert box.told[-1] == events.RecordingKept(CALL, message, 2.0)
        switch = first.closes(message)
        # The fact goes before the word that it is so.
        assert box.told[-2:] == [events.HoursSwitched("office", switch), events.WordsKept(CALL)]
    box.live.clear()
    with box.life() as second:
        assert switch.say is not None
        clip = second.hears(switch.say)
        assert abs(len(clip) - len(SPOKEN)) < 800
        told = "office is closed: switched by hand, until Tue 2026-11-24 00:00; callers hear what"
        assert second.desk.part().detail.startswith(told)
        assert second.hours.recorded()[message].startswith(told)
        second.does(second.desk.sweep())
        assert box.files() == {message}
        box.now = MIDNIGHT + timedelta(seconds=1)
        second.does(second.desk.sweep())
        assert box.files() == set()
        assert second.desk.part().detail == "nothing recorded by telephone"


def damage(connection: Connection) -> None:
    refused = "BEGIN SELECT RAISE(ABORT, 'damaged'); END"
    for table in ("switches", "desks"):
        trigger = f"CREATE TRIGGER no_{table} BEFORE INSERT ON {table} {refused}"
        connection.execute(text(trigger))


def test_what_cannot_be_in_force_is_not_said_to_be(box: Box) -> None:
    """No clock that could end it, or a disk that does not take it."""
    box.in_step = False
    with box.life() as first:
        message = first.records()
        first.closes(message)
        assert box.told[-1] == events.WordsFailed(CALL)
        assert first.hours.recorded() == {}

    box.in_step = True
    with box.life() as second:
        second.store.submit(damage).result(30)
        message = second.records()
        second.closes(message)
        assert box.told[-1] == events.WordsFailed(CALL)
        hello = commands.SetGreeting(CALL, "103", named(Kind.GREETING, message))
        second.does(second.desk.perform(hello))
        assert box.told[-2:] == [events.WordsFailed(CALL), events.WordsFailed(CALL)]
        assert second.desk.part().detail == "nothing recorded by telephone"


def test_a_damaged_or_missing_recording_is_stood_for_and_told(box: Box) -> None:
    with box.life() as first:
        announcement, greeting = first.records(), first.records()
        first.closes(announcement)
        hello = named(Kind.GREETING, greeting)
        first.does(first.desk.perform(commands.SetGreeting(CALL, "103", hello)))
        assert box.told[-1] == events.WordsKept(CALL)
        assert first.desks.recorded() == {greeting: "the greeting of 103"}
    path = vault.sealed_path(box.place.messages, announcement)
    path.write_bytes(path.read_bytes()[:-7] + b"damaged")
    vault.sealed_path(box.place.messages, greeting).unlink()
    with box.life() as second:
        # Behind it callers hear what they always hear while the clinic is closed.
        assert second.hears(named(Kind.ANNOUNCEMENT, announcement)) is second.clips.silence
        assert second.hears(hello) is second.clips.find("en", ("not-available",))[0]
        part = second.desk.part()
        assert part.state == "warning"
        assert "the greeting of 103" in part.detail
        assert "record it anew" in part.cure


def test_what_was_never_kept_goes_with_the_call_and_what_was_replaced_after_it(box: Box) -> None:
    with box.life() as only:
        cough, message = only.records(), only.records()
        only.closes(message)
        only.does(only.desk.sweep())
        assert box.files() == {cough, message}  # the call may still keep it
        box.live.clear()
        only.does(only.desk.sweep())
        assert box.files() == {message}
        only.does(only.desk.perform(commands.SwitchHours(CALL, {"office": None})))
        only.does(only.desk.sweep())
        assert box.files() == set()


def test_what_a_kill_cut_off_is_no_message_of_anybodys_and_goes(box: Box) -> None:
    with box.life() as first:
        label = Label(str(uuid4()), CALL, OWN, 0, urgent=False)
        sealing = Sealing(box.place.messages, label, first.desk.recipients(OWN))
        sealing.add(memoryview(bytes(16_000)), last=False)
        sealing.sync()
        sealing.close()
    box.live.clear()
    with box.life() as second:
        assert box.files() == {label.message}
        second.does(second.desk.sweep())
        assert box.files() == set()


def test_the_key_that_ends_a_recording_is_not_heard_by_callers(box: Box) -> None:
    pound = audio.tone_pair(941, 1477, dbm0=(-8, -8), ms=120)
    breath = np.zeros(2000, np.int16)
    with box.life() as only:
        message = only.records(np.concatenate([SPOKEN, breath, pound]))
        clip = only.hears(named(Kind.ANNOUNCEMENT, message))
        assert len(clip) <= len(SPOKEN) + len(breath)
        only.records(np.zeros(8000, np.int16))
        assert isinstance(box.told[-1], events.RecordingFailed)


def test_the_box_can_open_no_message_with_the_key_to_its_own_words(box: Box) -> None:
    with box.life() as only:
        owner = KeyPair.fresh()
        label = Label(str(uuid4()), CALL, "nurse", 0, urgent=False)
        sealing = Sealing(box.place.messages, label, [owner.public])
        sealing.add(memoryview(bytes(16_000)), last=True)
        path = sealing.finish()
        own = KeyPair(MachineKey.at(box.place.machine_key).for_own_words())
        assert only.desk.recipients(OWN) == [own.public]
        with pytest.raises(vault.NotForThisKeyError):
            vault.hear(path, own)


def test_pins_are_tried_alike_and_a_guesser_is_shut_out(box: Box) -> None:
    box.site = snowed_in()
    with box.life() as only:
        assert "oncall pin alvarez" in only.desk.part().cure
        pins.keep(box.place.page_db, "brandt", "246813", CHEAP)
        assert only.desk.part().state == "well"
        pins.keep(box.place.page_db, "alvarez", "864209", CHEAP)

        def says(pin: str) -> str:
            order = commands.CheckPins(CALL, ("alvarez", "brandt"), pin)
            only.does(only.desk.perform(order))
            (told,) = box.told[-1:]
            assert isinstance(told, events.PinChecked)
            assert told.fits is bool(told.person)
            return told.person

        assert says("246813") == "brandt"
        for _ in range(words_desk.WRONG_MOST):
            assert says("975310") == ""
        assert says("246813") == ""  # and nothing tells it from a wrong one
