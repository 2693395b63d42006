"""What Asterisk tells of a transfer, in its own messages; and what no desk's code can reach."""

import re

from firmware.asterisk import translate
from firmware.asterisk.slots import Slots
from firmware.asterisk.translate import Translator
from ivr import commands, events
from ivr.events import Passing
from tests.firmware.asterisk.test_config import files
from tests.firmware.asterisk.test_translate import CALL, CALLER, CLINIC, about, fields, paired

INNER = "7c1e8a7e-6a3c-4f0e-9d58-1f2f4b8c9d10"
TRUNK = "PJSIP/trunk-telco-00000000"


def with_two_calls() -> Translator:
    """A caller who talks with 101, and 101's own call to a queue's number."""
    translator = Translator(CLINIC)
    for call, uniqueid, line, dialled in (
        (CALL, CALLER, "main", "5551234"),
        (INNER, "17.5", "inside", "601"),
    ):
        translator.receive(
            paired(
                ("Event", "UserEvent"),
                ("UserEvent", "CareLineCall"),
                ("CallUUID", call),
                ("Uniqueid", uniqueid),
                ("Channel", TRUNK),
                ("Line", line),
                ("Dialled", dialled),
            )
        )
    return translator


def transferred(event: str, **more: str) -> dict[str, str]:
    return {"Event": event, "Result": "Success", **more}


def told(translator: Translator, of: dict[str, str]) -> list[events.Event]:
    return translator.receive(paired(*of.items()))


def test_a_blind_transfer_says_who_and_where_to_and_a_failed_one_nothing() -> None:
    translator = with_two_calls()
    blind = transferred(
        "BlindTransfer",
        TransfererChannel="PJSIP/101-00000003",
        TransfereeUniqueid=CALLER,
        Extension="102",
    )
    assert told(translator, blind) == [events.Transferred(CALL, "101", "102", Passing.SENT)]
    assert told(translator, {**blind, "Result": "Fail"}) == []
    assert told(translator, {**blind, "TransfereeUniqueid": "1.1"}) == []


def test_two_talks_made_one_tell_who_has_the_caller_now() -> None:
    attended = transferred(
        "AttendedTransfer",
        OrigTransfererChannel="PJSIP/101-00000003",
        OrigTransfererUniqueid="3.3",
        SecondTransfererUniqueid="4.4",
        TransfereeUniqueid=CALLER,
        TransfereeChannel=TRUNK,
        TransferTargetChannel="PJSIP/102-00000007",
    )
    joined = [events.Transferred(CALL, "101", "102", Passing.JOINED)]
    assert told(with_two_calls(), attended) == joined


def test_a_caller_in_the_place_of_a_waiting_leg_is_told_once_that_leg_is_gone() -> None:
    translator = with_two_calls()
    attended = transferred(
        "AttendedTransfer",
        OrigTransfererChannel="PJSIP/101-00000003",
        OrigTransfererUniqueid="3.3",
        SecondTransfererUniqueid="17.5",
        TransfereeUniqueid=CALLER,
        DestApp="AudioSocket",
    )
    assert told(translator, attended) == []
    assert translator.receive(about("17.5", "Hangup", Cause="16")) == [
        events.CallerLeft(INNER),
        events.Transferred(CALL, "101", "601", Passing.MISLAID),
    ]
    *names, redirect = translator.send_on(commands.SendOn(CALL, "601"))
    said = {fields(action)["Variable"]: fields(action)["Value"] for action in names}
    assert (said["__CALLUUID"], said["LINE"]) == (CALL, "main")
    assert (fields(redirect)["Context"], fields(redirect)["Exten"]) == ("sent", "601")


def test_who_asked_first_by_keys_passes_the_caller_to_whoever_picked_up_and_holds_no_more() -> None:
    offer = "b1fce35f-6938-4f81-9640-a61639cc302d"

    def asks_and_hangs_up(
        *meanwhile: dict[str, str], target: str = "Local/104@from-phone-00000005;1"
    ) -> list[events.Event]:
        translator = with_two_calls()
        translator.originate(commands.Offer(offer, CALL, "101", 20.0))
        for uniqueid in (offer, CALLER):
            enters = {"Event": "BridgeEnter", "Uniqueid": uniqueid, "BridgeUniqueid": "talk"}
            told(translator, enters)
        assert told(translator, {"Event": "Hold", "Uniqueid": offer}) == [events.Held(CALL)]
        for each in meanwhile:
            told(translator, each)
        attended = transferred(
            "AttendedTransfer",
            OrigTransfererChannel="PJSIP/101-00000009",
            OrigTransfererUniqueid=offer,
            SecondTransfererUniqueid=offer,
            TransfereeUniqueid=CALLER,
            TransfereeChannel=TRUNK,
            TransferTargetChannel=target,
        )
        return told(translator, attended)

    answered = {
        "Event": "DialEnd",
        "Channel": "Local/104@from-phone-00000005;2",
        "DestChannel": "PJSIP/102-0000000a",
        "DialStatus": "ANSWER",
    }
    joined = Passing.JOINED
    held_no_more = events.Resumed(CALL)
    forwarded = events.Transferred(CALL, "101", "102", joined)
    assert asks_and_hangs_up(answered) == [held_no_more, forwarded]
    itself = events.Transferred(CALL, "101", "104", joined)
    assert asks_and_hangs_up({**answered, "DialStatus": "BUSY"}) == [held_no_more, itself]
    gone = {"Event": "Hangup", "Channel": answered["Channel"], "Uniqueid": "9.9"}
    assert asks_and_hangs_up(answered, gone) == [held_no_more, itself]
    enters = {
        "Event": "BridgeEnter",
        "Channel": "Local/104@from-phone-00000005;1",
        "Uniqueid": "8.8",
        "BridgeUniqueid": "talk",
    }
    assert asks_and_hangs_up(answered, enters, target="") == [held_no_more, forwarded]
    leaves = {**enters, "Event": "BridgeLeave"}
    nobody = events.Transferred(CALL, "101", "", joined)
    assert asks_and_hangs_up(answered, enters, leaves, target="") == [held_no_more, nobody]


