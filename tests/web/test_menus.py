"""The flow editor without a browser: what is typed is checked, kept and taken back; a link that is
broken is refused with the call that shows it, and nothing of it reaches a caller."""

import html
import json
import re

import pytest
from fastapi.testclient import TestClient

from firmware import draft
from firmware.operations import Role
from firmware.rehearsal import TEMPLATE
from tests.web.clinic import Clinic, named, token_in

PART = {"x-part": "work"}


class Editor:
    """An admin before the editor: each answer is the screen as it is then."""

    def __init__(self, clinic: Clinic, browser: TestClient) -> None:
        self.browser = browser
        clinic.sign_in(browser, named(Role.ADMIN))
        self.screen = browser.get("/menus").text
        self.token = token_in(self.screen)

    @property
    def step(self) -> str:
        found = re.search(r'data-step="(\d+)"', self.screen)
        assert found, self.screen
        return found[1]

    def go(self, at: str) -> str:
        self.screen = self.browser.get(f"/menus?{at}").text
        return self.screen

    def ask(self, wish: str, **fields: str) -> None:
        assert self._asked(wish, fields) == 200, self.screen

    def is_refused(self, wish: str, **fields: str) -> None:
        assert self._asked(wish, fields) == 409, self.screen

    def _asked(self, wish: str, fields: dict[str, str]) -> int:
        sent = {"token": self.token, "flow": "main", "step": self.step} | fields
        answer = self.browser.post(f"/menus/{wish}", data=sent, headers=PART)
        self.screen = answer.text
        return answer.status_code

    def filled(self, **changed: str) -> dict[str, str]:
        """The chosen step's form, as a browser would send it."""
        form = self.screen.partition('data-edit="node"')[2].partition("</form>")[0]
        fields = dict(re.findall(r'<input id="([^"]+)" name="[^"]+" value="([^"]*)"', form))
        fields |= dict(re.findall(r'<textarea id="([^"]+)"[^>]*>([^<]*)</textarea>', form))
        for select in re.findall(r'<select id="[^"]+".*?</select>', form, re.DOTALL):
            chosen = re.findall(r'<option value="([^"]*)" selected', select)
            fields[select.split('"')[1]] = chosen[0] if chosen else ""
        return {name: html.unescape(value) for name, value in (fields | changed).items()}

    @property
    def faults(self) -> list[str]:
        listed = self.screen.partition('class="faults"')[2].partition("</ol>")[0]
        return [words(each) for each in listed.split("<li ")[1:]]


def words(markup: str) -> str:
    return html.unescape(" ".join(re.sub(r"<[^>]*>", " ", f"<{markup}").split()))


@pytest.fixture
def practice(clinic: Clinic) -> Clinic:
    clinic.place.site_file.write_text(TEMPLATE.read_text("utf-8"), "utf-8")
    return clinic


def test_the_outline_tells_what_a_caller_meets_in_the_clinic_s_words(practice: Clinic) -> None:
    with practice.browser() as browser:
        outline = words(Editor(practice, browser).screen)
        assert "menu menu: 1 front desk, 2 nurse, 3 refill, 4 address, 0 front desk" in outline
        assert "from nurse message: then goodbye see above" in outline
        assert "Every call ends well" in outline


def test_who_keeps_a_change_sees_it_and_takes_it_back_and_makes_it_again(practice: Clinic) -> None:
    before = practice.place.site_file.read_text("utf-8")
    with practice.browser() as browser:
        editor = Editor(practice, browser)
        editor.go("flow=main&node=menu")
        editor.ask("change", node="menu", **editor.filled(**{"choices.5": "refill"}))
        assert "5 refill" in words(editor.screen)
        assert "0 front desk, 5 refill" not in draft.read(practice.place).text
        assert '5 = "refill"' in draft.read(practice.place).text
        editor.ask("undo", node="menu")
        assert draft.read(practice.place).text == before
        editor.ask("redo", node="menu")
        assert '5 = "refill"' in draft.read(practice.place).text
    assert practice.place.site_file.read_text("utf-8") == before
    text = draft.read(practice.place).text
    kept = [line for line in before.splitlines() if "#" in line]
    assert [line for line in text.splitlines() if "#" in line] == kept


