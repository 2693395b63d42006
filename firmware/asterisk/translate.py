"""Asterisk's messages into our events, and our orders into Asterisk's actions. No I/O, no clock.

A channel is known by its Uniqueid, which masquerades and renames leave alone, and which every
action used here takes in place of a name, but for Bridge (`_named`). A caller's Uniqueid is
Asterisk's own; an agent's leg, and one whom we call, gets our own UUID as its Uniqueid. Whatever a
message lacks or says wrongly becomes no event, never an error: Asterisk is outside, and so are the
callers whose names it passes on.

    an agent's leg: Originate, Newchannel, Newstate 5 (rings), 6 (answered), BridgeEnter, Hangup
    one we call:    the same; once answered it is a caller in all but how it came

How it ends says little alone: a phone that is switched off and one that rang in vain both end with
cause 19, so it matters whether it ever rang (tried on 22.10.1).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from firmware.asterisk import line_groups, modem_dialplan, written
from firmware.asterisk.consulted import Consulted, phone_of
from firmware.asterisk.desk_dialplan import AWAY, ONWARD, SENT
from firmware.asterisk.dialplan import FAR_NUMBER, MAILBOXES, SELFTEST, SLATE
from firmware.asterisk.fax import FAXES
from firmware.asterisk.sent_for import Leg, SentFor, refusal
from firmware.asterisk.tap_dialplan import KEYED, SPY, TAP
from firmware.asterisk.wire import Message, Pair
from firmware.power_rule import Up
from firmware.showable import marked
from ivr import commands, events, inside, outside
from ivr.events import Passing, PhoneState
from ivr.plan import Plan

# What goes to `Link.send` and `Link.ask`, starred: the action's name, then its fields.
Action = tuple[str, *tuple[Pair, ...]]

LONGEST_NAME = 80  # Asterisk itself cuts names at 79 bytes
LONGEST_NUMBER = 32
ANSWERED_ELSEWHERE = "26"  # Q.850: a phone so told does not list a missed call
NORMAL_CLEARING = "16"
AWAY_RING_MS = 10_000
LEG_MS = 3_000  # a leg to loopback
PICK_UP_MS = 30_000  # by somebody who has just asked for it
TAP_MS = 2_000  # a Local leg answers at once
RINGING = "5"  # ChannelState
UP = "6"

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ENTRY = re.compile(
    rf"/{SLATE}/(?P<call>{_UUID.pattern})"
    r"=(?P<line>[^/]*)/(?P<dialled>[+*#0-9]{0,32})/(?P<started_ms>[0-9]{1,15})"
)
_DIGITS = frozenset("0123456789*#ABCD")
# AMI writes a channel's caller as C would (ast_escape_c): O\'Brien\? for O'Brien?
_ESCAPED = re.compile(r"\\(.)")
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
# Where Asterisk rings people by itself.
STATIC = ("failsafe", "emergency-return")
_NO_CALLER = ("<unknown>", "(null)")

_PHONE_STATES = {
    "NOT_INUSE": PhoneState.IDLE,
    "RINGING": PhoneState.RINGING,
    "INUSE": PhoneState.IN_USE,
    "BUSY": PhoneState.IN_USE,
    "ONHOLD": PhoneState.IN_USE,
    "RINGINUSE": PhoneState.IN_USE,
    "UNAVAILABLE": PhoneState.UNREACHABLE,
    "INVALID": PhoneState.UNREACHABLE,
    "UNKNOWN": PhoneState.UNREACHABLE,
}


@dataclass(frozen=True, slots=True)
class Unheard:
    """A call that came and went while nobody of us listened; Asterisk alone had it."""

    call: str
    line: str
    dialled: str
    started_ms: int  # by the wall clock


@dataclass(frozen=True, slots=True)
class Lamp:
    """What the lamp of a mailbox shows: how many messages are new, and how many are not."""

    mailbox: str
    new: int
    old: int


@dataclass(slots=True)
class _Caller:
    call: str
    uniqueid: str
    channel: str  # the name, which the agent's dialplan needs; it may change
    number: str = field(repr=False)
    name: str = field(repr=False)
    line: str = ""
    dialled: str = ""
    bridge: str = ""
    has_fallen: bool = False
    partner: str = ""  # another whom we called, and whom this one is being joined with
    leads: bool = False  # of the two, the one whose call it is
    is_called: bool = False  # by us


class Translator:
    """Which channel is which call and which offer; nothing is kept of one that has ended."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._callers: dict[str, _Caller] = {}  # by call
        self._calls: dict[str, str] = {}  # Uniqueid -> call
        self._legs = SentFor()
        self._consulted = Consulted()
        # Legs of no offer that we know: the exchange that sent them, or our link, died since.
        self._orphans: frozenset[str] = frozenset()
        self._ringing_on: dict[str, str] = {}  # those nobody picked up yet -> the caller's channel
        # By the leg that waited: who was put in its place.
        self._mislaid: dict[str, events.Event] = {}
        # Between `status` and `resync`: the list may be older than these, and must not undo them.
        self._doubtful: list[str] = []
        self._is_asking = False
        self._fresh: set[str] = set()
        self._gone: set[str] = set()
        self._answered: set[str] = set()
        self._changed: set[str] = set()  # phones, since all of them were last asked about

    def adopt(self, plan: Plan) -> None:
        """A newly published plan, with its phones and its ways out."""
        self._plan = plan

    def live(self) -> frozenset[str]:
        """Calls whose channel Asterisk has, as far as is known."""
        return frozenset(self._callers)

    # ---- facts ----

    def receive(self, message: Message) -> list[events.Event]:
        """What one message means to us; most mean nothing."""
        self._consulted.heard(message)
        match message.get("Event"):
            case "UserEvent":
                return self._told_by_dialplan(message)
            case "DTMFBegin":
                return self._key(message)
            case "Newchannel":
                return self._appears(message)
            case "Newstate":
                return self._changes(message)
            case "Rename":
                return self._renamed(message)
            case "BridgeEnter":
                return self._enters(message)
            case "BridgeLeave":
                return self._leaves(message)
            case "OriginateResponse":
                return self._originated(message)
            case "Pickup":
                brought = message.get("Uniqueid"), message.get("Channel")
                return self._picked_up(message.get("TargetUniqueid"), *brought)
            case "Hold" | "Unhold" as what:
                return self._held(message.get("Uniqueid"), is_held=what == "Hold")
            case "ParkedCall" | "UnParkedCall":
                return self._parked(message)
            case "BlindTransfer" | "AttendedTransfer" if message.get("Result") == "Success":
                return self._transferred(message)
            case "Hangup":
                return self._hung_up(message)
            case "DeviceStateChange":
                return self._phone(message)
            case _:
                return []

    def _told_by_dialplan(self, message: Message) -> list[events.Event]:
        if message.get("UserEvent") == KEYED:
            leg, key = self._legs.at(message.get("Uniqueid")), message.get("Key")
            is_known = leg is not None and leg.is_joined and key in set(events.TalkKey)
            return [events.TalkKeyed(leg.call, events.TalkKey(key))] if leg and is_known else []
        call = message.get("CallUUID")
        if not _UUID.fullmatch(call):
            return []
        match message.get("UserEvent"):
            case "CareLineCall" if message.get("Uniqueid"):
                line, dialled = message.get("Line"), message.get("Dialled")
                return self._arrived(call, message, line, dialled)
            case "CareLineFailsafe":
                return self._fell(call)
            case "CareLineSent" if call in self._callers:
                return [events.SentOn(call, message.get("To"))]
            case "CareLineEmergencyReturn" if message.get("Uniqueid"):
                # After an emergency call Asterisk alone rings people, as under the fail-safe.
                line, dialled = message.get("Line"), message.get("Dialled")
                return [*self._arrived(call, message, line, dialled), *self._fell(call)]
            case _:
                return []

    def _arrived(self, call: str, message: Message, line: str, dialled: str) -> list[events.Event]:
        if call in self._callers:
            return []
        before = self._calls.get(message.get("Uniqueid"))  # a channel is one call at a time
        left = [] if before is None else self._left(before)
        caller = _Caller(
            call,
            message.get("Uniqueid"),
            message.get("Channel"),
            shown(message.get("CallerIDNum"), LONGEST_NUMBER),
            shown(message.get("CallerIDName"), LONGEST_NAME),
            line,
            shown(dialled, LONGEST_NUMBER),
        )
        self._callers[call] = caller
        self._calls[caller.uniqueid] = call
        self._note(self._fresh, call)
        arrived = events.CallArrived(call, line, caller.dialled, caller.number, caller.name)
        return [*left, arrived]

    def _fell(self, call: str) -> list[events.Event]:
        caller = self._callers.get(call)
        if caller is not None:
            if caller.has_fallen:
                return []
            caller.has_fallen = True
        return [events.FellToFailsafe(call)]

    def _key(self, message: Message) -> list[events.Event]:
        call = self._calls.get(message.get("Uniqueid"))
        digit = message.get("Digit")
        # `Sent` is what Asterisk plays towards a channel: the other party's key, in a talk.
        if call is None or digit not in _DIGITS or message.get("Direction") != "Received":
            return []
        return [events.KeyBegan(call, digit)]

    def _appears(self, message: Message) -> list[events.Event]:
        leg = self._legs.at(message.get("Uniqueid"))
        if leg is not None:
            leg.is_there, leg.channel = True, message.get("Channel")
        return []

    def _changes(self, message: Message) -> list[events.Event]:
        if message.get("ChannelState") == UP:
            self._ringing_on.pop(message.get("Uniqueid"), None)  # the dialplan knows what to do now
            self._note(self._answered, message.get("Uniqueid"))
        leg = self._legs.at(message.get("Uniqueid"))
        if leg is None:
            return []
        match message.get("ChannelState"):
            case state if state == RINGING and not leg.has_rung:
                leg.has_rung = True
                return [] if leg.is_outward else [events.OfferRang(leg.offer)]
            case state if state == UP and leg.is_outward:
                self._is_called(leg)
            case state if state == UP:
                leg.is_answered = True
        return []

    def _is_called(self, leg: Leg) -> None:
        """Whom we called has answered: a caller from now on."""
        if leg.offer in self._legs:
            self._legs.forget(leg)
        caller = _Caller(leg.offer, leg.uniqueid, leg.channel, "", "", is_called=True)
        self._callers[leg.offer], self._calls[leg.uniqueid] = caller, leg.offer
        self._note(self._fresh, leg.offer)

    def _picked_up(self, name: str, uniqueid: str, channel: str) -> list[events.Event]:
        """A colleague's channel has taken the place of a leg that rang."""
        leg = self._legs.picked_up(name, uniqueid, channel)
        if leg is None:
            return []
        self._note(self._fresh, leg.offer)
        self._ringing_on.pop(leg.offer, None)
        if leg.is_outward:
            self._is_called(leg)
            return []
        return [events.OfferPickedUp(leg.offer, phone_of(channel))]

    def _renamed(self, message: Message) -> list[events.Event]:
        uniqueid, name = message.get("Uniqueid"), message.get("Newname")
        if (call := self._calls.get(uniqueid)) is not None:
            self._callers[call].channel = name
        elif (leg := self._legs.at(uniqueid)) is not None:
            leg.channel = name
        return []

    def _enters(self, message: Message) -> list[events.Event]:
        uniqueid, bridge = message.get("Uniqueid"), message.get("BridgeUniqueid")
        return self._in_bridge(uniqueid, bridge)

    def _in_bridge(self, uniqueid: str, bridge: str) -> list[events.Event]:
        """A talk begins when the second of the two is in the bridge, in either order."""
        if leg := self._legs.at(uniqueid):
            leg.bridge = bridge
            return self._joined(leg)
        if (call := self._calls.get(uniqueid)) is None:
            return []
        caller = self._callers[call]
        caller.bridge = bridge
        if caller.partner:
            return self._both_joined(caller)
        met = [leg for leg in self._legs if leg.call == call]
        if caller.has_fallen:
            # Somebody has the caller by now: phones that rang for it besides need ring no more.
            self._ringing_on |= {leg.uniqueid: "" for leg in met if not leg.is_answered}
        if not met and not caller.has_fallen:
            # With a leg that we never had or have let go: Asterisk joins those by itself.
            return [events.Joined(call, offer="")]
        return [event for leg in met for event in self._joined(leg)]

    def _both_joined(self, caller: _Caller) -> list[events.Event]:
        partner = self._callers.get(caller.partner)
        if partner is None or partner.bridge != caller.bridge:
            return []
        first, second = (caller, partner) if caller.leads else (partner, caller)
        return [events.Joined(first.call, second.call)]

    def _joined(self, leg: Leg) -> list[events.Event]:
        caller = self._callers.get(leg.call)
        if caller is None or leg.is_joined or not leg.bridge or caller.bridge != leg.bridge:
            return []
        leg.is_joined = True
        return [events.Joined(leg.call, leg.offer)]

    def _leaves(self, message: Message) -> list[events.Event]:
        uniqueid = message.get("Uniqueid")
        if leg := self._legs.at(uniqueid):
            leg.bridge = ""
        elif call := self._calls.get(uniqueid):
            self._callers[call].bridge = ""
        return []

    def _transferred(self, message: Message) -> list[events.Event]:
        """Who was passed on, by which phone, and where to. Of an attended transfer's two legs one
        may have been no talk but a wait in the engine, for a queue or to be joined."""
        if message.get("Event") == "BlindTransfer":
            by, number = phone_of(message.get("TransfererChannel")), message.get("Extension")
            if call := self._calls.get(message.get("TransfereeUniqueid")):
                return [_passed(call, by, number, Passing.SENT)]
            return self._passed_from_beyond(message.get("TransfereeChannel"), by, number)
        passed = [message.get(f"{who}Uniqueid") for who in ("Transferee", "TransferTarget")]
        call = next((self._calls[each] for each in passed if each in self._calls), None)
        if call is None:
            return []
        by = phone_of(message.get("OrigTransfererChannel"))
        for leg in (message.get(f"{which}TransfererUniqueid") for which in ("Orig", "Second")):
            waited, offer = self._calls.get(leg), self._legs.at(leg)
            if waited is not None or (offer is not None and not offer.is_joined):
                number = self._callers[waited].dialled if waited is not None else ""
                # Asterisk tells it before it is done; it is, once the leg that waited has gone.
                self._mislaid[leg] = _passed(call, by, number, Passing.MISLAID)
                return []
        channels = [message.get(f"{who}Channel") for who in ("TransferTarget", "Transferee")]
        channels += self._consulted.within(self._callers[call].bridge)
        ends = [self._consulted.behind(each) for each in channels]
        ends = [end for end in ends if end.isdecimal() and end != by]
        number = next((end for end in ends if end in self._plan.phones), "".join(ends[:1]))
        return [*self._no_longer_held(call), _passed(call, by, number, Passing.JOINED)]

    def _passed_from_beyond(self, channel: str, by: str, number: str) -> list[events.Event]:
        """Who passes on at once whom it was just handed, by a code, sends on the end of a pair that
        stands between them still: Asterisk rings the number for that end, and knows of no caller
        who could be lost there (22 of 22 on 22.10.1)."""
        bridge = self._consulted.bridge_beyond(channel)
        call = next((c.call for c in self._callers.values() if bridge and c.bridge == bridge), None)
        if call is None:
            return []
        is_inside = inside.leads_to(self._plan, number) is not None
        return [_passed(call, by, number, Passing.MISLAID if is_inside else Passing.SENT)]

    def _no_longer_held(self, call: str) -> list[events.Event]:
        """Who asked first has gone without a word of it."""
        return [
            told
            for leg in self._legs
            if leg.call == call
            for told in self._held(leg.uniqueid, is_held=False)
        ]

    def _held(self, uniqueid: str, *, is_held: bool) -> list[events.Event]:
        leg = self._legs.at(uniqueid)
        # A transfer ends a hold that never was.
        if leg is None or not leg.is_joined or leg.is_holding is is_held:
            return []
        leg.is_holding = is_held
        return [events.Held(leg.call) if is_held else events.Resumed(leg.call)]

    def _parked(self, message: Message) -> list[events.Event]:
        call = self._calls.get(message.get("ParkeeUniqueid"))
        if call is None:
            return []
        slot, is_over = message.get("ParkingSpace"), message.get("Event") == "UnParkedCall"
        by = phone_of(message.get("RetrieverChannel"))
        if not is_over:
            by = message.get("ParkerDialString").rpartition("/")[2]
        return [events.Parked(call, slot, by if by in self._plan.phones else "", is_over)]

    def _originated(self, message: Message) -> list[events.Event]:
        """A failure without a channel is all we hear of it; else the channel's Hangup says why. But
        this message overtakes the channel's own, one time in three hundred on a busy machine: whose
        channel is not there yet is only in doubt."""
        leg = self._legs.at(message.get("Uniqueid"))
        if leg is not None and not leg.is_there and message.get("Response") == "Failure":
            self._doubtful.append(leg.offer)
        return []

    def _hung_up(self, message: Message) -> list[events.Event]:
        uniqueid = message.get("Uniqueid")
        self._note(self._gone, uniqueid)
        self._ringing_on.pop(uniqueid, None)
        mislaid = self._mislaid.pop(uniqueid, None)
        after = [] if mislaid is None else [mislaid]
        if leg := self._legs.at(uniqueid):
            return [*self._ended(leg, message.get("Cause")), *after]
        if call := self._calls.get(uniqueid):
            return [*self._left(call), *after]
        return []

    def _left(self, call: str) -> list[events.Event]:
        del self._calls[self._callers.pop(call).uniqueid]
        return [events.CallerLeft(call)]

    def _ended(self, leg: Leg, cause: str) -> list[events.Event]:
        """After the talk has begun, a leg's end is no offer's end: the caller's Hangup tells it."""
        self._legs.forget(leg)
        if leg.is_outward:
            return [events.CallOutEnded(leg.offer, refusal(leg, cause))]
        return [] if leg.is_joined else [events.OfferEnded(leg.offer, refusal(leg, cause))]

    def _phone(self, message: Message) -> list[events.Event]:
        technology, _, extension = message.get("Device").partition("/")
        state = _PHONE_STATES.get(message.get("State"))
        if technology != "PJSIP" or extension not in self._plan.phones or state is None:
            return []
        # A line of the list, handed on when that is whole, is older than what came meanwhile.
        is_listed = bool(message.get("ActionID"))
        if is_listed and extension in self._changed:
            return []
        if not is_listed:
            self._changed.add(extension)
        return [events.PhoneChanged(extension, state)]

    # ---- after a new login ----

    def status(self) -> Action:
        """Asks for all that lives; its answer goes to `resync`."""
        self._is_asking = True
        self._consulted = Consulted()
        self._forget_meanwhile()
        asked = "CALLUUID,LINE,DIALLED,AGENTUUID,CALLERCHAN,CALLEDUUID"
        return ("Status", ("Variables", asked))

    def phone_states(self) -> Action:
        """Asks for every phone's state; each answer goes to `receive`."""
        self._changed.clear()
        return ("DeviceStateList",)

    def resync(self, channels: Iterable[Message]) -> list[events.Event]:
        """The differences between what lives and what we knew: calls and offers that ended unheard,
        talks that began, falls to the fail-safe, and callers whose announcement we missed."""
        alive = {
            uniqueid: channel
            for channel in channels
            if (uniqueid := channel.get("Uniqueid")) and uniqueid not in self._gone
        }
        told = [event for channel in alive.values() for event in self._brought(channel)]
        self._ringing_on.clear()
        for caller in list(self._callers.values()):
            if caller.uniqueid not in alive and caller.call not in self._fresh:
                told += self._left(caller.call)
        for leg in self._legs:
            if leg.uniqueid not in alive and leg.offer not in self._fresh:
                told += self._ended(leg, "")
        for channel in alive.values():
            told += self._found(channel)
        sent_for = {
            _variables(channel).get(name, "")
            for channel in alive.values()
            for name in ("AGENTUUID", "CALLEDUUID")
        }
        unknown = {u for u in sent_for - self._callers.keys() if u not in self._legs}
        self._orphans = frozenset(filter(_UUID.fullmatch, unknown))
        self._is_asking = False
        self._forget_meanwhile()
        return told

    def _brought(self, channel: Message) -> list[events.Event]:
        """Who picked a leg up unheard has its variables."""
        uniqueid, variables = channel.get("Uniqueid"), _variables(channel)
        if uniqueid in self._calls:
            return []  # a caller in the place of a leg that waited has them too
        names = (variables.get(each, "") for each in ("AGENTUUID", "CALLEDUUID"))
        return [e for n in names for e in self._picked_up(n, uniqueid, channel.get("Channel"))]

    def _forget_meanwhile(self) -> None:
        self._fresh.clear()
        self._gone.clear()
        self._answered.clear()

    def orphans(self) -> frozenset[str]:
        """Legs, as of the last `resync`, for which an exchange before us sent."""
        return self._orphans

    def _note(self, kept: set[str], name: str) -> None:
        if self._is_asking:
            kept.add(name)

    def _found(self, channel: Message) -> list[events.Event]:
        uniqueid = channel.get("Uniqueid")
        state = UP if uniqueid in self._answered else channel.get("ChannelState")
        variables = _variables(channel)
        told: list[events.Event] = []
        if leg := self._legs.at(uniqueid):
            leg.is_there, leg.channel = True, channel.get("Channel")
            told += self._changes(channel) if state in (RINGING, UP) else []
        elif variables.get("AGENTUUID") == uniqueid:
            if state != UP:
                self._ringing_on[uniqueid] = variables.get("CALLERCHAN", "")
            return []
        elif uniqueid in self._calls:
            pass
        elif variables.get("CALLEDUUID") == uniqueid:
            # Called by an exchange before us: whoever is called only now is let be, and who talks
            # talks on. In between, the dialplan has a word for them.
            if state != UP:
                self._ringing_on[uniqueid] = ""
            elif channel.get("BridgeID"):
                self._is_called(Leg(uniqueid, "", channel.get("Channel"), is_outward=True))
        else:
            # CALLUUID is inherited by the phones that the fail-safe rings, LINE is not.
            call, line = variables.get("CALLUUID", ""), variables.get("LINE", "(null)")
            if not _UUID.fullmatch(call) or line in ("", "(null)"):
                return []
            dialled = variables.get("DIALLED", channel.get("DNID"))
            told += self._arrived(call, channel, line, dialled)
        if channel.get("Context") in STATIC and uniqueid in self._calls:
            told += self._fell(self._calls[uniqueid])
        if bridge := channel.get("BridgeID"):
            told += self._in_bridge(uniqueid, bridge)
        return told

    def unreachable(self, states: Iterable[Message]) -> list[str]:
        """Phones that are not there, by the answer to `phone_states`."""
        changes = [event for message in states for event in self._phone(message)]
        return [
            change.extension
            for change in changes
            if isinstance(change, events.PhoneChanged) and change.state is PhoneState.UNREACHABLE
        ]

    def slate(self) -> Action:
        """Asks for the calls that ended unknown to us; its answer goes to `unheard`."""
        return ("DBGetTree", ("Family", SLATE))

    def strays(self) -> list[str]:
        """Phones that still ring for a caller who talks by now or has gone, or by the will of an
        exchange that is no more; each is told once."""
        if not self._ringing_on:
            return []
        waiting = {caller.channel for caller in self._callers.values() if not caller.bridge}
        strays = [leg for leg, channel in self._ringing_on.items() if channel not in waiting]
        for leg in strays:
            del self._ringing_on[leg]
        return strays

    # ---- orders ----

    def known(self, call: str) -> Action:
        """The call is written down: it need not be on the slate when it ends."""
        return ("Setvar", ("Channel", self._channel(call)), ("Variable", "KNOWN"), ("Value", "1"))

    def originate(self, order: commands.Offer) -> Action:
        """Ring a phone, showing the caller; who picks up is taken into the engine by `agent`."""
        caller = self._callers.get(order.call)
        self._legs.add(Leg(order.offer, order.call))
        self._note(self._fresh, order.offer)
        return (
            "Originate",
            ("Channel", f"PJSIP/{order.extension}"),
            ("Context", "agent"),
            ("Exten", "s"),
            ("Priority", "1"),
            ("Timeout", str(round(order.ring_s * 1000))),
            ("CallerID", _caller_id(caller, order.shows)),
            ("ChannelId", order.offer),
            ("Async", "true"),
            ("Variable", f"AGENTUUID={order.offer}"),
            ("Variable", f"CALLERCHAN={caller.channel if caller else ''}"),
        )

    def call_out(self, order: commands.CallOut, started_ms: int) -> Action:
        """Call somebody; who answers is taken into the engine by `called`. STARTED is what lets an
        emergency call have the line. NoWayOutError: the number may not be called."""
        called = ("called", f"CALLEDUUID={order.call}")
        return self._outward(order.number, order.call, order.ring_s, started_ms, called)

    def test_outside(self, number: str, leg: str, ring_s: float, started_ms: int) -> Action:
        """The same for a test call: who answers comes into the engine as the self-test's caller
        does, and is let go when that is over."""
        return self._outward(number, leg, ring_s, started_ms, ("tester", f"TESTERUUID={leg}"))

    def measure_outside(
        self, number: str, leg: str, port: int, ring_s: float, started_ms: int
    ) -> Action:
        """The same for the line doctor, who listens at this port for whoever answers; by the
        first trunk of the number's rule and no other, for that is the one it measures."""
        into = ("doctor", f"DOCTORUUID={leg}")
        way = outside.way_to(self._plan, number)
        if isinstance(way, outside.Outside):
            way = replace(way, rule=replace(way.rule, otherwise=()))
        order = self._by_way(way, leg, ring_s, started_ms, into)
        return (*order, ("Variable", f"DOCTORPORT={port:d}"))

    def _outward(
        self, number: str, leg: str, ring_s: float, started_ms: int, into: tuple[str, str]
    ) -> Action:
        way = outside.way_to(self._plan, number)
        return self._by_way(way, leg, ring_s, started_ms, into)

    def _by_way(
        self,
        way: outside.Extension | outside.Outside,
        leg: str,
        ring_s: float,
        started_ms: int,
        into: tuple[str, str],
    ) -> Action:
        match way:
            case outside.Extension(extension=extension):
                channel = f"PJSIP/{written.number(extension)}"
                shows, named = "", written.label(self._plan.name)
            case outside.Outside(number=dialled, rule=rule):
                channel = line_groups.channel_to(self._plan, rule, dialled)
                shows, named = line_groups.first_shown(self._plan, rule)
        self._legs.add(Leg(leg, call="", is_outward=True))
        self._note(self._fresh, leg)
        context, variable = into
        return (
            "Originate",
            ("Channel", channel),
            ("Context", context),
            ("Exten", "s"),
            ("Priority", "1"),
            ("Timeout", str(round(ring_s * 1000))),
            ("CallerID", f'"{named}" <{shows}>'),
            ("ChannelId", leg),
            ("Async", "true"),
            ("Variable", variable),
            ("Variable", f"STARTED={started_ms:d}"),
        )

    def tap(self, call: str, tap: str) -> Action:
        """Let a leg of this name hear a caller's talk, both sides of it. The caller's channel is
        asked for by its Uniqueid, which no rename changes."""
        return (
            "Originate",
            ("Channel", f"Local/s@{SPY}/n"),
            ("Context", TAP),
            ("Exten", "s"),
            ("Priority", "1"),
            ("Timeout", str(TAP_MS)),
            ("ChannelId", tap),
            ("Async", "true"),
            ("Variable", f"__SPIED={self._channel(call)}"),
            ("Variable", f"TAPUUID={tap}"),
        )

    def test(self, tester: str) -> Action:
        """Call our own self-test line; the caller's leg comes into the engine under this UUID."""
        return (
            "Originate",
            ("Channel", "PJSIP/000@selftest"),
            ("Context", "tester"),
            ("Exten", "s"),
            ("Priority", "1"),
            ("Timeout", "10000"),
            ("CallerID", '"Self-test" <000>'),
            ("ChannelId", tester),
            ("Async", "true"),
            ("Variable", f"TESTERUUID={tester}"),
        )

    def send_on(self, order: commands.SendOn) -> list[Action]:
        """Take a caller out of the place of a leg that waited, for a number inside. With the place
        it was given that leg's variables (tried on 22.10.1), so it gets its own names back; of its
        beginning an emergency call asks only which of two was later."""
        channel = self._channel(order.call)
        if order.in_vain is not None:
            return [
                ("Setvar", ("Channel", channel), ("Variable", "INVAIN"), ("Value", order.in_vain)),
                _redirected(channel, ONWARD, order.number),
            ]
        caller = self._callers.get(order.call)
        names = {"__CALLUUID": order.call, "LINE": caller.line if caller else "", "STARTED": "1"}
        return [
            *(
                ("Setvar", ("Channel", channel), ("Variable", name), ("Value", value))
                for name, value in names.items()
            ),
            _redirected(channel, SENT, order.number or "s"),
        ]

    def lead_to_fax(self, order: commands.LeadToFax) -> Action:
        """Take a fax machine that called people to the clinic's own."""
        return _redirected(self._channel(order.call), FAXES, order.extension)

    def dial_from(self, call: str, number: str) -> list[Action]:
        """Have a telephone that is in the engine dial a number, as if it had just been keyed: it is
        no caller of the clinic's any more."""
        channel = self._channel(call)
        return [
            ("Setvar", ("Channel", channel), ("Variable", "LINE"), ("Value", "")),
            _redirected(channel, ONWARD, number),
        ]

    def hangup(self, name: str) -> Action:
        """End an offer's leg, or a call."""
        cause = NORMAL_CLEARING
        if leg := self._legs.named(name):
            leg.is_withdrawn = True
            cause = NORMAL_CLEARING if leg.is_outward else ANSWERED_ELSEWHERE
        return ("Hangup", ("Channel", self._channel(name)), ("Cause", cause))

    def ended_elsewhere(self, leg: str) -> Action:
        """Stop a phone that is not of any offer we know."""
        return ("Hangup", ("Channel", leg), ("Cause", ANSWERED_ELSEWHERE))

    def doubtful(self) -> list[str]:
        """Offers that came to nothing, told once; `never_came` is to be asked a moment later."""
        told, self._doubtful = self._doubtful, []
        return told

    def is_called(self, call: str) -> bool:
        """Whether this is somebody whom we called, and who answered."""
        caller = self._callers.get(call)
        return caller is not None and caller.is_called

    def never_came(self, offer: str) -> list[events.Event]:
        """An offer in doubt is over, unless its channel has come to be after all."""
        leg = self._legs.named(offer)
        return [] if leg is None or leg.is_there else self._ended(leg, "")

    def over(self, offer: str) -> list[events.Event]:
        """Asterisk would not ring, or has nothing to end: the offer has no leg and will get
        none."""
        leg = self._legs.named(offer)
        return [] if leg is None else self._ended(leg, "")

    def bridge(self, call: str, offer: str) -> Action:
        """Join the two. If one has gone Asterisk refuses, and the other stays where it is."""
        first, second = self._callers.get(call), self._callers.get(offer)
        if leg := self._legs.named(offer):
            leg.call = call  # an agent may have been reserved before there was a caller
        if first and second:
            first.partner, first.leads, second.partner, second.leads = offer, True, call, False
        return (
            "Bridge",
            ("Channel1", self._named(call)),
            ("Channel2", self._named(offer)),
            ("Tone", "no"),
        )

    def next_is(self, call: str, what: commands.Next) -> Action:
        """What the dialplan does with the caller when the engine, or the agent, lets go."""
        return (
            "Setvar",
            ("Channel", self._channel(call)),
            ("Variable", "NEXT"),
            ("Value", what.value),
        )

    def _named(self, name: str) -> str:
        """For Bridge, which takes any channel that begins so: 17.1 is 17.10 too, and another
        caller's (seen on 22.10.1, with twelve callers in one second). No name begins another."""
        known = self._callers.get(name) or self._legs.named(name)
        return known.channel if known and known.channel else self._channel(name)

    def _channel(self, name: str) -> str:
        """An unknown call's own UUID names no channel, so Asterisk refuses, which is the truth."""
        known = self._callers.get(name) or self._legs.named(name)
        return known.uniqueid if known else name


