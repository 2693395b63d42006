"""How the trunks of one running exchange stand: asked of Asterisk every few seconds, and told in
the status with the reason and its cure, and by e-mail to those in charge. No call hangs on anything
here.

    signs in:    signed in -> well | refused -> why, as the company says it to us (trunk_refusal)
                 | refused, and it is silent -> the connection or the address
                 | it was silent and answers again -> the box signs in anew, for the company may
                 have forgotten it
    comes and goes: an alarm, though it answers now (dead_lines)
    its calls:   are mute, or a gateway takes none: a note, or an alarm (trunk_calls)
    by TLS:      silent -> what is wrong with its certificate, if that is it
    a card:      as Asterisk has its channels (card_watch)
    by address:  answers -> well | answers no more -> the connection | never has -> left alone, for
                 not everybody answers whoever asks whether they are there
"""

import asyncio
import math
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import structlog
from sqlalchemy.exc import SQLAlchemyError

from firmware import card_watch, cards, dead_lines, topics, trunk_alarms, trunk_refusal
from firmware.asterisk import card_states, trunk_states
from firmware.asterisk.line_groups import trunk_endpoint
from firmware.asterisk.link import ActionFailed, Link, LinkDown
from firmware.asterisk.trunk_states import NOT_ASKED, Answering, Contact, SignedIn
from firmware.asterisk.wire import Message
from firmware.notify import AN_HOUR, Notice, Notices
from firmware.store import StoreError
from firmware.trunk_calls import SILENT_CURE, TrunkCalls
from firmware.trunk_certificate import fault_of
from ivr.plan import Plan, Transport, Trunk

LOOK_S = 3.0
CALLS_EVERY_S = 10.0
ASK_WHY_EVERY_S = 60.0

log = structlog.get_logger(__name__)

SILENT = "the telephone company does not answer"
REFUSED = "the telephone company refuses to let the box sign in"
REFUSED_CURE = (
    "compare its user name in [trunks] of the site file, give its password again on the page, and"
    " ask the company whether the account is in force"
)
NO_PASSWORD = "no password was given for the telephone company, and it refuses the box"  # noqa: S105
NO_PASSWORD_CURE = "give it on the page: People and phones, Telephone companies, its form"  # noqa: S105
CERTIFICATE_CURE = (
    "compare its address in [trunks] of the site file with the company's papers; where it has an"
    " authority of its own, `careline lines trust FILE` and publish"
)


@dataclass(frozen=True, slots=True)
class Stand:
    """What is known of one trunk."""

    contact: Contact = NOT_ASKED
    has_answered: bool = False  # ever, since the exchange began
    signed_in: SignedIn | None = None  # None: it was not told
    certificate: str = ""  # what is wrong with the one that its server shows, as far as we know
    why: tuple[str, str] | None = None  # it refuses the box, and the cure, where it said so


def seen(
    before: Stand, contact: Contact, signed_in: SignedIn | None, certificate: str = ""
) -> Stand:
    """After one more look. What a look does not tell stands as it was."""
    known = before.contact if contact.answering is Answering.UNKNOWN else contact
    has_answered = before.has_answered or known.answering is Answering.YES
    return Stand(known, has_answered, signed_in or before.signed_in, certificate)


def is_back(before: Stand, stand: Stand) -> bool:
    """Whether it was lost and answers again."""
    was_lost = before.contact.answering is Answering.NO
    return was_lost and before.has_answered and stand.contact.answering is Answering.YES


