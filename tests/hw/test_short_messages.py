"""Short messages on the wire: known PDUs of others read as they say, and whatever we write is read
back; broken bytes are a `PduError` and nothing else."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.modem import gsm7
from hw.modem.address import PduError
from hw.modem.parts import MOST_PARTS, joined, split
from hw.modem.pdu import (
    WHOLE,
    Deliver,
    Part,
    Report,
    Submit,
    centre_of,
    decode,
    decode_submit,
    encode_deliver,
    encode_report,
    encode_submit,
    tpdu_octets,
)

# The two best known of all, explained octet by octet in "SMS and the PDU format" (L. Pettersson,
# dreamfabric.com/sms), of which many copies stand.
HELLO_CAME = "07917283010010F5040BC87238880900F10000993092516195800AE8329BFD4697D9EC37"
HELLO_GOES = "0011000B916407281553F80000AA0AE8329BFD4697D9EC37"
# From jdsms.com.cn's help desk, where it stands for "How are you?".
HOW_CAME = "07911326040000F0040B911346610089F60000208062917314080CC8F71D14969741F977FD07"

LETTERS = st.sampled_from([*gsm7.ALPHABET.replace("\x1b", ""), *gsm7.EXTENSION.values()])
GSM_TEXTS = st.text(LETTERS, max_size=70)
NUMBERS = st.from_regex(r"\A\+?[0-9*#]{1,20}\Z")
TEXTS = st.text(max_size=600).filter(bool)
ZONES = st.integers(-47, 47).map(lambda quarters: timezone(timedelta(minutes=15 * quarters)))
MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2089, 12, 31), timezones=ZONES).map(  # noqa: DTZ001
    lambda moment: moment.replace(microsecond=0)
)


def test_a_known_message_reads_as_its_explanation_says() -> None:
    pdu = bytes.fromhex(HELLO_CAME)
    at = datetime(1999, 3, 29, 15, 16, 59, tzinfo=timezone(timedelta(hours=2)))
    assert decode(pdu) == Deliver("27838890001", at, "hellohello")
    assert centre_of(pdu) == "+27381000015"


def test_a_message_of_a_chinese_modem_reads_as_its_explanation_says() -> None:
    message = decode(bytes.fromhex(HOW_CAME))
    assert isinstance(message, Deliver)
    assert (message.number, message.text) == ("+31641600986", "How are you?")


def test_a_message_goes_out_as_the_known_one_does() -> None:
    pdu, length = encode_submit(Submit("+46708251358", "hellohello", wants_report=False))
    assert (pdu.hex().upper(), length) == (HELLO_GOES, 23)


@pytest.mark.parametrize(
    ("text", "septets"),
    [  # 3GPP TS 23.038, tables 6.2.1 and 6.2.1.1
        ("@", [0x00]),
        ("$", [0x02]),
        ("Ω", [0x15]),
        ("¡", [0x40]),
        ("¿", [0x60]),
        ("à", [0x7F]),
        ("€", [0x1B, 0x65]),
        ("{}", [0x1B, 0x28, 0x1B, 0x29]),
        ("[\\]", [0x1B, 0x3C, 0x1B, 0x2F, 0x1B, 0x3E]),
        ("^~|", [0x1B, 0x14, 0x1B, 0x3D, 0x1B, 0x40]),
    ],
)
def test_the_alphabet_is_that_of_the_standard(text: str, septets: list[int]) -> None:
    assert gsm7.septets_of(text) == septets
    assert gsm7.text_of(septets) == text


def test_hellohello_is_packed_as_the_standard_packs() -> None:
    assert gsm7.packed(gsm7.septets_of("hellohello")).hex().upper() == "E8329BFD4697D9EC37"


def test_an_extension_nobody_knows_shows_the_letter_of_the_main_table() -> None:
    assert gsm7.text_of([gsm7.ESCAPE, 0x41]) == "A"
    assert gsm7.text_of([gsm7.ESCAPE, gsm7.ESCAPE]) == " "
    assert gsm7.text_of([gsm7.ESCAPE]) == " "


@given(GSM_TEXTS, st.integers(0, 6))
def test_septets_come_back_whatever_stands_before_them(text: str, fill: int) -> None:
    septets = gsm7.septets_of(text)
    assert gsm7.unpacked(gsm7.packed(septets, fill), len(septets), fill) == septets
    assert gsm7.text_of(septets) == text


@given(NUMBERS, TEXTS, st.integers(0, 255), st.booleans())
def test_a_text_of_any_length_goes_out_in_parts_and_is_one_again(
    number: str, text: str, reference: int, wants_report: bool
) -> None:
    pieces = split(text, reference)
    read = []
    for piece, part in pieces:
        pdu, length = encode_submit(Submit(number, piece, part, wants_report))
        assert length == tpdu_octets(pdu)
        assert length <= 164
        submit = decode_submit(pdu)
        assert (submit.number, submit.part, submit.wants_report) == (number, part, wants_report)
        read.append((submit.part.number, submit.text))
    assert joined(reversed(read), len(pieces)) == (text, ())


@given(NUMBERS, GSM_TEXTS, MOMENTS, st.booleans(), st.integers(0, 65535))
def test_a_message_comes_as_it_was_sent(
    number: str, text: str, at: datetime, is_whole: bool, reference: int
) -> None:
    part = WHOLE if is_whole else Part(reference, 3, 2, wide=True)
    message = Deliver(number, at, text, part)
    pdu, length = encode_deliver(message, at=at)
    assert decode(pdu) == message
    assert length == tpdu_octets(pdu)


@given(st.integers(0, 255), NUMBERS, st.integers(0, 255), MOMENTS)
def test_a_report_comes_as_it_was_sent(
    reference: int, number: str, status: int, at: datetime
) -> None:
    report = Report(reference, number, status, at)
    assert decode(encode_report(report, at=at)[0]) == report


@given(st.binary(max_size=220))
def test_any_bytes_are_a_message_or_a_pdu_error(raw: bytes) -> None:
    for read in (decode, decode_submit, tpdu_octets, centre_of):
        try:
            read(raw)
        except PduError:
            continue


@given(GSM_TEXTS, st.integers(0, 200), st.integers(1, 255))
def test_one_wrong_octet_is_a_message_or_a_pdu_error(text: str, at: int, change: int) -> None:
    known = Deliver("+15555550100", datetime(2026, 11, 23, tzinfo=UTC), text, Part(7, 2, 1))
    pdu = bytearray(encode_deliver(known, at=datetime(2026, 11, 23, tzinfo=UTC))[0])
    pdu[at % len(pdu)] ^= change
    try:
        decode(bytes(pdu))
    except PduError:
        return


def test_a_letter_outside_the_alphabet_makes_the_text_one_of_sixteen_bits() -> None:
    assert len(split("a" * 160, 1)) == 1
    assert len(split("a" * 161, 1)) == 2
    assert len(split("ñ" * 70 + "ć", 1)) == 2
    assert len(split("ć" * 70, 1)) == 1


def test_no_letter_is_cut_in_two() -> None:
    escaped, _ = split("a" * 152 + "€" + "b" * 20, 1)[0]
    assert escaped == "a" * 152
    paired, _ = split("ć" * 66 + "😀" + "ć" * 20, 1)[0]
    assert paired == "ć" * 66


def test_a_letter_that_another_telephone_cut_in_two_is_whole_again() -> None:
    high, low = "\ud83d", "\ude00"
    assert joined([(2, low), (1, high)], 2) == ("😀", ())
    assert joined([(1, high)], 2) == ("\ufffd", (2,))


def test_a_text_that_is_too_long_is_refused_and_not_shortened() -> None:
    with pytest.raises(ValueError, match=f"{MOST_PARTS} is the most"):
        split("a" * 1600, 1)


def test_a_header_that_says_nonsense_makes_the_message_whole() -> None:
    at = datetime(2026, 11, 23, tzinfo=UTC)
    pdu = encode_deliver(Deliver("+15555550100", at, "hello", Part(7, 2, 9)), at=at)[0]
    message = decode(pdu)
    assert isinstance(message, Deliver)
    assert (message.text, message.part) == ("hello", WHOLE)


def test_a_sender_may_be_a_name() -> None:
    """An alphanumeric address: "AT+Clinic" is nine septets, sixteen semi-octets (TS 23.040)."""
    name = gsm7.packed(gsm7.septets_of("AT+Clinic"))
    tail = "0000" + "62113201000000" + "00"
    message = decode(bytes.fromhex("0004" + "10D0" + name.hex() + tail))
    assert isinstance(message, Deliver)
    assert message.number == "AT+Clinic"


def test_a_time_that_does_not_exist_is_no_time() -> None:
    pdu = bytearray.fromhex(HELLO_CAME)
    pdu[20] = 0x91  # month 19
    message = decode(bytes(pdu))
    assert isinstance(message, Deliver)
    assert (message.at, message.text) == (None, "hellohello")