def _passed(call: str, by: str, number: str, passing: Passing) -> events.Transferred:
    return events.Transferred(call, by, number, passing)


def _redirected(channel: str, context: str, number: str) -> Action:
    return (
        "Redirect",
        ("Channel", channel),
        ("Context", context),
        ("Exten", number),
        ("Priority", "1"),
    )


def _variables(channel: Message) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in channel.all("Variable") if "=" in pair)


def light(lamp: Lamp) -> Action:
    """A leg that lives for a moment says what the mailbox holds, to every phone whose `mailboxes`
    name it. Urgent ones need no figure of their own: Asterisk adds them to the new."""
    return (
        "Originate",
        ("Channel", "Local/s@lamp"),
        ("Application", "MinivmMWI"),
        ("Data", f"{written.name(lamp.mailbox)}@{MAILBOXES},0,{lamp.new:d},{lamp.old:d}"),
        ("Async", "true"),
    )


def known_lamp(message: Message) -> Lamp | None:
    """What Asterisk now knows of a mailbox, if that is what it tells."""
    if message.get("Event") != "MessageWaiting":
        return None
    mailbox, _, where = message.get("Mailbox").partition("@")
    new, old = message.get("New"), message.get("Old")
    is_ours = where == MAILBOXES and new.isdecimal() and old.isdecimal()
    return Lamp(mailbox, int(new), int(old)) if is_ours else None


