"""The telephone company of `make run` and the tests: a second Asterisk with lines, callers, desks.

It knows the clinic only by SIP and RTP, as the world does. Its lines come from one loopback
address, by which the clinic knows its trunk, and its desk phones register from another. A caller's
heard and said audio are recorded apart, and so are each desk's. Whatever the clinic dials is
counted, emergency numbers first of all; nothing here leads to a real line.

What must be known to the millisecond is not recorded but streamed: a call's or a desk's audio goes,
frame by frame and both ways, to whoever listens at a port (AudioSocket).
"""

import asyncio
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count
from pathlib import Path
from typing import assert_never

from firmware.asterisk import written
from firmware.asterisk.config import STATE_FOLDERS
from firmware.asterisk.link import ActionFailed, Link, LinkState
from firmware.asterisk.sandbox import Asterisk, Sandboxed
from firmware.asterisk.wire import Message
from firmware.asterisk.written import extension, section

LINE_ADDRESS = "127.0.0.2"  # where the trunk is; a plan's trunk names it as its host
DESK_ADDRESS = "127.0.0.3"
AMI_USER = "telco"
AUTHORITY = "authority.pem"
LAMP = "desks@clinic"
REACH_WITHIN_S = 30.0  # however busy the machine is
KEY_MS, PAUSE_MS = 100, 100
FOREVER_S = 36_000
# A desk's tone tells it from all others: 400 Hz and this much more for each, off every DTMF tone.
DESK_TONE_HZ, DESK_TONE_STEP_HZ = 400, 46
CENTRE_TONE_HZ, OUTSIDE_TONE_HZ = 1000, 1100

MODULES = """
res_sorcery_config res_sorcery_memory res_sorcery_astdb res_pjproject res_statsd res_geolocation
res_pjsip res_pjsip_session res_pjsip_sdp_rtp res_pjsip_caller_id res_pjsip_endpoint_identifier_ip
res_pjsip_authenticator_digest res_pjsip_outbound_authenticator_digest
res_pjsip_outbound_registration res_pjsip_pubsub res_pjsip_dtmf_info res_pjsip_refer
res_pjsip_rfc3326 res_pjsip_nat res_srtp res_crypto res_rtp_asterisk res_timing_timerfd chan_pjsip
app_dial app_exec app_userevent app_stack app_playback app_playtones app_senddtmf app_mixmonitor
app_transfer func_uri
app_bridgewait res_audiosocket app_audiosocket bridge_holding bridge_simple bridge_softmix
bridge_builtin_features codec_ulaw codec_alaw codec_a_mu codec_resample format_wav format_pcm
func_callerid func_channel func_global func_groupcount func_logic func_strings func_hangupcause
pbx_config
"""
EMPTY = ("acl.conf", "ccss.conf", "cel.conf", "features.conf", "geolocation.conf",
         "pjproject.conf", "statsd.conf", "udptl.conf")  # fmt: skip


class Codec(StrEnum):
    """How speech is written on the line."""

    ULAW = "ulaw"
    ALAW = "alaw"


class Keys(StrEnum):
    """How the caller's telephone sends digits."""

    RFC4733 = "rfc4733"
    INBAND = "inband"
    INFO = "info"


class Begins(StrEnum):
    """From when on a call is listened to and recorded."""

    ANSWER = "answer"
    EARLY = "early"  # from the first sound before the answer


@dataclass(frozen=True, slots=True)
class Answers:
    """The desk rings this long and is then picked up; its tone is heard by the other side. Somebody
    who attends to one caller at a time is engaged from the first ring to the end of the talk."""

    after_s: float = 0.0
    one_at_a_time: bool = False


@dataclass(frozen=True, slots=True)
class Refuses:
    """The desk declines each call."""


@dataclass(frozen=True, slots=True)
class Busy:
    """The desk is engaged."""


@dataclass(frozen=True, slots=True)
class Silent:
    """The desk rings and nobody comes."""


@dataclass(frozen=True, slots=True)
class Streams:
    """The desk is picked up at once, and its audio is streamed to and from this port."""

    port: int


Behaviour = Answers | Refuses | Busy | Silent | Streams


@dataclass(frozen=True, slots=True)
class TelcoPorts:
    """Where it listens: SIP and RTP at LINE_ADDRESS and DESK_ADDRESS, AMI on loopback."""

    sip: int
    ami: int
    rtp_first: int
    rtp_last: int


