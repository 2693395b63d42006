"""People and phones in a real browser: a telephone is added with a slip, which is mended where it
is told; three more come by a table that is shown first; the sheet of it all is printed."""

import re
import ssl
from pathlib import Path
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, expect

from firmware import backup, backup_keys, draft, drill, people
from firmware.operations import Role
from firmware.rehearsal import PASSWORD as OF_REHEARSAL
from firmware.rehearsal import PERSON
from firmware.shelf import Folder
from firmware.web.first import ASKED_LINE
from tests.page.practice import SOON_S, Practice
from tests.page.visit import visiting
from tests.system.watching_phone import watching_phone

TABLE = """extension,name,location,callback
108,Room 5,12 Maple Street - first floor - room 5,2025550100
109,Room 6,12 Maple Street - first floor - room 6,2025550100
110,Room 7,12 Maple Street - first floor - room 7,2025550100
111,=1+1,12 Maple Street - first floor - room 8,2025550100
"""
SCREENS = (
    "/rooms",
    "/rooms/phones",
    "/rooms/queues/part/front-desk",
    "/rooms/phones/bring",
    "/rooms/phones/set-up/101",
    "/rooms/sheets/wall",
    "/staff",
    "/pins",
    "/passwords/trunks/telco",
    "/backups",
    "/papers",
    "/network",
    "/audit",
    "/evidence",
)


def test_telephones_are_added_by_a_form_and_by_a_table_and_their_sheet_is_printed(
    here: Practice, chromium: Browser, pictures: Path, tmp_path: Path
) -> None:
    table = tmp_path / "phones.csv"
    table.write_text(TABLE, "utf-8")
    with visiting(chromium, here.address) as visit:
        page = visit.page
        visit.sign_in(Role.ADMIN)
        visit.go("/rooms/phones")
        page.get_by_role("link", name="Add").click()
        page.get_by_label("Extension").fill("107")
        page.get_by_label("Name").fill("Room 4")
        page.get_by_label("Where it stands").fill("12 Maple Street - first floor - room 4")
        page.get_by_label("Number to call back").fill("the front desk")
        page.get_by_role("button", name="Save in the draft").click()
        wrong = page.get_by_label("Number to call back")
        expect(wrong).to_have_accessible_description(re.compile("Use the digits of"))
        expect(page.get_by_label("Name")).to_have_value("Room 4")
        page.screenshot(path=pictures / "rooms-slip.png", full_page=True)
        wrong.fill("2025550100")
        page.get_by_role("button", name="Save in the draft").click()
        expect(page.get_by_role("rowheader", name="107")).to_be_visible()

        page.get_by_role("link", name="Bring from a table").click()
        page.get_by_label("Table (CSV)").set_input_files(table)
        expect(page.get_by_label("Or paste it here")).to_have_value(TABLE)
        page.get_by_role("button", name="Show what it would do").click()
        expect(page.get_by_text("3 are added, 0 are changed")).to_be_visible()
        refused = page.locator("tr", has_text="111")
        expect(refused).to_contain_text("is refused")
        page.screenshot(path=pictures / "rooms-table.png", full_page=True)
        page.get_by_role("button", name="Take these over into the draft").click()
        expect(page.get_by_role("rowheader", name="110")).to_be_visible()
        expect(page.get_by_role("rowheader", name="111")).to_have_count(0)

        page.get_by_role("button", name="Undo the last change").click()
        expect(page.get_by_role("rowheader", name="110")).to_have_count(0)
        expect(page.get_by_role("rowheader", name="107")).to_be_visible()
        page.get_by_role("button", name="Do it again").click()
        expect(page.get_by_role("rowheader", name="110")).to_be_visible()

        visit.go("/rooms/sheets/wall")
        page.emulate_media(media="print")
        expect(page.locator(".sheet")).to_contain_text("Room 7")
        expect(page.get_by_role("navigation")).to_be_hidden()
        expect(page.get_by_role("button", name="Print this sheet")).to_be_hidden()
        assert page.pdf(format="A4").startswith(b"%PDF")
        page.screenshot(path=pictures / "rooms-sheet-printed.png", full_page=True)
        visit.complaints = [each for each in visit.complaints if "422" not in each]  # its answer
    draft.discard(here.place, draft.read(here.place).step)


@pytest.mark.parametrize("language", ["en", "es"])
def test_nobody_is_kept_from_people_and_phones(
    here: Practice, chromium: Browser, pictures: Path, language: str
) -> None:
    with visiting(chromium, here.address, language) as visit:
        visit.sign_in(Role.ADMIN)
        for path in SCREENS:
            visit.go(path)
            name = path.strip("/").replace("/", "-")
            visit.nobody_is_kept(pictures, name, ("desktop", "phone"))
            for how in ("tablet", "zoomed"):
                visit.fits(how)


