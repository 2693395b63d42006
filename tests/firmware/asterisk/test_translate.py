"""What Asterisk says, as the exchange understands it.

`heard.txt` was written down from a real Asterisk 22.10.1: a caller named Sean O'Brien presses 5;
102 is busy, 103 refuses, 104 stays silent, 106 has never registered, 109 is switched off; 101 picks
up, is bridged, and hangs up two seconds later. Phones are rung with ids that end in their number.
"""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.asterisk.translate import (
    Action,
    Lamp,
    Translator,
    Unheard,
    known_lamp,
    light,
    shown,
    unheard,
)
from firmware.asterisk.wire import Message, Pair, encode
from firmware.bench import ami
from ivr import commands, events
from ivr.events import PhoneState, Refusal
from ivr.outside import NoWayOutError
from ivr.plan import DialRule, Phone, Plan, Trunk

HEARD = ami.HEARD.read_text("utf-8")
CALL = "88a59a81-a952-49c7-ae1a-6a74df731fbb"
CALLER = "1795308180.39"
BRIDGE = "5a9cb4ec-ffcd-46ef-afa2-a3f52ea3cad2"
OTHER_CALL = "aaaaaaaa-0000-4000-8000-000000000001"

EXTENSIONS = ("101", "102", "103", "104", "106", "109")
CLINIC = Plan(
    name="Clinic",
    timezone="UTC",
    language="en",
    front_desk=("101",),
    emergency_numbers=("911",),
    trunks={},
    lines={},
    phones={number: Phone(number, f"Phone {number}", "desk", "555") for number in EXTENSIONS},
    dial_rules=(),
    mailboxes={},
    hours={},
    queues={},
    flows={},
)


def message(text: str) -> Message:
    """A message as one writes it down: a line per pair."""
    return Message(b"\r\n%b\r\n" % text.strip().replace("\n", "\r\n").encode())


def paired(*pairs: Pair) -> Message:
    """A message of these pairs; a value can hold anything but a line break."""
    lines = (f"{key}: {value.replace(chr(13), '')}\r\n" for key, value in pairs)
    return Message(b"\r\n" + "".join(lines).encode("utf-8", "replace"))


def heard() -> list[Message]:
    """All that was written down, in order, the answers to Status among them."""
    return [message(block) for block in HEARD.split("\n\n") if block.strip()]


def offer(extension: str) -> str:
    return f"0ffe0000-0000-4000-8000-000000000{extension}"


def exchange(*extensions: str) -> Translator:
    """A translator that has rung these phones for the caller of `heard.txt`."""
    translator = Translator(CLINIC)
    for extension in extensions:
        translator.originate(commands.Offer(offer(extension), CALL, extension, 2.0))
    return translator


def with_caller(*extensions: str) -> Translator:
    translator = exchange(*extensions)
    [announcement] = [event for event in heard() if event.get("UserEvent") == "CareLineCall"]
    assert translator.receive(announcement) != []
    return translator


def about(uniqueid: str, event: str, **fields: str) -> Message:
    return paired(("Event", event), ("Uniqueid", uniqueid), *fields.items())


def fields(action: Action) -> dict[str, str]:
    name, *pairs = action
    return {"Action": name, **dict(pairs)}


def in_doubt(translator: Translator) -> list[events.Event]:
    """What a moment later is known of offers that came to nothing."""
    return [told for offer in translator.doubtful() for told in translator.never_came(offer)]


def test_a_whole_call_is_understood_as_it_happened() -> None:
    translator = exchange(*EXTENSIONS)
    told = [
        event
        for said in heard()
        if said.get("Event") != "Status"
        for event in (*translator.receive(said), *in_doubt(translator))
        if not isinstance(event, events.PhoneChanged)
    ]
    assert told == [
        events.CallArrived(CALL, "main", "5551234", "5559876", "Sean O'Brien"),
        events.KeyBegan(CALL, "5"),
        events.OfferEnded(offer("102"), Refusal.BUSY),
        events.OfferRang(offer("103")),
        events.OfferEnded(offer("103"), Refusal.REFUSED),
        events.OfferRang(offer("104")),
        events.OfferEnded(offer("104"), Refusal.SILENT),
        events.OfferEnded(offer("106"), Refusal.UNREACHABLE),
        events.OfferEnded(offer("109"), Refusal.UNREACHABLE),
        events.OfferRang(offer("101")),
        events.Joined(CALL, offer("101")),
        events.CallerLeft(CALL),
    ]
    assert translator.live() == frozenset()