@dataclass(frozen=True, slots=True)
class Encrypting:
    """Desks that signal by TLS and talk by SRTP: which, the clinic's port for it, and whom they
    trust to vouch for the clinic."""

    desks: frozenset[str]
    clinic_tls: int
    authority: str  # PEM


@dataclass(frozen=True, slots=True)
class Invitation:
    """A call that the clinic sent to the telephone network; `at_s` is monotonic."""

    number: str
    caller: str
    at_s: float


@dataclass(frozen=True, slots=True)
class Ring:
    """One call that reached a desk. `caller` and `name` are what its display shows."""

    id: str
    channel: str
    desk: str
    caller: str
    name: str
    at_s: float
    came_at_unix_s: float  # by the telephone company's own clock
    heard: Path
    said: Path
    answered: asyncio.Future[float]
    talked: asyncio.Future[float]  # its tone has been sent for a second
    ended: asyncio.Future[float]


@dataclass(slots=True)
class Desk:
    """One desk phone: what it does when it rings, and what rang."""

    extension: str
    tone_hz: int
    rings: list[Ring] = field(default_factory=list)


class LiveCall:
    """A call placed by a caller or a desk. `answered` and `ended` hold the monotonic time they came
    about; `heard` and `said` begin with the first sound, and are whole once it has ended."""

    def __init__(self, telco: "Telco", call: str, keys: Keys, heard: Path, said: Path) -> None:
        loop = asyncio.get_running_loop()
        self.id = call  # also its channel's Uniqueid, which orders take in place of a name
        self.heard = heard
        self.said = said
        self.answered: asyncio.Future[float] = loop.create_future()
        self.ended: asyncio.Future[float] = loop.create_future()
        self.recorded = asyncio.Event()  # from then on
        self.spoken = asyncio.Event()
        self._telco = telco
        self._keys = keys

    async def press(self, keys: str, key_ms: int = KEY_MS) -> None:
        """Keys one after another, as this call's telephone sends them."""
        if self._keys is Keys.INBAND:
            await self._press_aloud(keys, key_ms)
            return
        for key in keys:
            await self.key(key, key_ms)
            await asyncio.sleep(PAUSE_MS / 1000)

    async def key(self, key: str, key_ms: int = KEY_MS) -> None:
        """One key, from its begin to its end."""
        await self._telco.link.send(
            "PlayDTMF", ("Channel", self.id), ("Digit", key), ("Duration", str(key_ms)),
            deadline_s=REACH_WITHIN_S,
        )  # fmt: skip

    async def say(self, sound: Path) -> None:
        """Speak this file (8 kHz, mono, 16 bit) once and come back when it has been said."""
        self.spoken.clear()
        await self._mouth("once", sound)
        await self.spoken.wait()

    async def speak(self, sound: Path) -> None:
        """Speak this file over and over."""
        await self._mouth("speak", sound)

    async def hang_up(self) -> None:
        """End the call; come back when it has ended, with its recordings whole."""
        if not self.ended.done():
            with suppress(ActionFailed):  # it has ended by itself, and that is yet to be told
                await self._telco.link.send("Hangup", ("Channel", self.id))
            await self.ended

    async def _press_aloud(self, keys: str, key_ms: int) -> None:
        """By the channel's own thread: of tones that PlayDTMF makes, some never end (seen with
        22.10.1)."""
        await self.recorded.wait()
        self.spoken.clear()
        await self._set("KEYS", f"{keys},{PAUSE_MS},{key_ms}")
        await self._telco.redirect(self.id, "press")
        await self.spoken.wait()

    async def _mouth(self, extension_: str, sound: Path) -> None:
        await self.recorded.wait()  # who is sent elsewhere before that would never be
        await self._set("SAY", self._telco.borrow(sound))
        await self._telco.redirect(self.id, extension_)

    async def _set(self, variable: str, value: str) -> None:
        await self._telco.link.send(
            "Setvar", ("Channel", self.id), ("Variable", variable), ("Value", value)
        )


