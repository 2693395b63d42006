"""What Asterisk tells of strangers, as the guard understands it."""

from hypothesis import given
from hypothesis import strategies as st

from firmware.asterisk.strangers import knock_of
from firmware.asterisk.wire import Message
from firmware.guard_rule import Sign


def event(name: str, address: str, service: str = "PJSIP") -> Message:
    lines = ("", f"Event: {name}", f"Service: {service}", f"RemoteAddress: {address}", "")
    return Message("\r\n".join(lines).encode())


def test_a_name_that_is_none_and_a_wrong_password_are_knocks() -> None:
    name = knock_of(event("InvalidAccountID", "IPV4/UDP/203.0.113.9/5060"))
    word = knock_of(event("ChallengeResponseFailed", "IPV6/TLS/2001:db8::9/40000"))
    assert name is not None
    assert word is not None
    assert (str(name[0]), name[1]) == ("203.0.113.9", Sign.NO_SUCH_NAME)
    assert (str(word[0]), word[1]) == ("2001:db8::9", Sign.WRONG_PASSWORD)


def test_who_is_let_in_or_knocks_at_the_manager_is_none() -> None:
    assert knock_of(event("SuccessfulAuth", "IPV4/UDP/203.0.113.9/5060")) is None
    assert knock_of(event("InvalidPassword", "IPV4/TCP/127.0.0.1/5038", "AMI")) is None


@given(st.text(alphabet=st.characters(exclude_characters="\r\n", codec="utf-8")))
def test_an_address_that_is_none_is_passed_by(address: str) -> None:
    knock_of(event("InvalidAccountID", address))
