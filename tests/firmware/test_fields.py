"""Forms of the site file as fields: each key of each section has its field, and whatever a section
may say comes back from the fields as it was."""

from collections.abc import Mapping
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from firmware.fields import Field, Kind, place_of, texts_of, value_of
from firmware.sections import SECTIONS, Section

Schema = Mapping[str, Any]  # a model's, as JSON Schema has it: it knows nothing of fields


def values(schema: Schema, whole: Schema) -> st.SearchStrategy[Any]:
    """Whatever the schema admits, and here and there what it does not."""
    match schema:
        case {"$ref": ref}:
            return values(whole["$defs"][str(ref).rpartition("/")[2]], whole)
        case {"anyOf": options}:
            return st.one_of([values(one, whole) for one in options])
        case {"enum": words}:
            return st.sampled_from(words)
        case {"const": word}:
            return st.just(word)
        case {"type": "null"}:
            return st.nothing()
        case {"type": "boolean"}:
            return st.booleans()
        case {"type": "integer"}:
            return st.integers(schema.get("minimum", 0), schema.get("maximum", 99))
        case {"type": "number"}:
            least = schema.get("minimum", 0.1)
            return st.floats(least, schema.get("maximum", 99), allow_nan=False)
        case {"type": "string", "pattern": pattern}:
            return st.from_regex(pattern, fullmatch=True, alphabet=st.characters(codec="ascii"))
        case {"type": "string"}:
            return st.sampled_from(["America/New_York", "UTC"])
        case {"type": "array", "items": items}:
            least = schema.get("minItems", 0)
            return st.lists(values(items, whole), min_size=least, max_size=least + 2, unique_by=str)
        case {"type": "object", "properties": properties}:
            needed = set(schema.get("required", ()))
            each = {name: values(one, whole) for name, one in properties.items()}
            return st.fixed_dictionaries(
                {name: each[name] for name in each if name in needed},
                optional={name: each[name] for name in each if name not in needed},
            )
        case {"type": "object", "patternProperties": inside}:
            ((pattern, value),) = inside.items()
            names = st.from_regex(pattern, fullmatch=True, alphabet=st.characters(codec="ascii"))
            return st.dictionaries(names, values(value, whole), max_size=3)
        case _:
            raise AssertionError(f"the test does not know {schema}")


def written_in(section: Section) -> st.SearchStrategy[dict[str, Any]]:
    schema = section.form.model_json_schema()
    return values(schema, schema)


@pytest.mark.parametrize("section", SECTIONS.values(), ids=SECTIONS)
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_what_a_section_may_say_comes_back_from_its_fields_as_it_was(
    section: Section, data: st.DataObject
) -> None:
    written = data.draw(written_in(section))
    try:
        meant = section.form.model_validate(written)
    except ValidationError:
        assume(False)
    texts = texts_of(section.fields, written)
    back = value_of(section.fields, texts, written)
    assert section.form.model_validate(back) == meant
    assert set(back) <= set(written), "what did not stand in the file is not written into it"
    assert value_of(section.fields, texts, back) == back
    if len(written.get("says", [])) < 2:  # ticks alone have no order
        assert section.form.model_validate(value_of(section.fields, texts, {})) == meant


@pytest.mark.parametrize("section", SECTIONS.values(), ids=SECTIONS)
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_is_typed_is_read_and_judged_by_the_form_alone(
    section: Section, data: st.DataObject
) -> None:
    names = [field.name for field in flat(section.fields)]
    typed = st.text(max_size=20) | st.sampled_from(["1", "a = 1\na = 2", " 2,5 ", "x\n\ny", "nan"])
    texts = data.draw(st.dictionaries(st.sampled_from(names), typed))
    value = value_of(section.fields, texts, {})
    try:
        section.form.model_validate(value)
    except ValidationError as wrong:
        for each in wrong.errors(include_url=False):
            inside = tuple(part for part in each["loc"] if part != "[key]")
            assert place_of(section.fields, inside) != ""


ANYTHING = st.recursive(
    st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=4), inside),
    max_leaves=6,
)


@pytest.mark.parametrize("section", SECTIONS.values(), ids=SECTIONS)
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_stands_in_a_draft_can_be_shown_and_sent_again(
    section: Section, data: st.DataObject
) -> None:
    keys = st.sampled_from([field.name for field in section.fields] + ["else"])
    written = data.draw(st.dictionaries(keys, ANYTHING))
    texts = texts_of(section.fields, written)
    assert all(isinstance(text, str) for text in texts.values())
    back = value_of(section.fields, texts, written)
    assert back.get("else") == written.get("else")


def flat(fields: tuple[Field, ...]) -> list[Field]:
    return [each for field in fields for each in (field, *flat(field.inside))]


def of(section: str, name: str) -> Field:
    return next(each for each in SECTIONS[section].fields if each.name == name)


def test_a_field_is_filled_in_as_what_it_holds_asks() -> None:
    kinds = {each.name: each.kind for each in SECTIONS["queues"].fields}
    assert kinds["agents"] is Kind.LINES
    assert kinds["target_s"] is Kind.NUMBER
    assert kinds["urgency"] is Kind.CHOICE
    assert kinds["survey"] is Kind.YES
    assert kinds["needs"] is Kind.PAIRS
    assert kinds["says"] is Kind.TICKS
    assert kinds["callbacks"] is Kind.GROUP
    assert kinds["relaxes"] is Kind.GROUPS
    assert of("queues", "relaxes").most == 3
    assert of("phones", "location").is_needed
    assert not of("phones", "mailbox").is_needed


def test_what_fields_know_nothing_of_stays_and_what_was_emptied_goes() -> None:
    fields = SECTIONS["phones"].fields
    written = cast(Any, {"name": "Nurse", "mailbox": "nurse", "tomorrow": 1})
    texts = texts_of(fields, written) | {"mailbox": " ", "name": "Nurses"}
    assert value_of(fields, texts, written) == {"name": "Nurses", "tomorrow": 1}


def test_the_first_of_a_list_stays_the_first_when_another_is_ticked() -> None:
    fields = (Field("phones", Kind.TICKS, "", True, choices=("101", "102", "103")),)
    texts = {"phones.101": "on", "phones.102": "on", "phones.103": "on"}
    assert value_of(fields, texts, {"phones": ["103", "101"]}) == {"phones": ["103", "101", "102"]}


def test_a_number_is_read_with_a_comma_too_and_a_word_is_left_for_the_form_to_refuse() -> None:
    fields = SECTIONS["retention"].fields
    assert value_of(fields, {"recordings_gb": "2,5"}, {})["recordings_gb"] == 2.5
    assert value_of(fields, {"recordings_gb": "much"}, {})["recordings_gb"] == "much"


def test_a_skill_that_stands_there_twice_has_no_level() -> None:
    fields = SECTIONS["phones"].fields
    value = value_of(fields, {"skills": "spanish = 1\nspanish = 2"}, {})
    assert value == {"skills": {"spanish": ""}}
