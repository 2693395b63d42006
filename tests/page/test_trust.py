"""The first visit by a real browser: what port 80 shows, what is downloaded there, and whom a
browser believes that was told to trust the box. Chromium judges certificates by itself, and not by
OpenSSL."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from playwright.sync_api import Browser, Error, Playwright

from firmware.place import Place
from firmware.web import authority
from firmware.web.addresses import Names, names_of_box
from firmware.web.authority import Clock, Identity
from firmware.web.landing import Landing
from tests.page.conftest import CHROMIUM
from tests.page.visit import visiting
from tests.web.served import UNHURRIED, Page, served_beside

BANK = "bank.example"
# What the clinic's network would answer, the thief's part included.
FOUND = f"--host-resolver-rules=MAP careline.local 127.0.0.1, MAP {BANK} 127.0.0.1"
REFUSED = "net::ERR_CERT_AUTHORITY_INVALID"


@dataclass(frozen=True)
class Box:
    """Its two ports, and that of a thief who has its authority."""

    https: int
    http: int
    thief: int


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    place = Place(tmp_path_factory.mktemp("box"))
    clock = Clock(datetime.now(UTC), is_trusted=True)
    ours, stolen = (Identity(place, names_of_box(), clock) for _ in range(2))
    become_a_bank(stolen, clock, place.home / "bank.pem")
    with ExitStack() as up:
        https = up.enter_context(served_beside(Page(), UNHURRIED, identity=ours))
        http = up.enter_context(served_beside(Landing(ours, https), UNHURRIED))
        thief = up.enter_context(served_beside(Page(), UNHURRIED, identity=stolen))
        yield Box(https, http, thief)


def become_a_bank(stolen: Identity, clock: Clock, at: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    forged = authority.issued(
        stolen.authority, key, Names((BANK,), ()), authority.validity(clock, clock.now)
    )
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    pem = forged.public_bytes(serialization.Encoding.PEM)
    at.write_bytes(pem + key.private_bytes(serialization.Encoding.PEM, form, plain))
    stolen.context.load_cert_chain(at)


@contextmanager
def browser(driver: Playwright, home: Path, *trusted: Path) -> Iterator[Browser]:
    """One of a computer on which these authorities were installed."""
    if CHROMIUM is None or shutil.which("certutil") is None:
        pytest.skip("missing: sudo apt-get install chromium libnss3-tools")
    store = home / ".pki" / "nssdb"
    store.mkdir(parents=True)
    certutil = ["certutil", "-d", f"sql:{store}"]
    subprocess.run([*certutil, "-N", "--empty-password"], check=True)
    for path in trusted:
        add = ["-A", "-n", path.name, "-t", "C,,", "-i", str(path)]
        subprocess.run([*certutil, *add], check=True)
    opened = driver.chromium.launch(
        executable_path=CHROMIUM, args=["--no-sandbox", FOUND], env={"HOME": str(home)}
    )
    try:
        yield opened
    finally:
        opened.close()


@pytest.mark.parametrize("language", ["en", "es"])
def test_the_landing_page_has_no_barrier_and_fits_every_screen(
    box: Box, driver: Playwright, tmp_path: Path, pictures: Path, language: str
) -> None:
    with (
        browser(driver, tmp_path) as fresh,
        visiting(fresh, f"http://careline.local:{box.http}", language) as visit,
    ):
        visit.go("/")
        assert visit.page.locator("html").get_attribute("lang") == language
        for summary in visit.page.locator("summary").all():
            summary.click()
        visit.nobody_is_kept(pictures, "landing", ("desktop", "phone"))


def test_a_browser_warns_until_it_is_told_to_trust_the_box_and_never_believes_a_thief(
    box: Box, driver: Playwright, tmp_path: Path
) -> None:
    landing = f"http://careline.local:{box.http}"
    with browser(driver, tmp_path / "new") as fresh:
        page = fresh.new_page()
        page.goto(landing)
        with page.expect_download() as coming:
            page.locator("summary", has_text="Android").click()
            page.locator("a[href='/careline.crt']:visible").click()
        downloaded = tmp_path / "careline.crt"
        coming.value.save_as(downloaded)
        link = page.locator("a.go").get_attribute("href")
        assert link == f"https://careline.local:{box.https}/"
        with pytest.raises(Error, match=REFUSED):
            page.goto(link)

    with browser(driver, tmp_path / "told", downloaded) as trusting:
        page = trusting.new_page()
        page.goto(landing)
        page.locator("a.go").click()
        page.wait_for_url(link)
        assert page.locator("body").inner_text() == "hello"
        assert page.evaluate("isSecureContext")
        for name in ("127.0.0.1", "localhost"):
            page.goto(f"https://{name}:{box.https}/")
            assert page.locator("body").inner_text() == "hello"
        # Not that it does not know the authority: that it may not vouch for a bank.
        with pytest.raises(Error, match="net::ERR_CERT_INVALID"):
            page.goto(f"https://{BANK}:{box.thief}/")