def part_of(trunk: Trunk, stand: Stand, *, lacks_password: bool) -> topics.Part | None:
    """As the status tells it; None: nothing is known yet."""
    is_silent = stand.contact.answering is Answering.NO
    if is_silent and stand.certificate:
        return _part(trunk, "alarm", stand.certificate, CERTIFICATE_CURE)
    if trunk.registers and stand.signed_in is SignedIn.REFUSED:
        if stand.why:
            return _part(trunk, "alarm", *stand.why)
        if is_silent:
            return _part(trunk, "alarm", SILENT, SILENT_CURE)
        if lacks_password:
            return _part(trunk, "alarm", NO_PASSWORD, NO_PASSWORD_CURE)
        return _part(trunk, "alarm", REFUSED, REFUSED_CURE)
    if is_silent and stand.has_answered:
        return _part(trunk, "alarm", SILENT, SILENT_CURE)
    if trunk.registers and stand.signed_in is SignedIn.YES:
        return _part(trunk, "well", f"signed in{_took(stand)}")
    if stand.contact.answering is Answering.YES:
        return _part(trunk, "well", f"answers{_took(stand)}")
    if is_silent:
        return _part(trunk, "well", "never says whether it is there")
    return None


def _took(stand: Stand) -> str:
    return "" if stand.contact.took_ms is None else f", {stand.contact.took_ms:g} ms"


def _part(trunk: Trunk, state: str, detail: str, cure: str = "") -> topics.Part:
    told = {"name": f"trunk {trunk.name}", "state": state, "detail": detail, "cure": cure}
    return topics.Part.model_validate(told)


