"""The exchange: its parts put together, and let run in one loop.

Engine, AMI link and recorder tell facts; the inbox orders them; the call logic decides; the
performer acts. Whatever carries calls is a child of one TaskGroup: its failure ends the process,
the callers' fail-safe rings people, and the supervisor starts us again. The watchdog is fed only by
this loop and the engine both making progress.
"""

import asyncio
import gc
import signal
import sys
import time
import uuid
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any, assert_never
from zoneinfo import ZoneInfo

import structlog

from firmware import (
    account,
    audit,
    board,
    ledger,
    message_acts,
    outgoing,
    people,
    recalled,
    recordings,
    root,
    settings,
    site_outline,
    site_secrets,
    spare_key,
    spool,
    topics,
    trial,
    vault,
    wallclock,
    watching,
    ways,
)
from firmware.admin_notices import AdminNotices
from firmware.answers import Answers, show
from firmware.asterisk import translate
from firmware.asterisk.config import AMI_USER
from firmware.asterisk.link import ActionFailed, Link, LinkDown, LinkState
from firmware.asterisk.slots import Slots
from firmware.asterisk.translate import Translator
from firmware.asterisk.wire import Message
from firmware.audit import Act, Audited
from firmware.audit_watch import AuditWatch
from firmware.backlog import Backlog
from firmware.backup_timer import BackupTimer
from firmware.call_me import CallMe
from firmware.callback_desk import CallbackDesk
from firmware.callers import Callers
from firmware.calling_out import CallingOut
from firmware.clips import Clips
from firmware.company_names import CompanyNames, life_of
from firmware.control import Broadcast, ControlError, Door
from firmware.copies import Copies, mend_people
from firmware.damage_notices import DamageNotices
from firmware.desk_codes import DeskCodes
from firmware.desk_store import DeskStore
from firmware.doctor.desk import Doctor
from firmware.doorkeeper import Doorkeeper
from firmware.durable import make_directory
from firmware.guard import Guard
from firmware.handset import HandsetRings
from firmware.hours_desk import HoursDesk
from firmware.identity_desk import IdentityDesk
from firmware.lamps import Lamps
from firmware.lease_desk import LeaseDesk
from firmware.ledger import Arrived, Finished, Ledger, MessageKept, Missed, Moment, Noted, Row
from firmware.legs import Legs
from firmware.line_ear import LineEar
from firmware.lines_desk import LinesDesk, last_calls
from firmware.listening_desk import ListeningDesk
from firmware.loop import Inbox, consume
from firmware.machine import MachineKey, MachineKeyError
from firmware.message_notices import MessageNotices
from firmware.mobile_call import MobileCall
from firmware.modems import Modems
from firmware.notify import AN_HOUR, Notice, Notices
from firmware.outgoing import Outgoing
from firmware.outside_desk import OutsideDesk
from firmware.panel_desk import PanelDesk
from firmware.panel_trial import PanelTrial
from firmware.perform import BEEP_TAG, Performer
from firmware.phone_recording import PhoneRecordings
from firmware.place import Place
from firmware.ports import ports_of
from firmware.power_desk import PowerDesk
from firmware.power_rule import Up
from firmware.recorder import Failed, Kept, Recorder, Told
from firmware.recording_desk import RecordingDesk, part_of
from firmware.request_desk import RequestDesk, who_may_have_one
from firmware.retention import Eraser
from firmware.retention_desk import RetentionDesk
from firmware.rollups import Rollups
from firmware.roster import Roster, as_they_left_it
from firmware.selftest import SELFTEST_CALL, SelfTest
from firmware.site_secrets import SecretsError, secrets_of
from firmware.sms_desk import SmsDesk
from firmware.sms_rule import said
from firmware.speakers import Speakers
from firmware.staff_texts import StaffTexts
from firmware.store import StoreError, open_reader
from firmware.survived import starting, survived
from firmware.texts_desk import TextsDesk
from firmware.trunk_watch import TrunkWatch
from firmware.update.desk import UpdateDesk
from firmware.update.kept import boot_id
from firmware.update.release import Release, ReleaseError, running
from firmware.watchdog import notify
from firmware.watchman import Watchman
from firmware.words_desk import WordsDesk
from ivr import codes, commands, events
from ivr.exchange import Exchange
from ivr.own_words import OWN
from ivr.plan import BY_TEXT, Plan
from ivr.ticket import Ticket
from routing_core import media as engine
from routing_core.media import BACKLOG_S, Chunk, Media, MediaError

log = structlog.get_logger(__name__)

# design.md: the loop feeds the engine each quarter second; AMI silent for three has failed.
FEED_EVERY_S = 0.25
AMI_SILENT_S = 3.0
READY_WITHOUT_AMI_S = 2.0
# The store's thread computes for milliseconds after each event; a caller's event must not wait for
# Python's usual five (a free agent's phone was rung 0.7 ms sooner in the median).
TURN_S = 0.0005
# So long the databases are looked through at the start; callers wait for it.
LOOK_S = 1.0
CHANNEL_WITHIN_S = 0.3  # after Asterisk said that it could not ring, its channel may still be told


