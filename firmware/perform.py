"""Carries out what the call logic orders; `assert_never` proves that no order is forgotten.

Orders to the engine are done at once. Orders to Asterisk run as tasks and report back as events;
when Asterisk does not answer, the caller's audio is let go with nothing said about what comes next,
and the fail-safe rings a person.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, assert_never

import numpy as np
import structlog
from numpy.typing import NDArray

from firmware.asterisk import translate
from firmware.asterisk.link import ActionFailed, Link, LinkDown
from firmware.asterisk.wire import WireError
from firmware.asterisk.written import UnwritableError
from firmware.backlog import Backlog
from firmware.clips import Clips
from firmware.lease_desk import LeaseDesk
from firmware.ledger import Finished, Moment, Noted, Row
from firmware.legs import Legs
from firmware.listening_desk import ListeningDesk
from firmware.recorder import Recorder
from firmware.recording_desk import RecordingDesk
from firmware.words_desk import WordsDesk
from ivr import commands, events
from ivr.outside import NoWayOutError
from ivr.own_words import OWN
from routing_core.media import Chunk, Media

log = structlog.get_logger(__name__)

# The beep before a recording is told as played under this tag, which no flow uses.
BEEP_TAG = 0xFFFF_FFFF
# A caller who is being recorded, has spoken and is quiet for so long has finished.
QUIET_S = 4.0
# Longer than anybody thinks about the first word.
SILENT_S = 10.0
# What comes next must be with Asterisk before the audio ends; later than this a person is rung.
ANSWER_WITHIN_S = 1.0

# Between tries to end a leg that is not there yet.
WITHDRAW_AGAIN_S = (0.05, 0.2, 1.0)

# An order that Asterisk did not take, or that may not be written at all.
NOT_TAKEN = (ActionFailed, LinkDown, WireError)
NOT_CALLED = (*NOT_TAKEN, NoWayOutError, UnwritableError)

TicketOrder = commands.KeepTicket | commands.TryTicket | commands.CloseTicket
ToEngine = commands.Play | commands.StopPlaying | commands.StartMusic | commands.StopMusic


class Performer:
    """The one place where orders become actions."""

    def __init__(
        self,
        *,
        media: Media,
        clips: Clips,
        legs: Legs,
        link: Link,
        translator: translate.Translator,
        backlog: Backlog,
        recorder: Recorder[Chunk],
        leases: LeaseDesk,
        words: WordsDesk,
        listening: ListeningDesk,
        recordings: RecordingDesk,
        tell: Callable[[events.Event], None],
        start: Callable[[Coroutine[Any, Any, None]], object],
        keep: Callable[[commands.KeepRequest], Coroutine[Any, Any, None]],
        identify: Callable[[commands.Identify], Coroutine[Any, Any, None]],
        about_tickets: Callable[[TicketOrder], None],
        is_full: Callable[[], bool],
    ) -> None:
        """`is_full` says that there is no room for a recording."""
        self._media = media
        self._clips = clips
        self._legs = legs
        self._link = link
        self._translator = translator
        self._backlog = backlog
        self._recorder = recorder
        self._leases = leases
        self._words = words
        self._listening = listening
        self._recordings = recordings
        self._tell = tell
        self._start = start
        self._keep = keep
        self._identify = identify
        self._about_tickets = about_tickets
        self._is_full = is_full
        self._to_record: dict[str, commands.Record] = {}  # after the beep
        self._recording: set[str] = set()  # until the engine says that it has ended
        self._then: dict[str, commands.Next] = {}  # of callers who are being joined
        self._opening: dict[str, int] = {}  # messages on their way to be played, by call

    def perform(self, orders: list[commands.Command], earlier: tuple[Row, ...] = ()) -> None:
        """Carry out orders in their sequence; what they tell the ledger shares one commit."""
        moment = Moment.now()
        rows = [*earlier]
        tickets: list[TicketOrder] = []
        for order in orders:
            match order:
                case commands.Note():
                    rows.append(Noted(order.call, order.step, order.detail, moment))
                case commands.Finish():
                    rows.append(Finished(order.call, order.outcome, moment))
                case commands.Offer():
                    self._legs.offered(order.offer)
                    self._start(self._offer(order))
                case commands.CallOut():
                    self._legs.called_out(order.call)
                    self._start(self._call_out(order, moment))
                case commands.Withdraw():
                    self._start(self._withdraw(order))
                case commands.Cede():
                    self._cede(order.offer)
                case commands.Join():
                    self._start(self._join(order))
                case commands.Release():
                    self._start(self._release(order))
                case commands.TellAway():
                    self._start(self._tell_away(order))
                case commands.SendOn():
                    self._start(self._send_on(order))
                case commands.HangUp():
                    self._start(self._hang_up(order))
                case commands.LeadToFax():
                    self._start(self._lead_to_fax(order))
                case commands.Record():
                    self._record(order)
                case commands.KeepTicket() | commands.TryTicket() | commands.CloseTicket():
                    tickets.append(order)
                case commands.StopRecording():
                    self._stop_recording(order.call)
                case commands.KeepRequest():
                    self._start(self._keep(order))
                case commands.Identify():
                    self._start(self._identify(order))
                case commands.PlayMessage():
                    self._opening[order.call] = order.tag
                    self._start(self._play_message(order))
                case (
                    commands.CheckPin()
                    | commands.OpenLease()
                    | commands.OwnLease()
                    | commands.FreeLease()
                    | commands.CloseLease()
                    | commands.SendNotice()
                ):
                    self._leases.perform(order)
                case (
                    commands.Tap()
                    | commands.Untap()
                    | commands.RecordPart()
                    | commands.StopPart()
                    | commands.SoundTone()
                ):
                    self._recordings.perform(order)
                case commands.CheckPins() | commands.SwitchHours() | commands.SetGreeting():
                    self._start(self._words.perform(order))
                case commands.PlayLeft():
                    self._opening[order.call] = order.tag
                    self._start(self._play_left(order))
                case commands.CallLeft():
                    self._start(self._call_left(order))
                case commands.OpenBox() | commands.MarkLeft():
                    self._start(self._listening.perform(order))
                case _:
                    self._to_engine(order)
        if rows:
            self._backlog.put(rows)
        for ticket in tickets:  # their rows come after those of what they are about
            self._about_tickets(ticket)

    def speak_with(self, clips: Clips) -> None:
        """Prompts of a newly published site, for all that is spoken from now on."""
        self._clips = clips

    # -- recordings ------------------------------------------------------------------------------

    def _record(self, order: commands.Record) -> None:
        handle = self._legs.handle(order.call)
        if handle is None:
            self._tell(self._never_began(order.call))
            return
        if self._is_full() and order.mailbox != OWN:  # the clinic's own words are short, and needed
            log.warning("a message is refused: there is no room for recordings", call=order.call)
            full = events.RecordingFailed(order.call, "there is no room", is_full=True)
            self._tell(full)
            return
        self._to_record[order.call] = order
        self._media.play(handle, [self._clips.beep], tag=BEEP_TAG)

    def beeped(self, call: str) -> None:
        """The beep has been heard: now the recording begins."""
        order = self._to_record.pop(call, None)
        handle = self._legs.handle(call)
        if order is None or handle is None:
            return
        self._recording.add(call)
        self._recorder.expect(
            call, order.mailbox, urgent=order.urgent, is_played_back=order.is_played_back
        )
        self._media.record(handle, longest_s=order.longest_s, quiet_s=QUIET_S, silent_s=SILENT_S)
        begun = Noted(call, "recording", order.mailbox, Moment.now())
        self._backlog.put([begun])

    def _stop_recording(self, call: str) -> None:
        handle = self._legs.handle(call)
        if call in self._to_record:
            self._tell(self._never_began(call))
        elif handle is not None:
            self._media.stop_recording(handle)

    def recorded(self, call: str) -> None:
        """The engine says that a recording has ended; the recorder says what became of it."""
        self._recording.discard(call)

    def never_began(self, call: str) -> list[events.Event]:
        """To be asked when the engine can begin none any more: a recording whose end it has not
        told by then never began."""
        is_missing = call in self._to_record or call in self._recording
        return [self._never_began(call)] if is_missing else []

    def part_never_began(self, tap: str) -> list[events.Event]:
        """The same, of a talk that is listened to."""
        return self._recordings.never_began(tap)

    def _never_began(self, call: str) -> events.RecordingFailed:
        self._to_record.pop(call, None)
        self._recording.discard(call)
        self._recorder.forget(call)
        return events.RecordingFailed(call, "it never began")

    async def _play_message(self, order: commands.PlayMessage) -> None:
        """Opened in memory, straight for the engine; unless something else is spoken by then."""
        self._play_opened(order, await self._leases.samples(order.message))

    async def _play_left(self, order: commands.PlayLeft) -> None:
        """The same of a message in a mailbox that is listened to."""
        self._play_opened(order, await self._listening.samples(order))

    def _play_opened(
        self, order: commands.PlayMessage | commands.PlayLeft, samples: NDArray[np.int16] | None
    ) -> None:
        handle = self._legs.handle(order.call)
        if self._opening.get(order.call) != order.tag:
            return
        del self._opening[order.call]
        if handle is None:
            return
        if samples is None:
            clips = self._clips.find("", ("lease-unplayable",))
        else:
            clips = [self._media.load(samples)]
        self._media.play(handle, clips, tag=order.tag)

    async def _call_left(self, order: commands.CallLeft) -> None:
        """The telephone dials whoever left a message."""
        number = await self._listening.number(order)
        is_called = number is not None and await self._dials(order.call, number)
        self._tell(events.LeftCalled(order.call, is_called))

    async def _dials(self, call: str, number: str) -> bool:
        self._legs.leaving(call)
        try:
            for action in self._translator.dial_from(call, number):
                await self._link.send(*action)
        except NOT_CALLED as refused:
            log.warning("a telephone could not dial", call=call, why=str(refused))
            self._legs.staying(call)
            return False
        return True

    # -- agents and callers ----------------------------------------------------------------------

    async def _offer(self, order: commands.Offer) -> None:
        try:
            await self._link.send(*self._translator.originate(order))
        except NOT_TAKEN as refused:
            log.warning("a phone could not be rung", extension=order.extension, why=str(refused))
            self._over(order.offer)

    async def _call_out(self, order: commands.CallOut, moment: Moment) -> None:
        try:
            started_ms = round(moment.at.timestamp() * 1000)
            await self._link.send(*self._translator.call_out(order, started_ms))
        except NOT_CALLED as refused:
            log.warning("nobody could be called", call=order.call, why=str(refused))
            self._over(order.call)
            # Without a way there it never was a leg.
            never = events.CallOutEnded(order.call, events.Refusal.UNREACHABLE)
            for event in self._legs.never_called(never):
                self._tell(event)

    def _over(self, leg: str) -> None:
        """Whoever picked up meanwhile is let go, and by the dialplan joined to a caller who still
        waits."""
        handle = self._legs.handle(leg)
        if handle is not None:
            self._media.close(handle)
        self._legs.offer_ended(leg)
        for told in self._translator.over(leg):
            for event in self._legs.heard(told):
                self._tell(event)

    async def _withdraw(self, order: commands.Withdraw) -> None:
        """Asterisk makes the leg's channel a moment after it has taken the order to ring; until
        then there is nothing to hang up."""
        for pause_s in (*WITHDRAW_AGAIN_S, None):
            try:
                await self._link.send(*self._translator.hangup(order.offer))
            except ActionFailed:
                if pause_s is not None:
                    await asyncio.sleep(pause_s)
            except (LinkDown, WireError):
                break
            else:
                return
        self._over(order.offer)

    def _cede(self, leg: str) -> None:
        """The dialplan joins whom we let go."""
        if (handle := self._legs.handle(leg)) is not None:
            self._legs.leaving(leg)
            self._media.close(handle)

    async def _join(self, order: commands.Join) -> None:
        """Bridge first and say `talked` once they hear each other (`joined`): if we die between,
        the caller is rung for once more after the talk, which is better than being hung up on
        without one, as would be who is joined to a leg that has just ended. Of somebody whom we
        called it is said before, for they must not hear after the talk that it was cut off."""
        for leg in (order.call, order.offer):
            self._legs.leaving(leg)
            if self._translator.is_called(leg):
                await self._next_is(leg, commands.Next.TALKED)
        if not self._translator.is_called(order.call):
            self._then[order.call] = order.then
        try:
            await self._link.send(*self._translator.bridge(order.call, order.offer))
        except NOT_TAKEN as refused:
            self._then.pop(order.call, None)
            log.warning("caller and agent could not be joined", call=order.call, why=str(refused))
            for leg in (order.call, order.offer):
                self._legs.staying(leg)
            self._tell(events.JoinFailed(order.call, order.offer))
            return
        if order.then is commands.Next.SURVEY:
            self._legs.returning(order.call)

    def heard(self, event: events.Event) -> None:
        """What Asterisk told, for orders that end only with it."""
        match event:
            case events.Joined(call=call) if (then := self._then.pop(call, None)) is not None:
                self._start(self._next_is(call, then))
            case events.CallerLeft(call=call):
                self._then.pop(call, None)
            case _:
                pass

    async def _next_is(self, call: str, what: commands.Next) -> None:
        try:
            await self._link.send(*self._translator.next_is(call, what))
        except NOT_TAKEN as refused:
            log.warning("people are rung once more after a talk", call=call, why=str(refused))

    async def _tell_away(self, order: commands.TellAway) -> None:
        try:
            await self._link.send(*translate.tell_away(order.extension))
        except NOT_TAKEN as refused:
            log.info("a phone was not told of its pause", why=str(refused))

    async def _send_on(self, order: commands.SendOn) -> None:
        """A caller who cannot be fetched stays in the talk that the transfer made; one who cannot
        be sent outside falls to the fail-safe, which rings people."""
        self._legs.leaving(order.call)
        try:
            for action in self._translator.send_on(order):
                await self._link.send(*action)
        except NOT_TAKEN as refused:
            log.warning("a caller could not be sent on", call=order.call, why=str(refused))
            handle = self._legs.handle(order.call)
            if handle is not None:
                self._media.close(handle)

    async def _hang_up(self, order: commands.HangUp) -> None:
        try:
            await self._link.send(*self._translator.hangup(order.call))
        except NOT_TAKEN as refused:
            log.warning("a call whose caller has gone goes on", call=order.call, why=str(refused))

    async def _lead_to_fax(self, order: commands.LeadToFax) -> None:
        """A fax machine that cannot be led there falls to the fail-safe, as any caller does."""
        self._legs.leaving(order.call)
        try:
            await self._link.send(*self._translator.lead_to_fax(order))
        except NOT_TAKEN as refused:
            log.warning("a fax could not be led to its machine", why=str(refused))
            self._legs.staying(order.call)
            if (handle := self._legs.handle(order.call)) is not None:
                self._media.close(handle)

    async def _release(self, order: commands.Release) -> None:
        try:
            await self._link.send(
                *self._translator.next_is(order.call, order.next), deadline_s=ANSWER_WITHIN_S
            )
        except NOT_TAKEN as refused:
            log.warning("released to the fail-safe", call=order.call, why=str(refused))
        handle = self._legs.handle(order.call)
        if handle is not None:
            self._legs.leaving(order.call)
            self._media.close(handle)

    def _to_engine(self, order: ToEngine) -> None:
        handle = self._legs.handle(order.call)
        if handle is None:
            return
        match order:
            case commands.Play():
                self._opening.pop(order.call, None)
                clips = self._words.find(self._clips, order.language, order.prompts)
                self._media.play(handle, clips, tag=order.tag)
            case commands.StopPlaying():
                self._opening.pop(order.call, None)
                self._media.stop_playing(handle)
            case commands.StartMusic():
                self._media.music(handle, self._clips.music)
            case commands.StopMusic():
                self._media.music(handle, None)
            case _:
                assert_never(order)
