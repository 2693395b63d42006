"""A browser's message on its way to Asterisk: the seat's secret stands on each request once, and
whatever a browser has put there itself does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware import seat
from firmware.seat import HEADER, NoMessageError, seated

SECRET = seat.secret_of("c0ffee" * 8)
REGISTER = (
    "REGISTER sip:careline.invalid SIP/2.0\r\n"
    "Via: SIP/2.0/WS a.invalid;branch=z9hG4bK1\r\n"
    "To: <sip:107@careline.invalid>\r\n"
    "Content-Length: 0\r\n\r\n"
)


def seats_in(message: str) -> list[str]:
    head = message.partition("\r\n\r\n")[0]
    return [line for line in head.split("\r\n") if line.lower().startswith(HEADER.lower())]


def test_a_request_carries_the_secret_and_is_otherwise_as_it_was() -> None:
    sent = seated(REGISTER, SECRET)
    assert seats_in(sent) == [f"{HEADER}: {SECRET}"]
    assert sent.replace(f"{HEADER}: {SECRET}\r\n", "") == REGISTER


@pytest.mark.parametrize(
    "own",
    [
        f"{HEADER}: guessed",
        f"{HEADER.lower()} : guessed",
        f"{HEADER}:\r\n guessed",
        f"X-Other: a\r\n{HEADER}: guessed\r\nX-More: b",
    ],
)
def test_a_seat_that_a_browser_claims_is_taken_away(own: str) -> None:
    claimed = REGISTER.replace("To:", f"{own}\r\nTo:")
    assert seats_in(seated(claimed, SECRET)) == [f"{HEADER}: {SECRET}"]
    assert "guessed" not in seated(claimed, SECRET)


def test_a_body_is_nobody_s_header() -> None:
    body = f"{HEADER}: said\r\n\r\nmore"
    assert seated(REGISTER + body, SECRET).endswith(f"\r\n\r\n{body}")


@pytest.mark.parametrize("message", ["SIP/2.0 200 OK\r\nVia: x\r\n\r\n", "\r\n\r\n", "\r\n", ""])
def test_an_answer_and_a_sign_of_life_pass_as_they_are(message: str) -> None:
    assert seated(message, SECRET) == message


@pytest.mark.parametrize(
    "message",
    ["GET /ari HTTP/1.1\r\nHost: a\r\n\r\n", "INVITE sip:1 SIP/2.0", "x\r\ny\r\n\r\n",
     "INVITE sip:1 SIP/2.0\r\nA: b\nX-CareLine-Seat: c\r\n\r\n"],
)  # fmt: skip
def test_what_is_no_sip_is_not_passed_on(message: str) -> None:
    with pytest.raises(NoMessageError):
        seated(message, SECRET)


@given(st.text(alphabet=f"\r\n\t :;{HEADER}aSIP/2.0", max_size=200))
def test_whatever_comes_no_other_seat_is_ever_on_it(text: str) -> None:
    try:
        sent = seated(f"INVITE sip:1 SIP/2.0\r\n{text}\r\n\r\n", SECRET)
    except NoMessageError:
        return
    assert seats_in(sent) == [f"{HEADER}: {SECRET}"]


def test_the_secret_tells_nothing_of_the_password_and_differs_with_it() -> None:
    assert len(SECRET) == 64
    assert seat.secret_of("other") != SECRET
    assert "c0ffee" not in SECRET