def unheard(entries: Iterable[Message]) -> list[Unheard]:
    """What the slate says; an entry that is not of our making is left alone."""
    found = (_ENTRY.fullmatch(f"{entry.get('Key')}={entry.get('Val')}") for entry in entries)
    return [
        Unheard(entry["call"], entry["line"], entry["dialled"], int(entry["started_ms"]))
        for entry in found
        if entry is not None
    ]


def look_for(extension: str) -> Action:
    """Ask a phone whether it is there. An Asterisk that has just started remembers its phones, and
    yet holds each for unreachable until its turn to be asked comes, up to a minute later."""
    return ("PJSIPQualify", ("Endpoint", extension))


@dataclass(frozen=True, slots=True)
class CodeDialled:
    """A phone dialled a code of its own; its channel waits for the word."""

    extension: str
    code: str
    channel: str


def code_dialled(message: Message) -> CodeDialled | None:
    """The code in a message of the dialplan, if it tells of one."""
    if (message.get("Event"), message.get("UserEvent")) != ("UserEvent", "CareLineCode"):
        return None
    channel = message.get("Uniqueid")
    return CodeDialled(message.get("Extension"), message.get("Code"), channel) if channel else None


def emergency_from(message: Message) -> str:
    """The telephone that called for help, if this tells of one; Asterisk alone carries the call."""
    is_told = message.get("UserEvent") == "CareLineEmergency"
    return message.get("Extension") if is_told else ""


