"""The evidence pack: whole, checked by anybody, and without a patient in it."""

import hashlib
import json
import re
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from sqlalchemy import create_engine, text
from typer.testing import CliRunner, Result

from firmware import account, audit, people, signed_pack, software
from firmware.audit import Act
from firmware.cli.audit import app as audit_commands
from firmware.cli.evidence import app
from firmware.holds import Kind
from firmware.operations import Operation, Role
from firmware.signed_pack import PackError
from firmware.software import Component
from tests.firmware.by_hand import SITE
from tests.firmware.keeping import CHEAP, LONG_AGO, NAME, NUMBER, PASSWORD, Clinic

# 45 CFR 164.312, as the rule counts its own lines.
LINES = (
    "(a)(1)", "(a)(2)(i)", "(a)(2)(ii)", "(a)(2)(iii)", "(a)(2)(iv)",
    "(b)", "(c)(1)", "(c)(2)", "(d)", "(e)(1)", "(e)(2)(i)", "(e)(2)(ii)",
)  # fmt: skip


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Clinic:
    """Where callers left messages and requests, some was destroyed, and people come and go."""
    there = Clinic(tmp_path_factory.mktemp("clinic"))
    there.place.site_file.write_text(SITE)
    there.hold(Kind.MESSAGE, there.message(LONG_AGO))
    there.request(datetime.now(UTC) - timedelta(days=1))
    there.message(LONG_AGO)
    there.night()
    now, page_db = datetime.now(UTC), there.place.page_db
    code = people.invite(page_db, "ben", Role.TECHNICIAN, now)
    people.accept(page_db, "ben", code, PASSWORD, now, CHEAP)
    people.invite(page_db, "eve", Role.NURSE, now)
    there.ledger.close()
    account.give(there.place, "maria", Act.SIGNED_IN)
    account.give(there.place, "ben", Act.REFUSED, "sign-in")
    account.give(there.place, "this box", Act.BACKED_UP, "a stick")
    return there