def test_a_phone_that_rings_and_is_put_down_again_is_seen_to_change() -> None:
    translator = exchange()
    told = [
        event.state
        for said in heard()
        for event in translator.receive(said)
        if isinstance(event, events.PhoneChanged) and event.extension == "104"
    ]
    assert told == [PhoneState.IN_USE, PhoneState.IDLE]  # BUSY: one call is this phone's limit


def test_a_list_of_phones_undoes_nothing_that_came_while_it_was_made() -> None:
    """Its lines are handed on when it is whole; a phone may have begun a talk since its line."""
    asterisk = exchange()
    assert asterisk.phone_states() == ("DeviceStateList",)
    live = message("Event: DeviceStateChange\nDevice: PJSIP/101\nState: INUSE")
    assert asterisk.receive(live) == [events.PhoneChanged("101", PhoneState.IN_USE)]
    listed = [
        message(f"Event: DeviceStateChange\nActionID: 7\nDevice: PJSIP/{phone}\nState: NOT_INUSE")
        for phone in ("101", "102")
    ]
    told = [event for line in listed for event in asterisk.receive(line)]
    assert told == [events.PhoneChanged("102", PhoneState.IDLE)]
    asterisk.phone_states()
    assert asterisk.receive(listed[0]) == [events.PhoneChanged("101", PhoneState.IDLE)]


@pytest.mark.parametrize(
    ("said", "means"),
    [
        ("NOT_INUSE", PhoneState.IDLE),
        ("RINGING", PhoneState.RINGING),
        ("RINGINUSE", PhoneState.IN_USE),
        ("ONHOLD", PhoneState.IN_USE),
        ("UNAVAILABLE", PhoneState.UNREACHABLE),
        ("UNKNOWN", PhoneState.UNREACHABLE),
    ],
)
def test_each_state_of_a_phone_has_one_meaning(said: str, means: PhoneState) -> None:
    state = message(f"Event: DeviceStateChange\nDevice: PJSIP/101\nState: {said}")
    assert exchange().receive(state) == [events.PhoneChanged("101", means)]


@pytest.mark.parametrize("device", ["PJSIP/line", "PJSIP/999", "Local/101", "101", ""])
def test_what_is_no_desk_phone_of_ours_changes_nothing(device: str) -> None:
    state = message(f"Event: DeviceStateChange\nDevice: {device}\nState: INUSE")
    assert exchange().receive(state) == []


def test_a_phone_that_rang_and_says_busy_was_refused_by_hand() -> None:
    translator = with_caller("102")
    leg = offer("102")
    assert translator.receive(about(leg, "Newstate", ChannelState="5")) == [events.OfferRang(leg)]
    assert translator.receive(about(leg, "Newstate", ChannelState="5")) == []
    assert translator.receive(about(leg, "Hangup", Cause="17")) == [
        events.OfferEnded(leg, Refusal.REFUSED)
    ]


def test_an_agent_who_picks_up_and_hangs_up_before_the_talk_has_refused() -> None:
    translator = with_caller("101")
    leg = offer("101")
    translator.receive(about(leg, "Newchannel"))
    translator.receive(about(leg, "Newstate", ChannelState="6"))
    assert translator.receive(about(leg, "Hangup", Cause="16")) == [
        events.OfferEnded(leg, Refusal.REFUSED)
    ]


def test_an_offer_we_end_is_withdrawn_and_its_phone_lists_no_missed_call() -> None:
    translator = with_caller("104")
    leg = offer("104")
    translator.receive(about(leg, "Newchannel"))
    action = fields(translator.hangup(leg))
    assert action == {"Action": "Hangup", "Channel": leg, "Cause": "26"}
    failure = about(leg, "OriginateResponse", Response="Failure", Reason="0")
    assert translator.receive(failure) == []
    assert translator.receive(about(leg, "Hangup", Cause="26")) == [
        events.OfferEnded(leg, Refusal.WITHDRAWN)
    ]
    assert translator.receive(about(leg, "Hangup", Cause="26")) == []


def test_a_phone_whose_failure_is_told_before_its_channel_is_busy_all_the_same() -> None:
    translator = with_caller("102")
    leg = offer("102")
    assert translator.receive(about(leg, "OriginateResponse", Response="Failure")) == []
    assert translator.doubtful() == [leg]
    assert translator.doubtful() == []
    translator.receive(about(leg, "Newchannel"))
    assert translator.never_came(leg) == []
    assert translator.receive(about(leg, "Hangup", Cause="17")) == [
        events.OfferEnded(leg, Refusal.BUSY)
    ]
    assert translator.never_came(leg) == []