def test_a_backup_is_tried_by_a_press_and_an_envelope_and_a_new_paper_are_printed(
    here: Practice, chromium: Browser, pictures: Path, tmp_path: Path
) -> None:
    """By the clinic's first admin, who opens every mailbox; the drill is a real one."""
    backup.to_shelf(here.place, Folder(tmp_path), 1, lambda _: None)
    with visiting(chromium, here.address) as visit:
        page = visit.page
        visit.sign_in_as(PERSON, OF_REHEARSAL)
        visit.go("/backups")
        page.get_by_role("button", name="Hold a drill now").click()
        expect(page.get_by_text("A drill is under way")).to_be_visible()
        page.screenshot(path=pictures / "backups-drill.png", full_page=True)
        # Drawn anew by itself when it is over. It gives way to everything, so on a busy machine its
        # call may come too late: tests/system/test_drill_call.py tells that it is answered.
        again = page.get_by_role("button", name="Hold a drill now")
        expect(again).to_be_visible(timeout=3 * SOON_S * 1000)
        told = drill.last(here.place)
        assert told is not None
        expect(page.get_by_text(told.file).first).to_be_visible()
        visit.nobody_is_kept(pictures, "backups-tried", ("desktop", "phone"))

        visit.look("desktop")
        visit.go("/papers")
        page.get_by_label("Your password").fill(OF_REHEARSAL)
        page.keyboard.press("Enter")
        code = page.locator(".huge-code").inner_text()
        visit.nobody_is_kept(pictures, "papers-envelope", ("desktop", "phone"))
        page.emulate_media(media="print")
        expect(page.get_by_role("button", name="Print this")).to_be_hidden()
        page.emulate_media(media="screen")
        page.get_by_role("link", name="Done").click()
        expect(page.get_by_text("One lies ready")).to_be_visible()
        expect(page.get_by_text(code)).to_have_count(0)

        before = people.recovery_key(here.place.page_db)
        page.get_by_role("button", name="Show a new recovery paper").click()
        word = page.locator(".key li").nth(ASKED_LINE - 1).locator("b").inner_text()
        visit.nobody_is_kept(pictures, "papers-recovery", ("desktop", "phone"))
        page.get_by_label("The word at the end").fill(word)
        page.get_by_label("Your password").fill(OF_REHEARSAL)
        page.keyboard.press("Enter")
        page.wait_for_url("**/papers")
    assert people.recovery_key(here.place.page_db) != before
    backup_keys.paper_recipient(here.place)  # the next backup is made out to the new one


def test_a_telephone_is_set_up_by_a_link_that_it_fetches_by_over_tls_as_one_that_trusts_the_box(
    here: Practice, chromium: Browser, pictures: Path
) -> None:
    trusting = ssl.create_default_context(cadata=_authority(here))
    with visiting(chromium, here.address) as visit:
        page = visit.page
        visit.sign_in(Role.ADMIN)
        visit.go("/rooms/phones")
        page.get_by_role("link", name="Set up phone 101").click()
        expect(page.get_by_text("It is signed in to the exchange.")).to_be_visible()
        page.get_by_label("Which telephone is it?").select_option("yealink")
        page.get_by_label("Its MAC address").fill("00:0B:82:AA:BB:CC")
        page.keyboard.press("Enter")
        link = page.locator("code.secret").inner_text()
        expect(page.get_by_role("img", name="QR code of this address")).to_be_visible()
        visit.nobody_is_kept(pictures, "rooms-set-up", ("desktop", "phone"))
        with urlopen(f"{link}000b82aabbcc.cfg", context=trusting, timeout=30) as got:  # noqa: S310
            told = dict(line.split(" = ", 1) for line in got.read().decode().splitlines()[1:])
        assert here.run(_sees_a_lamp(told)) == 200
        page.get_by_role("link", name="Look again").click()
        expect(page.get_by_text("by 00:0B:82:AA:BB:CC.")).to_be_visible()
        expect(page.locator("code.secret")).to_have_count(0)
    assert link.split("/")[-2] not in here.said()


async def _sees_a_lamp(told: dict[str, str]) -> int:
    """By what its file says and nothing else, on the real Asterisk: the status of the answer."""
    account = {name.removeprefix("account.1."): value for name, value in told.items()}
    assert account["sip_server.1.address"] == "127.0.0.1"
    sip, user = int(account["sip_server.1.port"]), account["auth_name"]
    key = next(name for name, value in told.items() if value == "16" and name.startswith("linekey"))
    colleague = told[key.replace("type", "value")]
    async with watching_phone(sip, user, account["password"], colleague) as phone:
        status = await phone.subscribe()
        await phone.until("terminated")  # nobody talks there
        return status


def _authority(here: Practice) -> str:
    """The box's own, as it lies there beside its sealed key."""
    kept = here.place.page_authority.read_text("ascii")
    return kept[kept.index("-----BEGIN CERTIFICATE") :]