class Telco:
    """The running telephone company of one clinic."""

    def __init__(
        self,
        root: Path,
        home: Path,
        ports: TelcoPorts,
        *,
        clinic_sip: int,
        phones: Mapping[str, str],
        emergency_numbers: tuple[str, ...],
        encrypting: Encrypting | None = None,
    ) -> None:
        self.home = home
        self._phones = frozenset(phones)
        self.desks = {
            number: Desk(number, DESK_TONE_HZ + place * DESK_TONE_STEP_HZ)
            for place, number in enumerate(phones)
        }
        self.invitations: list[Invitation] = []
        self._emergency_numbers = emergency_numbers
        self._clinic_sip = clinic_sip
        self._ami_secret = uuid.uuid4().hex
        self._calls: dict[str, LiveCall] = {}
        self._rings: dict[str, Ring] = {}
        self._registered: set[str] = set()
        self._lamp: tuple[int, int] | None = None
        self._numbers = count(51_000)
        self._waiters: set[asyncio.Future[None]] = set()
        self._files = files(
            ports, self._ami_secret, clinic_sip, phones, emergency_numbers, encrypting
        )
        self.asterisk = Asterisk(Sandboxed(root, home, home / "say"))
        self._up = asyncio.Event()
        self.link = Link(
            "127.0.0.1", ports.ami, AMI_USER, self._ami_secret,
            receive=self._receive, changed=self._link_changed,
        )  # fmt: skip
        self._linking: asyncio.Task[None] | None = None

    # ---- life ----

    async def start(self) -> None:
        """Up, with every desk phone registered at the clinic, which must be running."""
        for folder in ("current", "say", "rec", *STATE_FOLDERS):
            (self.home / folder).mkdir(parents=True, exist_ok=True)
        for name, text in self._files.items():
            (self.home / "current" / name).write_text(text, "utf-8")
        await self.asterisk.start()
        self._linking = asyncio.create_task(self.link.run())
        async with asyncio.timeout(REACH_WITHIN_S):
            await self._up.wait()
        await self.desks_registered()

    async def stop(self) -> None:
        """Everything ends."""
        if self._linking is not None:
            self._linking.cancel()
            with suppress(asyncio.CancelledError):
                await self._linking
        await self.asterisk.stop()

    async def desks_registered(self) -> None:
        """Wait until the clinic knows every desk phone."""
        for number in self._phones - self._registered:
            await self.asterisk.rx(f"pjsip send register desk-{number}")
        await self._until(lambda: self._registered >= self._phones)

    async def unplug(self, number: str) -> None:
        """Take one desk phone off the clinic's register."""
        await self.asterisk.rx(f"pjsip send unregister desk-{number}")
        await self._until(lambda: number not in self._registered)

    # ---- what people do ----

    async def call(
        self,
        to: str,
        *,
        number: str = "",
        name: str = "Caller",
        codec: Codec = Codec.ULAW,
        keys: Keys = Keys.RFC4733,
        speaks: Path | None = None,
        streams: int | None = None,
    ) -> LiveCall:
        """A caller dials a number of the clinic; `speaks` is said over and over from the start. One
        who streams is not recorded: the audio goes to this port, under the call's id. Without a
        number each caller has one of its own."""
        number = number or f"20255{next(self._numbers):05}"
        channel = f"PJSIP/{to}@line-{codec}-{keys}"
        return await self._place("line", channel, number, name, speaks, keys=keys, streams=streams)

    async def dial(
        self,
        desk: str,
        to: str,
        *,
        speaks: Path | None = None,
        begins: Begins = Begins.ANSWER,
    ) -> LiveCall:
        """A desk phone dials. A call that begins early counts as answered with its first sound."""
        return await self._place("desk", f"PJSIP/{to}@desk-{desk}", desk, "", speaks, begins=begins)

    async def all_over(self) -> None:
        """Whoever still talks or is being rung hangs up; come back when every line is free."""
        await self.asterisk.rx("channel request hangup all")
        async with asyncio.timeout(REACH_WITHIN_S):
            while "0 active channels" not in await self.asterisk.rx("core show channels count"):
                pass  # each question takes Asterisk's command line a while

    async def behave(self, desk: str, behaviour: Behaviour) -> None:
        """From now on this desk phone does so when it rings; or somebody outside, at this number,
        who else answers at once. Their rings are kept like a desk's."""
        self.desks.setdefault(desk, Desk(desk, OUTSIDE_TONE_HZ))
        match behaviour:
            case Answers(after_s=after_s, one_at_a_time=is_alone):
                await self._set(f"RINGS_{desk}", f"{after_s:g}")
                does = "attends" if is_alone else "answers"
            case Refuses():
                does = "refuses"
            case Busy():
                does = "busy"
            case Silent():
                does = "silent"
            case Streams(port=port):
                await self._set(f"PORT_{desk}", str(port))
                await self._set(f"STREAM_{desk}", stream_of(desk))
                does = "streams"
            case _:
                assert_never(behaviour)
        await self._set(f"DOES_{desk}", does)

    async def pick_up(self, ring: Ring) -> None:
        """Who would have let it ring answers."""
        await self.redirect(ring.channel, "up", "desk")

    async def press(self, ring: Ring, keys: str) -> None:
        """Who was called presses keys, one after another."""
        for key in keys:
            await self.link.send(
                "PlayDTMF", ("Channel", ring.channel), ("Digit", key), ("Duration", str(KEY_MS)),
                deadline_s=REACH_WITHIN_S,
            )  # fmt: skip
            await asyncio.sleep((KEY_MS + PAUSE_MS) / 1000)

    async def hang_up(self, ring: Ring) -> None:
        """Who was called ends the call; come back when it has ended."""
        with suppress(ActionFailed):  # it has ended by itself, and that is yet to be told
            await self.link.send("Hangup", ("Channel", ring.channel))
        await ring.ended

    async def hold(self, ring: Ring) -> None:
        """The desk puts the other side on hold; by a re-INVITE, as desk phones do."""
        await self.redirect(ring.channel, "hold", "desk")

    async def take_back(self, ring: Ring) -> None:
        """The desk talks on."""
        await self.redirect(ring.channel, "talk", "desk")

    async def put_down(self, ring: Ring) -> None:
        """The desk hangs up."""
        await self.link.send("Hangup", ("Channel", ring.channel), ("Cause", "16"))

    async def transfer(self, ring: Ring, to: str) -> None:
        """The desk sends its caller to a number and is done: a REFER, as the transfer key does."""
        await self._refer(ring, f"<sip:{to}@127.0.0.1:{self._clinic_sip}>")

    async def hand_over(self, ring: Ring, asked: LiveCall) -> None:
        """The desk has called somebody meanwhile, and joins its caller with them: a REFER that
        names the other talk to be replaced."""
        await self._set(f"ASKED_{ring.desk}", asked.id)
        await self.redirect(ring.channel, "attended", "desk")

    async def _refer(self, ring: Ring, to: str) -> None:
        await self.link.send(
            "Setvar", ("Channel", ring.channel), ("Variable", "REFERTO"), ("Value", to)
        )
        await self.redirect(ring.channel, "blind", "desk")

    async def key(self, ring: Ring, keys: str) -> None:
        """Keys of a desk that talks."""
        await self.link.send(
            "Setvar", ("Channel", ring.channel), ("Variable", "KEYS"), ("Value", keys)
        )
        await self.redirect(ring.channel, "keys", "desk")

    async def lines(self, count: int) -> None:
        """How many calls the trunk carries at once; the next is answered 486."""
        await self._set("LINES", str(count))

    async def refuse_all(self) -> None:
        """Answer 486 to each new call from the clinic, until `accept_all`."""
        await self._set("REFUSING", "1")

    async def accept_all(self) -> None:
        """End of `refuse_all`."""
        await self._set("REFUSING", "")

    # ---- what can be waited for ----

    async def next_ring(self, desk: str, after: int = 0, within_s: float = REACH_WITHIN_S) -> Ring:
        """The ring with this place in the desk's list, counted from 0."""
        rings = self.desks[desk].rings
        await self._until(lambda: len(rings) > after, within_s)
        return rings[after]

    async def ringing(self, desk: str, within_s: float = REACH_WITHIN_S) -> Ring:
        """The desk's newest ring, once there is one that has not ended."""
        rings = self.desks[desk].rings
        await self._until(lambda: bool(rings) and not rings[-1].ended.done(), within_s)
        return rings[-1]

    async def lamp_shows(self, new: int, old: int, within_s: float = REACH_WITHIN_S) -> None:
        """Wait until a phone has been told by NOTIFY of so many messages."""
        await self._until(lambda: self._lamp == (new, old), within_s)

    def forget_lamp(self) -> None:
        """What it showed counts no more: only what is told from now on."""
        self._lamp = None

    async def invited(
        self, number: str, count: int = 1, within_s: float = REACH_WITHIN_S
    ) -> list[Invitation]:
        """The clinic's calls to this number, once there are so many."""
        await self._until(lambda: len(self._to(number)) >= count, within_s)
        return self._to(number)

    @property
    def emergency_invitations(self) -> list[Invitation]:
        """Every call of the clinic to an emergency number."""
        return [each for each in self.invitations if each.number in self._emergency_numbers]

    def _to(self, number: str) -> list[Invitation]:
        return [each for each in self.invitations if each.number == number]

    # ---- inside ----

    async def redirect(self, channel: str, extension_: str, script: str = "caller") -> None:
        """Send a channel to another part of its script."""
        await self.link.send(
            "Redirect", ("Channel", channel), ("Context", script), ("Exten", extension_),
            ("Priority", "1"),
        )  # fmt: skip

    def borrow(self, sound: Path) -> str:
        """A sound file as this Asterisk sees it, without its ending."""
        copy = self.home / "say" / f"{uuid.uuid5(uuid.NAMESPACE_URL, str(sound))}.wav"
        shutil.copyfile(sound, copy)
        return f"/site/say/{copy.stem}"

    async def _place(
        self,
        origin: str,
        channel: str,
        number: str,
        name: str,
        speaks: Path | None,
        *,
        begins: Begins = Begins.ANSWER,
        keys: Keys = Keys.RFC4733,
        streams: int | None = None,
    ) -> LiveCall:
        call = str(uuid.uuid4())
        heard, said = self._recordings(call)
        live = LiveCall(self, call, keys, heard, said)
        self._calls[call] = live
        await self.link.send(
            "Originate", ("Channel", channel), ("ChannelId", call), ("Context", "caller"),
            ("Exten", "s" if streams is None else "stream"), ("Priority", "1"), ("Async", "true"),
            ("Timeout", "120000"), ("CallerID", f'"{name}" <{number}>'),
            ("EarlyMedia", str(begins is Begins.EARLY).lower()),
            ("Variable", f"CALL={call}"), ("Variable", f"FROM={origin}"),
            ("Variable", f"MOUTH={'speak' if speaks else 'quiet'}"),
            ("Variable", f"SAY={self.borrow(speaks) if speaks else ''}"),
            ("Variable", f"PORT={streams or ''}"),
        )  # fmt: skip
        return live

    def _recordings(self, name: str) -> tuple[Path, Path]:
        folder = self.home / "rec"
        return folder / f"{name}-heard.wav", folder / f"{name}-said.wav"

    async def _set(self, variable: str, value: str) -> None:
        await self.link.send("Setvar", ("Variable", variable), ("Value", value))

    async def _until(self, holds: Callable[[], bool], within_s: float = REACH_WITHIN_S) -> None:
        async with asyncio.timeout(within_s):
            while not holds():
                waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                self._waiters.add(waiter)
                try:
                    await waiter
                finally:
                    self._waiters.discard(waiter)

    def _link_changed(self, state: LinkState) -> None:
        if state is LinkState.UP:
            self._up.set()
        else:
            self._up.clear()

    def _receive(self, message: Message) -> None:
        match message.get("Event"):
            case "UserEvent":
                self._told(message)
            case "Newstate" if message.get("ChannelStateDesc") == "Up":
                if message.get("Uniqueid") in self._calls:
                    _set_now(self._calls[message["Uniqueid"]].answered)
            case "Hangup":
                self._hung_up(message.get("Uniqueid"))
            case "OriginateResponse" if message.get("Response") == "Failure":
                self._hung_up(message.get("Uniqueid"))
            case "Registry":
                self._register(message)
            case "MessageWaiting" if message.get("Mailbox") == LAMP:
                self._lamp = (int(message.get("New")), int(message.get("Old")))
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _told(self, message: Message) -> None:
        match message.get("UserEvent"):
            case "TelcoRecords":
                self._calls[message["Call"]].recorded.set()
            case "TelcoSaid":
                self._calls[message["Call"]].spoken.set()
            case "TelcoInvited":
                self.invitations.append(
                    Invitation(message["Number"], message.get("CallerIDNum"), time.monotonic())
                )
            case "DeskRang":
                self._rang(message)
            case "DeskTalked":
                _set_now(self._rings[message["Uniqueid"]].talked)
            case "DeskAnswered":
                _set_now(self._rings[message["Uniqueid"]].answered)

    def _rang(self, message: Message) -> None:
        loop = asyncio.get_running_loop()
        heard, said = self._recordings(message["Uniqueid"])
        ring = Ring(
            message["Uniqueid"],
            message["Channel"],
            message["Desk"],
            message.get("CallerIDNum"),
            message.get("CallerIDName"),
            time.monotonic(),
            float(message["Timestamp"]),
            heard,
            said,
            answered=loop.create_future(),
            talked=loop.create_future(),
            ended=loop.create_future(),
        )
        self._rings[ring.id] = ring
        self.desks[ring.desk].rings.append(ring)

    def _hung_up(self, channel: str) -> None:
        for ended in (self._calls.get(channel), self._rings.get(channel)):
            if ended is not None:
                _set_now(ended.ended)

    def _register(self, message: Message) -> None:
        number = message.get("Username").removeprefix("sip:").partition("@")[0]
        if message.get("Status") == "Registered":
            self._registered.add(number)
        else:
            self._registered.discard(number)


