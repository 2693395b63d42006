"""How a trunk stands, by what Asterisk tells of it, and what is told of the lines."""

import pytest

from firmware import settings, trunk_certificate, trunk_watch
from firmware.asterisk import trunk_states
from firmware.asterisk.trunk_states import NOT_ASKED, Answering, Contact, SignedIn
from firmware.asterisk.wire import Message
from firmware.lines_desk import line_now
from firmware.trunk_watch import Stand, part_of, seen
from ivr.plan import Trunk
from tests.sites import head

SIGNS_IN = Trunk("telco", "sip.example", 5060, "carol", True)
BY_ADDRESS = Trunk("telco", "192.0.2.1", 5060, None, False)
YES, NO = Contact(Answering.YES, 12.5), Contact(Answering.NO)
PLAN = settings.read(head(["101"]).replace('flow = "main"', 'phone = "101"'))


@pytest.mark.parametrize(
    ("trunk", "stand", "state", "detail"),
    [
        (SIGNS_IN, Stand(YES, True, SignedIn.YES), "well", "signed in, 12.5 ms"),
        (SIGNS_IN, Stand(NOT_ASKED, False, SignedIn.YES), "well", "signed in"),
        (SIGNS_IN, Stand(YES, True, SignedIn.REFUSED), "alarm", trunk_watch.REFUSED),
        (SIGNS_IN, Stand(NO, False, SignedIn.REFUSED), "alarm", trunk_watch.SILENT),
        (BY_ADDRESS, Stand(YES, True), "well", "answers, 12.5 ms"),
        (BY_ADDRESS, Stand(NO, True), "alarm", trunk_watch.SILENT),
        (BY_ADDRESS, Stand(NO, False), "well", "never says whether it is there"),
    ],
)
def test_a_trunk_that_fails_is_told_with_why_and_one_that_never_answers_questions_is_let_be(
    trunk: Trunk, stand: Stand, state: str, detail: str
) -> None:
    part = part_of(trunk, stand, lacks_password=False)
    assert part
    assert (part.state, part.detail) == (state, detail)
    assert bool(part.cure) == (state == "alarm")


def test_a_server_whose_certificate_nobody_vouches_for_is_told_though_it_never_answered() -> None:
    stand = seen(Stand(), NO, None, trunk_certificate.UNKNOWN)
    part = part_of(BY_ADDRESS, stand, lacks_password=False)
    assert part
    assert (part.state, part.detail) == ("alarm", trunk_certificate.UNKNOWN)
    assert "careline lines trust" in part.cure


def test_a_password_that_nobody_gave_is_asked_for() -> None:
    part = part_of(SIGNS_IN, Stand(YES, True, SignedIn.REFUSED), lacks_password=True)
    assert part
    assert part.detail == trunk_watch.NO_PASSWORD


def test_of_a_trunk_nobody_was_asked_about_nothing_is_told() -> None:
    assert part_of(BY_ADDRESS, Stand(), lacks_password=False) is None
    assert (
        part_of(SIGNS_IN, Stand(NOT_ASKED, False, SignedIn.NOT_YET), lacks_password=False) is None
    )


def test_a_look_that_tells_nothing_changes_nothing() -> None:
    stand = seen(seen(Stand(), YES, SignedIn.YES), NOT_ASKED, None)
    assert stand == Stand(YES, True, SignedIn.YES)
    assert seen(stand, NO, SignedIn.REFUSED) == Stand(NO, True, SignedIn.REFUSED)


def test_what_asterisk_tells_of_contacts_and_registrations_is_read() -> None:
    assert trunk_states.contact_said("Reachable", "469") == Contact(Answering.YES, 0.5)
    assert trunk_states.contact_said("Unreachable", "0") == NO
    assert trunk_states.contact_said("NonQualified", "N/A") == NOT_ASKED
    told = ("Event: OutboundRegistrationDetail", "ObjectName: trunk-telco", "Status: Rejected")
    message = Message("\r\n".join(("", *told, "")).encode())
    assert trunk_states.registrations([message]) == {"trunk-telco": SignedIn.REFUSED}


def test_a_line_is_told_with_what_it_opens_and_how_its_trunk_stands() -> None:
    part = part_of(BY_ADDRESS, Stand(YES, True), lacks_password=False)
    assert part
    line = line_now(PLAN, PLAN.lines["main"], {part.name: part}, 2, None)
    assert (line.leads_to, line.detail, line.in_use) == ("phone 101", "answers, 12.5 ms", 2)
    assert line_now(PLAN, PLAN.lines["main"], {}, 0, None).state == "unknown"
