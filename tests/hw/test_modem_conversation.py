"""One modem of a clinic, from the port's opening to the last text, in simulated time."""

from typing import TypeVar

import pytest

from hw.modem.commands import Answer, Dial, EnterPin, HangUp, Keep, SendDigits, SendSms
from hw.modem.conversation import Conversation
from hw.modem.events import (
    Alerting,
    CallEnded,
    Connected,
    DigitHeard,
    Ending,
    Event,
    ReportCame,
    Ringing,
    SignalChanged,
    SmsCame,
    SmsRefused,
    SmsSent,
    SmsUnreadable,
    SmsUnsure,
    Stand,
    StandChanged,
    StorageFilled,
)
from hw.modem.pdu import Delivery, Part
from hw.modem.simulated_network import Network, Stored
from hw.modem.simulator import Fault, Maker, SimulatedModem
from tests.hw.talk import Talk

PATIENT = "+15555550123"


def ready(maker: Maker = Maker.QUECTEL, network: Network | None = None) -> Talk:
    """A modem that is registered."""
    talk = Talk(SimulatedModem(maker, network))
    talk.until(lambda: StandChanged(Stand.HOME) in talk.told, within_s=20)
    return talk


T = TypeVar("T", bound=Event)


def told(talk: Talk, kind: type[T]) -> list[T]:
    return [event for event in talk.told if isinstance(event, kind)]


def stand(talk: Talk) -> Stand:
    return told(talk, StandChanged)[-1].stand


@pytest.mark.parametrize("maker", Maker)
def test_a_modem_wakes_and_tells_how_it_stands(maker: Maker) -> None:
    talk = ready(maker)
    talk.for_seconds(5)
    assert told(talk, StandChanged)[0].stand is Stand.WAKING
    assert told(talk, SignalChanged) == [SignalChanged(-73)]
    assert talk.driver.dialect is not None
    assert maker.name in talk.driver.dialect.name.upper()


@pytest.mark.parametrize("maker", Maker)
def test_a_caller_is_answered_speaks_presses_keys_and_hangs_up(maker: Maker) -> None:
    talk = ready(maker)
    talk.modem.network.ring(PATIENT)
    talk.poke()
    talk.until(lambda: bool(told(talk, Ringing)), within_s=2)
    call = told(talk, Ringing)[0]
    assert call.number == PATIENT
    talk.order(Answer(call.call))
    talk.until(lambda: Connected(call.call) in talk.told, within_s=3)
    assert talk.modem.has_voice
    talk.modem.far_presses("5", talk.now)
    talk.order(SendDigits(call.call, "12#"))
    talk.for_seconds(2)
    assert told(talk, DigitHeard) == [DigitHeard(call.call, "5")]
    assert talk.modem.network.digits_heard == "12#"
    talk.modem.far_hangs_up(talk.now)
    talk.until(lambda: CallEnded(call.call, Ending.HUNG_UP) in talk.told, within_s=2)
    talk.for_seconds(1)
    assert not talk.modem.has_voice


def test_a_caller_who_hides_the_number_rings_all_the_same() -> None:
    talk = ready()
    talk.modem.network.ring(None)
    talk.poke()
    talk.until(lambda: bool(told(talk, Ringing)), within_s=3)
    assert told(talk, Ringing)[0].number is None


@pytest.mark.parametrize("maker", Maker)
def test_a_call_out_rings_is_answered_and_is_hung_up_by_us(maker: Maker) -> None:
    talk = ready(maker)
    talk.order(Dial("c1", "+15555550188"))
    talk.for_seconds(1)
    talk.modem.far_rings()
    talk.until(lambda: Alerting("c1") in talk.told, within_s=2)
    talk.modem.far_answers(talk.now)
    talk.until(lambda: Connected("c1") in talk.told, within_s=2)
    talk.order(HangUp("c1"))
    talk.until(lambda: CallEnded("c1", Ending.HUNG_UP) in talk.told, within_s=2)
    assert talk.modem.network.calls == []
    assert talk.modem.network.dialled == ["+15555550188"]


