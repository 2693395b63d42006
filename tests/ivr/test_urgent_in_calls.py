"""What a caller who leaves an urgent message hears before anything is promised."""

from dataclasses import replace

from ivr import commands, events
from ivr.commands import Command, OpenLease, Outcome, PlayMessage
from ivr.plan import DialRule, Plan, TakeMessage
from ivr.standing import Stage
from tests.ivr.night import PEOPLE, a_night_clinic
from tests.ivr.story import Clinic, finished, of, spoken

CALLER = "+12025550123"
TAKEN = TakeMessage("desk", ("leave-a-message",), 120, "bye", urgent=True, oncall=("first",))


def a_clinic_at_night() -> Plan:
    plan = a_night_clinic()
    flow = plan.flows["main"]
    rule = DialRule("9", "", 10, "telco", "2025550100")
    nodes = {**flow.nodes, "message": TAKEN}
    return replace(plan, flows={"main": replace(flow, nodes=nodes)}, dial_rules=(rule,))


def has_spoken(number: str = CALLER) -> Clinic:
    """A caller has left a message, which is kept."""
    clinic = Clinic(a_clinic_at_night())
    clinic.hears(events.CallArrived("ann", "main", "2025550100", number, "", came_before=False))
    clinic.presses("ann", "4")
    clinic.prompt_ends("ann")
    clinic.presses("ann", "#")
    clinic.hears(events.RecordingKept("ann", "message-1", 12.0))
    return clinic


def opened(said: list[Command]) -> list[OpenLease]:
    return [order for order in said if isinstance(order, OpenLease)]


def numbers(said: list[Command]) -> str:
    return "".join(p[-1] for prompts in spoken(said) for p in prompts if p.startswith("number-"))


def test_the_message_and_the_number_are_read_back_and_only_what_is_written_is_promised() -> None:
    clinic = has_spoken()
    played = of(clinic.prompt_ends("ann"), PlayMessage)
    assert [order.message for order in played if isinstance(order, PlayMessage)] == ["message-1"]
    assert spoken(clinic.prompt_ends("ann")) == [("urgent-keep",)]
    assert numbers(clinic.presses("ann", "1")) == "2025550123"
    said = clinic.presses("ann", "1")
    (order,) = opened(said)
    assert (order.urgent.number, order.urgent.layers, order.older) == ("2025550123", ("first",), ())
    assert spoken(said) == []
    said = clinic.hears(events.LeaseOpened(order.urgent))
    assert spoken(said) == [("urgent-sent",)]
    (ring,) = [each for each in said if isinstance(each, commands.CallOut)]
    assert ring.number == PEOPLE["alvarez"].numbers[0]
    clinic.prompt_ends("ann")
    clinic.prompt_ends("ann")
    assert finished(clinic.hears(events.CallerLeft("ann"))) == [Outcome.MESSAGE]
    assert "message-1" in clinic.exchange.leases.open


def test_a_message_may_be_recorded_again_and_the_last_one_goes() -> None:
    clinic = has_spoken()
    said = clinic.presses("ann", "2")
    assert of(said, commands.Record) == [
        commands.Record("ann", "desk", 120, urgent=True, is_played_back=True)
    ]
    clinic.presses("ann", "#")
    clinic.hears(events.RecordingKept("ann", "message-2", 9.0))
    clinic.presses("ann", "1")
    (order,) = opened(clinic.presses("ann", "1"))
    assert (order.urgent.message, order.older) == ("message-2", ("message-1",))


def test_the_number_may_be_changed_by_keys_and_is_read_back_again() -> None:
    clinic = has_spoken()
    clinic.presses("ann", "1")
    assert spoken(clinic.presses("ann", "2")) == [("urgent-key-number",)]
    for key in "2025550188":
        clinic.presses("ann", key)
    assert numbers(clinic.presses("ann", "#")) == "2025550188"
    (order,) = opened(clinic.presses("ann", "1"))
    assert order.urgent.number == "2025550188"
    assert "2025550188" not in repr(clinic.exchange.calls["ann"])
    assert "2025550188" not in repr(order)


def test_an_emergency_number_is_never_the_one_to_call_back() -> None:
    clinic = has_spoken()
    clinic.presses("ann", "1")
    clinic.presses("ann", "2")
    for key in "911":
        clinic.presses("ann", key)
    assert spoken(clinic.presses("ann", "#")) == [("urgent-number-wrong", "urgent-key-number")]


def test_who_presses_nothing_has_agreed() -> None:
    clinic = has_spoken()
    said: list[Command] = []
    for _ in range(6):
        clinic.prompt_ends("ann")
        said += clinic.waits(7)
    (order,) = opened(said)
    assert order.urgent.number == "2025550123"


def test_who_has_no_number_and_keys_none_is_told_so_and_the_message_goes_all_the_same() -> None:
    clinic = has_spoken("")
    clinic.presses("ann", "1")
    said: list[Command] = []
    for _ in range(3):
        clinic.prompt_ends("ann")
        said += clinic.waits(10)
    (order,) = opened(said)
    assert order.urgent.number == ""
    said = clinic.hears(events.LeaseOpened(order.urgent))
    assert spoken(said) == [("urgent-sent-without-number",)]


def test_what_cannot_be_written_is_not_promised_but_people_are_called_and_one_is_rung() -> None:
    clinic = has_spoken()
    clinic.presses("ann", "1")
    (order,) = opened(clinic.presses("ann", "1"))
    said = clinic.hears(events.LeaseUnwritten(order.urgent))
    assert spoken(said) == [("message-failed",)]
    assert of(said, commands.CallOut)
    assert of(clinic.prompt_ends("ann"), commands.Offer)


def test_a_caller_waits_for_the_disk_with_music_and_not_for_ever() -> None:
    clinic = has_spoken()
    clinic.presses("ann", "1")
    clinic.presses("ann", "1")
    assert of(clinic.waits(1), commands.StartMusic)
    assert spoken(clinic.waits(10)) == [("message-failed",)]


def test_a_key_stops_what_is_being_spoken() -> None:
    clinic = has_spoken()
    clinic.prompt_ends("ann")
    assert of(clinic.presses("ann", "5"), commands.StopPlaying)
    assert clinic.stage("ann") is Stage.SETTLING