@pytest.fixture(scope="module")
def pack(clinic: Clinic, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("pack") / "evidence.zip"
    made = typed(clinic, "make", str(out))
    assert made.exit_code == 0, made.output
    assert out.stat().st_mode & 0o777 == 0o600
    return out


def typed(clinic: Clinic, *words: str) -> Result:
    env = {"CARELINE_HOME": str(clinic.place.home), "COLUMNS": "200"}
    return CliRunner().invoke(app, ["evidence", *words], env=env)


def content(pack: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(pack) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def box_key(clinic: Clinic) -> str:
    return audit.signer(clinic.key).public_key().public_bytes_raw().hex()


def told(pack: Path) -> Any:
    return json.loads(content(pack)["evidence.json"])


def test_a_pack_is_checked_by_the_command_and_by_whoever_has_only_the_rules(
    clinic: Clinic, pack: Path
) -> None:
    checked = typed(clinic, "verify", str(pack), "--key", box_key(clinic))
    assert "all 7 files are as they were signed" in checked.stderr
    assert "another box" in typed(clinic, "verify", str(pack), "--key", "00" * 32).stderr

    files = content(pack)
    public = load_pem_public_key(files["box-key.pem"])
    assert isinstance(public, Ed25519PublicKey)
    assert public.public_bytes_raw().hex() == box_key(clinic)
    public.verify(files["SHA256SUMS.sig"], files["SHA256SUMS"])
    with pytest.raises(InvalidSignature):
        public.verify(files["SHA256SUMS.sig"], files["SHA256SUMS"] + b"\n")
    sums = dict(line.split("  ")[::-1] for line in files["SHA256SUMS"].decode().splitlines())
    hashed = {name: hashlib.sha256(held).hexdigest() for name, held in files.items()}
    assert sums.items() == {n: h for n, h in hashed.items() if "SHA256" not in n}.items()


def test_no_patient_and_no_key_is_in_a_pack(clinic: Clinic, pack: Path) -> None:
    secrets = [
        *(NAME.encode(), NUMBER.encode(), NUMBER.removeprefix("+1").encode(), b"lawyer's letter"),
        *(clinic.key.secret, clinic.key.secret.hex().encode(), PASSWORD.encode()),
    ]
    everything = b"".join(content(pack).values())
    assert [secret for secret in secrets if secret in everything] == []


def test_each_line_of_the_rule_says_what_is_done_where_it_is_proved_and_what_is_left_to_do(
    pack: Path,
) -> None:
    found, files = told(pack), content(pack)
    assert tuple(each["line"] for each in found["safeguards"]) == LINES
    for each in found["safeguards"]:
        assert all(each[part] for part in ("title", "kind", "box", "proofs", "clinic"))
        for proof in each["proofs"]:
            assert proof in found or proof in files, (each["line"], proof)
    page = files["evidence.html"].decode()
    assert all(f"164.312{line}<" in page for line in LINES)


def test_programs_read_who_may_what_which_keys_there_are_and_what_was_destroyed(
    clinic: Clinic, pack: Path
) -> None:
    found = told(pack)
    named = {each["name"]: each for each in found["people"]}
    assert (named["maria"]["opens"], named["maria"]["role"]) == (["nurse", "selftest"], "admin")
    assert named["maria"]["last_sign_in"].startswith("2")
    assert (named["ben"]["opens"], named["ben"]["second_factor"]) == ([], False)
    assert named["eve"]["invited_until"]
    assert set(found["roles"]) == {str(each) for each in Operation}
    (nurse, _selftest) = found["keys"]["mailboxes"]
    assert (nurse["mailbox"], nurse["open_to"], nurse["wraps"]) == ("nurse", ["maria"], 2)
    assert nurse["key_id"] == people.recipients(clinic.place.page_db, "nurse")[0].id.hex()
    assert found["retention"]["receipts"] == {"receipts": 2, "unfinished": 0, "wrong": ""}
    assert len(content(pack)["receipts.jsonl"].splitlines()) == 2
    assert len(found["retention"]["holds"]) == 1
    assert found["recordings"] == {"parts": 0, "cut_off": 0}
    assert [each["about"] for each in found["drills"]["backups"]] == ["a stick"]
    assert "validated" in str(found["no_validated_module"])


def test_the_audit_in_a_pack_is_checked_like_any_export(
    clinic: Clinic, pack: Path, tmp_path: Path
) -> None:
    assert told(pack)["audit"]["wrong"] == ""
    exported = tmp_path / "audit.jsonl"
    exported.write_bytes(content(pack)["audit.jsonl"])
    words = ["audit", "verify", str(exported), "--key", box_key(clinic)]
    checked = CliRunner().invoke(audit_commands, words)
    assert f"all {told(pack)['audit']['entries']} entries" in checked.stderr
    assert json.loads(exported.read_text("utf-8").splitlines()[-1])["about"] == "the evidence"


class Links(HTMLParser):
    """What a page points to, and what it asks of elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.to: set[str] = set()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "br"):
            self.open.append(tag)
        for name, value in attrs:
            assert name not in ("src", "onclick"), tag
            if name == "id":
                self.names.add(str(value))
            if name == "href":
                self.to.add(str(value))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_stands_alone_and_each_of_its_links_leads_somewhere(pack: Path) -> None:
    page = content(pack)["evidence.html"].decode()
    read = Links()
    read.feed(page)
    assert read.open == []
    assert read.to == {f"#{name}" for name in read.names}
    assert not re.search(r"<script|https?://|@import|url\(", page)


def test_a_chain_that_was_tampered_with_is_told_in_the_pack(tmp_path: Path) -> None:
    there = Clinic(tmp_path / "clinic")
    there.place.site_file.write_text(SITE)
    there.ledger.close()
    for who in ("maria", "ben"):
        account.give(there.place, who, Act.SIGNED_IN)
    engine = create_engine(f"sqlite:///{there.place.calls_db}")
    with engine.begin() as connection:
        connection.execute(text("DROP TRIGGER audit_is_never_updated"))
        connection.execute(text("UPDATE audit SET who = 'eve' WHERE id = 1"))
    engine.dispose()
    out = tmp_path / "evidence.zip"
    typed(there, "make", str(out))
    assert told(out)["audit"]["first_bad"] == 1
    assert "entry 1 was changed or put in" in content(out)["evidence.html"].decode()
    assert "exists" in typed(there, "make", str(out)).stderr


Tamper = Callable[[dict[str, bytes]], object]


@pytest.mark.parametrize(
    ("tamper", "says"),
    [
        (lambda files: files.update({"a.txt": b"other"}), "a.txt was changed"),
        (lambda files: files.update({"c.txt": b"more"}), "c.txt was put in"),
        (lambda files: files.pop("b.txt"), "b.txt is missing"),
        (lambda files: files.pop("SHA256SUMS.sig"), "not signed by a box"),
        (lambda files: files.update({"SHA256SUMS": b""}), "not as it was signed"),
        (lambda files: files.update({"box-key.pem": b"no key"}), "not signed by a box"),
    ],
)
def test_whatever_is_done_to_a_pack_is_named(tmp_path: Path, tamper: Tamper, says: str) -> None:
    out, key = tmp_path / "pack.zip", Ed25519PrivateKey.from_private_bytes(bytes(32))
    signed_pack.write(out, {"a.txt": b"one", "b.txt": b"two"}, key)
    assert signed_pack.check(out).files == ("a.txt", "b.txt", "box-key.pem")
    files = content(out)
    tamper(files)
    with zipfile.ZipFile(out, "w") as opened:
        for name, held in files.items():
            opened.writestr(name, held)
    with pytest.raises(PackError, match=says):
        signed_pack.check(out)
    out.write_bytes(b"PK not at all")
    with pytest.raises(PackError, match="no pack"):
        signed_pack.check(out)


def test_software_is_what_dpkg_and_python_hold_to_be_installed(tmp_path: Path) -> None:
    status = tmp_path / "var/lib/dpkg/status"
    status.parent.mkdir(parents=True)
    status.write_text(
        "Package: asterisk\nStatus: install ok installed\nArchitecture: amd64\n"
        "Description: an exchange\n Package: not this\nVersion: 1:22.10.1~dfsg-1\n\n"
        "Package: gone\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1\n"
    )
    found = software.installed(tmp_path, tmp_path / "nowhere")
    asterisk = Component("debian", "asterisk", "1:22.10.1~dfsg-1", "Asterisk's own root", "amd64")
    assert [each for each in found if each.kind == "debian"] == [asterisk]
    ours = next(each for each in found if each.name == "cryptography")
    assert ours.purl == f"pkg:pypi/cryptography@{version('cryptography')}"
    listed = software.as_cyclonedx(found, "2026-03-02T09:30:00+00:00")
    assert (listed["bomFormat"], listed["specVersion"]) == ("CycloneDX", "1.6")
    components = listed["components"]
    assert isinstance(components, list)
    assert len({each["bom-ref"] for each in components}) == len(components) == len(found)