def test_a_phone_for_which_asterisk_makes_no_channel_is_unreachable() -> None:
    translator = with_caller("102")
    leg = offer("102")
    translator.receive(about(leg, "OriginateResponse", Response="Failure"))
    assert translator.doubtful() == [leg]
    assert translator.never_came(leg) == [events.OfferEnded(leg, Refusal.UNREACHABLE)]
    assert translator.never_came(leg) == []


def test_an_offer_asterisk_would_not_make_is_over_at_once() -> None:
    translator = with_caller("106")
    assert translator.over(offer("106")) == [events.OfferEnded(offer("106"), Refusal.UNREACHABLE)]
    assert translator.over(offer("106")) == []


@pytest.mark.parametrize("first", ["caller", "agent"])
def test_the_talk_begins_when_both_are_in_one_bridge_whoever_enters_first(first: str) -> None:
    translator = with_caller("101", "102")
    order = [CALLER, offer("101")] if first == "caller" else [offer("101"), CALLER]
    enters = [about(leg, "BridgeEnter", BridgeUniqueid=BRIDGE) for leg in order]
    assert translator.receive(enters[0]) == []
    assert translator.receive(enters[1]) == [events.Joined(CALL, offer("101"))]
    assert translator.receive(enters[1]) == []


def test_two_calls_at_once_do_not_mix() -> None:
    translator = with_caller("101")
    translator.receive(
        message(f"Event: UserEvent\nUniqueid: 2.2\nUserEvent: CareLineCall\nCallUUID: {OTHER_CALL}")
    )
    translator.originate(commands.Offer(offer("102"), OTHER_CALL, "102", 2.0))
    for leg in (CALLER, offer("102")):
        assert translator.receive(about(leg, "BridgeEnter", BridgeUniqueid=BRIDGE)) == []
    assert translator.receive(about("2.2", "BridgeEnter", BridgeUniqueid=BRIDGE)) == [
        events.Joined(OTHER_CALL, offer("102"))
    ]
    key = about("2.2", "DTMFBegin", Digit="1", Direction="Received")
    assert translator.receive(key) == [events.KeyBegan(OTHER_CALL, "1")]


def test_a_bridge_they_left_before_the_other_came_joins_nobody() -> None:
    translator = with_caller("101")
    translator.receive(about(CALLER, "BridgeEnter", BridgeUniqueid=BRIDGE))
    translator.receive(about(CALLER, "BridgeLeave", BridgeUniqueid=BRIDGE))
    enter = about(offer("101"), "BridgeEnter", BridgeUniqueid=BRIDGE)
    assert translator.receive(enter) == []


def test_a_key_the_other_side_pressed_is_not_the_callers() -> None:
    translator = with_caller()
    key = about(CALLER, "DTMFBegin", Digit="5", Direction="Sent")
    assert translator.receive(key) == []
    odd = about(CALLER, "DTMFBegin", Digit="55", Direction="Received")
    assert translator.receive(odd) == []


def test_the_dialplan_tells_that_the_fail_safe_has_a_caller_and_is_believed_once() -> None:
    fell = message(f"Event: UserEvent\nUserEvent: CareLineFailsafe\nCallUUID: {CALL}")
    translator = with_caller()
    assert translator.receive(fell) == [events.FellToFailsafe(CALL)]
    assert translator.receive(fell) == []
    assert exchange().receive(fell) == [events.FellToFailsafe(CALL)], "also of a call unknown"


def test_a_transfer_renames_the_callers_channel_and_it_stays_the_caller() -> None:
    translator = with_caller()
    translator.receive(about(CALLER, "Rename", Newname="PJSIP/line-000000ff"))
    order = commands.Offer(offer("101"), CALL, "101", 20.0)
    variables = [value for key, value in translator.originate(order)[1:] if key == "Variable"]
    assert variables == [f"AGENTUUID={offer('101')}", "CALLERCHAN=PJSIP/line-000000ff"]
    assert translator.receive(about(CALLER, "Hangup")) == [events.CallerLeft(CALL)]


# ---- orders ----


def test_ringing_a_phone_shows_it_the_caller_and_names_the_leg_by_the_offer() -> None:
    translator = with_caller()
    action = translator.originate(commands.Offer(offer("101"), CALL, "101", 12.5))
    assert action == (
        "Originate",
        ("Channel", "PJSIP/101"),
        ("Context", "agent"),
        ("Exten", "s"),
        ("Priority", "1"),
        ("Timeout", "12500"),
        ("CallerID", '"Sean O\'Brien" <5559876>'),
        ("ChannelId", offer("101")),
        ("Async", "true"),
        ("Variable", f"AGENTUUID={offer('101')}"),
        ("Variable", "CALLERCHAN=PJSIP/line-00000021"),
    )