@pytest.mark.parametrize(
    ("words", "ending"),
    [
        ("BUSY", Ending.BUSY),
        ("NO ANSWER", Ending.UNANSWERED),
        ("NO CARRIER", Ending.UNANSWERED),
    ],
)
def test_a_call_that_nobody_takes_says_why(words: str, ending: Ending) -> None:
    talk = ready()
    talk.order(Dial("c1", "5550188"))
    talk.for_seconds(1)
    talk.modem.far_rings()
    talk.for_seconds(1)
    talk.modem.far_hangs_up(talk.now, words)
    talk.until(lambda: CallEnded("c1", ending) in talk.told, within_s=2)


def test_who_calls_while_a_call_stands_hears_that_we_are_busy() -> None:
    talk = ready()
    talk.modem.network.ring(PATIENT)
    talk.until(lambda: bool(told(talk, Ringing)), within_s=20)
    call = told(talk, Ringing)[0].call
    talk.order(Answer(call))
    talk.until(lambda: Connected(call) in talk.told, within_s=3)
    talk.modem.network.ring("+15555550199")
    talk.until(lambda: len(talk.modem.network.calls) == 1, within_s=5)
    assert talk.modem.network.calls[0].number == PATIENT
    assert len(told(talk, Ringing)) == 1


def test_a_call_whose_modem_is_pulled_out_is_lost_and_the_next_one_rings() -> None:
    talk = ready()
    talk.modem.network.ring(PATIENT)
    talk.until(lambda: bool(told(talk, Ringing)), within_s=20)
    talk.unplug()
    assert talk.told[-2:] == [CallEnded("in-1", Ending.LOST), StandChanged(Stand.ABSENT)]
    talk.modem.network.end_all()
    talk.replug()
    talk.until(lambda: stand(talk) is Stand.HOME, within_s=20)
    talk.modem.network.ring(PATIENT)
    talk.until(lambda: len(told(talk, Ringing)) == 2, within_s=20)


def test_a_call_is_refused_at_once_while_there_is_no_modem() -> None:
    driver = Conversation()
    assert driver.order(Dial("c1", "5550188"), 0.0) == [CallEnded("c1", Ending.LOST)]


@pytest.mark.parametrize("wrong", ["", "12;34", "ATH", "5550188\r", "+", "555 0188", "5" * 21])
def test_nothing_that_is_typed_becomes_a_command(wrong: str) -> None:
    with pytest.raises(ValueError, match="number"):
        Dial("c1", wrong)
    with pytest.raises(ValueError, match="number"):
        SendSms("s1", wrong, "hello")
    with pytest.raises(ValueError, match="digits"):
        SendDigits("c1", wrong + ";")


def test_a_text_comes_is_told_once_and_goes_only_when_it_is_kept() -> None:
    talk = ready()
    talk.modem.network.text(PATIENT, "Can I come at nine? {€}", talk.now)
    talk.poke()
    talk.until(lambda: bool(told(talk, SmsCame)), within_s=3)
    sms = told(talk, SmsCame)[0]
    assert (sms.number, sms.text, sms.missing) == (PATIENT, "Can I come at nine? {€}", ())
    talk.for_seconds(200)
    assert len(told(talk, SmsCame)) == 1
    assert len(talk.modem.network.memories["ME"]) == 1
    talk.order(Keep(sms.slots))
    talk.for_seconds(1)
    assert talk.modem.network.memories["ME"] == {}


def test_what_was_told_and_never_kept_is_told_again() -> None:
    talk = ready()
    talk.modem.network.text(PATIENT, "hello", talk.now)
    talk.for_seconds(700)
    assert len(told(talk, SmsCame)) == 2
    assert talk.modem.network.memories["ME"] != {}


def test_a_clinic_that_was_restarted_is_told_what_it_had_not_kept() -> None:
    talk = ready()
    talk.modem.network.text(PATIENT, "hello", talk.now)
    talk.for_seconds(40)
    again = Talk(talk.modem)
    again.now = talk.now
    again.until(lambda: bool(told(again, SmsCame)), within_s=40)


def test_a_text_in_parts_is_told_whole_in_whatever_order_it_comes() -> None:
    talk = ready()
    for number in (3, 1, 2):
        talk.modem.network.text(PATIENT, f"part {number}. ", talk.now, Part(9, 3, number))
        talk.for_seconds(31)
        assert bool(told(talk, SmsCame)) == (number == 2)
    sms = told(talk, SmsCame)[0]
    assert (sms.text, len(sms.slots)) == ("part 1. part 2. part 3. ", 3)
    talk.order(Keep(sms.slots))
    talk.for_seconds(1)
    assert talk.modem.network.memories["ME"] == {}


