"""Words of the clinic's own, recorded by telephone: "closed today" by PIN, and a greeting."""

from dataclasses import replace
from datetime import time, timedelta
from itertools import product

import pytest

from ivr import events, inside, own_words
from ivr.check import Rule, prove
from ivr.commands import (
    CheckPins,
    Command,
    Outcome,
    Play,
    Record,
    Release,
    SetGreeting,
    StopRecording,
    SwitchHours,
)
from ivr.desks import Desk
from ivr.hours import Switch
from ivr.own_words import Asked, End, Kind, Words, named
from ivr.plan import Hangup, Hours, HoursFork, Menu, OwnGreeting, Plan, SnowDay, Span
from ivr.standing import Stage
from ivr.urgent import Key, Word
from ivr.wording import next_opening
from tests.ivr.story import NOON, Clinic, a_clinic, finished, of, spoken

PIN = "246813"
PEOPLE = ("alvarez", "brandt")
SNOW = named(Kind.ANNOUNCEMENT, "snow")
HELLO = named(Kind.GREETING, "hello")
MIDNIGHT = NOON.replace(hour=0) + timedelta(days=1)


def a_snowed_in_clinic() -> Plan:
    """Key 9 of its menu leads to where a doctor announces that it is closed; 101 has a mailbox."""
    week = tuple(Span(day, time(8), time(17)) for day in range(5))
    plan = a_clinic(
        hours=HoursFork("office", "menu", "closed"),
        closed=Hangup(("closed-now",)),
        snow=SnowDay(PEOPLE, ("office",)),
    )
    main = plan.flows["main"]
    menu = Menu(("menu",), {"1": "desk", "9": "snow"}, 5, 2, "desk")
    owner = replace(plan.phones["101"], mailbox="desk")
    return replace(
        plan,
        hours={"office": Hours("office", week)},
        flows={"main": replace(main, start="hours", nodes={**main.nodes, "menu": menu})},
        phones={**plan.phones, "101": owner},
    )


class Snow(Clinic):
    """Somebody who records, and the disk that keeps it."""

    def keys(self, name: str, keys: str) -> list[Command]:
        return [said for key in keys for said in self.presses(name, key)]

    def records(self, name: str, message: str) -> list[Command]:
        """Speaks after the tone, and presses the pound key."""
        assert of(self.prompt_ends(name), Record) == [Record(name, "*", own_words.LONGEST_S, False)]
        assert of(self.presses(name, "#"), StopRecording) == [StopRecording(name)]
        return self.hears(events.RecordingKept(name, message, 3.0))

    def let_in(self, name: str) -> list[Command]:
        """By the doctor's PIN."""
        self.calls(name, "9")
        checked = of(self.keys(name, f"{PIN}#"), CheckPins)
        assert checked == [CheckPins(name, PEOPLE, PIN)]
        return self.hears(events.PinChecked(name, fits=True, person="alvarez"))

    def announced(self, name: str, key: str = "1") -> Switch:
        """All of it, from the call to what is to be written."""
        self.let_in(name)
        assert spoken(self.records(name, "snow")) == [(SNOW, "words-settle")]
        assert spoken(self.presses(name, "1")) == [("snow-how-long",)]
        (order,) = of(self.presses(name, key), SwitchHours)
        assert isinstance(order, SwitchHours)
        thrown = order.switches["office"]
        assert thrown is not None
        return thrown


def test_a_snow_day_is_announced_from_a_mobile_and_the_next_caller_hears_it() -> None:
    clinic = Snow(a_snowed_in_clinic())
    switch = clinic.announced("mobile")
    assert switch == Switch("office", False, MIDNIGHT, SNOW)
    # Nothing is said to be so before it is written; then it is, and the line let go.
    assert SNOW not in str(clinic.exchange.calls["mobile"].then)
    said = clinic.hears(events.HoursSwitched("office", switch), events.WordsKept("mobile"))
    assert spoken(said) == [("snow-kept",)]
    assert of(clinic.prompt_ends("mobile"), Release)
    assert finished(clinic.hears(events.CallerLeft("mobile"))) == [Outcome.SELF_SERVED]
    assert spoken(clinic.calls("patient")) == [(SNOW,)]
    assert spoken(clinic.prompt_ends("patient")) == [("closed-now",)]
    clinic.waits(13 * 3600)
    assert SNOW not in str(clinic.calls("after midnight"))


