"""A telephone's owner says where its calls go, and they go there: from outside and from a desk."""

from dataclasses import replace

from ivr import events
from ivr.agent import Doing
from ivr.commands import Outcome, SendOn
from ivr.desks import (
    Desk,
    Outside,
    RingPhone,
    Voicemail,
    When,
    leads_round,
    may_lead_to,
    way_after,
    way_to,
)
from ivr.events import Refusal
from ivr.inside import INSIDE
from ivr.plan import Blocking, DialRule, Line, Plan
from ivr.standing import Stage
from tests.ivr.story import Clinic, finished, of, offers, spoken
from tests.ivr.test_passing import with_numbers

MOBILE = "92025550171"
ALONE = Desk(is_left_alone=True)


def doctors() -> Plan:
    """101's own line; 9 and ten digits lead outside."""
    plan = with_numbers()
    own = Line("own", "telco", ("2025550101",), "", "en", phone="101")
    rule = DialRule("9", "", 10, "telco", "2025550100")
    return replace(plan, lines={**plan.lines, "own": own}, dial_rules=(rule,))


def calls_101(clinic: Clinic, name: str = "ann") -> list[str]:
    said = clinic.hears(events.CallArrived(name, "own", "2025550101", "", ""))
    return [extension for _, _, extension in offers(said)]


def to(number: str, when: When = When.ALWAYS) -> Desk:
    return Desk(forwards={when: number})


def test_who_is_left_alone_is_offered_nobody_and_sends_its_own_callers_to_the_mailbox() -> None:
    clinic = Clinic(doctors())
    clinic.hears(events.DeskSet("101", ALONE))
    assert clinic.exchange.agents["101"].doing(clinic.now) is Doing.LEFT_ALONE
    assert [e for _, _, e in offers(clinic.calls("bob", "1"))] == ["102"]
    assert calls_101(clinic) == []
    assert ("not-available",) in spoken(clinic.waits(4))


def test_a_forwarded_caller_rings_elsewhere_and_a_ring_of_forwards_rings_at_home() -> None:
    clinic = Clinic(doctors())
    clinic.hears(events.DeskSet("101", to("103")))
    assert calls_101(clinic) == ["103"]
    clinic.hears(events.CallerLeft("ann"))
    clinic.hears(events.DeskSet("103", to("101")))
    clinic.waits(60)
    assert calls_101(clinic, "eve") in (["101"], ["103"])


def test_busy_and_silent_have_ways_of_their_own() -> None:
    clinic = Clinic(doctors())
    clinic.hears(events.DeskSet("101", to("103", When.BUSY)))
    said = clinic.hears(events.CallArrived("ann", "own", "2025550101", "", ""))
    ((first, _, _),) = offers(said)
    ((then, _, extension),) = offers(clinic.hears(events.OfferEnded(first, Refusal.BUSY)))
    assert extension == "103"
    clinic.hears(events.OfferEnded(then, Refusal.SILENT))
    assert ("not-available",) in spoken(clinic.waits(4))


def test_a_caller_forwarded_outside_is_transferred_or_comes_back_to_the_mailbox() -> None:
    clinic = Clinic(doctors())
    clinic.hears(events.DeskSet("101", to(MOBILE)))
    assert calls_101(clinic) == []
    assert of(clinic.said, SendOn) == [SendOn("ann", MOBILE, "#101")]
    clinic.hears(events.Joined("ann", ""), events.CallerLeft("ann"))
    assert finished(clinic.said) == [Outcome.TRANSFERRED]
    calls_101(clinic, "eve")
    assert ("not-available",) in spoken(clinic.hears(events.SentOn("eve", "#101")))
    clinic.hears(events.CallerLeft("eve"))
    assert clinic.exchange.calls == {}


def test_the_last_telephones_of_a_clinic_ring_although_all_want_to_be_left_alone() -> None:
    clinic = Clinic(doctors())
    for extension in ("101", "102", "103"):
        clinic.hears(events.DeskSet(extension, ALONE))
    assert len(offers(clinic.calls("ann", "5"))) == 3


def test_calls_go_nowhere_where_they_must_not() -> None:
    plan = doctors()
    assert may_lead_to(plan, "101", "103")
    assert may_lead_to(plan, "101", MOBILE)
    refused = ("101", "911", "9911", "112", "9988", "109", "", "92025550171#", "2025550171")
    assert [number for number in refused if may_lead_to(plan, "101", number)] == []
    desks = {"103": to("102"), "102": to("101")}
    assert leads_round(plan, desks, "101", "103")
    assert not leads_round(plan, desks, "102", MOBILE)


def test_a_call_from_a_desk_goes_the_same_way() -> None:
    plan = doctors()
    assert way_to(plan, {"101": to("103"), "103": ALONE}, "101") == Voicemail("103")
    assert way_to(plan, {"101": to(MOBILE)}, "101") == Outside(MOBILE)
    assert way_to(plan, {}, "101") == RingPhone("101")
    assert way_after(plan, {"101": to("103", When.SILENT)}, "101", When.SILENT) == RingPhone("103")
    assert way_after(plan, {"101": to("103", When.SILENT)}, "101", When.BUSY) == Voicemail("101")
    clinic = Clinic(plan)
    said = clinic.hears(events.CallArrived("desk", INSIDE, "#101", "102", ""))
    assert ("not-available",) in spoken(said)


def test_an_unwanted_caller_is_told_so_and_gets_through_with_a_key() -> None:
    clinic = Clinic(replace(doctors(), blocking=Blocking(asks_anonymous=True)))
    unwanted = events.CallArrived("eve", "main", "1", "", "", unwanted="no number shown")
    assert spoken(clinic.hears(unwanted)) == [("blocked-caller",)]
    for _ in range(2):  # the sentence, and nothing keyed
        clinic.prompt_ends("eve")
        clinic.waits(7)
    assert spoken(clinic.said)[-1] == ("goodbye",)
    clinic.hears(events.CallerLeft("eve"))
    assert finished(clinic.said) == [Outcome.BLOCKED]
    clinic.hears(replace(unwanted, call="ann"))
    clinic.presses("ann", "5")
    assert clinic.stage("ann") is Stage.MENU
    clinic.presses("ann", "1")
    assert len(offers(clinic.said)) == 1
    clinic.hears(events.CallerLeft("ann"))
    assert finished(clinic.said) == [Outcome.BLOCKED, Outcome.SHORT_ABANDONED]
