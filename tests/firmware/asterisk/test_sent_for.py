"""A leg that a colleague picks up is a channel of another name from then on (heard on 22.10.1)."""

from firmware.asterisk.translate import Translator
from firmware.asterisk.wire import Message
from ivr import commands, events
from tests.firmware.asterisk.test_transfers_told import told, with_two_calls
from tests.firmware.asterisk.test_translate import (
    BRIDGE,
    CALL,
    CALLER,
    CLINIC,
    fields,
    paired,
)

OFFER = "b1fce35f-6938-4f81-9640-a61639cc302d"
BROUGHT = "1795350907.11"
PICKED_UP = {
    "Event": "Pickup",
    "Uniqueid": BROUGHT,
    "Channel": "PJSIP/104-00000006",
    "TargetUniqueid": OFFER,
    "TargetChannel": "PJSIP/101-00000005",
}


def rung() -> Translator:
    """101's phone rings for the caller."""
    translator = with_two_calls()
    translator.originate(commands.Offer(OFFER, CALL, "101", 20.0))
    told(translator, {"Event": "Newchannel", "Uniqueid": OFFER, "Channel": "PJSIP/101-00000005"})
    told(translator, {"Event": "Newstate", "Uniqueid": OFFER, "ChannelState": "5"})
    return translator


def hangs_up(uniqueid: str, cause: str) -> dict[str, str]:
    return {"Event": "Hangup", "Uniqueid": uniqueid, "Cause": cause}


def enters(uniqueid: str) -> dict[str, str]:
    return {"Event": "BridgeEnter", "Uniqueid": uniqueid, "BridgeUniqueid": BRIDGE}


def test_the_phone_that_was_rung_may_hang_up_and_the_colleague_has_the_caller() -> None:
    translator = rung()
    assert told(translator, PICKED_UP) == [events.OfferPickedUp(OFFER, "104")]
    assert told(translator, PICKED_UP) == []
    assert told(translator, hangs_up(OFFER, "26")) == []
    joins = fields(translator.bridge(CALL, OFFER))
    assert joins["Channel2"] == PICKED_UP["Channel"]
    assert told(translator, enters(CALLER)) == []
    assert told(translator, enters(BROUGHT)) == [events.Joined(CALL, OFFER)]
    assert told(translator, hangs_up(BROUGHT, "16")) == []


def test_a_colleague_who_puts_down_before_the_talk_has_refused() -> None:
    translator = rung()
    told(translator, PICKED_UP)
    told(translator, hangs_up(OFFER, "26"))
    refused = events.OfferEnded(OFFER, events.Refusal.REFUSED)
    assert told(translator, hangs_up(BROUGHT, "16")) == [refused]


def test_a_pick_up_that_nobody_heard_is_found_at_the_next_login() -> None:
    translator = rung()
    translator.status()
    caller = {"Uniqueid": CALLER, "Channel": "PJSIP/trunk-telco-00000000", "ChannelState": "6"}
    brought = {"Uniqueid": BROUGHT, "Channel": "PJSIP/104-00000006", "ChannelState": "6"}
    inner = {"Uniqueid": "17.5", "Channel": "PJSIP/103-00000001", "ChannelState": "6"}
    brought["Variable"] = f"AGENTUUID={OFFER}"
    alive: list[Message] = [paired(*each.items()) for each in (caller, brought, inner)]
    assert translator.resync(alive) == [events.OfferPickedUp(OFFER, "104")]
    assert translator.orphans() == frozenset()


def test_one_whom_we_call_may_be_answered_for_by_a_colleague() -> None:
    translator = Translator(CLINIC)
    translator.call_out(commands.CallOut(OFFER, "101", 20.0), started_ms=1)
    assert told(translator, PICKED_UP) == []
    assert told(translator, hangs_up(OFFER, "26")) == []
    assert translator.is_called(OFFER)
    assert fields(translator.hangup(OFFER))["Channel"] == BROUGHT
    assert told(translator, hangs_up(BROUGHT, "16")) == [events.CallerLeft(OFFER)]
