"""A clinic is backed up while it lives, and lives again on a spare box; a damaged backup is told by
name and changes nothing."""

import hashlib
import io
import json
import os
import re
import shutil
import sqlite3
import tarfile
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from uuid import uuid4

import pyrage
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware import (
    account,
    backup,
    backup_keys,
    draft,
    drill,
    ledger_log,
    mended,
    people,
    restore,
    spare_key,
    spoken_before,
    trial,
    vault,
    versions,
)
from firmware.audit import Act
from firmware.backup import on_shelf, to_shelf
from firmware.backup_keys import BackupError, Identity, of_drill, of_paper
from firmware.keys import KeyPair
from firmware.ledger import Arrived, Ledger, MessageKept, Moment, mark_deleted, messages_in
from firmware.machine import MachineKey
from firmware.passwords import Cost
from firmware.place import Place
from firmware.restore import DamagedError, Sealed, WrongKeyError, go_on
from firmware.shelf import Folder
from firmware.store import StoreError, open_reader
from firmware.vault import Label, Sealing
from firmware.web.addresses import names_of_box
from firmware.web.authority import authority_of

CHEAP = Cost(passes=1, memory_kib=8, lanes=1)
PASSWORD = "four words in a row"
PAPER = KeyPair(bytes(range(32)))
CANARY_NUMBER = "+12025550147"
NOW = datetime(2026, 11, 22, 3, tzinfo=UTC)


def nobody_looks(_size: int) -> None:
    """No progress is shown."""


def left(place: Place, ledger: Ledger, sound: bytes = bytes(range(256)) * 10) -> str:
    """A message for the front desk: file first, then its row."""
    label = Label(str(uuid4()), str(uuid4()), "front-desk", 1_700_000_000_000, urgent=False)
    ledger.submit([Arrived(label.call, "main", "100", CANARY_NUMBER, "", Moment.now())]).result()
    sealing = Sealing(place.messages, label, people.recipients(place.page_db, "front-desk"))
    sealing.add(memoryview(sound), last=True)
    sealing.finish()
    seconds = len(sound) / vault.CHUNK_BYTES
    kept = MessageKept(
        label.message, label.call, "front-desk", NOW, seconds, False, False, Moment.now()
    )
    ledger.submit([kept]).result()
    return label.message


def opened_ledger(place: Place) -> Ledger:
    return Ledger(place.calls_db, place.ledger_log, MachineKey.at(place.machine_key))


def clinic_at(home: Path) -> Place:
    """A clinic that has been set up, published once, and has one message."""
    place = Place(home)
    version = place.asterisk / "versions" / "3"
    version.mkdir(parents=True)
    (version / "clinic.toml").write_text("# the clinic's file")
    (version / "closures.ics").write_text("BEGIN:VCALENDAR")
    (place.asterisk / "current").symlink_to("versions/3")
    place.site_file.symlink_to("asterisk/current/clinic.toml")
    (place.prompts / "es").mkdir(parents=True)
    (place.prompts / "es" / "welcome.wav").write_bytes(b"spoken by staff")
    place.secrets.write_text('selftest = "x"')
    people.set_up(place.page_db, PAPER.public, "maria", PASSWORD, ["front-desk"], CHEAP)
    backup_keys.remember_paper(place, PAPER)
    account.give(place, "maria", Act.SET_UP)
    ledger = opened_ledger(place)
    left(place, ledger)
    ledger.close()
    return place