def test_a_form_that_is_kept_as_it_stood_changes_nothing(practice: Clinic) -> None:
    with practice.browser() as browser:
        editor = Editor(practice, browser)
        places = re.findall(r'href="/menus\?flow=main&amp;node=([a-z-]+)"', editor.screen)
        for node in dict.fromkeys(places):
            editor.go(f"flow=main&node={node}")
            editor.ask("change", node=node, **editor.filled())
            assert editor.step == "0", node


def test_a_broken_link_is_refused_with_its_call_and_mended_by_undo(practice: Clinic) -> None:
    with practice.browser() as browser:
        editor = Editor(practice, browser)
        editor.go("flow=main&node=nurse-message")
        editor.ask("remove", node="nurse-message", heir="")
        assert "1 fault: this cannot be published" in words(editor.screen)
        (fault,) = editor.faults
        assert "main · nurse" in fault
        assert "leads to “nurse message”, and there is no such step" in fault
        assert "Call the line main on Mon, Mar 2" in fault
        assert "press 2; wait until you come to “nurse”; press 0." in fault
        heard = re.search(r'href="(/try\?call=[^"]+)"', editor.screen)
        assert heard
        tried = browser.get(html.unescape(heard[1]))
        assert tried.status_code == 200
        assert 'data-press="until main/menu,2,until main/nurse,0" data-replayed' in tried.text
        waits = words(browser.get("/publish").text)
        assert "It leads to “nurse message”, and there is no such step." in waits
        drawn = re.search(r'data-graph="([^"]*)"', editor.screen)
        assert drawn
        boxes = {box["id"]: box for box in json.loads(html.unescape(drawn[1]))["boxes"]}
        assert boxes["gone:nurse-message"]["what"] == "gone"
        assert boxes["node:nurse"]["told"] == "1 fault"
        editor.ask("undo", node="nurse")
        assert editor.faults == []
        assert "Every call ends well" in words(editor.screen)


def test_what_is_typed_is_checked_beside_its_field_and_not_kept(practice: Clinic) -> None:
    with practice.browser() as browser:
        editor = Editor(practice, browser)
        editor.go("flow=main&node=front-desk")
        editor.ask("check", node="front-desk", **editor.filled(patience_s="9999"))
        beside = editor.screen.partition('id="patience_s-fault"')[2].partition("</span>")[0]
        assert "a number of seconds from 5 to 7200" in beside
        assert editor.step == "0"
        assert draft.read(practice.place).done == ()


def test_a_menu_is_built_by_choosing_what_its_keys_do(practice: Clinic) -> None:
    with practice.browser() as browser:
        editor = Editor(practice, browser)
        editor.go("flow=main&node=menu")
        editor.ask("change", node="menu", **editor.filled(**{"choices.5": "new:menu"}))
        editor.go("flow=main&node=menu-2")
        said = "For billing, press 1. To speak with somebody, press 0."
        fields = {"choices.1": "new:queue-with-message", "words.menu-2-words": said}
        editor.ask("change", node="menu-2", **editor.filled(**fields))
        assert "Every call ends well" in words(editor.screen)
        text = draft.read(practice.place).text
        assert said in text
        assert "[flows.main.nodes.waiting-message]" in text
        editor.ask("rename", node="menu-2", name="Billing")
        assert 'choices = { 1 = "front-desk", 2 = "nurse", 3 = "refill", 4 = "address", 0 =' in text
        assert '5 = "billing"' in draft.read(practice.place).text
        assert "Every call ends well" in words(editor.screen)


def test_new_words_of_a_step_become_an_announcement_of_the_clinic_s_own(practice: Clinic) -> None:
    with practice.browser() as browser:
        editor = Editor(practice, browser)
        editor.go("flow=main&node=address")
        fresh = "Parking is behind\nthe house."
        editor.ask("change", node="address", **editor.filled(**{"new-words": fresh}))
        text = draft.read(practice.place).text
        assert 'address-words = "Parking is behind the house."' in text
        assert 'prompts = ["hours-and-address", "address-words"]' in text


