"""What the site file says of requests: read as it is meant, and each slip told with its cure."""

import pytest

from firmware import settings
from firmware.settings import Draft
from ivr.asking import Kind, Question
from ivr.forewarn import ungated
from ivr.form import RequestKind, RequestRule, TakeRequest
from ivr.identity import AskIdentity, Factor
from tests.firmware.test_settings import TEMPLATE

OWN = """
[requests.refill]
due_min = 90
hours = "office"
owner = "nurse"

[flows.refills]
start = "who"

[flows.refills.nodes.who]
kind = "identity"
ask = ["birth-date", "phone"]
next = "refill"
doubt = "desk"

[flows.refills.nodes.refill]
kind = "form"
request = "refill"
identified = true
mailbox = "refills"
tries = 2
questions = [
  { name = "number", kind = "number", prompts = ["ask-number"] },
  { name = "prescription", kind = "digits", prompts = ["ask-number"], least = 4, most = 8 },
  { name = "medicine", kind = "recorded", prompts = ["ask-reason"], longest_s = 30 },
]
next = "desk"
person = "desk"

[flows.refills.nodes.desk]
kind = "queue"
queue = "front-desk"
patience_s = 60
otherwise = "desk"
"""


def drawn(right: str = "", wrong: str = "") -> Draft:
    assert right in OWN
    return settings.draft(TEMPLATE + (OWN.replace(right, wrong, 1) if right else OWN))


def test_a_form_and_what_gates_it_are_read_as_they_are_meant() -> None:
    plan = drawn().plan
    assert plan is not None
    assert plan.requests[RequestKind.REFILL] == RequestRule(
        RequestKind.REFILL, 5400, "office", "nurse"
    )
    nodes = plan.flows["refills"].nodes
    assert nodes["who"] == AskIdentity((Factor.BIRTH_DATE, Factor.PHONE), "refill", "desk")
    form = nodes["refill"]
    assert isinstance(form, TakeRequest)
    assert (form.request, form.is_gated, form.tries) == (RequestKind.REFILL, True, 2)
    assert form.questions == (
        Question("number", Kind.NUMBER, ("ask-number",), least=10, most=10),
        Question("prescription", Kind.DIGITS, ("ask-number",), least=4, most=8),
        Question("medicine", Kind.RECORDED, ("ask-reason",), longest_s=30),
    )


@pytest.mark.parametrize(
    ("right", "wrong", "reason", "cure"),
    [
        ("[requests.refill]", "[requests.refil]", '"refil" cannot be a name', "refill"),
        ('due_min = 90\nhours = "office"', 'due_min = 90\nhours = "ofice"', "no", "office?"),
        ("due_min = 90", "due_min = 0", "does not fit", "1 to 43200"),
        ('request = "refill"', 'request = "refil"', '"refil" does not fit', "one of: refill"),
        ('["birth-date", "phone"]', '["birth-date", "birth-date"]', "asked twice", "two of them"),
        ('["birth-date", "phone"]', '["birth-date", "age"]', '"age" does not fit', "record, pin"),
        ('mailbox = "refills"\ntries', "tries", "has no mailbox", "add mailbox"),
        ('mailbox = "refills"\ntries', 'mailbox = "refil"\ntries', "there is no", "refills?"),
        ("least = 4, most = 8", "least = 9, most = 8", "at least 9 and at most 8", "smaller"),
        ('kind = "digits"', 'kind = "choice"', "do not go together", "choices = {"),
        ('{ name = "prescription"', '{ name = "number"', "asked twice", "a name of its own"),
        ('next = "desk"\nperson', 'next = "deks"\nperson', '"deks"', "did you mean desk?"),
        ('doubt = "desk"', 'doubts = "desk"', "is not known here", "did you mean doubt?"),
        ('kind = "identity"', 'kind = "identify"', "is no kind of node", "identity"),
    ],
)
def test_a_slip_is_told_with_its_line_its_reason_and_its_cure(
    right: str, wrong: str, reason: str, cure: str
) -> None:
    faults = drawn(right, wrong).faults
    told = [each for each in faults if reason in each.reason and cure in each.cure]
    assert told, faults
    slip = OWN.replace(right, wrong, 1)
    line = (TEMPLATE + slip[: slip.index(wrong)]).count("\n") + 1
    assert abs(told[0].line - line) <= 12  # the lines of its own node


def test_a_refill_from_whoever_calls_is_warned_of_and_one_from_known_callers_is_not() -> None:
    gated, whoever = drawn().plan, drawn("identified = true\n", "").plan
    assert gated is not None
    assert whoever is not None
    assert ungated(gated) == []
    (notice,) = ungated(whoever)
    assert notice.where == ("flows", "refills", "nodes", "refill")
    assert "identified = true" in notice.cure