def test_orders_name_channels_by_their_lasting_ids_but_a_talk_is_joined_by_whole_names() -> None:
    translator = with_caller("101")
    assert fields(translator.bridge(CALL, offer("101"))) == {
        "Action": "Bridge",
        "Channel1": "PJSIP/line-00000021",  # the only action that takes what begins alike
        "Channel2": offer("101"),
        "Tone": "no",
    }
    assert fields(translator.next_is(CALL, commands.Next.TALKED)) == {
        "Action": "Setvar",
        "Channel": CALLER,
        "Variable": "NEXT",
        "Value": "talked",
    }
    assert fields(translator.hangup(CALL)) == {
        "Action": "Hangup",
        "Channel": CALLER,
        "Cause": "16",
    }


def test_an_order_about_a_call_that_is_gone_names_no_channel_so_that_asterisk_refuses() -> None:
    assert fields(exchange().next_is(CALL, commands.Next.DONE))["Channel"] == CALL


# ---- names ----


@pytest.mark.parametrize(
    ("said", "means"),
    [
        ("<unknown>", ""),
        ("(null)", ""),
        ("", ""),
        (r"O\'Brien\?", "O'Brien?"),
        (r"back\\slash \"quoted\"", 'back\\slash "quoted"'),
        (r"Bob\r\nAction: Originate", "Bob��Action: Originate"),
        ("A\u2028B\x85C\x1cD", "A�B�C�D"),
        ("\u202etxt.exe", "�txt.exe"),
        ("👩\u200d⚕\ufe0f é", "👩\u200d⚕\ufe0f é"),
        ("${SHELL(id)}", "${SHELL(id)}"),
        ("N" * 10_000, "N" * 80),
    ],
)
def test_a_strangers_name_is_text_and_nothing_else(said: str, means: str) -> None:
    assert shown(said, 80) == means


@given(st.text(max_size=200), st.text(max_size=60))
def test_whatever_a_caller_is_named_their_offer_is_one_action_of_its_own_lines(
    name: str, number: str
) -> None:
    translator = Translator(CLINIC)
    announced = (
        ("Event", "UserEvent"),
        ("Uniqueid", CALLER),
        ("Channel", "PJSIP/line-00000001"),
        ("CallerIDNum", number),
        ("CallerIDName", name),
        ("UserEvent", "CareLineCall"),
        ("CallUUID", CALL),
    )
    [arrived] = translator.receive(paired(*announced))
    assert isinstance(arrived, events.CallArrived)
    assert arrived.name.isprintable() or "\u200d" in arrived.name or not arrived.name.isascii()
    action, *pairs = translator.originate(commands.Offer(offer("101"), CALL, "101", 20.0))
    sent = Message(b"\r\n" + encode((("Action", action), *pairs)).removesuffix(b"\r\n"))
    assert sent.pairs == (("Action", "Originate"), *pairs)
    caller_id = sent["CallerID"]
    assert caller_id.count('"') == 2
    assert caller_id.count("<") == caller_id.count(">") == 1


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(
                [
                    "Uniqueid",
                    "CallUUID",
                    "UserEvent",
                    "Digit",
                    "Direction",
                    "ChannelState",
                    "BridgeUniqueid",
                    "Cause",
                    "Device",
                    "State",
                    "Response",
                    "Newname",
                ]
            ),
            st.sampled_from([CALLER, CALL, offer("101"), "CareLineCall", "5", "6", "Received"])
            | st.text(max_size=8),
        ),
        max_size=12,
    ),
    st.lists(
        st.sampled_from(
            [
                "UserEvent",
                "DTMFBegin",
                "Newchannel",
                "Newstate",
                "Rename",
                "BridgeEnter",
                "BridgeLeave",
                "OriginateResponse",
                "Hangup",
                "DeviceStateChange",
                "Other",
            ]
        ),
        min_size=12,
        max_size=12,
    ),
)
def test_no_message_however_odd_is_an_error(said: list[dict[str, str]], kinds: list[str]) -> None:
    translator = exchange("101")
    for kind, odd in zip(kinds, said, strict=False):
        translator.receive(paired(("Event", kind), *odd.items()))


# ---- after a new login ----


def living(*wanted: str) -> list[Message]:
    """The real answer to Status in mid-talk: the caller and 101 in one bridge."""
    return [
        said for said in heard() if said.get("Event") == "Status" and said.get("Uniqueid") in wanted
    ]


def waiting(**changed: str) -> Message:
    """The caller's line of Status while in the engine."""
    [caller] = living(CALLER)
    new = {"BridgeID": "", "Application": "AudioSocket", **changed}
    return paired(*((key, new.get(key, value)) for key, value in caller.pairs))