@pytest.fixture(scope="module")
def as_set_up(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all stories, of which each has a copy."""
    return clinic_at(tmp_path_factory.mktemp("as-set-up") / "box").home


@pytest.fixture
def clinic(as_set_up: Path, tmp_path: Path) -> Place:
    return copied(as_set_up, tmp_path / "box")


def copied(home: Path, to: Path) -> Place:
    shutil.copytree(home, to, symlinks=True)
    return Place(to)


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    (tmp_path / "stick").mkdir()
    return tmp_path / "stick"


def backed_up(place: Place, stick: Path, keep: int = 7) -> Path:
    return stick / to_shelf(place, Folder(stick), keep, nobody_looks).file


def brought_back(
    file: Path, place: Place, identity: Identity | None = None, *, replace: bool = False
) -> Place:
    restore.restore(
        Sealed.at(file), identity or of_paper(PAPER), place, nobody_looks, replace=replace
    )
    return place


def tried(place: Place, stick: Path | None = None) -> drill.Told:
    """The drill but for its call, which tests/system places."""
    where = stick or Path(backup.last_made(place).get("to", "/nowhere"))
    return drill.drill(place, lambda: Folder(where), None, nobody_looks, drill.no_call)


def content(home: Path) -> dict[str, bytes | str]:
    """Every file and link of a site, but locks."""
    paths = [each for each in home.rglob("*") if each.suffix != ".lock"]
    links = {
        str(each.relative_to(home)): str(each.readlink()) for each in paths if each.is_symlink()
    }
    files = {str(each.relative_to(home)): each.read_bytes() for each in paths if each.is_file()}
    return {**files, **links}


def held(place: Place) -> list[str]:
    reader = open_reader(place.calls_db)
    with reader.connect() as connection:
        found = [each.message for each in messages_in(connection, ["front-desk"])]
    reader.dispose()
    return found


# ---- a spare box ----


def test_a_clinic_backed_up_while_it_writes_lives_on_a_spare_box(
    clinic: Place, stick: Path, tmp_path: Path
) -> None:
    """Messages and rows come all the while: at each piece that is read, the clinic has one more."""
    ledger = opened_ledger(clinic)
    trusted = authority_of(clinic, names_of_box())
    later: list[str] = []

    def one_more(_size: int) -> None:
        if len(later) < 8:
            later.append(left(clinic, ledger))

    file = stick / to_shelf(clinic, Folder(stick), 7, one_more).file
    ledger.close()
    spare = brought_back(file, Place(tmp_path / "spare"))

    ring = people.sign_in(spare.page_db, "maria", PASSWORD)
    messages = held(spare)
    assert len(messages) > 1
    assert set(messages) <= set(held(clinic))
    for message in messages:
        keys = ring.mailboxes["front-desk"]
        heard = vault.hear(vault.sealed_path(spare.messages, message), *keys)
        assert heard.audio == bytes(range(256)) * 10
    assert spare.site_file.read_text() == "# the clinic's file"
    assert (spare.prompts / "es" / "welcome.wav").read_bytes() == b"spoken by staff"
    assert spare.machine_key.read_bytes() == clinic.machine_key.read_bytes()
    # Browsers that trusted the box trust the spare one.
    assert authority_of(spare, names_of_box()).fingerprint == trusted.fingerprint
    # The spare box goes on where the other stopped: its log, its audit, its next backup.
    account.give(spare, "the recovery paper", Act.RESTORED, file.name)
    ledger = opened_ledger(spare)
    left(spare, ledger)
    ledger.close()
    newest = list(ledger_log.lines(spare.ledger_log))[-1]
    with sqlite3.connect(spare.calls_db) as connection:
        assert connection.execute("SELECT number FROM newest_line").fetchall() == [(newest.number,)]
    backed_up(spare, stick)
    assert tried(spare, stick).wrong == ""


def test_what_the_admin_was_in_the_middle_of_goes_on_on_the_spare_box(
    clinic: Place, stick: Path, tmp_path: Path
) -> None:
    draft.keep(clinic, "# a longer day", "maria", "Monday until six", 0, NOW)
    calendar = {"closed-0a1b2c3d.ics": "BEGIN:VCALENDAR"}
    shorter = "# a shorter day, closed-0a1b2c3d.ics"
    draft.keep(clinic, shorter, "maria", "Monday until four", 1, NOW, calendar)
    (clinic.draft / "3.toml.part").write_text("a crash left this")
    (clinic.draft / "4.toml").symlink_to(clinic.machine_key)
    (clinic.draft / "5.toml").symlink_to("nowhere")
    spare = brought_back(backed_up(clinic, stick), Place(tmp_path / "spare"))
    assert draft.read(spare) == draft.read(clinic)
    assert draft.undo(spare, 2).text == "# a longer day"
    assert {each.name for each in spare.draft.iterdir()} == {
        "steps.json", "0.toml", "1.toml", "2.toml", "closed-0a1b2c3d.ics",
    }  # fmt: skip


def test_age_and_tar_open_a_backup_with_what_grows_from_the_paper(
    clinic: Place, stick: Path
) -> None:
    """By what VAULT.md says alone."""
    scalar = HKDF(hashes.SHA256(), 32, salt=None, info=b"careline backup").derive(PAPER.seed)
    identity = of_paper(PAPER)
    assert bech32_read(identity.text) == scalar
    plain = pyrage.decrypt(backed_up(clinic, stick).read_bytes(), [identity.loaded()])
    with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
        names = archive.getnames()
        manifest = json.load(archive.extractfile("manifest.json") or io.BytesIO())
        for each in manifest["files"]:
            found = (archive.extractfile(each["name"]) or io.BytesIO()).read()
            assert hashlib.sha256(found).hexdigest() == each["sha256"]
    assert names[0] == "careline.json"
    assert names[-1] == "manifest.json"
    assert {each["name"] for each in manifest["files"]} == {*names} - {names[0], names[-1]}
    assert CANARY_NUMBER.encode() not in plain
    assert b"drill.key" not in plain


def bech32_read(text: str) -> bytes:
    """BIP 173 the other way round; age itself checks the check letters."""
    letters = text.lower().partition("1")[2][:-6]
    number = 0
    for letter in letters:
        number = number << 5 | "qpzry9x8gf2tvdw0s3jn54khce6mua7l".index(letter)
    return (number >> len(letters) * 5 % 8).to_bytes(32)


@given(secret=st.binary(min_size=32, max_size=32))
@settings(max_examples=30)
def test_every_paper_has_an_identity_that_age_takes(secret: bytes) -> None:
    identity = of_paper(KeyPair(secret))
    plain = pyrage.decrypt(
        pyrage.encrypt(b"x", [pyrage.x25519.Recipient.from_str(identity.recipient)]),
        [identity.loaded()],
    )
    assert plain == b"x"
    assert secret.hex() not in repr(identity)
    assert "AGE" not in repr(identity)


def test_what_was_deleted_while_it_was_backed_up_does_not_come_back(
    clinic: Place, stick: Path, tmp_path: Path
) -> None:
    ledger, (message,) = opened_ledger(clinic), held(clinic)
    path = vault.sealed_path(clinic.messages, message)

    def delete(_size: int) -> None:
        if path.exists():
            ledger.store.submit(lambda c: mark_deleted(c, message, Moment.now())).result()
            vault.destroy(path)

    file = stick / to_shelf(clinic, Folder(stick), 7, delete).file
    ledger.close()
    spare = brought_back(file, Place(tmp_path / "spare"))
    assert held(spare) == []
    assert list(spare.messages.glob("*.sealed")) == []


def test_a_log_that_begins_anew_while_it_is_backed_up_harms_no_backup(
    clinic: Place, stick: Path
) -> None:
    """Once a day the exchange copies its books, and what the copy holds leaves the log."""
    ledger, seen = opened_ledger(clinic), 0

    def begins_anew(_size: int) -> None:
        nonlocal seen
        seen += 1
        if seen == 2:  # the first piece is the message's, the second calls.db's
            ledger.restart_log(mended.copy(clinic.calls_db)).result()

    before = clinic.ledger_log.stat().st_size
    to_shelf(clinic, Folder(stick), 7, begins_anew)
    assert clinic.ledger_log.stat().st_size < before
    left(clinic, ledger)
    ledger.close()
    assert tried(clinic, stick).wrong == ""


def test_the_boxs_own_keys_to_messages_are_in_no_backup_and_end_with_a_restore(
    clinic: Place, stick: Path
) -> None:
    (message,) = held(clinic)
    spare_key.keep(clinic.messages, message, bytes(32), MachineKey.at(clinic.machine_key))
    file = backed_up(clinic, stick)
    brought_back(file, clinic, replace=True)
    assert held(clinic) == [message]
    assert spare_key.held(clinic.messages) == []
    aside = next(clinic.home.glob("before-restore-*"))
    assert (aside / "calls.db").exists()
    assert spare_key.held(aside / "messages") == []


# ---- where it goes ----


def test_the_oldest_backups_go_and_those_of_another_clinic_stay(clinic: Place, stick: Path) -> None:
    (stick / "careline-00000000-20200101T000000.000000Z.age").write_bytes(b"another's")
    (stick / "holiday.jpg").write_bytes(b"nobody's")
    files = [backed_up(clinic, stick, keep=2) for _ in range(4)]
    assert on_shelf(clinic, Folder(stick)) == [files[3].name, files[2].name]
    assert len(list(stick.iterdir())) == 4


def test_a_stick_that_fails_leaves_the_old_backup_and_no_half_one(
    clinic: Place, stick: Path
) -> None:
    old = backed_up(clinic, stick, keep=1)

    def fails(_size: int) -> None:
        raise OSError(5, "Input/output error")

    with pytest.raises(OSError, match="Input/output"):
        to_shelf(clinic, Folder(stick), 1, fails)
    assert list(stick.iterdir()) == [old]
    assert list(clinic.home.glob("backup-*.part")) == []


def test_a_half_backup_that_a_power_cut_left_is_gone_after_the_next(
    clinic: Place, stick: Path
) -> None:
    whole = backed_up(clinic, stick)
    whole.rename(whole.with_name(whole.name + ".part"))
    (clinic.home / "backup-left.part").mkdir()
    file = backed_up(clinic, stick)
    assert list(stick.iterdir()) == [file]
    assert list(clinic.home.glob("backup-*.part")) == []


def test_a_backup_goes_nowhere_within_the_site(clinic: Place) -> None:
    with pytest.raises(BackupError, match="belongs elsewhere"):
        to_shelf(clinic, Folder(clinic.prompts), 7, nobody_looks)
    with pytest.raises(BackupError, match="plugged in"):
        to_shelf(clinic, Folder(clinic.home.parent / "nowhere"), 7, nobody_looks)


def test_with_a_new_paper_no_backup_is_made_out_to_the_old_one(clinic: Place, stick: Path) -> None:
    fresh = KeyPair.fresh()
    ring = people.sign_in(clinic.page_db, "maria", PASSWORD)
    people.renew_paper(clinic.page_db, ring, fresh.public)
    with pytest.raises(BackupError, match="backup-paper"):
        backed_up(clinic, stick)
    with pytest.raises(BackupError, match="another clinic's"):
        backup_keys.remember_paper(clinic, PAPER)
    backup_keys.remember_paper(clinic, fresh)
    file = backed_up(clinic, stick)
    with pytest.raises(WrongKeyError, match="the recovery paper"):
        brought_back(file, clinic, replace=True)
    brought_back(file, clinic, of_paper(fresh), replace=True)


# ---- damage ----


def rebuilt(file: Path, change: Callable[[dict[str, bytes]], None]) -> None:
    """The backup as somebody would make it who knows whom to make it out to."""
    plain = pyrage.decrypt(file.read_bytes(), [of_paper(PAPER).loaded()])
    with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
        members = {
            each.name: (archive.extractfile(each) or io.BytesIO()).read()
            for each in archive.getmembers()
        }
    change(members)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, inside in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(inside)
            archive.addfile(entry, io.BytesIO(inside))
    to = pyrage.x25519.Recipient.from_str(of_paper(PAPER).recipient)
    file.write_bytes(pyrage.encrypt(out.getvalue(), [to]))


def without_page_db(members: dict[str, bytes]) -> None:
    del members["page.db"]


def with_another_secret(members: dict[str, bytes]) -> None:
    members["secrets.toml"] = b'selftest = "y"'


def with_one_unlisted(members: dict[str, bytes]) -> None:
    members["prompts/en/more.wav"] = b""


def with_a_way_out(members: dict[str, bytes]) -> None:
    members["prompts/../../elsewhere"] = b""


def without_manifest(members: dict[str, bytes]) -> None:
    del members["manifest.json"]


def with_no_site_in_force(members: dict[str, bytes]) -> None:
    told = json.loads(members["manifest.json"]) | {"current": "4"}
    members["manifest.json"] = json.dumps(told).encode()


def with_no_machine_key(members: dict[str, bytes]) -> None:
    del members["machine.key"]
    told = json.loads(members["manifest.json"])
    told["files"] = [each for each in told["files"] if each["name"] != "machine.key"]
    members["manifest.json"] = json.dumps(told).encode()


def of_tomorrow(members: dict[str, bytes]) -> None:
    members["careline.json"] = json.dumps({"format": 2, "version": "9.9"}).encode()


DAMAGES: list[tuple[Callable[[dict[str, bytes]], None], str]] = [
    (without_page_db, "first at page.db: it is in the manifest and not"),
    (with_another_secret, "first at secrets.toml: its content is not"),
    (with_one_unlisted, "first at prompts/en/more.wav: it is not in the manifest"),
    (with_a_way_out, "elsewhere' cannot be in a backup"),
    (without_manifest, "ends before its manifest"),
    (with_no_machine_key, "first at machine.key: no box can do without it"),
    (with_no_site_in_force, "first at asterisk/versions/4/clinic.toml: no box can do without"),
    (of_tomorrow, "made by CareLine 9.9: install that version"),
]


@pytest.mark.parametrize(("damage", "told"), DAMAGES)
def test_a_backup_that_is_not_what_its_manifest_says_is_named_and_changes_nothing(
    clinic: Place, stick: Path, damage: Callable[[dict[str, bytes]], None], told: str
) -> None:
    file = backed_up(clinic, stick)
    rebuilt(file, damage)
    before = content(clinic.home)
    with pytest.raises(BackupError, match=told):
        brought_back(file, clinic, replace=True)
    assert content(clinic.home) == before


def test_a_cut_and_a_flipped_bit_name_the_file_they_are_in(
    clinic: Place, stick: Path, tmp_path: Path
) -> None:
    ledger = opened_ledger(clinic)
    left(clinic, ledger, os.urandom(vault.CHUNK_BYTES))
    ledger.close()
    (clinic.prompts / "en").mkdir()
    (clinic.prompts / "en" / "long.wav").write_bytes(os.urandom(400_000))
    file = backed_up(clinic, stick)
    whole, before = file.read_bytes(), content(clinic.home)
    within = len(whole) - 200_000
    for damaged in (whole[:within], whole[:within] + b"?!" + whole[within + 2 :]):
        file.write_bytes(damaged)
        with pytest.raises(DamagedError, match=r"damaged, first at prompts/en/long\.wav"):
            brought_back(file, clinic, replace=True)
    assert content(clinic.home) == before


@given(data=st.data())
@settings(max_examples=60)
def test_no_change_of_any_byte_is_ever_restored(
    as_set_up: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    whole = small_backup(as_set_up)
    at = data.draw(st.integers(0, len(whole) - 1))
    damaged = data.draw(
        st.sampled_from(
            [
                whole[:at],
                whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :],
                whole[:at] + whole[at + 1 :],
                whole + whole[at:],
            ]
        )
    )
    home = tmp_path_factory.mktemp("spare")
    file = home.with_suffix(".age")
    file.write_bytes(damaged)
    with pytest.raises((DamagedError, WrongKeyError)):
        brought_back(file, Place(home))
    assert content(home) == {}


PARTS = [
    "prompts",
    "messages",
    "asterisk",
    "versions",
    "3",
    "..",
    ".",
    "",
    "page.db",
    "a.ics",
    "\0",
]


@given(parts=st.lists(st.one_of(st.sampled_from(PARTS), st.text(max_size=3)), max_size=6))
def test_no_name_in_a_backup_leads_out_of_the_site(parts: list[str]) -> None:
    name = "/".join(parts)
    if backup.is_possible(name):
        home = Path("/box")
        assert os.path.normpath(home / name) == str(home / name)
        assert (home / name).is_relative_to(home)
        assert (home / name) != home


@cache
def small_backup(home: Path) -> bytes:
    out = io.BytesIO()
    backup.to_stream(Place(home), out, nobody_looks)
    return out.getvalue()


def test_a_stranger_opens_nothing(clinic: Place, stick: Path, tmp_path: Path) -> None:
    file = backed_up(clinic, stick)
    with pytest.raises(WrongKeyError, match="made out to another"):
        brought_back(file, Place(tmp_path / "spare"), of_paper(KeyPair.fresh()))
    assert content(tmp_path / "spare") == {}


# ---- putting in place ----


def test_a_disk_that_is_too_full_is_told_of_before_anything_begins(
    clinic: Place, stick: Path
) -> None:
    file = backed_up(clinic, stick)
    with file.open("r+b") as backup_file:
        backup_file.truncate(shutil.disk_usage(clinic.home).total + 1)  # holes take no room
    before = content(clinic.home)
    with pytest.raises(BackupError, match="make room"):
        brought_back(file, clinic, replace=True)
    assert content(clinic.home) == before


def test_a_box_that_has_lived_is_overwritten_only_when_told_so_and_set_aside_then(
    clinic: Place, stick: Path
) -> None:
    file, before = backed_up(clinic, stick), clinic.machine_key.read_bytes()
    with pytest.raises(BackupError, match="--replace"):
        brought_back(file, clinic)
    ledger = opened_ledger(clinic)
    with pytest.raises(StoreError, match="stop the running exchange"):
        brought_back(file, clinic, replace=True)
    later = left(clinic, ledger)
    ledger.close()
    brought_back(file, clinic, of_drill(clinic), replace=True)
    assert later not in held(clinic)
    (aside,) = clinic.home.glob("before-restore-*")
    assert later in held(Place(aside))
    assert (aside / "machine.key").read_bytes() == before
    assert clinic.drill_key.exists()


class Killed(BaseException):
    """As good as kill -9: nothing after it runs but what Python itself ends."""


def test_a_kill_at_any_rename_leaves_the_old_clinic_or_the_new(
    clinic: Place, stick: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each rename of a restore is the last one once; the next command then finds all of the old or
    all of the new."""
    rename, place = Path.rename, clinic
    file = backed_up(place, stick)
    ledger = opened_ledger(place)
    later = left(place, ledger)
    ledger.close()
    left_to_do, outcomes = 0, []

    def rename_or_die(path: Path, target: Path) -> Path:
        nonlocal left_to_do
        if left_to_do == 0:
            raise Killed
        left_to_do -= 1
        return rename(path, target)

    for kill in range(40):
        trial = tmp_path / f"trial-{kill}"
        there = copied(place.home, trial)
        (there.home / "restore-cut-short.part").mkdir()  # by an earlier kill, before it was decided
        left_to_do = kill
        with monkeypatch.context() as patch:
            patch.setattr(Path, "rename", rename_or_die)
            try:
                brought_back(file, there, replace=True)
                outcomes.append("done")
            except Killed:
                outcomes.append("killed")
        go_on(there)
        is_old = later in held(there)
        assert (vault.sealed_path(there.messages, later).exists()) == is_old
        assert len(held(there)) == (2 if is_old else 1)
        keys = people.sign_in(there.page_db, "maria", PASSWORD).mailboxes["front-desk"]
        for message in held(there):
            assert vault.hear(vault.sealed_path(there.messages, message), *keys).audio
        assert is_old == (kill == 0)  # the decision is the first
        assert not (there.home / "restore-cut-short.part").exists()
        if outcomes[-1] == "done":
            break
    assert outcomes[-1] == "done"
    assert outcomes.count("killed") > 10


# ---- the drill ----


def test_a_nightly_drill_tells_well_and_every_alarm(clinic: Place, stick: Path) -> None:
    assert "careline drill" in drill.alarm(clinic, NOW)
    assert "is the stick plugged in" in tried(clinic).wrong
    file = backed_up(clinic, stick)
    assert tried(clinic).wrong == ""
    told = drill.last(clinic)
    assert told is not None
    at = datetime.fromisoformat(told.at)
    assert drill.alarm(clinic, at) == ""
    assert "the last drill was at" in drill.alarm(clinic, at + timedelta(hours=27))
    clinic.drill_told.write_text(
        json.dumps({**asdict(told), "made": str(at - timedelta(hours=27))})
    )
    assert "the newest backup is of" in drill.alarm(clinic, at)
    assert list(clinic.home.glob("drill-*.part")) == []

    file.write_bytes(file.read_bytes()[:-40])
    tried(clinic)
    assert f"{file.name} is damaged, first at" in drill.alarm(clinic, at)
    file.unlink()
    tried(clinic, stick)
    assert "holds no backup of this clinic" in drill.alarm(clinic, at)


def test_two_drills_at_once_do_not_clear_away_each_other_s_scratch_directory(
    clinic: Place, stick: Path
) -> None:
    backed_up(clinic, stick)
    seen: list[str] = []

    def shelf() -> Folder:
        with pytest.raises(BackupError) as refused:
            tried(clinic, stick)
        seen.append(str(refused.value))
        return Folder(stick)

    told = drill.drill(clinic, shelf, None, nobody_looks, drill.no_call)
    assert told.is_well, told.wrong
    assert "another drill is under way" in seen[0]


def test_a_drill_finds_what_was_wrong_before_the_backup(clinic: Place, stick: Path) -> None:
    (message,) = held(clinic)
    vault.sealed_path(clinic.messages, message).unlink()
    made = to_shelf(clinic, Folder(stick), 7, nobody_looks)
    assert made.missing == (message,)
    assert f"1 messages have no file, neither on the box nor here: {message}" in (
        tried(clinic, stick).wrong
    )


def test_a_drill_finds_a_broken_audit_and_another_boxs_machine_key(
    clinic: Place, stick: Path
) -> None:
    with sqlite3.connect(clinic.calls_db) as connection:
        asked = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit'"
        for (trigger,) in connection.execute(asked).fetchall():
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute("UPDATE audit SET who = 'eve'")
    backed_up(clinic, stick)
    wrong = tried(clinic, stick).wrong
    assert "the audit does not hold: entry 1 was changed" in wrong
    clinic.machine_key.write_bytes(bytes(32))
    backed_up(clinic, stick)
    assert "machine.key" in tried(clinic, stick).wrong


def test_a_drill_tries_the_backup_made_last_whatever_the_clock_said_then(
    clinic: Place, stick: Path
) -> None:
    at_a_wrong_hour = backed_up(clinic, stick)
    wrong = at_a_wrong_hour.rename(stick / re.sub(r"-20\d\d", "-2099", at_a_wrong_hour.name))
    file = backed_up(clinic, stick)
    assert drill.newest_backup(clinic, Folder(stick)).name == file.name
    file.unlink()
    assert drill.newest_backup(clinic, Folder(stick)).name == wrong.name


def test_two_backups_at_once_do_not_meet(clinic: Place, stick: Path) -> None:
    refused: list[str] = []

    def another(_size: int) -> None:
        if not refused:
            with pytest.raises(BackupError) as caught:
                backup.to_stream(clinic, io.BytesIO(), nobody_looks)
            refused.append(str(caught.value))

    to_shelf(clinic, Folder(stick), 7, another)
    assert "another backup is being made" in refused[0]


def test_a_backup_made_during_a_trial_brings_back_the_version_that_was_confirmed(
    clinic: Place, stick: Path, tmp_path: Path
) -> None:
    tried = clinic.asterisk / "versions" / "4"
    tried.mkdir()
    (tried / "clinic.toml").write_text("# a try that locks everybody out")
    spoken_before.keep(clinic)
    fresh = clinic.prompts / "es" / "fresh.part"
    fresh.write_bytes(b"spoken on trial")
    fresh.replace(clinic.prompts / "es" / "welcome.wav")
    trial.begin(clinic, 3, 4, within_s=3000.0)
    (clinic.asterisk / "current").unlink()
    (clinic.asterisk / "current").symlink_to("versions/4")
    spare = brought_back(backed_up(clinic, stick), Place(tmp_path / "spare"))
    assert spare.site_file.read_text() == "# the clinic's file"
    assert versions.in_force(spare) == 3
    assert (spare.prompts / "es" / "welcome.wav").read_bytes() == b"spoken by staff"