class TrunkWatch:
    """All of them."""

    def __init__(
        self,
        *,
        plan: Callable[[], Plan],
        link: Link,
        lacks_password: Callable[[str], bool],
        password_of: Callable[[str], str | None],
        authorities: Path,
        notices: Notices,
        now: Callable[[], datetime],
        clock: Callable[[], float] = time.monotonic,
        look_s: float = LOOK_S,
        last_calls: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        """`authorities` are those that Asterisk trusts with trunks; `last_calls` says when a call
        of each line came last (ISO 8601), and may take its time."""
        self._last_calls = last_calls
        self._falls: dict[str, tuple[float, ...]] = {}  # of each trunk, within the hour
        self._quiet: tuple[topics.Part, ...] = ()
        self._looked_s = -math.inf  # for lines without calls
        self._notices, self._now, self._clock = notices, now, clock
        self._troubles: trunk_alarms.Troubles = {}
        self._plan, self._link, self._look_s = plan, link, look_s
        self._authorities = authorities
        self._lacks_password, self._password_of = lacks_password, password_of
        # When each was asked why it refuses the box, and whether it answered to anything then.
        self._asked_why: dict[str, tuple[float, Answering]] = {}
        self._stands: dict[str, Stand] = {}
        self._cards: tuple[topics.Part, ...] = ()
        self._calls = TrunkCalls(plan=plan, link=link, now=now, clock=clock)

    def heard(self, message: Message) -> None:
        """Asterisk said so."""
        self._calls.heard(message)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            # That there is no Asterisk is told by itself; what is known grows old meanwhile.
            with suppress(ActionFailed, LinkDown):
                await self._look()
                await self._calls.look(self._answering())
                await self._look_for_calls()
                self._tell(await asyncio.to_thread(self.parts))
            await asyncio.sleep(self._look_s)

    async def _look(self) -> None:
        self._cards = await self._look_at_cards()
        trunks = {name: it for name, it in self._plan().trunks.items() if it.card is None}
        signed_in: Mapping[str, SignedIn] = {}
        if any(trunk.registers for trunk in trunks.values()):
            told = await self._link.ask(*trunk_states.REGISTRATIONS)
            signed_in = trunk_states.registrations(told)
        stands: dict[str, Stand] = {}
        for name, trunk in trunks.items():
            endpoint = trunk_endpoint(trunk)
            before = self._stands.get(name, Stand())
            contact = await self._contact(endpoint)
            certificate = await self._certificate(trunk, contact)
            stand = seen(before, contact, signed_in.get(endpoint), certificate)
            stands[name] = replace(stand, why=await self._why(trunk, stand, before.why))
            if trunk.registers and is_back(before, stand):
                with suppress(ActionFailed):  # Asterisk does not know it yet, and will by itself
                    await self._link.send(*trunk_states.sign_in(endpoint))
            was, is_now = (self._is_lost(trunk, each) for each in (before, stands[name]))
            falls = dead_lines.lately(self._falls.get(name, ()), self._clock())
            self._falls[name] = (*falls, self._clock()) if is_now and not was else falls
        self._stands = stands

    async def _why(
        self, trunk: Trunk, stand: Stand, before: tuple[str, str] | None
    ) -> tuple[str, str] | None:
        answering, now_s = stand.contact.answering, self._clock()
        is_refused = trunk.registers and stand.signed_in is SignedIn.REFUSED
        password = self._password_of(trunk.name) if is_refused else None
        if password is None or answering is Answering.UNKNOWN:
            self._asked_why.pop(trunk.name, None)
            return None
        asked_s, was = self._asked_why.get(trunk.name, (-math.inf, answering))
        if was is answering and now_s - asked_s < ASK_WHY_EVERY_S:
            return before
        self._asked_why[trunk.name] = now_s, answering
        status = await trunk_refusal.status_of(trunk, password, self._authorities)
        if status is None and answering is Answering.NO:
            return None  # it is silent, and no more is to be told
        return trunk_refusal.meaning(status)

    async def _look_at_cards(self) -> tuple[topics.Part, ...]:
        plan = self._plan()
        if not cards.is_there_one(plan):
            return ()
        try:
            channels = await self._link.ask(*card_states.CHANNELS)
            spans = await self._link.ask(*card_states.SPANS)
            seen = card_states.seen(channels, spans)
        except ActionFailed:
            seen = None
        known = ((trunk, trunk.card) for trunk in plan.trunks.values())
        return tuple(card_watch.part_of(trunk, card, seen) for trunk, card in known if card)

    def _answering(self) -> frozenset[str]:
        stands = self._stands.items()
        return frozenset(it for it, stand in stands if stand.contact.answering is Answering.YES)

    def _is_lost(self, trunk: Trunk, stand: Stand) -> bool:
        part = part_of(trunk, stand, lacks_password=False)
        return part is not None and part.state == "alarm"

    async def _look_for_calls(self) -> None:
        if self._clock() - self._looked_s < CALLS_EVERY_S:
            return
        self._looked_s = self._clock()
        try:
            told = await asyncio.to_thread(self._last_calls)
            last = {line: datetime.fromisoformat(at) for line, at in told.items()}
        except (StoreError, SQLAlchemyError, ValueError) as unread:
            log.warning("when calls came last cannot be read", why=type(unread).__name__)
            return
        self._quiet = tuple(dead_lines.quiet(self._plan(), last, self._now()))

    def _tell(self, parts: Iterable[topics.Part]) -> None:
        self._troubles, news = trunk_alarms.step(self._troubles, parts, self._clock())
        plan = self._plan()
        for name, what in news:
            for address in plan.mail.admins if plan.mail is not None else ():
                text = f"At {plan.name}, {self._now():%a %-d %b %H:%M}: {name}: {what}.\n"
                subject = f"{plan.name}: {name}: {what}"
                self._notices.send(Notice(address, subject, text, self._now(), AN_HOUR))

    async def _certificate(self, trunk: Trunk, contact: Contact) -> str:
        if trunk.transport is not Transport.TLS or contact.answering is not Answering.NO:
            return ""
        return await fault_of(trunk.host, trunk.port, self._authorities)

    async def _contact(self, endpoint: str) -> Contact:
        named = (await self._link.send(*trunk_states.contact_of(endpoint))).get("Value")
        if not named:
            return NOT_ASKED
        status, rtt = [
            (await self._link.send(*trunk_states.asked(named, what))).get("Value")
            for what in ("status", "rtt")
        ]
        return trunk_states.contact_said(status, rtt)

    def parts(self) -> tuple[topics.Part, ...]:
        """For the status: one for each of which anything is known."""
        trunks = self._plan().trunks
        found = (
            (name, part_of(trunks[name], stand, lacks_password=self._lacks_password(name)))
            for name, stand in self._stands.items()
            if name in trunks
        )
        told = (
            self._calls.told(name, dead_lines.comes_and_goes(part, self._falls.get(name, ())))
            for name, part in found
            if part is not None
        )
        return (*told, *self._cards, *self._quiet)