def test_a_caller_who_left_while_asterisk_was_away_has_left() -> None:
    translator = with_caller("101")
    translator.status()
    assert translator.resync([]) == [
        events.CallerLeft(CALL),
        events.OfferEnded(offer("101"), Refusal.UNREACHABLE),
    ]
    assert translator.live() == frozenset()


def test_a_caller_who_came_while_ami_was_away_arrives_now() -> None:
    translator = exchange()
    translator.status()
    assert translator.resync([waiting()]) == [
        events.CallArrived(CALL, "main", "5551234", "5559876", "Sean O'Brien")
    ]
    assert translator.receive(about(CALLER, "Hangup")) == [events.CallerLeft(CALL)]


def test_a_caller_who_fell_to_the_fail_safe_meanwhile_is_counted_so() -> None:
    translator = with_caller()
    translator.status()
    assert translator.resync([waiting(Context="failsafe")]) == [events.FellToFailsafe(CALL)]


def test_a_leg_that_an_exchange_before_us_sent_for_is_an_orphan_and_ours_is_not() -> None:
    def leg(of: str) -> Message:
        return paired(("Uniqueid", of), ("ChannelState", "5"), ("Variable", f"AGENTUUID={of}"))

    translator = exchange("101")
    translator.status()
    assert translator.resync([leg(offer("101")), leg(offer("102")), waiting()]) != []
    assert translator.orphans() == {offer("102")}


def ringing_for(caller: str) -> Message:
    """A phone that an exchange before us has rung, in the answer to Status."""
    leg = offer("102")
    variables = (("Variable", f"AGENTUUID={leg}"), ("Variable", f"CALLERCHAN={caller}"))
    return paired(("Uniqueid", leg), ("ChannelState", "5"), *variables)


def test_a_phone_rings_on_for_its_caller_and_stops_once_that_one_has_left() -> None:
    translator = exchange()
    translator.status()
    translator.resync([waiting(Context="failsafe"), ringing_for(waiting()["Channel"])])
    assert translator.strays() == []
    translator.receive(about(CALLER, "Hangup"))
    assert translator.strays() == [offer("102")]
    assert translator.strays() == [], "it is told to stop once"


def test_who_picked_up_a_phone_that_rang_on_is_not_hung_up_on() -> None:
    translator = exchange()
    translator.status()
    translator.resync([waiting(Context="failsafe"), ringing_for(waiting()["Channel"])])
    translator.receive(about(offer("102"), "Newstate", ChannelState="6"))
    translator.receive(about(CALLER, "BridgeEnter", BridgeUniqueid="b"))
    assert translator.strays() == []


def test_who_picks_up_while_we_ask_what_lives_is_not_hung_up_on_for_an_older_line() -> None:
    translator = exchange()
    translator.status()
    translator.receive(about(offer("102"), "Newstate", ChannelState="6"))
    translator.resync([waiting(Context="failsafe"), ringing_for(waiting()["Channel"])])
    translator.receive(about(CALLER, "BridgeEnter", BridgeUniqueid="b"))
    assert translator.strays() == []


def test_the_slate_names_calls_that_came_and_went_unheard_and_nothing_else() -> None:
    def entry(key: str, value: str) -> Message:
        return paired(("Event", "DBGetTreeResponse"), ("Key", key), ("Val", value))

    said = [
        entry(f"/slate/{CALL}", "main/2025550100/1790000000123"),
        entry(f"/slate/{CALL}", "main/2025550100/soon"),
        entry("/slate/not-a-call", "main/2025550100/1790000000123"),
    ]
    assert unheard(said) == [Unheard(CALL, "main", "2025550100", 1790000000123)]


def test_a_talk_that_began_meanwhile_has_begun() -> None:
    translator = with_caller("101")
    translator.status()
    assert translator.resync(living(CALLER, offer("101"))) == [events.Joined(CALL, offer("101"))]


def test_a_caller_who_still_waits_is_told_of_by_no_event() -> None:
    translator = with_caller()
    translator.status()
    assert translator.resync([waiting()]) == []
    assert translator.live() == {CALL}


def test_phones_rung_by_the_fail_safe_inherit_the_calls_name_and_are_no_callers() -> None:
    translator = exchange()
    translator.status()
    [phone] = living(offer("101"))
    pairs = [pair for pair in phone.pairs if pair[0] != "Variable"]
    inherited = paired(*pairs, ("Variable", f"CALLUUID={CALL}"), ("Variable", "LINE=(null)"))
    assert translator.resync([inherited]) == []