# Asks for every channel there is; its answer goes to `calls_up`.
CALLS_UP: Action = ("Status", ("Variables", "EMERGENCY"))


def calls_up(channels: Iterable[Message]) -> Up:
    """By what they hang together: a talk is two channels, and one call. A variable that is not set
    is told as "(null)"."""
    found = list(channels)
    calls = {channel.get("Linkedid") or channel.get("Uniqueid") for channel in found}
    return Up(len(calls), any(_variables(each).get("EMERGENCY") == "1" for each in found))


def answered(dialled: CodeDialled, prompt: str) -> Action:
    """What the phone that dialled the code hears."""
    return (
        "Setvar",
        ("Channel", dialled.channel),
        ("Variable", "SAID"),
        ("Value", prompt),
    )


@dataclass(frozen=True, slots=True)
class InsideAsked:
    """A desk calls a telephone; its channel waits for where the call goes. `became`: what it said
    that was rung, empty before."""

    extension: str
    became: str
    channel: str


def inside_asked(message: Message) -> InsideAsked | None:
    """The question in a message of the dialplan, if it holds one."""
    if (message.get("Event"), message.get("UserEvent")) != ("UserEvent", "CareLineInside"):
        return None
    return InsideAsked(message.get("To"), message.get("Became"), message.get("Uniqueid"))