class NotPublishedError(Exception):
    """There is no site to run; the message says what to do."""


# Why an exchange does not start; each says what to do.
CANNOT_START = (
    ControlError,
    MachineKeyError,
    MediaError,
    NotPublishedError,
    OSError,
    SecretsError,
    StoreError,
)


# The dead-man's handle: every caller who was here is the dialplan's now, and it rings a person.
LETS_GO = (engine.Closing.UNFED, engine.Closing.ALL_LET_GO)


class StopWish(Exception):  # noqa: N818 - not an error: somebody asked us to end
    """SIGTERM or SIGINT."""


class App:
    """One clinic's exchange, built from what lies in its place and run once."""

    def __init__(self, place: Place, *, calls: int = 64, backlog_s: int = BACKLOG_S) -> None:
        self._place = place
        trial.go_back_at_start(place)
        self._plan = _published(place)
        self._zone = ZoneInfo(self._plan.timezone)
        self._ports = ports_of(place)
        self._started = time.monotonic()
        self._legs = Legs()
        self._inbox = Inbox()
        self._watchers: Broadcast[topics.StepLine] = Broadcast()
        self._translator = Translator(self._plan)
        self._slots = Slots()
        self._exchange = Exchange(self._plan, lambda: str(uuid.uuid4()))
        self._places = calls
        self._media = Media(calls, port=self._ports.engine, backlog_s=backlog_s)
        self._line_ear = LineEar(self._media, lambda: self._plan, self._legs.handle)
        self._clips = Clips(self._media, place.prompts, self._plan.language)
        self._link = Link(
            "127.0.0.1",
            self._ports.ami,
            AMI_USER,
            secrets_of(place.secrets, self._plan).ami,
            receive=self._heard_asterisk,
            changed=self._link_changed,
            resync=self._resync,
        )
        self._guard = Guard(
            place.root_socket,
            lambda: self._plan,
            ami=self._ports.ami,
            secret=secrets_of(place.secrets, self._plan).ami,
            sip=(self._ports.sip, self._ports.sip_tls),
        )
        self._company_names = CompanyNames(
            lambda: self._plan, partial(life_of, self._link), root.reloading(place.root_socket)
        )
        self._lamps = Lamps(self._link, place.calls_db, self._boxes_with_lamps)
        self._roster = Roster(self._exchange, self._inbox.put)
        self._ticks = 0
        self._linked = asyncio.Event()
        self._is_settled = False
        self._is_ending = False
        self._unfinished: frozenset[str] = frozenset()
        self._talks: frozenset[str] = frozenset()

    async def run(self) -> None:
        """Until asked to stop, or until a part that carries calls fails (an ExceptionGroup)."""
        self._loop = asyncio.get_running_loop()
        sys.setswitchinterval(TURN_S)
        key = MachineKey.at(self._place.machine_key)
        self._callers = Callers(key, lambda: self._plan)
        self._ledger = Ledger(
            self._place.calls_db,
            self._place.ledger_log,
            key,
            on_durable=lambda steps: self._from_thread(self._durable, steps),
            look_s=LOOK_S,
        )
        mend_people(self._place.page_db, LOOK_S)
        self._copies = Copies(self._place.calls_db, self._ledger, lambda: not self._exchange.calls)
        self._backlog = Backlog(self._ledger)
        self._callbacks = CallbackDesk(
            self._exchange,
            self._backlog,
            self._place.calls_db,
            key,
            self._inbox.put,
            self._start,
            self._confirm,
        )
        self._rollups = Rollups(self._ledger.store, lambda: self._zone)
        try:
            self._take_stock()
            self._hours = HoursDesk(
                self._ledger.store,
                lambda: self._plan,
                self._inbox.put,
                partial(wallclock.read, self._place),
            )
            self._desks = DeskCodes(
                DeskStore(self._ledger.store, key),
                lambda: self._plan,
                self._inbox.put,
                self._callers.block_only,
            )
            self._identity = IdentityDesk(
                self._ledger.store, self._place.page_db, key, self._inbox.put, self._now
            )
            self._words = WordsDesk(
                self._media,
                self._place,
                lambda: self._plan,
                key,
                self._hours,
                self._desks,
                self._inbox.put,
                lambda: self._exchange.calls,
            )
            self._sms = SmsDesk(
                store=self._ledger.store,
                key=key,
                plan=lambda: self._plan,
                line=lambda name: self._modems.line(name),
                local=self._now,
                start=self._start,
            )
            notices = self._notices = Notices(
                lambda: ways.now(self._place, self._plan, self._sms),
                starting(self._start, "notices"),
                shelf := Outgoing(self._ledger.store, key),
            )
            self._requests = RequestDesk(
                self._ledger.store,
                key,
                self._inbox.put,
                lambda: self._zone,
                may_have=partial(who_may_have_one, self._place.page_db),
                texts=StaffTexts(self._sms, notices, shelf, lambda: self._plan),
            )
            self._texts = TextsDesk(
                store=self._ledger.store,
                key=key,
                plan=lambda: self._plan,
                shelf=shelf,
                notices=notices,
            )
            self._send_what_was_left = partial(outgoing.resume, notices, self._place.calls_db, key)
            self._leases = LeaseDesk(
                store=self._ledger.store,
                key=key,
                place=self._place,
                plan=lambda: self._plan,
                tell=self._inbox.put,
                start=self._start,
                notices=notices,
            )
            self._listening = ListeningDesk(
                store=self._ledger.store,
                write=self._ledger.write,
                key=key,
                place=self._place,
                to_dial=self._desks.to_dial,
                tell=self._inbox.put,
                start=self._start,
            )
            self._supply = PowerDesk(
                plan=lambda: self._plan,
                notices=notices,
                up=self._calls_up,
                now=self._now,
                switch_off=self._switch_off,
            )
            self._trunks = TrunkWatch(
                plan=lambda: self._plan,
                link=self._link,
                lacks_password=partial(site_secrets.lacks_password, self._place.secrets),
                password_of=partial(site_secrets.trunk_password, self._place.secrets),
                authorities=self._place.sip_authorities,
                notices=notices,
                now=self._now,
                last_calls=partial(last_calls, self._place.calls_db),
            )
            self._speakers = Speakers(
                plan=lambda: self._plan,
                waited_in=lambda: {
                    queue for each in self._exchange.waiting().values() for queue in each.queues
                },
                rung=lambda: board.rung(self._exchange),
                answers=self._hours.answers,
            )
            self._outside = OutsideDesk(link=self._link, promise=self._backlog.promise)
            self._modems = Modems(
                plan=lambda: self._plan,
                pin_of=partial(site_secrets.sim_pin, self._place.secrets),
                link=self._link,
                port=self._ports.modems,
                start=self._start,
                texts=self._sms.heard,
                speakers=self._speakers,
            )
            self._message_notices = MessageNotices(
                self._place.calls_db, lambda: self._plan, notices, self._start
            )
            self._admin_notices = AdminNotices(
                self._place.calls_db,
                self._place.admins_told,
                lambda: self._plan,
                notices,
                self._now,
            )
            self._damage_notices = DamageNotices(
                self._place.home, self._place.damage_told, lambda: self._plan, notices, self._now
            )
            self._backups = BackupTimer(self._place, lambda: self._plan, self._now, notices)
            self._updates = UpdateDesk(
                place=self._place,
                plan=lambda: self._plan,
                notices=notices,
                now=self._now,
                answers=self._hours.answers,
                calls=self._how_many_calls_up,
                clock_is_trusted=self._hours.trusts_the_clock,
                install=self._install_update,
                restart=self._restart_box,
                running=_release(),
                boot_id=boot_id(),
            )
            self._audit_watch = AuditWatch(
                self._backlog.promise, partial(spool.set_aside, self._place.audit_spool)
            )
            self._trial = trial.TrialDesk(
                self._place, self._backlog.promise, lambda: self._adopt(topics.AdoptRequest())
            )
            self._retention = RetentionDesk(
                store=self._ledger.store,
                key=key,
                place=self._place,
                plan=lambda: self._plan,
                local=self._now,
                trusted=self._hours.trusts_the_clock,
                notices=notices,
                eraser=Eraser(self._ledger.store, key, self._place.messages, self._copies.renew),
            )
            await self._retention.measure()
            async with self._recording(key) as recorder:
                answers = Answers(
                    media=self._media,
                    link=self._link,
                    ledger_=self._ledger,
                    backlog=self._backlog,
                    recorder=recorder,
                    calls_db=self._place.calls_db,
                    steps=self._watchers,
                    started=self._started,
                    unspoken=self._unspoken,
                    clock=self._hours.part,
                    marked=self._lamps.changed,
                    uncounted=lambda: self._rollups.fault,
                    oncall=self._leases.part,
                    words=self._words.part,
                    notices=self._message_notices.part,
                    texts=self._sms.parts,
                    power=self._supply.parts,
                    panel=lambda: (*self._panel.parts(), *self._speakers.parts()),
                    listening=self._listening.part,
                    callbacks=self._callbacks.part,
                    stores=self._copies.part,
                    modems=self._modems.parts,
                    trunks=self._trunks.parts,
                    outside=self._outside.parts,
                    recordings=lambda: part_of(self._exchange.recordings.fault),
                    keyless=lambda: people.without_keys(self._place.page_db, self._plan.mailboxes),
                    envelope=lambda: people.envelope(self._place.page_db),
                    backups=self._backups.part,
                    audit_=self._audit_watch.part,
                    site=self._trial.part,
                    guard=self._guard.part,
                    update=self._updates.part,
                    retention=self._retention,
                    opens_one_of=partial(people.opens_one_of, self._place.page_db),
                )
                self._panel = PanelDesk(
                    plan=lambda: self._plan,
                    answers=self._hours.answers,
                    switch=self._hours.switch,
                    enter=lambda entry: self._backlog.put([entry]),
                    promise=self._backlog.promise,
                    calls_db=self._place.calls_db,
                    parts=answers.parts,
                    start=starting(self._start, "panel"),
                )
                door = answers.door(Doorkeeper(self._place.page_db, self._backlog.promise).admit)
                account.answer_at(door, self._backlog.promise)
                message_acts.answer_at(
                    door,
                    self._place.page_db,
                    self._ledger.write,
                    self._message_notices.came,
                    lambda: self._plan.retention.by_hand,
                )
                self._hours.open(door)
                self._desks.open(door)
                self._words.open(self._own_words)
                self._requests.open(door)
                self._texts.answer_at(door)
                selftest = SelfTest(self._media, self._legs, self._link, self._translator)
                door.answer(SELFTEST_CALL, selftest.call)
                self._backups.answer_at(door)
                door.answer(topics.ADOPT, self._adopt)
                self._roster.answer_at(door)
                board.answer_at(door, self._exchange, self._hours.answers)
                watching.answer_at(door, answers.status, self._board)
                self._leases.answer_at(door)
                self._listening.answer_at(door)
                self._callbacks.answer_at(door)
                self._outside.answer_at(door)
                LinesDesk(
                    plan=lambda: self._plan,
                    link=self._link,
                    calls_db=self._place.calls_db,
                    parts=lambda: (*self._modems.parts(), *self._trunks.parts()),
                    by_modem=self._modems.calls_of,
                ).answer_at(door)
                CallingOut(
                    exchange=self._exchange,
                    link=self._link,
                    backlog=self._backlog,
                    calls_db=self._place.calls_db,
                    key=key,
                    to_dial=self._desks.to_dial,
                ).answer_at(door)
                HandsetRings(
                    exchange=self._exchange, link=self._link, backlog=self._backlog
                ).answer_at(door)
                self._retention.open(door)
                self._phone_recordings = PhoneRecordings(
                    exchange=self._exchange,
                    media=self._media,
                    legs=self._legs,
                    link=self._link,
                    recorder=recorder,
                    words=self._words,
                    clips=lambda: self._clips,
                    is_full=lambda: self._retention.room.is_full,
                )
                self._phone_recordings.answer_at(door)
                self._call_me = CallMe(
                    place=self._place,
                    exchange=self._exchange,
                    media=self._media,
                    legs=self._legs,
                    link=self._link,
                    backlog=self._backlog,
                    words=self._words,
                    clips=lambda: self._clips,
                    start=self._start,
                )
                self._call_me.answer_at(door)
                self._mobile_call = MobileCall(
                    plan=lambda: self._plan,
                    media=self._media,
                    legs=self._legs,
                    link=self._link,
                    translator=self._translator,
                    backlog=self._backlog,
                    clips=lambda: self._clips,
                )
                self._mobile_call.answer_at(door)
                self._doctor = Doctor(
                    place=self._place,
                    plan=lambda: self._plan,
                    link=self._link,
                    translator=self._translator,
                    calls=lambda: len(self._exchange.calls),
                    parts=answers.parts,
                    lamps=(self._lamps, self._panel),
                )
                self._doctor.answer_at(door)
                self._supply.answer_at(door)
                PanelTrial(self._panel).answer_at(door)
                watched = Door(Watchman(self._backlog.promise, self._now).admit)
                watching.answer_at(watched, answers.status, self._board)
                self._doctor.look_at(watched)
                for each in (door, watched):
                    site_outline.answer_at(each, self._place.site_file)
                async with door.open(self._place.control_socket), self._beside(watched):
                    await self._carry_calls(recorder)
        except* StopWish:
            log.info("asked to stop")
        finally:
            self._ledger.close()

    async def _adopt(self, _request: topics.AdoptRequest) -> topics.AdoptReply:
        """The site file as it lies there now; one with faults changes nothing."""
        try:
            plan = _published(self._place)
        except NotPublishedError as fault:
            raise ControlError(f"not adopted: {fault}", "publish the site again") from fault
        clips = await asyncio.to_thread(Clips, self._media, self._place.prompts, plan.language)
        if clips.faults:
            raise ControlError(f"not adopted: {clips.faults[0]}", "publish the site again")
        self._plan = plan
        self._zone = ZoneInfo(plan.timezone)
        self._clips = clips
        self._performer.speak_with(clips)
        self._translator.adopt(plan)
        self._inbox.put(events.PlanAdopted(plan))
        self._lamps.changed()
        log.info("a new site is in force")
        return topics.AdoptReply(clinic=plan.name)

    @asynccontextmanager
    async def _beside(self, watched: Door) -> AsyncIterator[None]:
        """The door for who watches from elsewhere; calls go on if it cannot be opened."""
        async with AsyncExitStack() as opened:
            try:
                await opened.enter_async_context(watched.open(self._place.watch_socket))
            except (ControlError, OSError) as shut:
                log.warning("nobody can watch by SSH", why=str(shut))
            yield

    def _board(self) -> board.BoardReply:
        return board.board_of(self._exchange, self._hours.answers(), time.monotonic())

    def _unspoken(self) -> list[str]:
        """What is wrong with prompts, one phrase each."""
        wanted = settings.prompts_of(self._plan).get(self._plan.language, {})
        missing = self._clips.missing(wanted)
        return [*self._clips.faults, *(f"{name} is missing" for name in missing)]

    async def _carry_calls(self, recorder: Recorder[Chunk]) -> None:
        async with asyncio.TaskGroup() as group:
            self._recordings = RecordingDesk(
                media=self._media,
                places=self._places,
                legs=self._legs,
                link=self._link,
                translator=self._translator,
                backlog=self._backlog,
                recorder=recorder,
                tell=self._inbox.put,
                start=group.create_task,
                is_full=lambda: self._retention.room.is_full,
            )
            self._performer = Performer(
                media=self._media,
                clips=self._clips,
                legs=self._legs,
                link=self._link,
                translator=self._translator,
                backlog=self._backlog,
                recorder=recorder,
                leases=self._leases,
                words=self._words,
                listening=self._listening,
                recordings=self._recordings,
                tell=self._inbox.put,
                start=group.create_task,
                keep=self._requests.keep,
                identify=self._identity.identify,
                about_tickets=self._callbacks.perform,
                is_full=lambda: self._retention.room.is_full,
            )
            self._group = group
            _keep_for_good()
            self._media.start()
            group.create_task(self._hear_engine())
            group.create_task(self._stop_when_asked())
            group.create_task(self._keep_alive())
            group.create_task(self._say_ready())
            group.create_task(self._link.run())
            group.create_task(self._backlog.run())
            group.create_task(self._lamps.run())
            group.create_task(survived(self._modems.run(), "modems"))
            group.create_task(survived(self._trunks.run(), "trunks"))
            group.create_task(survived(self._outside.run(), "outside"))
            group.create_task(survived(self._panel.run(), "panel"))
            group.create_task(survived(self._speakers.run(), "loudspeakers"))
            group.create_task(survived(self._guard.run(), "guard"))
            group.create_task(survived(self._company_names.run(), "companies' names"))
            group.create_task(survived(self._supply.run(), "power"))
            group.create_task(self._rollups.run())
            group.create_task(self._send_what_was_left())
            group.create_task(self._admin_notices.run())
            group.create_task(self._damage_notices.run())
            group.create_task(self._audit_watch.run())
            group.create_task(self._trial.run())
            group.create_task(
                spool.run(self._place.audit_spool, self._is_entered, self._backlog.promise)
            )
            group.create_task(self._backups.run())
            group.create_task(survived(self._updates.run(), "updates"))
            group.create_task(self._retention.run())
            group.create_task(self._copies.run())
            group.create_task(
                consume(
                    self._exchange, self._inbox, self._decided, now=time.monotonic, local=self._now
                )
            )

    async def _stop_when_asked(self) -> None:
        asked = asyncio.Event()
        for wish in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(wish, asked.set)
        await asked.wait()
        self._is_ending = True
        raise StopWish

    async def _say_ready(self) -> None:
        """Once callers come: Asterisk sends them while our session at its manager stands. If there
        is none to be had, we are as ready as we can be."""
        with suppress(TimeoutError):
            async with asyncio.timeout(READY_WITHOUT_AMI_S):
                await self._linked.wait()
        notify("READY=1")

    async def _keep_alive(self) -> None:
        """The dead-man's handle, the watchdog, and what else must be looked at by the clock."""
        while True:
            self._media.feed()
            ticks = self._media.stats().ticks
            if ticks != self._ticks:
                notify("WATCHDOG=1")
            self._ticks = ticks
            self._hours.look()
            now = time.monotonic()
            self._leases.look(now)
            self._message_notices.look(now)
            self._listening.look(now)
            if self._words.is_due(now):
                self._start(self._words.sweep())
            for handle in self._legs.overdue(now):
                log.warning("audio came that Asterisk did not announce")
                self._media.close(handle)
            if self._legs.callers() and now - self._link.answered_at > AMI_SILENT_S:
                log.error("Asterisk's manager is silent: every caller goes to the fail-safe")
                self._media.let_go_all()
            await asyncio.sleep(FEED_EVERY_S)

    def _is_entered(self, entry: Audited) -> bool:
        reader = open_reader(self._place.calls_db)
        try:
            with reader.connect() as connection:
                return audit.is_entered(connection, entry)
        finally:
            reader.dispose()

    def _now(self) -> datetime:
        return datetime.now(self._zone)

    def _from_thread(self, work: Any, *arguments: Any) -> None:
        """Have the loop do it; a loop that has ended needs nothing done."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(work, *arguments)

    # -- decisions -------------------------------------------------------------------------------

    def _decided(self, event: events.Event | None, orders: list[commands.Command]) -> None:
        """What an event led to; an arrival is written down in the same commit as its first
        steps."""
        earlier: tuple[Row, ...] = ()
        if isinstance(event, events.CallArrived) and event.call not in self._unfinished:
            earlier = (
                Arrived(
                    event.call, event.line, event.dialled, event.number, event.name, Moment.now()
                ),
            )
        self._performer.perform(orders, earlier)

    # -- facts from the engine -------------------------------------------------------------------

    async def _hear_engine(self) -> None:
        has_told = asyncio.Event()
        self._loop.add_reader(self._media.event_fd, has_told.set)
        try:
            while True:
                await has_told.wait()
                has_told.clear()
                for fact in self._media.events():
                    self._put(self._told_by_engine(fact))
        finally:
            # Else the loop takes the next file of this number for this one, and never looks at it.
            self._loop.remove_reader(self._media.event_fd)

    def _told_by_engine(self, fact: engine.Event) -> Sequence[events.Event]:
        if isinstance(fact, engine.Opened):
            return self._legs.opened(fact.uuid, fact.call, time.monotonic())
        if isinstance(fact, engine.Closed):
            return self._audio_closed(fact.call, fact.reason)
        call = self._legs.uuid(fact.call)
        if call is None:
            self._phone_recordings.heard(fact)
            self._call_me.heard(fact)
            self._mobile_call.heard(fact)
            return ()
        match fact:
            case engine.ToneBegan(digit=digit):
                return (events.ToneHeard(call, digit),)
            case engine.KeyFrame(digit=digit):
                return (events.KeyEnded(call, digit),)
            case engine.Played(tag=tag):
                if tag == BEEP_TAG:
                    self._performer.beeped(call)
                    return ()
                return (events.PromptEnded(call, tag),)
            case engine.SpeechEnded(spoke=False):
                return (events.NobodySpoke(call),)
            case engine.SpeechEnded():
                return (events.SpeechEnded(call),)
            case engine.RecordingFull():
                self._performer.recorded(call)
                return (events.SpeechEnded(call),)
            case engine.RecordingEnded():
                self._performer.recorded(call)
                return ()
            case engine.Stalled(samples=0) if self._legs.is_tap(fact.call):
                return self._performer.part_never_began(call)
            case engine.Stalled() if self._legs.is_tap(fact.call):
                return (events.PartFailed(call, "recordings are kept too slowly"),)
            case engine.Stalled(samples=0):
                return self._performer.never_began(call)
            case engine.Stalled():
                self._performer.recorded(call)
                return (events.RecordingFailed(call, "recordings are kept too slowly"),)
            case engine.LineTone() | engine.LineSilent():
                return self._line_ear.means(call, fact)
            case engine.ToneEnded():
                return ()
            case _:
                assert_never(fact)

    def _audio_closed(self, handle: int, reason: engine.Closing) -> Sequence[events.Event]:
        """A hang-up, a join and our own release are told by Asterisk; the rest is a loss."""
        is_tap = self._legs.is_tap(handle)
        closed = self._legs.closed(handle)
        if closed is None:
            return ()
        call, ours = closed
        if is_tap:
            return (events.TapEnded(call, reason.name.lower().replace("_", " ")),)
        return (*_lost(call, reason, ours=ours), *self._performer.never_began(call))

    # -- facts from Asterisk ---------------------------------------------------------------------

    def _heard_asterisk(self, message: Message) -> None:
        for event in self._translator.receive(message):
            self._told_by_asterisk(event)
        for offer in self._translator.doubtful():
            self._loop.call_later(CHANNEL_WITHIN_S, self._end_doubtful, offer)
        self._lamps.heard(message)
        self._modems.heard(message)
        self._trunks.heard(message)
        if phone := translate.emergency_from(message):
            self._backlog.put([Audited("exchange", Act.EMERGENCY, phone, Moment.now())])
        if dialled := translate.code_dialled(message):
            self._start(self._answer_code(dialled))
        if asked := translate.inside_asked(message):
            route = self._desks.route(asked.extension, asked.became)
            self._tell_later(translate.routed(asked, route))
        if shown := self._slots.heard(message, self._plan):
            self._tell_later(shown)
        if missed := translate.missed_inside(message):
            self._start(self._desks.missed_inside(*missed))
        self._end_strays()

    def _put(self, told: Sequence[events.Event]) -> None:
        self._line_ear.tell(told)
        self._inbox.put(*self._callers.known(told, datetime.now(UTC)))

    def _told_by_asterisk(self, event: events.Event) -> None:
        if self._mobile_call.ended(event) or self._doctor.ended(event):
            return
        self._performer.heard(event)
        self._put(self._legs.heard(event))

    def _end_doubtful(self, offer: str) -> None:
        for event in self._translator.never_came(offer):
            self._inbox.put(*self._legs.heard(event))

    def _end_strays(self) -> None:
        for leg in self._translator.strays():
            self._tell_later(self._translator.ended_elsewhere(leg))

    def _link_changed(self, state: LinkState) -> None:
        log.info("AMI", state=state, reason=self._link.reason)
        if state is LinkState.UP:
            self._linked.set()
        else:
            self._inbox.put(events.PhonesWatched(watched=False))
            self._modems.link_lost()

    async def _resync(self) -> None:
        """After each login: what lives is asked of Asterisk, and what ended unheard is told."""
        told = self._translator.resync(await self._link.ask(*self._translator.status()))
        for event in told:
            self._told_by_asterisk(event)
        talks = [event.call for event in told if isinstance(event, events.Joined)]
        if not self._is_settled:
            self._is_settled = True
            self._settle()
            self._leases.resume()
            self._callbacks.resume(talks)
        self._legs.orphaned(self._translator.orphans())
        self._end_strays()
        # The link, or an exchange before us, may have ended between Bridge and this; and the talk
        # may end before anything else is asked.
        say = commands.Next.TALKED
        await asyncio.gather(
            *(self._tell_asterisk(self._translator.next_is(call, say)) for call in talks)
        )
        phones = await self._link.ask(*self._translator.phone_states())
        for phone in phones:
            self._heard_asterisk(phone)
        self._inbox.put(events.PhonesWatched(watched=True))
        for extension in self._translator.unreachable(phones):
            await self._tell_asterisk(translate.look_for(extension))
        self._lamps.forgotten()
        await self._read_slate()

    def _settle(self) -> None:
        """Calls that ended while we were away: after a talk, or under the fail-safe."""
        gone = sorted(self._unfinished - self._translator.live())
        moment = Moment.now()
        answered, failsafe = commands.Outcome.ANSWERED, commands.Outcome.FAILSAFE
        promised = self._callbacks.promised() - self._talks
        for call in gone:
            outcome = answered if call in self._talks else failsafe
            outcome = commands.Outcome.CALLBACK if call in promised else outcome
            unheard = Noted(call, ledger.UNHEARD, "", moment)
            self._backlog.put([unheard, Finished(call, outcome, moment)])
        if gone:
            log.warning("calls ended while we were away", count=len(gone))

    def _durable(self, steps: Sequence[ledger.Step]) -> None:
        show(self._watchers, steps)
        self._roster.durable(steps)
        self._callbacks.durable(steps)
        for missed in self._desks.durable(steps):
            self._start(self._desks.list_missed(missed))
        self._callers.durable(steps)
        self._admin_notices.durable(steps)
        if any(step.step in (ledger.MESSAGE, message_acts.MARKED) for step in steps):
            self._lamps.changed()
        if any(step.step == ledger.OUTCOME for step in steps):
            self._leases.call_ended()
        for step in steps:
            if step.step == ledger.OFFERED:
                self._tell_later(self._translator.known(step.call))

    def _boxes_with_lamps(self) -> list[str]:
        return [mailbox.name for mailbox in self._plan.mailboxes.values() if mailbox.lamps]

    async def _read_slate(self) -> None:
        """Calls that came and went while no exchange listened; each is counted once."""
        unheard = translate.unheard(await self._link.ask(*self._translator.slate()))
        if not unheard:
            return
        log.warning("calls came and went while nobody listened", count=len(unheard))
        try:
            await self._backlog.promise(*(_missed(one) for one in unheard))
        except StoreError:
            return  # the slate keeps them until the next login
        for one in unheard:
            await self._tell_asterisk(translate.wiped(one.call))

    async def _answer_code(self, dialled: translate.CodeDialled) -> None:
        if (switches := codes.HOURS_CODES.get(dialled.code)) is not None:
            prompt: str | None = await self._hours.by_code(switches)
        elif dialled.code.startswith(codes.DOOR):
            keyed = dialled.code.removeprefix(codes.DOOR)
            prompt = await self._panel.door_by_code(dialled.extension, keyed)
        else:
            prompt = await self._desks.by_code(dialled.extension, dialled.code)
        if prompt is None:
            prompt = await self._roster.by_code(dialled.extension, dialled.code)
        await self._tell_asterisk(translate.answered(dialled, prompt))

    def _tell_later(self, action: translate.Action) -> None:
        if not self._is_ending:
            self._start(self._tell_asterisk(action))

    async def _tell_asterisk(self, action: translate.Action) -> None:
        """What is only for the books; the next login makes up for what Asterisk did not hear."""
        try:
            await self._link.send(*action)
        except (ActionFailed, LinkDown) as unsaid:
            log.info("Asterisk could not be told", why=str(unsaid))

    # -- messages --------------------------------------------------------------------------------

    def _take_stock(self) -> None:
        """What an exchange before us left: calls without an end, messages without a row."""
        make_directory(self._place.messages, 0o700)
        reader = open_reader(self._place.calls_db)
        with reader.connect() as connection:
            known = ledger.known_messages(connection)
            parts = recordings.known_parts(connection)
            unended = recordings.never_ended(connection)
            deleted = ledger.deleted_messages(connection)
            self._unfinished = ledger.unfinished(connection)
            self._talks = ledger.talks(connection)
            self._callers.remember(connection, datetime.now(UTC))
            self._inbox.put(events.PhonesWatched(watched=False))
            self._inbox.put(*as_they_left_it(ledger.duties(connection)))
            trusted = wallclock.trusted_now(self._place)
            moved = recalled.moved(connection, Moment.now(), trusted=trusted)
            self._exchange.paces.recall(moved, time.monotonic())
        reader.dispose()
        if back := vault.destroy_again(self._place.messages, deleted):
            log.warning("deleted messages had been put back, and are destroyed", count=len(back))
        adopted = vault.adopt(self._place.messages, known)
        self._own_words = [each.label for each in adopted if each.label.mailbox == OWN]
        found = [each for each in adopted if each.label.mailbox != OWN]
        moment = Moment.now()
        talks = [each for each in found if each.label.message in parts]
        self._backlog.put([recordings.found(each, moment) for each in talks])
        self._backlog.put([recordings.PartEnded(m, recordings.CUT_OFF, moment) for m in unended])
        found = [each for each in found if each.label.message not in parts]
        self._backlog.put(
            [_message_row(f.label, f.seconds, moment, cut_off=f.cut_off) for f in found]
        )
        if found:
            log.warning("messages found that were not yet listed", count=len(found))

    @asynccontextmanager
    async def _recording(self, key: MachineKey) -> AsyncIterator[Recorder[Chunk]]:
        recorder = Recorder(
            self._media,
            self._place.messages,
            self._words.recipients,
            lambda told: self._from_thread(self._message_told, told),
            lambda message, own: spare_key.keep(self._place.messages, message, own, key),
            self._listening.keep,
        )
        try:
            yield recorder
        finally:
            self._media.stop()
            recorder.close()

    def _message_told(self, told: Told) -> None:
        if self._is_ending:
            return  # nobody is left to be told; the next start finds the message
        if self._recordings.take(told) or self._phone_recordings.take(told):
            return
        match told:
            case Kept(label=label) if label.mailbox == OWN:
                self._start(self._words.take(told))
            case Kept():
                self._start(self._promise(told))
            case Failed():
                self._inbox.put(events.RecordingFailed(told.call, told.reason))
            case _:
                assert_never(told)

    async def _promise(self, kept: Kept) -> None:
        """The row first, then the fact on which the caller is told."""
        row = _message_row(kept.label, kept.seconds, Moment.now(), cut_off=False)
        try:
            await self._backlog.promise(row)
        except StoreError as refused:
            self._inbox.put(events.RecordingFailed(kept.label.call, str(refused)))
        else:
            self._inbox.put(events.RecordingKept(kept.label.call, kept.label.message, kept.seconds))
            self._message_notices.came(kept.label.mailbox)

    def _confirm(self, ticket: Ticket) -> None:
        """Who is to be called back sees it on their telephone, where the clinic wishes that."""
        if self._plan.sms and self._plan.sms.callbacks and ticket.number:
            words = said("callback", ticket.language, clinic=self._plan.name)
            at, to = self._now(), ticket.number
            self._notices.send(Notice(to, "", words, at, AN_HOUR, way=BY_TEXT, about="callback"))

    async def _calls_up(self) -> Up:
        """Also those that Asterisk carries alone, as 911 is; where it does not tell, there are."""
        try:
            return translate.calls_up(await self._link.ask(*translate.CALLS_UP))
        except (ActionFailed, LinkDown):
            return Up(max(1, len(self._exchange.calls)))

    async def _how_many_calls_up(self) -> int:
        return (await self._calls_up()).calls

    async def _install_update(self) -> None:
        """RootError: it is not written."""
        at = self._place.root_socket
        await root.ask(at, root.InstallUpdate(), root.INSTALL_WITHIN_S)

    async def _restart_box(self) -> None:
        """RootError: it is not done."""
        await root.ask(self._place.root_socket, root.RestartBox())

    async def _switch_off(self) -> None:
        """RootError: it is not done."""
        await root.ask(self._place.root_socket, root.PowerOff())

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        self._group.create_task(work)


def _release() -> Release | None:
    """None: a checkout."""
    try:
        return running()
    except ReleaseError:
        return None


def _published(place: Place) -> Plan:
    """The site in force."""
    try:
        site_file = place.site_file.resolve()  # its calendars lie in the same version
        return settings.read(site_file.read_text("utf-8"), settings.beside(site_file))
    except (OSError, ValueError) as fault:
        raise NotPublishedError(
            f"the site in force cannot be read: run `careline publish` with the clinic's site file"
            f" ({fault})"
        ) from fault


def _keep_for_good() -> None:
    """What is loaded now stays: looking through it for what may go holds the loop up for as long
    as three frames of everybody's audio (26 to 79 ms for some 100,000 objects)."""
    gc.collect()
    gc.freeze()


def _lost(call: str, reason: engine.Closing, *, ours: bool) -> Sequence[events.Event]:
    """What the end of a caller's audio means for the call."""
    if ours or reason is engine.Closing.HUNG_UP:
        return ()
    if reason in LETS_GO:
        return (events.FellToFailsafe(call),)
    return (events.AudioLost(call, reason.name.lower().replace("_", " ")),)


def _missed(unheard: translate.Unheard) -> Row:
    now = Moment.now()
    came = datetime.fromtimestamp(unheard.started_ms / 1000, UTC)
    arrived = Moment(came, now.mono_ms - round((now.at - came).total_seconds() * 1000))
    return Missed(unheard.call, unheard.line, unheard.dialled, arrived, now)


def _message_row(
    label: vault.Label, seconds: float, moment: Moment, *, cut_off: bool
) -> MessageKept:
    return MessageKept(
        message=label.message,
        call=label.call,
        mailbox=label.mailbox,
        started=datetime.fromtimestamp(label.started_ms / 1000, UTC),
        seconds=seconds,
        urgent=label.urgent,
        cut_off=cut_off,
        moment=moment,
    )
