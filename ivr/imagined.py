"""A clinic that is only imagined: its telephones are picked up or not, its books take whatever they
are told, and nothing of it happens to anybody.

Whatever an exchange orders has its answer here, so that a call walked at once (`ivr.simulate`) and
one that a person hears (`ivr.audition`) meet the same clinic. What the caller hears is theirs.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import assert_never

from ivr import commands, events
from ivr.commands import Command
from ivr.events import Event, Refusal
from ivr.identity import Verdict
from ivr.plan import Plan

ANSWER_S = 4.0
NETWORK_S = 0.05
MESSAGE_S = 12.0  # what the caller has to say

Due = tuple[float, Event]  # an event, so many seconds later


class Phones(StrEnum):
    """What the clinic's phones do when they ring."""

    ANSWER = "answer"
    SILENT = "silent"
    BUSY = "busy"
    REFUSE = "refuse"
    ABSENT = "absent"  # none of them is there to be rung


@dataclass(frozen=True, slots=True)
class Clinic:
    """How it stands: `each` says of phones that do otherwise than the others."""

    phones: Phones = Phones.ANSWER
    each: Mapping[str, Phones] = field(default_factory=dict)
    verdict: Verdict = Verdict.IDENTIFIED

    def does(self, phone: str) -> Phones:
        return self.each.get(phone, self.phones)

    def before(self, plan: Plan) -> Iterator[Event]:
        """What is so before the call comes."""
        for phone in plan.phones:
            if self.does(phone) is Phones.ABSENT:
                yield events.PhoneChanged(phone, events.PhoneState.UNREACHABLE)

    def answers(self, command: Command, outside: Collection[str]) -> Iterator[Due]:
        """What comes of an order; `outside` are the legs that are called for a caller."""
        match command:
            case commands.StopRecording(call=call):
                yield NETWORK_S, events.RecordingKept(call, "message", MESSAGE_S)
            case commands.Offer():
                yield from self._rings(command)
            case commands.CallOut(call=leg) if leg in outside:
                yield self._rings_outside(command)
            case commands.Join(call=call, offer=offer):
                yield NETWORK_S, events.Joined(call, offer)
            case _:
                if (said := self._said(command)) is not None:
                    yield NETWORK_S, said

    def _said(self, command: Command) -> Event | None:
        """What the clinic's books and Asterisk say to it, at once."""
        match command:
            case commands.OpenLease(urgent=urgent):
                return events.LeaseOpened(urgent)
            case commands.CallOut(call=call):
                return events.CallOutEnded(call, Refusal.SILENT)
            case commands.KeepTicket(ticket=ticket):
                return events.TicketOpened(ticket)
            case commands.TryTicket(ticket=ticket_id, leg=leg):
                return events.TicketTried(ticket_id, leg)
            case commands.Withdraw(offer=offer):
                return events.OfferEnded(offer, Refusal.WITHDRAWN)
            case commands.Release(call=call):
                return events.CallerLeft(call)
            case commands.KeepRequest(call=call, tag=tag):
                return events.RequestKept(call, tag)
            case commands.Identify(call=call, tag=tag):
                return events.IdentityChecked(call, tag, self.verdict, "a patient")
            case commands.CheckPins(call=call, people=people):
                return events.PinChecked(call, fits=True, person=people[0])
            case commands.SwitchHours(call=call) | commands.SetGreeting(call=call):
                return events.WordsKept(call)
            case commands.OpenBox(call=call):
                return events.BoxOpened(call, "a member")
            case commands.MarkLeft(call=call):
                return events.LeftMarked(call, is_written=True)
            case commands.CallLeft(call=call):
                return events.LeftCalled(call, is_called=False)
            case commands.Tap(tap=tap):
                return events.Tapped(tap)
            case (
                # Those that `answers` has seen to, and what the caller hears or says.
                commands.StopRecording()
                | commands.Offer()
                | commands.Join()
                | commands.Play()
                | commands.StopPlaying()
                | commands.StartMusic()
                | commands.StopMusic()
                | commands.Record()
                | commands.PlayMessage()
                | commands.PlayLeft()
                # To these nobody answers.
                | commands.Note()
                | commands.Finish()
                | commands.CloseTicket()
                | commands.Cede()
                | commands.CheckPin()
                | commands.OwnLease()
                | commands.FreeLease()
                | commands.CloseLease()
                | commands.SendNotice()
                | commands.SendOn()
                | commands.HangUp()
                | commands.LeadToFax()
                | commands.TellAway()
                | commands.Untap()
                | commands.RecordPart()
                | commands.StopPart()
                | commands.SoundTone()
            ):
                return None
            case _:
                assert_never(command)

    def _rings(self, offer: commands.Offer) -> Iterator[Due]:
        match self.does(offer.extension):
            case Phones.ANSWER:
                yield NETWORK_S, events.OfferRang(offer.offer)
                yield ANSWER_S, events.OfferAccepted(offer.offer)
            case Phones.SILENT:
                yield NETWORK_S, events.OfferRang(offer.offer)
                yield offer.ring_s, events.OfferEnded(offer.offer, Refusal.SILENT)
            case Phones.BUSY:
                yield NETWORK_S, events.OfferEnded(offer.offer, Refusal.BUSY)
            case Phones.ABSENT:
                yield NETWORK_S, events.OfferEnded(offer.offer, Refusal.UNREACHABLE)
            case Phones.REFUSE:
                yield NETWORK_S, events.OfferRang(offer.offer)
                yield ANSWER_S, events.OfferEnded(offer.offer, Refusal.REFUSED)
            case other:
                assert_never(other)

    def _rings_outside(self, out: commands.CallOut) -> Due:
        """Outside they do what the clinic's phones do."""
        match self.phones:
            case Phones.ANSWER:
                return ANSWER_S, events.CalledOut(out.call)
            case Phones.SILENT:
                return out.ring_s, events.CallOutEnded(out.call, Refusal.SILENT)
            case Phones.BUSY | Phones.ABSENT:
                return NETWORK_S, events.CallOutEnded(out.call, Refusal.BUSY)
            case Phones.REFUSE:
                return ANSWER_S, events.CallOutEnded(out.call, Refusal.REFUSED)
            case other:
                assert_never(other)