def routed(asked: InsideAsked, route: str) -> Action:
    """Where the call goes."""
    return ("Setvar", ("Channel", asked.channel), ("Variable", "ROUTE"), ("Value", route))


def missed_inside(message: Message) -> tuple[str, str] | None:
    """The telephone that one desk rang for nobody, and whose desk that was."""
    if message.get("Event") != "DialEnd" or message.get("DialStatus") in ("ANSWER", ""):
        return None
    by, extension = phone_of(message.get("Channel")), phone_of(message.get("DestChannel"))
    return (extension, by) if by and extension and by != extension else None


def tell_away(extension: str) -> Action:
    """Ring a phone for a moment, showing that it is paused and the code that ends it; who picks up
    hears so, and is back by that."""
    return (
        "Originate",
        ("Channel", f"PJSIP/{written.number(extension)}"),
        ("Context", AWAY),
        ("Exten", "s"),
        ("Priority", "1"),
        ("Timeout", str(AWAY_RING_MS)),
        ("CallerID", '"Paused - calls missed" <*51>'),
        ("Async", "true"),
    )


def dial_for(extension: str, number: str) -> Action:
    """Ring a telephone, and once it is picked up have it dial a number, as if that had been keyed.
    What it shows is its own: no caller's number stays in its list."""
    phone = written.number(extension)
    return (
        "Originate",
        ("Channel", f"PJSIP/{phone}"),
        ("Context", ONWARD),
        ("Exten", written.number(number)),
        ("Priority", "1"),
        ("Timeout", str(PICK_UP_MS)),
        ("CallerID", f'"Call back" <{phone}>'),
        ("Async", "true"),
    )