def test_who_passes_on_at_once_whom_it_was_handed_has_the_caller_fetched_from_behind_the_pair() -> (
    None
):
    """The telephone's peer is an end of the pair by which it was asked."""
    near, far = "Local/102@from-phone-00000005;1", "Local/102@from-phone-00000005;2"

    def passed(number: str, *bridged: tuple[str, str, str]) -> list[events.Event]:
        translator = with_two_calls()
        for channel, uniqueid, bridge in bridged:
            enters = {"Event": "BridgeEnter", "Uniqueid": uniqueid, "BridgeUniqueid": bridge}
            told(translator, {**enters, "Channel": channel})
        blind = transferred(
            "BlindTransfer",
            TransfererChannel="PJSIP/102-0000000a",
            TransfereeUniqueid="8.9",
            TransfereeChannel=far,
            Extension=number,
        )
        return told(translator, blind)

    talk = ((TRUNK, CALLER, "talk"), (near, "8.8", "talk"), (far, "8.9", "asked"))
    mislaid = events.Transferred(CALL, "102", "103", Passing.MISLAID)
    assert passed("103", *talk) == [mislaid]
    assert passed("103", *talk[:2]) == [mislaid]  # it may have left already
    outward = events.Transferred(CALL, "102", "95555551234", Passing.SENT)
    assert passed("95555551234", *talk) == [outward]
    assert passed("103", *talk[1:]) == passed("103") == []


def test_a_telephone_that_parks_by_its_transfer_key_is_told_the_slot_once() -> None:
    sent = transferred(
        "BlindTransfer",
        TransfererChannel="PJSIP/101-00000003",
        TransfereeUniqueid=CALLER,
        Extension="800",
    )
    parked = {"Event": "ParkedCall", "ParkeeUniqueid": CALLER, "ParkingSpace": "801"}

    def shown(*told_of: dict[str, str]) -> list[dict[str, str]]:
        slots = Slots()
        rung = (slots.heard(paired(*each.items()), CLINIC) for each in told_of)
        return [fields(action) for action in rung if action is not None]

    for order in ((sent, parked), (parked, sent)):
        (action,) = shown(*order, parked)
        assert action["Channel"] == "PJSIP/101"
        assert action["CallerID"] == '"Parked at 801" <801>'
        assert f"[{action['Context']}]\nexten => 801,1,Answer(,i)" in files()["extensions.conf"]
    taken_up = {"Event": "UnParkedCall", "ParkeeUniqueid": CALLER}
    assert shown(parked) == shown(sent, {**sent, "Extension": "104"}) == []
    assert shown(parked, taken_up, sent) == shown(sent, {**parked, "ParkingSpace": "1,x"}) == []
    gone = {"Event": "Hangup", "Uniqueid": CALLER}
    assert shown(sent, gone, parked) == []


def test_only_a_desk_that_rang_for_another_desk_missed_a_call_of_its_own() -> None:
    missed = {
        "Event": "DialEnd",
        "Channel": "PJSIP/101-1",
        "DestChannel": "PJSIP/102-2",
        "DialStatus": "CANCEL",
    }
    assert translate.missed_inside(paired(*missed.items())) == ("102", "101")
    for other in ({"DialStatus": "ANSWER"}, {"Channel": "Local/s@lamp-1;2"}, {"Event": "Hangup"}):
        assert translate.missed_inside(paired(*{**missed, **other}.items())) is None


def test_what_the_exchange_sends_on_never_reaches_an_emergency_centre() -> None:
    text = files()["extensions.conf"]
    contexts = dict(re.findall(r"^\[([a-z-]+)\]\n(.*?)(?=^\[|\Z)", text, re.M | re.S))
    includes = re.findall(r"include => ([a-z-]+)", contexts["onward"])
    assert includes == ["inside", "outside"]
    reached = "".join(contexts[name] for name in includes)
    assert "emergency" not in reached
    assert not re.findall(r"^exten => (?:911|9911|112),", reached, re.M)
    first = re.findall(r"include => ([a-z-]+)", contexts["from-phone"])[0]
    assert first == "emergency"
