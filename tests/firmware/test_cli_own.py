"""People's own sign-in by command, and who is refused what: each refusal stands in the audit."""

import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pyotp
import pytest
from typer.testing import CliRunner, Result

from firmware import paper, people, second_factor, sessions
from firmware.cli.people import app
from firmware.keys import KeyPair
from firmware.passwords import Cost
from firmware.people import Role
from firmware.second_factor import Secret

CHEAP = Cost(passes=1, memory_kib=8, lanes=1)
PASSWORD, ANOTHER = "four words in a row", "three other good words"
PAPER = KeyPair(bytes(range(32)))
SECRET = Secret("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
STEP_S = 1_000_000  # eleven days: however slow the machine, a code is still the one that is shown
TEMPLATE = Path("firmware/template/clinic.toml").read_text("utf-8")

Careline = Callable[..., Result]


@pytest.fixture(scope="module")
def set_up_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("clinic")
    (home / "clinic.toml").write_text(TEMPLATE)
    people.set_up(home / "page.db", PAPER.public, "maria", PASSWORD, ["nurse"], CHEAP)
    return home


@pytest.fixture
def careline(set_up_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Careline:
    shutil.copytree(set_up_once, tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv("CARELINE_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words: str, typed: str = PASSWORD) -> Result:
        return CliRunner().invoke(app, ("people", *words), input=typed + "\n")

    return run


def comes(home: Path, person: str, role: Role) -> None:
    code = people.invite(home / "page.db", person, role, datetime.now(UTC))
    people.accept(home / "page.db", person, code, PASSWORD, datetime.now(UTC), CHEAP)


def audited(home: Path) -> list[tuple[str, str, str]]:
    if not (home / "calls.db").exists():
        return []
    with closing(sqlite3.connect(home / "calls.db")) as raw:
        return raw.execute("SELECT who, act, about FROM audit ORDER BY id").fetchall()


def test_a_second_factor_is_switched_on_by_its_owner_with_the_telephone(
    careline: Careline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(second_factor, "STEP_S", STEP_S)
    monkeypatch.setattr(Secret, "fresh", classmethod(lambda _: SECRET))
    words = ("second-factor", "--as", "maria", "--password-stdin")
    assert "nothing was changed" in careline(*words, typed=f"{PASSWORD}\n12345").stderr
    shown = pyotp.HOTP(SECRET.base32).at(int(datetime.now(UTC).timestamp()) // STEP_S)
    done = careline(*words, typed=f"{PASSWORD}\n{shown}")
    assert "password and code from now on" in done.stderr
    assert "JBSW Y3DP" in done.stdout
    printed = re.findall(r"^\w{4}(?:-\w{4}){3}$", done.stdout, re.MULTILINE)
    assert len(printed) == second_factor.RECOVERY_CODES

    assert "telephone's code too" in careline("codes", "--password-stdin").stderr
    assert (
        "has served already" in careline("codes", "--password-stdin", typed=f"{PASSWORD}\nx").stderr
    )
    again = careline("codes", "--password-stdin", typed=f"{PASSWORD}\n{printed[0]}")
    fresh = again.stdout.split()
    assert not set(fresh) & set(printed)
    off = ("second-factor", "--off", "--password-stdin")
    assert "does not fit" in careline(*off, typed=f"{PASSWORD}\n{printed[1]}").stderr
    assert "by password alone" in careline(*off, typed=f"{PASSWORD}\n{fresh[0]}").stderr
    assert "first" in careline("codes", "--password-stdin").stderr
    told = audited(tmp_path)
    for refusal in ("sign-in, no code", "sign-in, wrong code"):
        assert ("maria", "was refused", refusal) in told
    for act in ("switched on", "switched off"):
        assert ("maria", f"{act} the second factor", "") in told
    kept = (tmp_path / "ledger.log").read_text() + str(told)
    assert not [code for code in (*printed, *fresh, SECRET.base32) if code in kept]


def test_another_password_is_chosen_and_signs_out_everywhere(
    careline: Careline, tmp_path: Path
) -> None:
    page_db = tmp_path / "page.db"
    people.write(page_db, lambda c: sessions.begin(c, "maria", datetime.now(UTC)))
    assert re.search(r"maria\s+\w{3}", careline("sessions").stdout)
    words = ("password", "--password-stdin")
    assert "tried first" in careline(*words, typed=f"{PASSWORD}\npassword1").stderr
    assert "from now on" in careline(*words, typed=f"{PASSWORD}\n{ANOTHER}").stderr
    assert "nobody is signed in" in careline("sessions").stdout
    assert people.sign_in(page_db, "maria", ANOTHER).mailboxes
    people.write(page_db, lambda c: sessions.begin(c, "maria", datetime.now(UTC)))
    ended = careline("sign-out", "--password-stdin", typed=ANOTHER)
    assert "maria: 1 sessions ended" in ended.stderr


def test_who_guesses_waits_and_the_owner_comes_in_by_the_paper(
    careline: Careline, tmp_path: Path
) -> None:
    words = ("codes", "--as", "maria", "--password-stdin")
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    with closing(sqlite3.connect(tmp_path / "page.db")) as raw, raw:
        raw.execute("INSERT INTO failures VALUES ('maria', 'command line', 99, ?)", (now,))
    assert re.search(r"looked at in \d+ minutes", careline(*words).stderr)
    assert audited(tmp_path)[-1] == ("maria", "was refused", "sign-in, too soon")
    lines = "\n".join(paper.written(PAPER))
    invited = careline(
        "invite", "maria", "--role", "admin", "--by-paper", "--password-stdin", "--yes", typed=lines
    )
    code = invited.stdout.strip()
    careline("accept", "maria", "--password-stdin", typed=f"{code}\n{ANOTHER}")
    assert "second factor" in careline(*words, typed=ANOTHER).stderr
    assert audited(tmp_path)[-1] == ("maria", "signed in", "")


# ---- who may do what ----


def test_what_was_typed_as_a_name_and_is_none_is_not_kept(
    careline: Careline, tmp_path: Path
) -> None:
    refused = careline("codes", "--as", "four words in a row", "--password-stdin")
    assert "do not belong together" in refused.stderr
    assert audited(tmp_path)[-1] == ("a name nobody has", "was refused", "sign-in")


def test_wrong_codes_and_papers_are_refused_and_entered(careline: Careline, tmp_path: Path) -> None:
    lines = "\n".join(paper.written(KeyPair(bytes(32))))
    assert "another clinic's" in careline("grant", "--paper-stdin", typed=lines).stderr
    accepted = careline("accept", "eve", "--password-stdin", typed=f"abcd\n{ANOTHER}")
    assert "do not belong together" in accepted.stderr
    told = audited(tmp_path)
    assert ("the recovery paper", "was refused", "recovery paper") in told
    assert told[-1] == ("eve", "was refused", "invitation")


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.usefixtures("careline")
def test_no_role_opens_a_mailbox_and_only_a_member_does(tmp_path: Path, role: Role) -> None:
    """Also the admin: configuring the clinic is not listening to its patients."""
    page_db = tmp_path / "page.db"
    comes(tmp_path, "ben", role)
    people.agree(page_db, {"nurse": ["maria"]})
    people.renew(page_db, "nurse")
    people.sign_in(page_db, "maria", PASSWORD)
    assert people.sign_in(page_db, "ben", PASSWORD).mailboxes == {}


def test_an_admin_who_is_no_member_gains_nothing_by_paper_or_envelope(
    careline: Careline, tmp_path: Path
) -> None:
    comes(tmp_path, "ben", Role.ADMIN)
    words = ("--as", "ben", "--password-stdin")
    made = careline("envelope", *words)
    assert "needs every mailbox" in made.stderr
    assert "BREAK GLASS" not in made.stdout
    assert "the old one still serves" in careline("new-paper", *words).stderr
    assert people.recover(tmp_path / "page.db", PAPER).mailboxes
    denied = [
        about for who, act, about in audited(tmp_path) if (who, act) == ("ben", "was refused")
    ]
    assert denied == ["envelope", "new recovery paper"]