def test_a_full_memory_is_told_of_and_half_a_text_no_longer_waits_for_its_other_half() -> None:
    talk = ready(network=Network(room=4))
    for number in range(5):
        talk.modem.network.text(PATIENT, f"part {number}", talk.now, Part(number, 2, 1))
    talk.poke()
    talk.until(lambda: StorageFilled("ME") in talk.told, within_s=40)
    talk.for_seconds(5)
    told_now = told(talk, SmsCame)
    assert [sms.missing for sms in told_now] == [(2,)] * 4
    for sms in told_now:
        talk.order(Keep(sms.slots))
    talk.for_seconds(40)
    assert talk.modem.network.undelivered == 0


def test_a_text_in_a_place_that_became_free_is_not_deleted_for_the_one_before_it() -> None:
    """It is kept while the modem is just being asked what lies in it."""
    talk = ready(network=Network(room=1))
    for text in ("first", "second", "third"):
        talk.modem.network.text(PATIENT, text, talk.now)
    talk.for_seconds(20)
    slots = told(talk, SmsCame)[0].slots
    asked = len(talk.modem.commands)
    talk.until(lambda: "AT+CMGL=4" in talk.modem.commands[asked:], within_s=40)
    talk.order(Keep(slots))
    talk.for_seconds(60)
    assert [sms.text for sms in told(talk, SmsCame)] == ["first", "second"]


def test_what_no_one_can_read_is_told_as_it_is_and_not_deleted_before_it_is_kept() -> None:
    talk = ready()
    talk.modem.network.memories["SM"][3] = Stored(bytes.fromhex("00FFFF"), 2)
    talk.until(lambda: bool(told(talk, SmsUnreadable)), within_s=200)
    assert 3 in talk.modem.network.memories["SM"]
    talk.order(Keep(told(talk, SmsUnreadable)[0].slots))
    talk.for_seconds(1)
    assert talk.modem.network.memories["SM"] == {}


@pytest.mark.parametrize("maker", Maker)
def test_a_text_goes_out_and_its_delivery_is_reported(maker: Maker) -> None:
    talk = ready(maker)
    talk.order(SendSms("s1", PATIENT, "Your call-back is at nine."))
    talk.until(lambda: bool(told(talk, SmsSent)), within_s=5)
    assert told(talk, SmsSent)[0].sms == "s1"
    talk.until(lambda: bool(told(talk, ReportCame)), within_s=40)
    report = told(talk, ReportCame)[0]
    assert (report.sms, report.delivery) == ("s1", Delivery.DELIVERED)
    assert talk.modem.network.texts_taken[0].text == "Your call-back is at nine."
    talk.order(Keep(report.slots))
    talk.for_seconds(1)
    assert talk.modem.network.memories["SR"] == {}


def test_a_long_text_goes_out_in_parts_each_with_its_report() -> None:
    talk = ready()
    talk.order(SendSms("s1", PATIENT, "mañana será otro día ☀ " * 12))
    talk.until(lambda: bool(told(talk, SmsSent)), within_s=20)
    parts = talk.modem.network.texts_taken
    assert "".join(part.text for part in parts) == "mañana será otro día ☀ " * 12
    assert len(told(talk, SmsSent)[0].references) == len(parts) == 5
    talk.for_seconds(40)
    assert [report.sms for report in told(talk, ReportCame)] == ["s1"] * 5


def test_a_text_waits_for_a_modem_and_is_refused_when_it_waited_too_long() -> None:
    driver = Conversation()
    assert driver.order(SendSms("s1", PATIENT, "hello"), 0.0) == []
    due = driver.next_deadline()
    assert due == 600.0
    assert driver.expire(due) == [SmsRefused("s1", None)]


def test_a_text_whose_answer_is_lost_is_said_to_be_unsure_and_is_not_sent_twice() -> None:
    talk = ready()
    talk.modem.faults = lambda line: Fault.MUTE if line == "message" else Fault.NONE
    talk.order(SendSms("s1", PATIENT, "hello"))
    talk.until(lambda: SmsUnsure("s1") in talk.told, within_s=90)
    talk.for_seconds(300)
    assert len(talk.modem.network.texts_taken) == 1