def test_nobody_who_lacks_a_pin_gets_further_nor_learns_why() -> None:
    clinic = Snow(a_snowed_in_clinic())
    clinic.calls("guesser", "9")
    heard = []
    for _ in range(3):
        clinic.keys("guesser", "13579#")
        heard += spoken(clinic.hears(events.PinChecked("guesser", fits=False)))
    assert heard == [("lease-pin-wrong",), ("lease-pin-wrong",), ("goodbye",)]
    assert of(clinic.prompt_ends("guesser"), Release)
    assert PIN not in repr(clinic.said)
    assert "13579" not in repr(clinic.said)
    clinic.calls("no pound key", "9")
    clinic.keys("no pound key", PIN)
    assert of(clinic.waits(11), CheckPins) == [CheckPins("no pound key", PEOPLE, PIN)]
    clinic.hears(events.CallerLeft("no pound key"))
    clinic.calls("pocket", "9")
    clinic.prompt_ends("pocket")
    assert spoken(clinic.waits(11)) == [("goodbye",)]


def test_who_records_hears_it_again_records_anew_and_closes_until_the_next_opening() -> None:
    clinic = Snow(a_snowed_in_clinic())
    clinic.let_in("mobile")
    clinic.records("mobile", "cough")
    assert spoken(clinic.presses("mobile", "3")) == [
        (named(Kind.ANNOUNCEMENT, "cough"), "words-settle")
    ]
    assert spoken(clinic.presses("mobile", "2")) == [("snow-begin",)]
    clinic.prompt_ends("mobile")
    # Nothing was said this time.
    assert of(clinic.hears(events.NobodySpoke("mobile")), StopRecording)
    said = clinic.hears(events.RecordingFailed("mobile", "nothing was said"))
    assert spoken(said) == [("words-not-heard", "snow-begin")]
    assert spoken(clinic.records("mobile", "snow")) == [(SNOW, "words-settle")]
    clinic.presses("mobile", "1")
    assert spoken(clinic.presses("mobile", "7")) == [("snow-how-long",)]
    (order,) = of(clinic.presses("mobile", "2"), SwitchHours)
    assert isinstance(order, SwitchHours)
    tuesday = MIDNIGHT.replace(hour=8)
    assert order.switches == {"office": Switch("office", False, tuesday, SNOW)}
    assert spoken(clinic.hears(events.WordsFailed("mobile"))) == [("words-failed",)]


def test_what_stands_is_heard_and_taken_away_by_the_same_call() -> None:
    clinic = Snow(a_snowed_in_clinic())
    clinic.hears(events.HoursSwitched("office", Switch("office", False, MIDNIGHT, SNOW)))
    opened = replace(clinic.exchange.plan.flows["main"], start="snow")
    clinic.exchange.plan = replace(clinic.exchange.plan, flows={"main": opened})
    clinic.calls("mobile")
    clinic.keys("mobile", f"{PIN}#")
    said = clinic.hears(events.PinChecked("mobile", fits=True, person="brandt"))
    assert spoken(said) == [("snow-stands",)]
    assert spoken(clinic.presses("mobile", "2")) == [(SNOW, "snow-stands")]
    orders = of(clinic.presses("mobile", "9"), SwitchHours)
    assert orders == [SwitchHours("mobile", {"office": None})]
    assert spoken(clinic.hears(events.WordsKept("mobile"))) == [("snow-away",)]


def test_an_owner_records_a_greeting_that_the_next_caller_hears() -> None:
    clinic = Snow(a_snowed_in_clinic())
    clinic.hears(events.CallArrived("desk", inside.INSIDE, "*78101", "101", ""))
    assert spoken(clinic.said) == [("greeting-begin",)]
    assert spoken(clinic.records("desk", "hello")) == [(HELLO, "words-settle")]
    assert of(clinic.presses("desk", "1"), SetGreeting) == [SetGreeting("desk", "101", HELLO)]
    said = clinic.hears(events.DeskSet("101", Desk(greeting=HELLO)), events.WordsKept("desk"))
    assert spoken(said) == [("greeting-kept",)]
    clinic.hears(events.CallArrived("patient", inside.INSIDE, "#101", "", ""))
    assert spoken(clinic.said)[-1] == (HELLO,)
    assert of(clinic.prompt_ends("patient"), Record) == [Record("patient", "desk", 180.0, False)]
    # The same code tells of it, plays it, and takes it away.
    clinic.hears(events.CallArrived("again", inside.INSIDE, "*78101", "101", ""))
    assert spoken(clinic.said)[-1] == ("greeting-stands",)
    assert spoken(clinic.presses("again", "2")) == [(HELLO, "greeting-stands")]
    assert of(clinic.presses("again", "9"), SetGreeting) == [SetGreeting("again", "101", "")]
    said = clinic.hears(events.DeskSet("101", Desk()), events.WordsKept("again"))
    assert spoken(said) == [("greeting-away",)]
    clinic.hears(events.CallArrived("later", inside.INSIDE, "#101", "", ""))
    assert spoken(clinic.said)[-1] == (inside.NOT_AVAILABLE,)