def test_what_happens_between_the_question_and_its_answer_is_not_undone() -> None:
    translator = exchange()
    translator.status()
    [announcement] = [said for said in heard() if said.get("UserEvent") == "CareLineCall"]
    translator.receive(announcement)
    translator.originate(commands.Offer(offer("101"), CALL, "101", 2.0))
    assert translator.resync([]) == [], "a caller and an offer too new for the list"


def test_a_caller_who_hangs_up_before_the_answer_is_read_does_not_come_back() -> None:
    translator = with_caller()
    translator.status()
    translator.receive(about(CALLER, "Hangup"))
    assert translator.resync([waiting()]) == []
    assert translator.live() == frozenset()


def test_a_talk_that_goes_on_through_a_lost_link_costs_nobody_anything() -> None:
    """Its caller is known already, bridged, and to be hung up after the talk."""
    translator = with_caller("101")
    for uniqueid in (CALLER, offer("101")):
        translator.receive(about(uniqueid, "BridgeEnter", BridgeUniqueid=BRIDGE))
    translator.status()
    caller, agent = living(CALLER, offer("101"))
    talking = paired(*caller.pairs, ("Variable", "NEXT=talked"))
    assert translator.resync([talking, agent]) == []
    assert translator.live() == {CALL}


def test_a_talk_that_began_while_its_offer_was_given_up_has_begun_all_the_same() -> None:
    """The link broke between the bridge and its answer: the offer was let go, the talk goes on."""
    translator = with_caller("101")
    translator.over(offer("101"))
    translator.status()
    assert translator.resync(living(CALLER, offer("101"))) == [events.Joined(CALL, offer="")]


def test_an_agent_we_had_let_go_and_whom_asterisk_joined_has_the_caller() -> None:
    """The order to ring was answered too late for us, and not for the phone."""
    translator = with_caller("101")
    translator.over(offer("101"))
    assert translator.receive(about(offer("101"), "BridgeEnter", BridgeUniqueid=BRIDGE)) == []
    assert translator.receive(about(CALLER, "BridgeEnter", BridgeUniqueid=BRIDGE)) == [
        events.Joined(CALL, offer="")
    ]


def test_whom_the_fail_safe_joins_is_no_talk_of_ours() -> None:
    translator = with_caller()
    fallen = about("", "UserEvent", UserEvent="CareLineFailsafe", CallUUID=CALL)
    assert translator.receive(fallen) == [events.FellToFailsafe(CALL)]
    assert translator.receive(about(CALLER, "BridgeEnter", BridgeUniqueid=BRIDGE)) == []
    assert translator.strays() == []


def test_a_phone_rings_on_for_whom_the_fail_safe_has_until_somebody_else_talks_with_them() -> None:
    translator = with_caller("101", "102")
    translator.receive(about("", "UserEvent", UserEvent="CareLineFailsafe", CallUUID=CALL))
    translator.receive(about(offer("102"), "Newstate", ChannelState="6"))
    assert translator.strays() == []
    translator.receive(about(CALLER, "BridgeEnter", BridgeUniqueid=BRIDGE))
    assert translator.strays() == [offer("101")]
    assert translator.receive(about(offer("102"), "BridgeEnter", BridgeUniqueid=BRIDGE)) == [
        events.Joined(CALL, offer("102"))
    ]


def test_a_channel_that_is_announced_again_is_the_new_call_and_the_old_has_left() -> None:
    translator = with_caller()
    [announcement] = [said for said in heard() if said.get("UserEvent") == "CareLineCall"]
    again = paired(
        *((key, OTHER_CALL if key == "CallUUID" else value) for key, value in announcement.pairs)
    )
    told = translator.receive(again)
    assert told[0] == events.CallerLeft(CALL)
    assert translator.live() == {OTHER_CALL}
    assert translator.receive(about(CALLER, "Hangup")) == [events.CallerLeft(OTHER_CALL)]


