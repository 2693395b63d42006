"""The site file's door: what a clinic may write, and what it is told when it errs."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware import settings, toml_lines
from firmware.settings import SiteFaults
from ivr.plan import CallBack, CallBacks, Enqueue, Overflow

TEMPLATE = (Path(settings.__file__).parent / "template" / "clinic.toml").read_text("utf-8")

# Each line of a clinic's file to change, what it becomes, and words of the reason and of the cure
# that must follow.
TWENTY = (
    ('timezone = "America/New_York"', 'timezone = "America/NewYork"', "no time zone", "New_York"),
    ('front_desk = ["101", "102"]', 'front_desk = ["101", "112"]', 'no "112"', "102"),
    ('host = "127.0.0.2"', 'host = "127.0.0.2\\nhost=evil"', "does not fit", "host name"),
    ("port = 5070", 'port = "5070"', "does not fit", "whole number from 1 to 65535"),
    ('numbers = ["2025550100"]', 'numbers = ["202-555"]', "does not fit", "digits"),
    ('name = "Front desk 1"', 'name = "Front desk;${SHELL(id)}"', "does not fit", "letters"),
    ('name = "Front desk 2"', 'nmae = "Front desk 2"', "not known", "did you mean name"),
    ("[phones.106]", "[phones.1o6]", "cannot be a name", "2 to 6 digits"),
    ("digits = 10", "digits = 100", "does not fit", "from 2 to 20"),
    ('members = ["reception"]', "members = []", "has 0 entries", "1 to 50 people"),
    ('lamps = ["103"]', 'lamps = ["133"]', 'no "133"', "103"),
    ('mon = ["08:00-17:00"]', 'mon = ["8-17"]', "does not fit", "08:00-17:00"),
    ("closed = [2027-05-28,", 'closed = ["2027-05-28",', "does not fit", "without quotes"),
    ("target_s = 20", "target_s = -20", "does not fit", "from 1 to 3600"),
    ('urgency = "soon"', 'urgency = "quick"', "does not fit", '"soon"'),
    ('start = "hours"', 'start = "hurs"', 'no node "hurs"', "did you mean hours"),
    ('kind = "say"', 'kind = "speak"', "no kind of node", "say, menu"),
    ("1 = \"message\"", '15 = "message"', "does not fit", "one key"),
    ('phones = ["104", "105", "106"]', 'phones = ["104", "105", "999"]', 'no "999"', "phones.999"),
    ("welcome = ", "Welcome = ", "cannot be a name", "small letters"),
)  # fmt: skip


def faulty() -> str:
    text = TEMPLATE
    for right, wrong, _, _ in TWENTY:
        assert right in text
        text = text.replace(right, wrong, 1)
    return text


def test_the_template_is_a_whole_clinic() -> None:
    site = settings.read(TEMPLATE)
    assert site.name == "Maple Street Family Practice"
    assert site.front_desk == ("101", "102")
    assert site.emergency_numbers == ("911", "9911", "112")
    assert set(site.flows) == {"main", "after-hours"}


def test_twenty_faults_get_twenty_messages_with_line_and_cure() -> None:
    text = faulty()
    with pytest.raises(SiteFaults) as caught:
        settings.read(text)
    faults = caught.value.faults
    for _, wrong, reason, cure in TWENTY:
        line = 1 + text[: text.index(wrong)].count("\n")
        told = [f for f in faults if f.line == line and reason in f.reason and cure in f.cure]
        assert told, f"nothing of use about line {line}: {wrong}\n{caught.value}"


def test_one_fault_is_told_once() -> None:
    for right, wrong, _, _ in TWENTY:
        found = settings.draft(TEMPLATE.replace(right, wrong, 1))
        # A renamed phone or key is missed where it was needed, too: two sides of one slip.
        assert 1 <= len(found.faults) <= 2, (wrong, found.faults)


def test_a_file_that_is_no_toml_says_where() -> None:
    with pytest.raises(SiteFaults) as caught:
        settings.read('[clinic]\nname = "Maple\n')
    (fault,) = caught.value.faults
    assert fault.line == 2
    assert "not TOML" in fault.reason


def test_an_empty_file_says_what_to_begin_with() -> None:
    with pytest.raises(SiteFaults, match=r"add \[clinic\]"):
        settings.read("")


def test_a_file_too_large_for_any_clinic_is_not_even_parsed() -> None:
    with pytest.raises(SiteFaults, match="characters and may have"):
        settings.read("#" * (settings.SITE_FILE_MAX + 1))


@pytest.mark.parametrize("depth", [10, 100, 200, 300, 400, 1_000, 100_000])
def test_a_bracket_bomb_is_a_fault_and_not_a_crash(depth: int) -> None:
    for bomb in ("[" * depth, "[" * depth + "]" * depth, "{a=" * depth + "1" + "}" * depth):
        with pytest.raises(SiteFaults):
            settings.read("clinic = " + bomb)


def test_a_number_longer_than_any_is_a_fault_and_not_a_crash() -> None:
    with pytest.raises(SiteFaults, match="not TOML"):
        settings.read("a = " + "9" * 5_000)


@pytest.mark.parametrize("character", list('\n\r;"\\$|,=[](){}<>&!`\0\x7f\u2028\x85\x1c'))
def test_no_label_carries_a_character_asterisk_gives_a_meaning_to(character: str) -> None:
    escaped = f"\\u{ord(character):04x}"
    for place in ("Front desk 1", "12 Maple Street - ground floor - reception left"):
        for slipped in (f"{place[:5]}{escaped}{place[5:]}", place + escaped):
            with pytest.raises(SiteFaults):
                settings.read(TEMPLATE.replace(f'"{place}"', f'"{slipped}"', 1))


SKILLED = """
needs = { spanish = 1 }
relaxes = [{ after_s = 60, needs = { spanish = 3 } }, { after_s = 120, needs = {} }]
wrap_up_s = 15
"""


def test_a_front_desk_that_is_only_in_the_browser_is_refused_with_its_cure() -> None:
    both, one = TEMPLATE, TEMPLATE
    for extension in ("101", "102"):
        both = both.replace(f"[phones.{extension}]", f"[phones.{extension}]\nbrowser = true")
        one = one if extension == "102" else both
    assert settings.read(one).phones["101"].browser
    with pytest.raises(SiteFaults) as refused:
        settings.read(both)
    (fault,) = refused.value.faults
    assert fault.where == "clinic.front_desk"
    assert "stands on a desk" in fault.cure


def test_a_site_of_which_no_line_takes_emergency_calls_is_refused() -> None:
    text = TEMPLATE.replace("[trunks.telco]", "[trunks.telco]\nemergency = false")
    with pytest.raises(SiteFaults) as refused:
        settings.read(text)
    (fault,) = refused.value.faults
    assert (fault.where, fault.reason) == ("trunks", "no line takes emergency calls")
    with_modem = text + '\n[modems.mobile]\nport = "/dev/a"\nvoice = "/dev/b"\n'
    with pytest.raises(SiteFaults) as refused:
        settings.read(with_modem)
    assert "by a modem alone" in refused.value.faults[0].reason


def test_nobody_is_looked_for_at_a_fax_machine() -> None:
    at_desk = TEMPLATE.replace("[phones.101]", "[phones.101]\nfax = true")
    with pytest.raises(SiteFaults) as refused:
        settings.read(at_desk)
    assert "clinic.front_desk" in {fault.where for fault in refused.value.faults}
    assert {fault.reason for fault in refused.value.faults} == {
        "nobody answers at 101: it is a fax machine"
    }


def test_a_fax_line_is_not_recorded_and_its_machine_is_not_in_the_browser() -> None:
    fax = TEMPLATE.replace("[phones.106]", "[phones.106]\nfax = true\nbrowser = true")
    fax += '\n[lines.fax]\ntrunk = "telco"\nnumbers = ["2025550188"]\nphone = "106"\n'
    fax += 'record = "always"\nconsent = "none"\nrecordings = "frontdesk"\n'
    with pytest.raises(SiteFaults) as refused:
        settings.read(fax)
    reasons = {fault.reason for fault in refused.value.faults}
    assert {"a fax machine is not in the browser", "a fax line is not recorded"} <= reasons


def test_all_desk_telephones_are_encrypted_at_once_and_those_in_the_browser_are_anyway() -> None:
    text = TEMPLATE.replace("[clinic]", "[clinic]\nphones_tls = true", 1)
    site = settings.read(text.replace("[phones.106]", "[phones.106]\nbrowser = true"))
    assert {phone.extension for phone in site.phones.values() if not phone.secure} == {"106"}


def test_an_address_for_911_is_whole_or_not_there() -> None:
    assert settings.read(TEMPLATE).address is None
    street = '[clinic.address]\ncountry = "US"\nstate = "NY"\ncity = "Ithaca"\nstreet = "Maple"\n'
    with pytest.raises(SiteFaults) as refused:
        settings.read(TEMPLATE + street)
    assert {fault.where for fault in refused.value.faults} == {"clinic"}
    whole = settings.read(f'{TEMPLATE}{street}house_number = "12"\npostcode = "14850"\n').address
    assert whole is not None
    assert (whole.city, whole.county) == ("Ithaca", "")


def test_a_queue_may_ask_for_a_skill_and_for_less_of_it_later() -> None:
    text = TEMPLATE.replace("[queues.nurse]", f"[queues.nurse]{SKILLED}")
    text = text.replace('name = "Nurse"', 'name = "Nurse"\nskills = { spanish = 2 }')
    site = settings.read(text.replace('queue = "nurse"', 'queue = "nurse"\nalso = ["front-desk"]'))
    assert site.phones["103"].skills == {"spanish": 2}
    assert site.queues["nurse"].stages == ({"spanish": 1}, {"spanish": 3}, {})
    assert [rule.after_s for rule in site.queues["nurse"].relaxes] == [60, 120]
    assert site.queues["nurse"].wrap_up_s == 15
    node = site.flows["main"].nodes["nurse"]
    assert isinstance(node, Enqueue)
    assert node.queues == ("nurse", "front-desk")


LED_ON = """
overflow = [
  { no_agent = true, to = "desk-message" },
  { place_over = 8, after_s = 30, to = "nurse" },
  { per_agent = 2.5, closed = "office", to = "flow:main" },
]
"""


CALLED_BACK, OFFERED = 'callbacks = { hours = "office" }', 'callback = "call-back"'


def test_a_queue_may_call_people_back() -> None:
    site = settings.read(TEMPLATE)
    assert site.queues["front-desk"].callbacks == CallBacks("office")
    node = site.flows["main"].nodes["front-desk"]
    assert isinstance(node, Enqueue)
    assert (node.callback, node.callback_key) == ("call-back", "1")
    assert site.flows["main"].nodes["call-back"] == CallBack("front-desk", "front-desk")
    assert settings.prompts_of(site)["en"]["queue-front-desk"] == "front desk"


def test_without_a_way_outside_nobody_can_be_called_back() -> None:
    begins, ends = TEMPLATE.index("[[dial_rules]]"), TEMPLATE.index("[mailboxes.front-desk]")
    with pytest.raises(SiteFaults, match="no dial rule leads outside") as caught:
        settings.read(TEMPLATE[:begins] + TEMPLATE[ends:])
    assert any("add [[dial_rules]]" in fault.cure for fault in caught.value.faults)


def test_a_queue_may_lead_its_last_callers_on() -> None:
    first = f'queue = "front-desk"{LED_ON}'
    site = settings.read(TEMPLATE.replace('queue = "front-desk"', first, 1))
    node = site.flows["main"].nodes["front-desk"]
    assert isinstance(node, Enqueue)
    assert node.overflow == (
        Overflow("desk-message", no_agent=True),
        Overflow("nurse", place_over=8, after_s=30),
        Overflow("flow:main", per_agent=2.5, closed="office"),
    )


@pytest.mark.parametrize(
    ("right", "wrong", "reason", "cure"),
    [
        ("after_s = 120", "after_s = 60", "not after the rule before", "a later time"),
        ("spanish = 3", "spanish = 10", "does not fit", "from 1, the best, to 9"),
        ("after_s = 60, needs", "after = 60, needs", "not known", "after_s"),
        ("needs = {} }", "needs = [] }", "a table belongs", "needs = { spanish"),
        ("needs = {} }]", "needs = {} }, 1]", "a table belongs", "rules"),
        ("no_agent = true, to", "to", "does not say when", "no_agent = true"),
        ('to = "nurse"', 'to = "nurze"', 'no node "nurze"', "did you mean nurse"),
        ('closed = "office"', 'closed = "offices"', "offices", "office"),
        ("place_over = 8", "place_over = 0", "does not fit", "from 1"),
        ("per_agent = 2.5", "per_agent = -1", "does not fit", "above 0"),
        (CALLED_BACK, 'callbacks = { hours = "ofice" }', "ofice", "office"),
        (CALLED_BACK, "callbacks = {}", "is missing", "a table like { hours"),
        (CALLED_BACK, "", "does not say when people are called back", 'hours = "…"'),
        (OFFERED, 'callback = "callback"', 'no node "callback"', "did you mean call-back"),
        (OFFERED, f'{OFFERED}\ncallback_key = "0"', "does not fit", '"1" to "9"'),
        (OFFERED, f'{OFFERED}\nescape = "1"', "leads to otherwise already", "another"),
    ],
)
def test_a_rule_of_a_queue_that_cannot_be_is_told_with_its_cure(
    right: str, wrong: str, reason: str, cure: str
) -> None:
    text = TEMPLATE.replace("[queues.nurse]", f"[queues.nurse]{SKILLED}")
    text = text.replace('queue = "front-desk"', f'queue = "front-desk"{LED_ON}', 1)
    assert right in text
    with pytest.raises(SiteFaults, match=reason) as caught:
        settings.read(text.replace(right, wrong))
    assert any(cure in fault.cure for fault in caught.value.faults)


def test_more_skills_than_the_acd_can_tell_apart_are_refused() -> None:
    skills = [f"skills = {{ {', '.join(f'{kind}-{n} = 1' for n in range(13))} }}" for kind in "ab"]
    text = TEMPLATE.replace("[phones.101]", f"[phones.101]\n{skills[0]}")
    with pytest.raises(SiteFaults, match="name 26 skills; keep it to 24"):
        settings.read(text.replace("[phones.102]", f"[phones.102]\n{skills[1]}"))


def test_an_emergency_number_cannot_be_a_phones_extension() -> None:
    text = TEMPLATE.replace("[phones.106]", "[phones.112]").replace('"106"', '"112"')
    with pytest.raises(SiteFaults, match="112 is an emergency number"):
        settings.read(text)


@pytest.mark.parametrize("key", ["numbers = [", "callback = ", "shows = "])
def test_an_emergency_number_is_not_the_clinics_own_anywhere(key: str) -> None:
    with pytest.raises(SiteFaults, match="911 is an emergency number"):
        settings.read(TEMPLATE.replace(f'{key}"2025550100"', f'{key}"911"', 1))


@pytest.mark.parametrize("sign", ["\u202e", "\u2067", "\u200f"])
def test_words_turn_nothing_round_that_stands_beside_them(sign: str) -> None:
    spoken = TEMPLATE.replace("Thank you for calling", f"Thank you{sign} for calling", 1)
    with pytest.raises(SiteFaults, match="cannot be spoken"):
        settings.read(spoken)


def test_one_number_cannot_belong_to_two_lines() -> None:
    twice = '[lines.fax]\ntrunk = "telco"\nnumbers = ["2025550100"]\nflow = "main"\n'
    with pytest.raises(SiteFaults, match="already a number of the line main"):
        settings.read(TEMPLATE + twice)


def test_a_flow_with_a_fault_is_left_out_of_the_draft_with_its_lines() -> None:
    found = settings.draft(TEMPLATE.replace('start = "hours"', 'start = "hurs"', 1))
    assert found.plan is not None
    assert set(found.plan.flows) == {"after-hours"}
    assert not found.plan.lines


def test_a_site_may_say_a_standard_prompt_in_its_own_words() -> None:
    site = settings.read(TEMPLATE + 'goodbye = "See you soon."\n')
    spoken = settings.prompts_of(site)["en"]
    assert spoken["goodbye"] == "See you soon."
    assert spoken["message-kept"] == settings.standard_prompts()["en"]["message-kept"]


def test_where_each_phone_stands_can_be_said_and_said_otherwise() -> None:
    site = settings.read(TEMPLATE + 'location-102 = "The right desk."\n')
    spoken = settings.prompts_of(site)["en"]
    assert spoken["location-104"] == "12 Maple Street, first floor, room 1."
    assert spoken["location-102"] == "The right desk."


def test_each_line_is_found_in_every_shape_toml_has() -> None:
    text = '''# a "comment" [with] = signs
a.b = 1
"quoted [key]".c = "a # b"
many = [
  "x", # ]
  ["y", """z
  ]"""],
  { k = 'v', l = [1,
   2] },
]
[t."u v"]
w = \'\'\'one
two\'\'\'
[[list]]
a = 1
[[list]]
[list.sub]
a = 2
'''
    lines = toml_lines.lines_of(text)
    assert lines["a", "b"] == 2
    assert lines["quoted [key]", "c"] == 3
    assert lines["many", 1] == 6
    assert lines["many", 1, 1] == 6
    assert lines["many", 2, "l", 1] == 9
    assert lines["t", "u v", "w"] == 12
    assert lines["list", 0, "a"] == 15
    assert lines["list", 1, "sub", "a"] == 18


@given(st.text(alphabet="ab01-_.=\"'[]{}#, \n\\", max_size=80))
def test_no_text_breaks_the_door(text: str) -> None:
    found = settings.draft(text)
    assert found.plan is None or not found.faults


@given(st.integers(0, len(TEMPLATE) - 1), st.text(alphabet='x1"[]={}\n', max_size=3))
def test_no_slip_of_the_hand_breaks_the_door(at: int, slip: str) -> None:
    for fault in settings.draft(TEMPLATE[:at] + slip + TEMPLATE[at + 1 :]).faults:
        assert 1 <= fault.line <= TEMPLATE.count("\n") + 4
        assert fault.reason
        assert fault.cure
