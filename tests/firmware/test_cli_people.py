"""People by command: who comes gets a code, who goes opens nothing more, all told plainly."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from firmware import paper, people
from firmware.cli.people import app
from firmware.keys import KeyPair

PASSWORD, BENS = "four words in a row", "three other good words"
TEMPLATE = Path("firmware/template/clinic.toml").read_text("utf-8")
SITE = re.sub(r"members = .*", 'members = ["maria"]', TEMPLATE).replace(
    '[mailboxes.nurse]\nmembers = ["maria"]', '[mailboxes.nurse]\nmembers = ["maria", "ben"]'
)

Careline = Callable[..., Result]


@pytest.fixture
def careline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Careline:
    monkeypatch.setenv("CARELINE_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "clinic.toml").write_text(SITE)

    def run(*words: str, typed: str = PASSWORD) -> Result:
        return CliRunner().invoke(app, words, input=typed + "\n")

    return run


def paper_of(shown: Result) -> KeyPair:
    return paper.read("\n".join(re.findall(r"^ {4}\d {3}(.*)$", shown.stdout, re.MULTILINE)))


def test_a_nurse_comes_reads_and_leaves(careline: Careline, tmp_path: Path) -> None:
    page_db = tmp_path / "page.db"
    old = paper_of(careline("setup", "--person", "maria", "--password-stdin"))
    assert careline("people", "agree", "--password-stdin").exit_code == 0

    words = ("people", "invite", "ben", "--role", "nurse", "--as", "maria", "--password-stdin")
    assert "do not belong together" in careline(*words, typed="a wrong one").stderr
    code = careline(*words).stdout.strip()
    assert re.fullmatch(r"(\w{4}-){3}\w{4}", code)
    accepted = careline("people", "accept", "ben", "--password-stdin", typed=f"{code}\n{BENS}")
    assert "nurse when somebody signs in who can" in accepted.stderr
    people.sign_in(page_db, "maria", PASSWORD)
    listed = careline("people", "list").stdout
    assert re.search(r"ben\s+nurse\s+nurse", listed)
    assert set(people.sign_in(page_db, "ben", BENS).mailboxes) == {"nurse"}

    refused = careline(
        "people", "remove", "maria", "--as", "ben", "--password-stdin", "--yes", typed=BENS
    )
    assert "this is for admin" in refused.stderr
    removed = careline("people", "remove", "ben", "--as", "maria", "--password-stdin", "--yes")
    assert "new keys for nurse" in removed.stderr

    renewed = careline("people", "new-paper", "--password-stdin")
    assert "destroy the old one" in renewed.stderr
    assert people.recover(page_db, paper_of(renewed)).mailboxes.keys() >= {"nurse"}
    lines = "\n".join(paper.written(old))
    assert "another clinic's" in careline("people", "grant", "--paper-stdin", typed=lines).stderr


def test_a_forgotten_password_is_helped_by_the_paper(careline: Careline, tmp_path: Path) -> None:
    page_db = tmp_path / "page.db"
    shown = careline("setup", "--person", "maria", "--password-stdin")
    words = ("people", "invite", "maria", "--role", "admin", "--password-stdin")
    asked = careline(*words, typed=f"{PASSWORD}\nn")
    assert "only the recovery paper opens" in asked.stderr
    assert people.sign_in(page_db, "maria", PASSWORD).mailboxes
    code = careline(*words, "--yes").stdout.strip()
    careline("people", "accept", "maria", "--password-stdin", typed=f"{code}\n{BENS}")
    assert not people.sign_in(page_db, "maria", BENS).mailboxes
    lines = "\n".join(paper.written(paper_of(shown)))
    assert "nobody waits" in careline("people", "grant", "--paper-stdin", typed=lines).stderr
    assert people.sign_in(page_db, "maria", BENS).mailboxes.keys() >= {"nurse"}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("people", "list"), "run `careline setup` first"),
        (("people", "agree"), "run `careline setup` first"),
        (("people", "accept", "ben", "--password-stdin"), "run `careline setup` first"),
        (("people", "grant", "--paper-stdin"), "line 1"),
    ],
)
def test_before_set_up_each_command_says_what_to_do(
    careline: Careline, words: tuple[str, ...], says: str
) -> None:
    done = careline(*words, typed="x\n" + "y\n" * 4)
    assert done.exit_code == 1
    assert says in done.stderr