NAMES = st.sampled_from(["", CALLER, "1.2", offer("101"), offer("102"), CALL, OTHER_CALL])
TOLD = st.fixed_dictionaries(
    {
        "Event": st.sampled_from(
            [
                "UserEvent",
                "DTMFBegin",
                "Newchannel",
                "Newstate",
                "Rename",
                "BridgeEnter",
                "BridgeLeave",
                "Hangup",
                "OriginateResponse",
                "DeviceStateChange",
                "Status",
            ]
        ),
        "Uniqueid": NAMES,
    },
    optional={
        "UserEvent": st.sampled_from(
            ["CareLineCall", "CareLineFailsafe", "CareLineEmergencyReturn", "CareLineEmergency"]
        ),
        "CallUUID": NAMES,
        "Line": st.sampled_from(["main", "(null)", ""]),
        "BridgeUniqueid": st.sampled_from(["", "b", "c"]),
        "BridgeID": st.sampled_from(["", "b", "c"]),
        "ChannelState": st.sampled_from(["", "5", "6", "x"]),
        "Context": st.sampled_from(["engine", "failsafe", "agent", ""]),
        "Variable": NAMES.map("CALLUUID={}".format),
        "Response": st.sampled_from(["Failure", "Success"]),
        "Device": st.sampled_from(["PJSIP/101", "101", "/"]),
        "State": st.text(max_size=3),
        "Digit": st.text(max_size=2),
        "Direction": st.just("Received"),
    },
)


@given(st.lists(st.lists(TOLD, max_size=12), max_size=6))
def test_nothing_asterisk_can_say_in_any_order_is_more_than_it_means(
    sessions: list[list[dict[str, str]]],
) -> None:
    """Each list comes live, and once more as the answer to a new login."""
    translator = exchange("101", "102")
    for session in sessions:
        said = [paired(*told.items()) for told in session]
        for each in said:
            translator.receive(each)
        translator.status()
        translator.resync(said)
    translator.resync([])
    assert translator.live() == frozenset()


def test_a_lamp_is_told_by_a_leg_that_only_says_how_many() -> None:
    assert light(Lamp("front-desk", 3, 2)) == (
        "Originate",
        ("Channel", "Local/s@lamp"),
        ("Application", "MinivmMWI"),
        ("Data", "front-desk@default,0,3,2"),
        ("Async", "true"),
    )


def test_asterisk_says_what_it_knows_of_a_mailbox() -> None:
    told = [("Event", "MessageWaiting"), ("Mailbox", "front-desk@default"), ("New", "3")]
    assert known_lamp(paired(*told, ("Old", "2"))) == Lamp("front-desk", 3, 2)


@pytest.mark.parametrize(
    "told",
    [
        [("Event", "MessageWaiting"), ("Mailbox", "front-desk@default"), ("New", "3")],
        [("Event", "MessageWaiting"), ("Mailbox", "desks@clinic"), ("New", "3"), ("Old", "2")],
        [("Event", "Hangup"), ("Mailbox", "front-desk@default"), ("New", "3"), ("Old", "2")],
        [("Event", "MessageWaiting"), ("Mailbox", "a@default"), ("New", "three"), ("Old", "2")],
    ],
)
def test_what_says_nothing_of_our_mailboxes_is_no_lamp(told: list[Pair]) -> None:
    assert known_lamp(paired(*told)) is None


# ---- those whom we call ----

CALLED = "ca11ed00-0000-4000-8000-000000000001"
OTHER_CALLED = "ca11ed00-0000-4000-8000-000000000002"
REACHABLE = replace(
    CLINIC,
    trunks={"telco": Trunk("telco", "127.0.0.2", 5070, None, False)},
    dial_rules=(DialRule("9", "", 10, "telco", "2025550100"),),
)


def calling(*calls: str, number: str = "2025550171") -> Translator:
    translator = Translator(REACHABLE)
    for call in calls:
        translator.call_out(commands.CallOut(call, number, 30.0), started_ms=1_700_000_000_000)
        translator.receive(about(call, "Newchannel", Channel=f"PJSIP/trunk-telco-{call[-1]}"))
    return translator


def answering(*calls: str) -> Translator:
    translator = calling(*calls)
    for call in calls:
        translator.receive(about(call, "Newstate", ChannelState="6"))
    return translator


def test_who_is_called_sees_the_clinics_number_and_the_line_can_be_had_for_an_emergency() -> None:
    order = commands.CallOut(CALLED, "+12025550171", 30.0)
    action = Translator(REACHABLE).call_out(order, started_ms=1_700_000_000_000)
    assert action == (
        "Originate",
        ("Channel", "PJSIP/2025550171@trunk-telco"),
        ("Context", "called"),
        ("Exten", "s"),
        ("Priority", "1"),
        ("Timeout", "30000"),
        ("CallerID", '"Clinic" <2025550100>'),
        ("ChannelId", CALLED),
        ("Async", "true"),
        ("Variable", f"CALLEDUUID={CALLED}"),
        ("Variable", "STARTED=1700000000000"),
    )


