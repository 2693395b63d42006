"""What became of texts and who wrote STOP, as staff sees it; and texts let go again to who asked.

A stop is the person's own word and only theirs to take back: staff says how they asked, types the
number that they gave, and it stands in the audit. The one exception are the clinic's own people: a
text's sender is easily forged, and a forged STOP keeps on-call texts from them.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Literal

from pydantic import Field
from sqlalchemy import Connection

from firmware import sent_texts, sms_store
from firmware.audit import Act, Audited
from firmware.call_search import masked
from firmware.control import ControlError, Door, Strict, Topic
from firmware.ledger import Moment, add_step
from firmware.machine import MachineKey
from firmware.notify import AN_HOUR, Notice, Notices
from firmware.operations import Asker
from firmware.outgoing import Outgoing
from firmware.sent_texts import State
from firmware.sms_rule import said
from firmware.sms_store import Stop
from firmware.store import Store, StoreError, open_reader
from ivr.plan import BY_TEXT, Plan

NUMBER = re.compile(r"\+?[0-9]{7,15}")  # ITU-T E.164
BETWEEN = re.compile(r"[\s().-]+")  # what people write between digits
NO_STOP = ControlError("that number did not write STOP", "see `careline texts`")


class Asked(StrEnum):
    """How somebody asked to get texts again."""

    BY_TELEPHONE = "by telephone"
    IN_PERSON = "in person"
    IN_WRITING = "in writing"


class TextsRequest(Strict):
    """What became of the last texts, and who wrote STOP?"""

    ask: Literal["texts"] = "texts"


class StopLine(Strict):
    """One number that gets no texts: its last digits, and whose of the clinic it is, if anybody's.
    Of one that wrote before numbers were kept, no digits are known."""

    number: str = Field(repr=False)
    person: str
    since: str


class TextLine(Strict):
    """A text that the box sent, or is to send: what it is of (a request's name, or a word of
    ours), to whom, where it is, and why it did not come."""

    text: str
    at: str
    about: str
    number: str = Field(repr=False)
    person: str
    state: State
    why: str


class TextsReply(Strict):
    """The newest first, of the texts a few."""

    stops: tuple[StopLine, ...]
    texts: tuple[TextLine, ...]


class AllowTextsRequest(Strict):
    """Let texts go again to who asked for it: a whole number, or somebody of the site file."""

    ask: Literal["allow texts"] = "allow texts"
    number: str = Field(default="", max_length=32, repr=False)
    person: str = Field(default="", max_length=64)
    asked: Asked


class AllowTextsReply(Strict):
    """Done."""


TEXTS = Topic(TextsRequest, TextsReply)
ALLOW_TEXTS = Topic(AllowTextsRequest, AllowTextsReply)


def own_numbers(plan: Plan) -> Mapping[str, str]:
    """The clinic's people who get texts, by their numbers in one way of writing."""
    return {
        sms_store.one_way(person.text): name for name, person in plan.people.items() if person.text
    }


def own_stopped(connection: Connection, plan: Plan, key: MachineKey) -> list[str]:
    """The clinic's own people to whom no text goes, for their number wrote STOP."""
    own = own_numbers(plan)
    return sorted(own[each] for each in own if sms_store.is_stopped(connection, each, key))


class TextsDesk:
    """That of one running exchange."""

    def __init__(
        self,
        *,
        store: Store,
        key: MachineKey,
        plan: Callable[[], Plan],
        shelf: Outgoing,
        notices: Notices,
        now: Callable[[], Moment] = Moment.now,
    ) -> None:
        self._store, self._key, self._plan = store, key, plan
        self._shelf, self._notices, self._now = shelf, notices, now

    def answer_at(self, door: Door) -> None:
        door.answer(TEXTS, self.listed)
        door.answer_to(ALLOW_TEXTS, self.allow)

    async def listed(self, _request: TextsRequest) -> TextsReply:
        """Who gets none."""
        return await asyncio.to_thread(self._listed)

    def _listed(self) -> TextsReply:
        own = {
            self._key.keyed_hash(number): name for number, name in own_numbers(self._plan()).items()
        }
        reader = open_reader(self._store.path)
        try:
            with reader.connect() as connection:
                found = sms_store.stops(connection, self._key)
                sent = sent_texts.newest(connection, self._key)
        finally:
            reader.dispose()
        return TextsReply(
            stops=tuple(
                StopLine(
                    number=masked(each.number),
                    person=own.get(each.number_hash, ""),
                    since=each.at,
                )
                for each in found
            ),
            texts=tuple(
                TextLine(
                    text=each.text,
                    at=each.at,
                    about=each.about,
                    number=masked(each.number),
                    person=own.get(each.number_hash, "") if each.number_hash else "",
                    state=each.state,
                    why=each.why,
                )
                for each in sent
            ),
        )

    async def allow(self, wish: AllowTextsRequest, asker: Asker) -> AllowTextsReply:
        """By somebody's word, which is entered."""
        plan = self._plan()
        person = plan.people.get(wish.person)
        number = person.text if person is not None else BETWEEN.sub("", wish.number)
        if wish.person and not number:
            raise ControlError("nobody of that name gets texts", "see [people] of the site file")
        if not NUMBER.fullmatch(number):
            raise ControlError("that is no number", "type all of it, as the person gave it")
        name = own_numbers(plan).get(sms_store.one_way(number), "")

        moment = self._now()
        # They hear of it, and can stop it again, if it was not they who asked.
        words = said("started", plan.language, clinic=plan.name)
        text = Notice(number, "", words, moment.at, AN_HOUR, way=BY_TEXT, about="started")

        def let_go(connection: Connection) -> Stop | None:
            stop = sms_store.stop_of(connection, number, self._key)
            if stop is not None:
                sms_store.start(connection, number, self._key)
                about = f"{name or f'the number of stop {stop.name}'}, who asked {wish.asked}"
                entry = Audited(asker.name, Act.ALLOWED_TEXTS, asker.told_of(about), moment)
                for noted in entry.record(connection, self._key):
                    add_step(connection, noted.call, noted.step, noted.detail, noted.moment)
                self._shelf.put(connection, text)
            return stop

        try:
            stop = await self._store.written(let_go)
        except StoreError as refused:
            raise ControlError(f"not done: {refused}", "make room on the disk") from refused
        if stop is None:
            raise NO_STOP
        self._notices.resume([text])
        return AllowTextsReply()