def test_a_telephone_without_a_mailbox_has_no_greeting_and_is_told_so() -> None:
    clinic = Snow(a_snowed_in_clinic())
    clinic.hears(events.CallArrived("desk", inside.INSIDE, "*78102", "102", ""))
    assert spoken(clinic.said) == [(inside.NO_MAILBOX,)]


def test_who_hangs_up_or_says_nothing_more_has_changed_nothing() -> None:
    clinic = Snow(a_snowed_in_clinic())
    clinic.let_in("mobile")
    clinic.records("mobile", "snow")
    said = []
    while clinic.stage("mobile") is Stage.WORDING:
        said += clinic.waits(1)
    assert spoken(said)[-1] == ("words-unchanged",)
    clinic.let_in("other")
    clinic.prompt_ends("other")
    assert finished(clinic.hears(events.CallerLeft("other"))) == [Outcome.SELF_SERVED]
    assert not of(clinic.said, SwitchHours)
    assert clinic.hears(events.RecordingKept("other", "late", 1.0)) == []


@pytest.mark.parametrize("kind", Kind)
def test_the_conversation_never_stands_still(kind: Kind) -> None:
    """Whatever is asked, a silence or an answer leads on: no telephone is left in the air."""
    for asked, stands in product(Asked, (True, False)):
        words = Words(kind, asked, stands, recorded="greeting:x")
        ends = 0
        for _ in range(20):
            words, act = own_words.step(words, Word.SILENCE)
            assert act is not None, asked
            if isinstance(act, End):
                ends += 1
                break
            if words.asked in (Asked.RECORDING, Asked.KEEPING):
                words, act = own_words.step(words, own_words.NotRecorded())
                assert act is not None
        assert ends == 1 or words.recordings >= own_words.RECORDINGS_MOST, asked


def test_a_name_of_a_recording_is_no_prompts_name() -> None:
    assert own_words.recording_of(SNOW) == "snow"
    for name in ("closed-now", "", None, "number-1", "snow:1"):
        assert own_words.recording_of(name) is None
    words, _ = own_words.begin(Kind.ANNOUNCEMENT, stands=False)
    for digit in PIN:
        words, _ = own_words.step(words, Key(digit))
    assert words.pin == PIN
    assert PIN not in repr(words)


def test_the_next_opening_is_after_this_day() -> None:
    schedule = a_snowed_in_clinic().hours["office"]
    assert next_opening(schedule, NOON) == MIDNIGHT.replace(hour=8)
    assert next_opening(Hours("never", ()), NOON) is None


def test_check_finds_an_announcement_that_no_caller_would_hear() -> None:
    plan = a_snowed_in_clinic()
    said = {"en": own_words.prompts_of(Kind.ANNOUNCEMENT)}
    found = [each for each in prove(plan, said, NOON) if each.rule is Rule.UNHEARD]
    assert found == []
    assert not [each for each in prove(plan, said, NOON) if each.where[:4:3] == ("flows", "snow")]
    deaf = replace(plan.flows["main"], start="menu")
    (finding,) = (
        each
        for each in prove(replace(plan, flows={"main": deaf}), {"en": ()}, NOON)
        if each.rule is Rule.UNHEARD
    )
    assert finding.where == ("flows", "main", "nodes", "snow", "hours", 0)
    assert any(
        each.rule is Rule.PROMPT and "snow-kept" in each.reason
        for each in prove(plan, {"en": ()}, NOON)
    )


def test_nothing_is_played_but_by_a_newest_prompt() -> None:
    clinic = Snow(a_snowed_in_clinic())
    clinic.hears(events.CallArrived("desk", inside.INSIDE, "*78101", "101", ""))
    (play,) = (said for said in clinic.said if isinstance(said, Play))
    assert clinic.hears(events.PromptEnded("desk", play.tag - 1)) == []
    assert (
        OwnGreeting("101")
        == inside.nodes(clinic.exchange.plan, "greeting-101", "x")["greeting-101"]
    )
