"""Numbers inside the clinic lead somewhere, and hide nobody else's."""

import pytest

from firmware import settings
from ivr.plan import Menu, Plan
from tests.sites import head

REST = """
[[dial_rules]]
prefix = "9"
digits = 2
trunk = "telco"
shows = "2025550100"

[mailboxes.desk]
members = ["reception"]

[flows.main]
start = "bye"

[flows.main.nodes.bye]
kind = "hangup"
"""
MENU = """
[flows.main.nodes.menu]
kind = "menu"
prompts = ["welcome"]
choices = { 1 = "bye" }
otherwise = "bye"
about = { %s }
[prompts.en]
welcome = "Welcome."
"""
SITE = head(("101", "102")) + REST


def changed(old: str, new: str) -> str:
    assert SITE.count(old) == 1
    return SITE.replace(old, new)


def test_a_line_may_be_one_persons_own_and_a_mailbox_have_a_number() -> None:
    text = changed('flow = "main"', 'phone = "102"')
    plan = settings.read(text.replace("[mailboxes.desk]", '[mailboxes.desk]\nnumber = "701"'))
    assert plan.lines["main"].phone == "102"
    assert plan.mailboxes["desk"].number == "701"


def test_what_an_agent_is_told_of_a_choice_can_be_spoken() -> None:
    def read(about: str) -> Plan:
        return settings.read(changed('start = "bye"', 'start = "menu"') + MENU % about)

    told = read('1 = "welcome"').flows["main"].nodes["menu"]
    assert isinstance(told, Menu)
    assert told.about == {"1": "welcome"}
    for about, reason in (('1 = "x"', "there is no prompt x"), ('2 = "welcome"', "key 2 leads")):
        with pytest.raises(settings.SiteFaults) as refused:
            read(about)
        (fault,) = refused.value.faults
        assert reason in fault.reason
        assert fault.line > 1


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('flow = "main"', 'phone = "109"', 'there is no "109" in [phones]'),
        ('flow = "main"', "", "callers of this line come nowhere"),
        ('flow = "main"', 'flow = "main"\nphone = "101"', "has a flow and a phone"),
        ("[lines.main]", "[lines.inside]", "inside is a line of the exchange's own"),
        ("[phones.102]", '[phones.102]\nmailbox = "nurse"', 'there is no "nurse" in [mailboxes]'),
        ("[mailboxes.desk]", '[mailboxes.desk]\nnumber = "101"', "101 is the phone 101"),
        ("[mailboxes.desk]", '[mailboxes.desk]\nnumber = "911"', "911 is an emergency number"),
        ("[mailboxes.desk]", '[mailboxes.desk]\nnumber = "901"', "dialled to the outside by a"),
        ("[mailboxes.desk]", '[mailboxes.desk]\nnumber = "805"', "805 is a parking slot"),
    ],
)
def test_what_cannot_be_is_told_with_its_cure(old: str, new: str, reason: str) -> None:
    with pytest.raises(settings.SiteFaults) as refused:
        settings.read(changed(old, new))
    (fault,) = refused.value.faults
    assert reason in fault.reason
    assert fault.cure