def stream_of(desk: str) -> str:
    """Under which name a desk's audio is streamed."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"desk:{desk}"))


def _set_now(future: asyncio.Future[float]) -> None:
    if not future.done():
        future.set_result(time.monotonic())


# ---- its configuration ----


def files(
    ports: TelcoPorts,
    ami_secret: str,
    clinic_sip: int,
    phones: Mapping[str, str],
    emergency_numbers: tuple[str, ...],
    encrypting: Encrypting | None = None,
) -> dict[str, str]:
    """Every file of its directory, by name."""
    state = [f"ast{kind}dir => /site/{kind}" for kind in ("db", "run", "spool", "log")]
    return {
        "asterisk.conf": section(
            "directories",
            [
                "astetcdir => /site/current",
                "astvarlibdir => /site/var",
                "astkeydir => /site/var",
                "astdatadir => /usr/share/asterisk",
                *state,
            ],
        )
        + section("options", ["hideconnect = yes", "nocolor = yes"]),
        "modules.conf": section(
            "modules", ["autoload=no", *(f"load={each}" for each in MODULES.split())]
        ),
        "logger.conf": section("logfiles", ["errors => error,warning"]),
        "cdr.conf": section("general", ["enable=no"]),
        "rtp.conf": section(
            "general", [f"rtpstart={ports.rtp_first}", f"rtpend={ports.rtp_last}", "icesupport=no"]
        ),
        "manager.conf": section(
            "general",
            [
                "enabled=yes",
                "bindaddr=127.0.0.1",
                f"port={ports.ami}",
                "displayconnects=no",
                "timestampevents=yes",
            ],
        )
        + section(
            AMI_USER,
            [f"secret={ami_secret}", "read=system,call,user", "write=system,call,originate"],
        ),
        "pjsip.conf": _pjsip(ports, clinic_sip, phones, encrypting),
        AUTHORITY: encrypting.authority if encrypting else "",
        "extensions.conf": _extensions(
            list(phones), emergency_numbers, f"sip:asked@127.0.0.1:{clinic_sip}"
        ),
    } | dict.fromkeys(EMPTY, "")


def _pjsip(
    ports: TelcoPorts, clinic_sip: int, phones: Mapping[str, str], encrypting: Encrypting | None
) -> str:
    clinic = f"sip:127.0.0.1:{clinic_sip}"
    secure = encrypting.desks if encrypting else frozenset()
    plain = "|".join(number for number in phones if number not in secure)
    rung = rf":({plain})@{DESK_ADDRESS}".replace(".", r"\.")
    common = ["type=endpoint", "disallow=all", "direct_media=no", "aors=clinic", "timers=no"]
    sections = [
        section("global", ["type=global", "endpoint_identifier_order=header,ip"]),
        section("line", ["type=transport", "protocol=udp", f"bind={LINE_ADDRESS}:{ports.sip}"]),
        section("desk", ["type=transport", "protocol=udp", f"bind={DESK_ADDRESS}:{ports.sip}"]),
        section("clinic", ["type=aor", f"contact={clinic}"]),
        section("clinic", [*common, "transport=line", "context=from-clinic", "allow=ulaw,alaw"]),
        section("clinic", ["type=identify", "endpoint=clinic", "match=127.0.0.1"]),
        # A desk's audio comes from where its SDP says. From elsewhere the clinic would first put it
        # on probation (strictrtp), and the first 80 ms of each talk would be lost.
        # What a NOTIFY tells any desk's lamp becomes the state of one mailbox here.
        section(
            "desks",
            [
                *common,
                "transport=desk",
                "context=from-clinic",
                "allow=ulaw,alaw",
                "moh_passthrough=yes",  # the hold key is a re-INVITE
                f"incoming_mwi_mailbox={LAMP}",
            ],
        ),
        section("desks", ["type=identify", "endpoint=desks", f"match_header=To: /{rung}/"]),
    ]
    for codec in Codec:
        for keys in Keys:
            sections.append(
                section(
                    f"line-{codec}-{keys}",
                    [
                        *common,
                        "transport=line",
                        "context=nowhere",
                        f"allow={codec}",
                        f"dtmf_mode={keys}",
                        f"media_address={LINE_ADDRESS}",
                        "bind_rtp_to_media_address=yes",
                    ],
                )
            )
    for number, password in phones.items():
        if number not in secure:
            sections += _desk(number, password, clinic, common)
    if encrypting is not None:
        sections += _secure_desks(ports, phones, encrypting, common)
    return "\n".join(sections)


SDES = ("media_encryption=sdes", "media_encryption_optimistic=no")


def _secure_desks(
    ports: TelcoPorts, phones: Mapping[str, str], encrypting: Encrypting, common: list[str]
) -> Iterator[str]:
    """They ring by the connection that they have made, and show the clinic no certificate."""
    clinic = f"sip:127.0.0.1:{encrypting.clinic_tls}\\;transport=tls"
    numbers = "|".join(sorted(encrypting.desks))
    in_regex = DESK_ADDRESS.replace(".", r"\.")
    yield section(
        "desk-tls",
        [
            "type=transport",
            "protocol=tls",
            f"bind={DESK_ADDRESS}:{ports.sip}",
            f"ca_list_file=/site/current/{AUTHORITY}",
            "verify_server=yes",
            "method=tlsv1_2",
        ],
    )
    of_clinic = ["type=aor", f"contact={clinic}"]
    yield section("clinic-tls", of_clinic)
    secured = [*(each.replace("aors=clinic", "aors=clinic-tls") for each in common), *SDES]
    rung = [*secured, "transport=desk-tls", "context=from-clinic", "allow=ulaw,alaw"]
    yield section("desks-tls", [*rung, f"incoming_mwi_mailbox={LAMP}"])
    matched = f"match_header=To: /:({numbers})@{in_regex}/"
    yield section("desks-tls", ["type=identify", "endpoint=desks-tls", matched])
    for number in sorted(encrypting.desks):
        yield from _desk(number, phones[number], clinic, secured, "desk-tls")


def _desk(
    number: str, password: str, clinic: str, common: list[str], transport: str = "desk"
) -> list[str]:
    title = f"desk-{written.number(number)}"
    user = clinic.replace("sip:", f"sip:{number}@")
    return [
        section(
            title,
            [
                *common,
                f"transport={transport}",
                "context=nowhere",
                "allow=ulaw,alaw",
                f"outbound_auth={title}",
                f"from_user={number}",
                f"media_address={DESK_ADDRESS}",
                "bind_rtp_to_media_address=yes",
            ],
        ),
        section(
            title,
            ["type=auth", "auth_type=userpass", f"username={number}", f"password={password}"],
        ),
        section(
            title,
            [
                "type=registration",
                f"transport={transport}",
                f"outbound_auth={title}",
                f"server_uri={clinic}",
                f"client_uri={user}",
                f"contact_user={number}",
                "retry_interval=1",
                "max_random_initial_delay=0",
                "max_retries=10000",
            ],
        ),
    ]


RECORD = "MixMonitor(,r(/site/rec/${NAME}-heard.wav)t(/site/rec/${NAME}-said.wav))"
# Runs before the hang-up is told, so that whoever hears of it finds the files whole.
KEEP = extension("h", "StopMixMonitor()")


def _extensions(desks: list[str], emergency_numbers: tuple[str, ...], clinic: str) -> str:
    tones = [f"TONE_{each}={DESK_TONE_HZ + n * DESK_TONE_STEP_HZ}" for n, each in enumerate(desks)]
    streams = [f"STREAM_{each}={stream_of(each)}" for each in desks]
    does = [f"DOES_{each}=silent" for each in desks]
    return "\n".join(
        [
            section("globals", ["LINES=1000", *does, *tones, *streams]),
            _caller(),
            section(
                "from-clinic",
                [
                    *(extension(each, f"Goto(desk,{each},1)") for each in desks),
                    *(extension(each, f"Goto(outside,{each},1)") for each in emergency_numbers),
                    extension("_[+0-9]!", "Goto(outside,${EXTEN},1)"),
                ],
            ),
            _desks(clinic),
            _outside(emergency_numbers),
        ]
    )


def _caller() -> str:
    return section(
        "caller",
        [
            extension(
                "s",
                "Set(NAME=${CALL})",
                RECORD,
                "UserEvent(TelcoRecords,Call: ${CALL})",
                'ExecIf($["${FROM}" = "line"]?Set(GROUP()=line))',
                "Goto(${MOUTH},1)",
            ),
            KEEP,
            extension(
                "stream",
                "UserEvent(TelcoAnswered,Call: ${CALL})",
                "Set(GROUP()=line)",
                "AudioSocket(${CALL},127.0.0.1:${PORT})",
            ),
            extension("quiet", "Set(MOUTH=quiet)", f"Wait({FOREVER_S})"),
            extension("speak", "Set(MOUTH=speak)", "(again) Playback(${SAY})", "Goto(again)"),
            extension(
                "once",
                "Playback(${SAY})",
                "UserEvent(TelcoSaid,Call: ${CALL})",
                "Goto(quiet,1)",
            ),
            extension(
                "press",
                "SendDTMF(${KEYS})",
                "UserEvent(TelcoSaid,Call: ${CALL})",
                "Goto(${MOUTH},1)",
            ),
        ],
    )


def _desks(clinic: str) -> str:
    return section(
        "desk",
        [
            extension(
                "_X!",
                "Set(NAME=${UNIQUEID})",
                "Set(DESK=${EXTEN})",
                "UserEvent(DeskRang,Desk: ${EXTEN})",
                "Goto(${GLOBAL(DOES_${EXTEN})})",
                "(attends) Set(GROUP(desk)=${EXTEN})",
                "GotoIf($[${GROUP_COUNT(${EXTEN}@desk)} > 1]?busy)",
                "(answers) Ringing()",
                "Wait(${GLOBAL(RINGS_${EXTEN})})",
                "Goto(up,1)",
                "(streams) Answer(,i)",
                "UserEvent(DeskAnswered)",
                "AudioSocket(${GLOBAL(STREAM_${EXTEN})},127.0.0.1:${GLOBAL(PORT_${EXTEN})})",
                "Hangup()",
                "(refuses) Hangup(21)",
                "(busy) Hangup(17)",
                "(silent) Ringing()",
                f"Wait({FOREVER_S})",
            ),
            extension(
                "up",
                "Answer(,i)",
                RECORD,
                "UserEvent(DeskAnswered)",
                f"PlayTones({_tone_of('DESK')})",
                "Wait(1)",
                "UserEvent(DeskTalked)",
                f"Wait({FOREVER_S})",
            ),
            extension("hold", "StopPlayTones()", "BridgeWait(${UNIQUEID},participant,e(h))"),
            extension("talk", f"PlayTones({_tone_of('DESK')})", f"Wait({FOREVER_S})"),
            extension(
                "keys",
                "StopPlayTones()",
                f"SendDTMF(${{KEYS}},{PAUSE_MS},{KEY_MS})",
                "Goto(talk,1)",
            ),
            extension("blind", "Transfer(PJSIP/${REFERTO})", "Hangup()"),
            # The dialog to be replaced, as the clinic names it: its own tag is `to`.
            extension(
                "attended",
                "Set(ASKED=${GLOBAL(ASKED_${DESK})})",
                "Set(ID=${URIENCODE(${IMPORT(${ASKED},CHANNEL(pjsip,call-id))})})",
                "Set(THEIRS=${IMPORT(${ASKED},CHANNEL(pjsip,remote_tag))})",
                "Set(OURS=${IMPORT(${ASKED},CHANNEL(pjsip,local_tag))})",
                "Set(INSTEAD=${ID}%3Bto-tag%3D${THEIRS}%3Bfrom-tag%3D${OURS})",
                f"Transfer(PJSIP/<{clinic}?Replaces=${{INSTEAD}}>)",
                "Hangup()",
            ),
            KEEP,
        ],
    )


def _tone_of(variable: str) -> str:
    """A desk's own; who is outside has the tone of all who are."""
    own = f"${{GLOBAL(TONE_${{{variable}}})}}"
    return f'${{IF($["{own}" = ""]?{OUTSIDE_TONE_HZ}:{own})}}'


def _outside(emergency_numbers: tuple[str, ...]) -> str:
    centre = " | ".join(f'"${{EXTEN}}" = "{each}"' for each in emergency_numbers) or "0"
    return section(
        "outside",
        [
            extension(
                "_[+0-9]!",
                "UserEvent(TelcoInvited,Number: ${EXTEN})",
                'GotoIf($["${GLOBAL(REFUSING)}" = "1"]?busy)',
                "Set(GROUP()=line)",
                "GotoIf($[${GROUP_COUNT(line)} > ${GLOBAL(LINES)}]?busy)",
                'GotoIf($["${GLOBAL(DOES_${EXTEN})}" != ""]?desk,${EXTEN},1)',
                "Set(NAME=${UNIQUEID})",
                "Answer(,i)",
                RECORD,
                f"PlayTones(${{IF($[{centre}]?{CENTRE_TONE_HZ}:{OUTSIDE_TONE_HZ})}})",
                f"Wait({FOREVER_S})",
                "(busy) Hangup(17)",
            ),
            KEEP,
        ],
    )