def test_where_a_rule_has_several_trunks_the_dialplan_tries_them_in_turn() -> None:
    trunks = {name: Trunk(name, "127.0.0.2", 5070, None, False) for name in ("telco", "spare")}
    rule = DialRule("9", "", 10, "telco", "2025550100", otherwise=("spare",))
    clinic = replace(REACHABLE, trunks=trunks, dial_rules=(rule,))
    order = commands.CallOut(CALLED, "2025550171", 30.0)
    action = Translator(clinic).call_out(order, started_ms=0)
    assert ("Channel", "Local/2025550171@by-rule-1/n") in action
    measured = Translator(clinic).measure_outside("2025550171", CALLED, 5000, 30.0, started_ms=0)
    assert ("Channel", "PJSIP/2025550171@trunk-telco") in measured, "the doctor's is one trunk"


def test_an_extension_is_called_as_a_phone_and_911_never() -> None:
    inside = Translator(REACHABLE).call_out(commands.CallOut(CALLED, "101", 30.0), started_ms=0)
    assert ("Channel", "PJSIP/101") in inside
    with pytest.raises(NoWayOutError):
        Translator(REACHABLE).call_out(commands.CallOut(CALLED, "911", 30.0), started_ms=0)


@pytest.mark.parametrize(
    ("rings", "cause", "means"),
    [
        (True, "19", Refusal.SILENT),
        (False, "19", Refusal.UNREACHABLE),
        (False, "17", Refusal.BUSY),
        (True, "17", Refusal.REFUSED),
        (False, "21", Refusal.REFUSED),
    ],
)
def test_a_call_of_ours_that_nobody_answers_ends_with_why(
    rings: bool, cause: str, means: Refusal
) -> None:
    translator = calling(CALLED)
    if rings:
        assert translator.receive(about(CALLED, "Newstate", ChannelState="5")) == []
    assert translator.receive(about(CALLED, "Hangup", Cause=cause)) == [
        events.CallOutEnded(CALLED, means)
    ]


def test_a_call_of_ours_that_we_end_is_withdrawn() -> None:
    translator = calling(CALLED)
    assert fields(translator.hangup(CALLED))["Cause"] == "16"
    assert translator.receive(about(CALLED, "Hangup", Cause="16")) == [
        events.CallOutEnded(CALLED, Refusal.WITHDRAWN)
    ]


def test_who_answered_a_call_of_ours_is_a_caller_like_any() -> None:
    translator = answering(CALLED)
    key = about(CALLED, "DTMFBegin", Digit="1", Direction="Received")
    assert translator.receive(key) == [events.KeyBegan(CALLED, "1")]
    translator.originate(commands.Offer(offer("101"), CALLED, "101", 20.0))
    translator.bridge(CALLED, offer("101"))
    assert translator.receive(about(CALLED, "BridgeEnter", BridgeUniqueid=BRIDGE)) == []
    assert translator.receive(about(offer("101"), "BridgeEnter", BridgeUniqueid=BRIDGE)) == [
        events.Joined(CALLED, offer("101"))
    ]
    assert translator.receive(about(CALLED, "Hangup")) == [events.CallerLeft(CALLED)]


@pytest.mark.parametrize("first", [CALLED, OTHER_CALLED])
def test_two_whom_we_called_talk_once_both_are_in_one_bridge(first: str) -> None:
    translator = answering(CALLED, OTHER_CALLED)
    translator.bridge(CALLED, OTHER_CALLED)
    second = OTHER_CALLED if first == CALLED else CALLED
    assert translator.receive(about(first, "BridgeEnter", BridgeUniqueid=BRIDGE)) == []
    assert translator.receive(about(second, "BridgeEnter", BridgeUniqueid=BRIDGE)) == [
        events.Joined(CALLED, OTHER_CALLED)
    ]


def test_of_those_an_exchange_before_us_called_who_talks_talks_on_and_the_rest_is_let_go() -> None:
    def found(call: str, state: str, bridge: str) -> Message:
        return paired(
            ("Uniqueid", call),
            ("ChannelState", state),
            ("BridgeID", bridge),
            ("Variable", f"CALLEDUUID={call}"),
        )

    translator = Translator(REACHABLE)
    translator.status()
    talks, rings = found(CALLED, "6", BRIDGE), found(OTHER_CALLED, "5", "")
    assert translator.resync([talks, rings]) == [events.Joined(CALLED, "")]
    assert translator.orphans() == {OTHER_CALLED}
    assert translator.strays() == [OTHER_CALLED]
    assert translator.receive(about(CALLED, "Hangup")) == [events.CallerLeft(CALLED)]


def test_whom_we_were_calling_when_asterisk_died_was_not_reached() -> None:
    translator = calling(CALLED)
    translator.status()
    assert translator.resync([]) == [events.CallOutEnded(CALLED, Refusal.UNREACHABLE)]
