"""Port 80 says what this box is and how to trust it, and nothing that is not on its label."""

import plistlib
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st

from firmware.place import Place
from firmware.web.addresses import Names
from firmware.web.authority import Authority, Clock, Identity
from firmware.web.landing import Answer, Asked, answer, page_at, preferred
from firmware.web.landing_words import ENGLISH, LANGUAGES, SPANISH
from tests.web.clinic import Clinic

NAMES = Names(("careline.local", "box"), (ip_address("192.168.1.20"), ip_address("fd00::20")))


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    place = Place(tmp_path_factory.mktemp("box"))
    return Identity(place, NAMES, Clock(datetime.now(UTC), is_trusted=True)).authority


def get(
    path: bytes, host: str = "careline.local", languages: str = "", method: str = "GET"
) -> Asked:
    return Asked(method, path, host, languages, met_at="192.168.1.20")


def at(ours: Authority, asked: Asked, port: int = 443) -> Answer:
    return answer(asked, ours, NAMES, port)


class Elements(HTMLParser):
    """A page as a browser takes it in."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data

    def links(self) -> list[str]:
        return [attrs["href"] or "" for tag, attrs in self.found if tag == "a"]


@pytest.mark.parametrize(
    ("languages", "words"),
    [
        ("", ENGLISH),
        ("es", SPANISH),
        ("es-MX,es;q=0.9,en;q=0.8", SPANISH),
        ("en-US,en;q=0.9,es;q=0.8", ENGLISH),
        ("fr,es;q=0.5", SPANISH),
        ("en;q=0.1,es;q=0.2", SPANISH),
        ("es;q=0", ENGLISH),
        ("es;q=nonsense", ENGLISH),
        ("de", ENGLISH),
    ],
)
def test_it_is_read_in_the_visitors_language(languages: str, words: object) -> None:
    assert preferred(languages) is words


@pytest.mark.parametrize("language", ["en", "es"])
def test_it_shows_what_to_compare_and_how_to_trust_on_each_system(
    ours: Authority, language: str
) -> None:
    told = at(ours, get(f"/{language}".encode()))
    page, words = Elements(told.body), LANGUAGES[language]
    assert told.status == 200
    for lines in (ours.fingerprint, ours.thumbprint):
        assert "".join(lines) in page.words
    assert ours.name in page.words
    assert [one.system.partition(" ")[0].strip(",") for one in words.systems] == [
        "Windows", "Mac", "iPhone", "Android", "Firefox",
    ]  # fmt: skip
    for system in words.systems:
        assert all(step in page.words for step in system.steps)
        assert f"/careline{system.file}" in page.links()
    assert "https://careline.local/" in page.links()
    assert ("html", {"lang": language}) in page.found


def test_both_languages_say_the_same_things() -> None:
    for english, spanish in zip(ENGLISH.systems, SPANISH.systems, strict=True):
        assert english.file == spanish.file
        assert len(english.steps) == len(spanish.steps)


@pytest.mark.parametrize("path", [b"/", b"/en", b"/es"])
def test_it_has_no_cookie_no_form_and_no_script_and_fetches_nothing(
    ours: Authority, path: bytes
) -> None:
    told = at(ours, get(path))
    tags = {tag for tag, _ in Elements(told.body).found}
    assert not tags & {"script", "form", "input", "button", "img", "iframe", "link", "object"}
    head = dict(told.more)
    assert "set-cookie" not in head
    assert head["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in head["content-security-policy"]
    assert not re.search(rb"\son\w+=|style=|javascript:", told.body)
    assert len(told.body) < 12_000


def test_each_system_gets_the_certificate_in_the_form_it_opens(ours: Authority) -> None:
    pem, der, apple = (
        at(ours, get(b"/careline" + ending)) for ending in (b".crt", b".cer", b".mobileconfig")
    )
    assert x509.load_pem_x509_certificate(pem.body) == ours.certificate
    assert x509.load_der_x509_certificate(der.body) == ours.certificate
    profile = plistlib.loads(apple.body)
    (root,) = profile["PayloadContent"]
    assert root["PayloadType"] == "com.apple.security.root"
    assert root["PayloadContent"] == ours.certificate.public_bytes(serialization.Encoding.DER)
    assert apple.kind == "application/x-apple-aspen-config"
    assert plistlib.loads(at(ours, get(b"/careline.mobileconfig")).body) == profile
    for told in (pem, der, apple):
        assert b"PRIVATE" not in told.body


@pytest.mark.parametrize(
    ("path", "to"),
    [
        (b"/today", "/today"),
        (b"/favicon.ico", "/favicon.ico"),
        (b"/en/", "/en/"),
        (b"//bank.example/", "//bank.example/"),
        (b"http://bank.example/", "/"),
        (b"*", "/"),
        (b"bank.example:443", "/"),
    ],
)
def test_every_other_address_leads_to_the_same_one_under_https(
    ours: Authority, path: bytes, to: str
) -> None:
    told = at(ours, get(path), port=8443)
    assert (told.status, told.body) == (307, b"")
    assert dict(told.more) == {"location": f"https://careline.local:8443{to}"}


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "BREW"])
def test_nothing_can_be_sent_there(ours: Authority, method: str) -> None:
    for path in (b"/", b"/careline.crt", b"/setup"):
        told = at(ours, get(path, method=method))
        assert (told.status, dict(told.more)) == (405, {"allow": "GET, HEAD"})


@pytest.mark.parametrize(
    ("host", "at_"),
    [
        ("careline.local", "careline.local"),
        ("CareLine.local:80", "careline.local"),
        ("box", "box"),
        ("192.168.1.20:8080", "192.168.1.20"),
        ("[fd00::20]", "[fd00::20]"),
        ("[FD00::20]:80", "[fd00::20]"),
        ("bank.example", "192.168.1.20"),
        ("careline.local.bank.example", "192.168.1.20"),
        ("careline.local@bank.example", "192.168.1.20"),
        ("", "192.168.1.20"),
    ],
)
def test_a_visitor_is_sent_to_this_box_and_nowhere_else(host: str, at_: str) -> None:
    assert page_at(get(b"/", host), NAMES, 443) == at_


def test_who_came_by_an_address_that_the_certificate_lacks_is_sent_to_the_name() -> None:
    asked = Asked("GET", b"/", "router.example", "", met_at="203.0.113.9")
    assert page_at(asked, NAMES, 443) == "careline.local"


TEXT = st.text(st.characters(max_codepoint=0xFF), max_size=80)
VISIBLE = st.binary(max_size=80).map(lambda drawn: bytes(33 + byte % 94 for byte in drawn))


@given(host=TEXT, languages=TEXT, path=VISIBLE, method=st.sampled_from(["GET", "HEAD", "POST"]))
def test_whatever_a_visitor_sends_no_word_of_it_is_shown_and_nobody_is_led_astray(
    ours: Authority, host: str, languages: str, path: bytes, method: str
) -> None:
    told = at(ours, Asked(method, path, host, languages, met_at="192.168.1.20"))
    assert told.status in (200, 307, 405)
    led = [value for name, value in told.more if name == "location"]
    if told.status == 200 and told.kind.startswith("text/html"):
        led = [link for link in Elements(told.body).links() if not link.startswith("/")]
    for link in led:
        host_part = re.fullmatch(r"https://([^/?#@\\]+)/.*", link)
        assert host_part
        assert host_part[1] in ("careline.local", "box", "192.168.1.20", "[fd00::20]")
        assert "\r" not in link
        assert "\n" not in link


# ---- what the README says of it ----

README = Path(__file__).parents[2] / "README.md"


def test_the_readme_quotes_the_first_visit_as_it_is(ours: Authority, tmp_path: Path) -> None:
    section = README.read_text("utf-8").partition("\n## The first visit to the page\n")[2]
    section = " ".join(section.partition("\n## ")[0].split())
    quoted = re.findall(r"“([^”]+)”", section)
    landing = Elements(at(ours, get(b"/en")).body).words
    with Clinic(tmp_path).browser() as browser:
        welcome = Elements(browser.get("/first").content).words
    assert len(quoted) == 4
    assert [words for words in quoted if words not in landing + welcome] == []
    for system in ENGLISH.systems:
        assert system.system.partition(" ")[0].strip(",") in section