def measure_inside(leg: str, port: int, far_port: int) -> Action:
    """Call the line doctor's far end by the self-test line; both of its ends listen."""
    return (
        "Originate",
        ("Channel", f"PJSIP/{FAR_NUMBER}{far_port:05d}@{SELFTEST}"),
        ("Context", "doctor"),
        ("Exten", "s"),
        ("Priority", "1"),
        ("Timeout", "10000"),
        ("CallerID", '"Line doctor" <000>'),
        ("ChannelId", leg),
        ("Async", "true"),
        ("Variable", f"DOCTORUUID={leg}"),
        ("Variable", f"DOCTORPORT={port:d}"),
    )


def ring_and_let_go(extension: str, leg: str, for_s: float) -> Action:
    """Ring a telephone for so long; who picks up hears nothing and is let go."""
    return (
        "Originate",
        ("Channel", f"PJSIP/{written.number(extension)}"),
        ("Application", "Hangup"),
        ("Timeout", str(round(for_s * 1000))),
        ("CallerID", f'"Line doctor" <{written.number(extension)}>'),
        ("ChannelId", leg),
        ("Async", "true"),
    )


def ring_to_speak(extension: str, speaker: str) -> Action:
    """Ring a telephone; who picks up comes into the engine under this UUID, as the self-test's
    caller does."""
    return _ring_inside(extension, speaker, "Record a prompt")