def test_a_note_stays_with_its_step_and_no_caller_hears_it(practice: Clinic) -> None:
    with practice.browser() as browser:
        editor = Editor(practice, browser)
        editor.go("flow=main&node=refill")
        editor.ask("change", node="refill", **editor.filled(note="Dr. Chen asked for this"))
        editor.ask("rename", node="refill", name="medicines")
        assert "Dr. Chen asked for this" in words(editor.screen)
        assert "Every call ends well" in words(editor.screen)


def test_who_looked_at_an_older_draft_is_told_and_overwrites_nothing(practice: Clinic) -> None:
    with practice.browser() as browser:
        editor = Editor(practice, browser)
        editor.go("flow=main&node=menu")
        fields = editor.filled(**{"choices.5": "refill"})
        editor.ask("duplicate", node="nurse")
        kept = draft.read(practice.place).text
        editor.is_refused("change", node="menu", **(fields | {"step": "0"}))
        assert "changed the draft while you looked at it" in words(editor.screen)
        assert draft.read(practice.place).text == kept


def test_a_wish_that_cannot_be_is_said_and_the_screen_stays(practice: Clinic) -> None:
    with practice.browser() as browser:
        editor = Editor(practice, browser)
        editor.go("flow=main&node=menu")
        editor.is_refused("rename", node="menu", name="nurse")
        assert "There is a “nurse” already: take another name." in words(editor.screen)
        editor.is_refused("change", node="no-such-step")
        assert "is not there any more" in words(editor.screen)
        editor.is_refused("add", piece="bomb")
        editor.is_refused("undo", node="")
        assert "There is nothing to undo." in words(editor.screen)


def test_without_a_script_each_form_leads_back_to_the_screen(practice: Clinic) -> None:
    with practice.browser() as browser:
        editor = Editor(practice, browser)
        sent = {"token": editor.token, "step": "0", "flow": "", "node": "", "name": "Evening"}
        answer = browser.post("/menus/new", data=sent)
        assert answer.status_code == 303
        assert answer.headers["location"] == "/menus?flow=evening&node=menu"
        assert "evening" in words(browser.get("/menus?flow=evening&node=menu").text)


@pytest.mark.parametrize("role", [Role.FRONT_DESK, Role.NURSE, Role.PROVIDER, Role.AUDITOR])
def test_menus_are_open_to_nobody_else(practice: Clinic, role: Role) -> None:
    with practice.browser() as browser:
        practice.sign_in(browser, named(role))
        assert browser.get("/menus").status_code == 403
        token = token_in(browser.get("/today").text)
        sent = {"token": token, "flow": "main", "node": "nurse", "step": "0", "heir": ""}
        assert browser.post("/menus/remove", data=sent).status_code == 403
    assert draft.read(practice.place).step == 0


def test_a_draft_with_many_faults_is_shown_in_spanish_too(practice: Clinic) -> None:
    text = TEMPLATE.read_text("utf-8")
    practice.place.site_file.write_text(text.replace('2 = "nurse"', '2 = "nurze"'), "utf-8")
    with practice.browser("es") as browser:
        editor = Editor(practice, browser)
        (fault,) = editor.faults
        assert "no existe ese paso" in fault
        assert "Llame a la línea main" in fault
        assert "pulse 2" in fault


def test_a_file_whose_text_is_no_site_file_is_refused_with_the_cure(practice: Clinic) -> None:
    practice.place.site_file.write_text("[clinic\n", "utf-8")
    with practice.browser() as browser:
        practice.sign_in(browser, named(Role.ADMIN))
        answer = browser.get("/menus")
        assert answer.status_code == 409
        assert "Discard the draft" in answer.text


def test_a_name_from_an_address_is_no_markup(practice: Clinic) -> None:
    with practice.browser() as browser:
        editor = Editor(practice, browser)
        assert "<script>x" not in editor.go("flow=%3Cscript%3Ex&node=%3Cscript%3Ex")
        editor.is_refused("change", flow="<script>x", node="")
        assert "<script>x" not in editor.screen