def test_a_late_answer_is_never_taken_for_another_s() -> None:
    """Its OK comes long after the driver has asked something else."""
    talk = ready()
    late = iter([Fault.LATE])
    talk.modem.faults = lambda line: next(late, Fault.NONE) if line == "message" else Fault.NONE
    talk.order(SendSms("s1", PATIENT, "one"))
    talk.order(SendSms("s2", PATIENT, "two"))
    talk.until(lambda: any(sent.sms == "s2" for sent in told(talk, SmsSent)), within_s=200)
    assert SmsUnsure("s1") in talk.told
    assert told(talk, SmsSent) == [SmsSent("s2", (2,))]


STEPS = 60  # of the modem's and the driver's, from the plugging in to the last report


@pytest.mark.parametrize("maker", Maker)
@pytest.mark.parametrize("step", range(0, STEPS, 2))
def test_a_modem_is_pulled_out_and_plugged_in_at_any_step_and_nothing_is_lost(
    maker: Maker, step: int
) -> None:
    talk = Talk(SimulatedModem(maker))
    talk.order(SendSms("s1", PATIENT, "We open at nine."))
    talk.modem.network.text(PATIENT, "Can I come?", talk.now)
    for _ in range(step):
        talk.step()
    talk.unplug()
    talk.for_seconds(3)
    talk.replug()
    talk.until(lambda: bool(told(talk, SmsCame)), within_s=60)
    talk.for_seconds(60)
    ends = [one.sms for one in told(talk, SmsSent)] + [one.sms for one in told(talk, SmsUnsure)]
    assert ends == ["s1"]
    assert len(talk.modem.network.texts_taken) <= 1
    assert len(told(talk, SmsCame)) == 1
    assert len(talk.modem.network.memories["ME"]) == 1


def test_a_modem_that_restarts_by_itself_is_set_up_again() -> None:
    talk = ready()
    talk.modem.reboot(talk.now)
    talk.until(lambda: stand(talk) is not Stand.HOME, within_s=60)
    talk.until(lambda: stand(talk) is Stand.HOME, within_s=60)
    talk.modem.network.text(PATIENT, "still there?", talk.now)
    talk.until(lambda: bool(told(talk, SmsCame)), within_s=60)


def test_a_pin_opens_the_sim() -> None:
    talk = Talk(SimulatedModem(network=Network(pin="1234")), Conversation(pin="1234"))
    talk.until(lambda: StandChanged(Stand.HOME) in talk.told, within_s=40)


@pytest.mark.parametrize("maker", Maker)
def test_a_wrong_pin_costs_one_try_however_often_the_clinic_restarts(maker: Maker) -> None:
    network = Network(pin="1234")
    for _ in range(4):
        talk = Talk(SimulatedModem(maker, network), Conversation(pin="9999"))
        talk.for_seconds(120)
        assert stand(talk) in (Stand.PIN_WRONG, Stand.PIN_NEEDED)
    assert network.pin_tries == 2
    talk.order(EnterPin("1234"))
    talk.until(lambda: stand(talk) is Stand.HOME, within_s=60)
    assert network.pin_tries == 3


def test_without_a_sim_it_says_so_until_there_is_one() -> None:
    talk = Talk(SimulatedModem(network=Network(has_sim=False)))
    talk.until(lambda: StandChanged(Stand.SIM_MISSING) in talk.told, within_s=20)
    talk.modem.network.has_sim = True
    talk.until(lambda: stand(talk) is Stand.HOME, within_s=60)


def test_a_network_that_goes_and_comes_is_told() -> None:
    talk = ready()
    talk.modem.network.is_registered = False
    talk.until(lambda: stand(talk) is Stand.SEARCHING, within_s=30)
    talk.order(SendSms("s1", PATIENT, "hello"))
    talk.for_seconds(30)
    assert talk.modem.network.texts_taken == []
    talk.modem.network.is_registered = True
    talk.until(lambda: bool(told(talk, SmsSent)), within_s=30)


def test_an_event_s_words_never_show_who_or_what() -> None:
    talk = ready()
    talk.modem.network.text(PATIENT, "private words", talk.now)
    talk.modem.network.ring(PATIENT)
    talk.for_seconds(40)
    wishes = [SendSms("s1", PATIENT, "private words"), Dial("c", PATIENT), SendDigits("c", "98765")]
    said = repr(talk.told) + repr(wishes)
    assert "98765" not in said
    assert PATIENT not in said
    assert "private" not in said
    assert "1234" not in repr(EnterPin("1234"))