def ring_for_handset(extension: str, leg: str, port: int) -> Action:
    """A leg to this port on loopback, which calls a telephone as a colleague does."""
    return (
        "Originate",
        ("Channel", modem_dialplan.channel(leg, port)),
        ("Context", "inside"),
        ("Exten", written.number(extension)),
        ("Priority", "1"),
        ("Timeout", str(LEG_MS)),
        ("CallerID", f'"The box" <{written.number(extension)}>'),
        ("Async", "true"),
    )


def ring_to_hear(extension: str, listener: str) -> Action:
    """The same for somebody who is to hear the draft."""
    return _ring_inside(extension, listener, "The draft")


def _ring_inside(extension: str, leg: str, shows: str) -> Action:
    return (
        "Originate",
        ("Channel", f"PJSIP/{written.number(extension)}"),
        ("Context", "tester"),
        ("Exten", "s"),
        ("Priority", "1"),
        ("Timeout", str(PICK_UP_MS)),
        ("CallerID", f'"{shows}" <{written.number(extension)}>'),
        ("ChannelId", leg),
        ("Async", "true"),
        ("Variable", f"TESTERUUID={leg}"),
    )


def wiped(call: str) -> Action:
    """The slate need not keep this call any longer."""
    return ("Setvar", ("Variable", f"DB_DELETE({SLATE}/{call})"), ("Value", ""))


def shown(text: str, longest: int) -> str:
    """A stranger's words as they may be shown: what cannot be seen is marked, what is long is
    cut."""
    if text in _NO_CALLER:
        return ""
    plain = _ESCAPED.sub(lambda found: _ESCAPES.get(found[1], found[1]), text)
    return marked(plain[:longest]).strip()


def _caller_id(caller: _Caller | None, otherwise: str) -> str:
    """`"name" <number>` for Asterisk's parser, which takes quotes and angles for its own. The name
    is never empty, for then the phone would show its own."""
    number = re.sub(r"[^0-9A-Za-z+*#.-]", "", caller.number) if caller else ""
    name = re.sub(r'["<>\\]', "'", caller.name) if caller else ""
    return f'"{name or number or otherwise or "Unknown caller"}" <{number}>'
