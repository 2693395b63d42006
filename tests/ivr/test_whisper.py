"""An agent hears who it is, then has the caller; and says afterwards what it was about."""

from dataclasses import replace

from ivr import events
from ivr.commands import Join, Note, Play, TellAway
from ivr.events import AgentWrappedUp, Refusal
from ivr.plan import Enqueue, Menu
from ivr.standing import Stage
from ivr.whisper import MOST_S, TAG
from tests.ivr.story import Clinic, a_clinic, of, offers


def whispering() -> Clinic:
    """The nurse's queue is named to the nurse; the desk's to nobody."""
    plan = a_clinic(nurse=Enqueue("nurse", 600, "message"))
    nurse = replace(plan.queues["nurse"], whisper="for-the-nurse", wrap_up_s=30)
    return Clinic(replace(plan, queues={**plan.queues, "nurse": nurse}))


def accepted(clinic: Clinic, waited_s: float = 0.0) -> str:
    """103 comes back from elsewhere and picks up."""
    clinic.hears(events.PhoneChanged("103", events.PhoneState.IN_USE))
    clinic.calls("ann", "2")
    clinic.waits(waited_s)
    said = clinic.hears(events.PhoneChanged("103", events.PhoneState.IDLE))
    ((offer, _, _),) = offers(said)
    said = clinic.hears(events.OfferAccepted(offer))
    assert of(said, Join) == []
    return offer


def whispered(clinic: Clinic) -> tuple[str, ...]:
    plays = (command for command in clinic.said if isinstance(command, Play))
    (words,) = (play.prompts for play in plays if play.call not in ("ann", "bob"))
    return words


def test_the_caller_is_joined_when_the_words_are_over() -> None:
    clinic = whispering()
    offer = accepted(clinic)
    assert whispered(clinic) == ("for-the-nurse",)
    assert clinic.stage("ann") is Stage.QUEUED
    (join,) = of(clinic.hears(events.PromptEnded(offer, TAG)), Join)
    assert join == Join("ann", offer)


def test_a_long_wait_is_said_and_an_end_that_nobody_tells_keeps_no_caller() -> None:
    clinic = whispering()
    accepted(clinic, waited_s=55.0)  # and nearly four more of keys
    clinic.waits(MOST_S)
    assert of(clinic.said, Join) != []
    two_minutes = whispering()
    accepted(two_minutes, waited_s=118.0)
    assert whispered(two_minutes) == ("for-the-nurse", "waited", "number-2", "minutes")


def test_what_the_caller_chose_is_said_whatever_led_to_the_queue() -> None:
    queues = {name: Enqueue(name, 600, "message") for name in ("nurse", "desk")}
    plan = a_clinic(**queues, deeper=Menu((), {"1": "desk"}, 5, 2, "desk", about={"1": "bills"}))
    nodes = plan.flows["main"].nodes
    menu = Menu((), {"2": "nurse", "6": "deeper"}, 5, 2, "desk", about={"2": "refill"})
    flow = replace(plan.flows["main"], nodes={**nodes, "menu": menu})
    nurse = replace(plan.queues["nurse"], whisper="for-the-nurse")
    queued = {**plan.queues, "nurse": nurse}
    clinic = Clinic(replace(plan, queues=queued, flows={"main": flow}))
    for phone in plan.phones:
        clinic.hears(events.PhoneChanged(phone, events.PhoneState.IN_USE))
    clinic.calls("ann", "2")
    clinic.calls("bob", "6")
    clinic.presses("bob", "1")
    clinic.waits(116.0)
    for phone in ("101", "103"):
        clinic.hears(events.PhoneChanged(phone, events.PhoneState.IDLE))
    told: dict[str, tuple[str, ...]] = {}
    for offer in list(clinic.exchange.offers.values()):
        (play,) = of(clinic.hears(events.OfferAccepted(offer.id)), Play)
        assert isinstance(play, Play)
        told[offer.call] = play.prompts
    waited = ("waited", "number-2", "minutes")
    assert told == {"ann": ("for-the-nurse", "refill", *waited), "bob": ("bills", *waited)}


def test_who_hangs_up_in_the_words_leaves_the_caller_waiting_with_its_rank() -> None:
    clinic = whispering()
    offer = accepted(clinic)
    clinic.hears(events.OfferEnded(offer, Refusal.REFUSED))
    assert clinic.stage("ann") is Stage.QUEUED
    ((again, _, _),) = offers(clinic.waits(25))
    clinic.hears(events.OfferAccepted(again))
    clinic.hears(events.CallerLeft("ann"))  # while the words are spoken
    assert clinic.hears(events.PromptEnded(again, TAG)) == []


def test_a_talk_is_wrapped_up_with_a_word_once_and_the_agent_is_free() -> None:
    clinic = whispering()
    offer = accepted(clinic)
    clinic.hears(events.PromptEnded(offer, TAG), events.Joined("ann", offer))
    clinic.hears(events.PhoneChanged("103", events.PhoneState.IN_USE), events.CallerLeft("ann"))
    clinic.hears(events.PhoneChanged("103", events.PhoneState.IDLE))
    clinic.calls("bob", "2")
    assert offers(clinic.waits(2)) == []
    said = clinic.hears(AgentWrappedUp("103", "refill"))
    assert Note("ann", "wrapped up", "103 refill") in said
    assert [extension for _, _, extension in offers(said)] == ["103"]
    assert clinic.hears(AgentWrappedUp("103", "x")) == [Note("", "no wrap-up", "103")]


def test_a_phone_that_is_taken_to_be_away_is_told_so() -> None:
    plan = a_clinic()
    desk = replace(plan.queues["desk"], misses=1)
    clinic = Clinic(replace(plan, queues={**plan.queues, "desk": desk}))
    ((offer, _, extension),) = offers(clinic.calls("ann", "1"))
    said = clinic.hears(events.OfferEnded(offer, Refusal.SILENT))
    assert of(said, TellAway) == [TellAway(extension)]
