"""Backups by SFTP, on a real OpenSSH server."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from firmware import backup, drill, paper, restore, sftp, shelf
from firmware.backup_keys import BackupError, of_paper
from firmware.cli.backups import app
from firmware.place import Place
from firmware.restore import Sealed
from firmware.shelf import shelf_of
from tests.firmware.ssh_server import SshServer, serving
from tests.firmware.test_backup import PAPER, clinic_at, copied, held, nobody_looks


@pytest.fixture(scope="module")
def as_set_up(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clinic_at(tmp_path_factory.mktemp("sftp") / "box").home


@pytest.fixture
def clinic(as_set_up: Path, tmp_path: Path) -> Place:
    return copied(as_set_up, tmp_path / "box")


@pytest.fixture
def server(tmp_path: Path, clinic: Place) -> Iterator[SshServer]:
    """It has been told of the box's own key."""
    with serving(tmp_path / "server") as standing:
        standing.let_in(sftp.public_key(clinic))
        yield standing


def backed_up(clinic: Place, server: SshServer, keep: int = 7) -> str:
    with closing(shelf_of(clinic, server.where)) as opened:
        return backup.to_shelf(clinic, opened, keep, nobody_looks).file


def test_a_backup_goes_to_a_server_is_tried_there_and_comes_back_to_a_spare_box(
    clinic: Place, server: SshServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (clinic.prompts / "es" / "long.wav").write_bytes(bytes(range(256)) * 12_000)
    name = backed_up(clinic, server)
    assert [each.name for each in server.folder.iterdir()] == [name]
    tried = drill.drill(
        clinic, lambda: shelf_of(clinic, server.where), None, nobody_looks, drill.no_call
    )
    assert (tried.wrong, tried.file) == ("", name)
    spare = Place(tmp_path / "spare")
    server.let_in(sftp.public_key(spare))
    with closing(shelf_of(spare, server.where)) as opened:
        (only,) = backup.on_shelf(spare, opened)
        sealed = Sealed(opened, only)
        restore.restore(sealed, of_paper(PAPER), spare, nobody_looks, replace=False)
    assert held(spare) == held(clinic)
    monkeypatch.setenv("CARELINE_HOME", str(spare.home))
    command = ["restore", f"{server.where}/{name}", "--replace", "--paper-stdin"]
    done = CliRunner().invoke(app, command, input="\n".join(paper.written(PAPER)))
    assert done.exit_code == 0, done.stderr
    assert held(spare) == held(clinic)
    assert (spare.prompts / "es" / "long.wav").stat().st_size == 256 * 12_000


def test_only_our_own_oldest_backups_are_removed_from_a_server(
    clinic: Place, server: SshServer
) -> None:
    others = ["holiday.jpg", "careline-00000000-20200101T000000.000000Z.age"]
    for name in others:
        (server.folder / name).write_bytes(b"somebody's")
    left_by_a_power_cut = backed_up(clinic, server)
    path = server.folder / left_by_a_power_cut
    path.rename(path.with_name(path.name + shelf.UNFINISHED))
    names = [backed_up(clinic, server, keep=2) for _ in range(3)]
    assert sorted(each.name for each in server.folder.iterdir()) == sorted([*others, *names[1:]])


def test_a_server_that_shows_another_key_gets_nothing(clinic: Place, server: SshServer) -> None:
    backed_up(clinic, server)
    server.stop()
    server.renew_key()
    server.start()
    with pytest.raises(BackupError, match="shows another key than it did"):
        backed_up(clinic, server)
    assert len(list(server.folder.iterdir())) == 1
    clinic.backup_hosts.unlink()  # the cure that was named
    backed_up(clinic, server)


def test_a_server_that_does_not_know_the_box_is_told_apart_from_one_that_is_off(
    clinic: Place, server: SshServer
) -> None:
    server.let_in(sftp.public_key(Place(clinic.home / "another")))
    with pytest.raises(BackupError, match="careline backups key"):
        backed_up(clinic, server)
    server.stop()
    with pytest.raises(BackupError, match="cannot be reached"):
        backed_up(clinic, server)


def test_a_server_that_says_nothing_is_not_waited_for_all_night(
    clinic: Place, server: SshServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sftp, "CONNECTED_WITHIN_S", 0.3)
    with server.freeze(), pytest.raises(BackupError, match=r"did not answer within 0\.3 s"):
        backed_up(clinic, server)


def test_a_folder_that_is_not_there_and_one_that_is_closed_are_told_with_a_cure(
    clinic: Place, server: SshServer
) -> None:
    server.folder.rmdir()
    with pytest.raises(BackupError, match="see that the folder is there"):
        backed_up(clinic, server)
    server.folder.write_text("a file, and no folder")
    with pytest.raises(BackupError, match="cannot be used"):
        backed_up(clinic, server)


def test_an_upload_that_breaks_off_leaves_no_name_and_the_old_ones(
    clinic: Place, server: SshServer
) -> None:
    old = backed_up(clinic, server)

    def goes_off(_size: int) -> None:
        server.stop()

    (clinic.prompts / "es" / "long.wav").write_bytes(bytes(3_000_000))
    with closing(shelf_of(clinic, server.where)) as opened, pytest.raises(BackupError):
        backup.to_shelf(clinic, opened, 1, goes_off)
    server.start()
    with closing(shelf_of(clinic, server.where)) as opened:
        assert opened.names() == [old]
    assert json.loads(clinic.backup_told.read_text())["file"] == old


def test_the_boxs_key_is_its_own_and_lies_in_no_backup(clinic: Place, server: SshServer) -> None:
    backed_up(clinic, server)
    assert clinic.backup_key.stat().st_mode & 0o777 == 0o600
    assert sftp.public_key(clinic).startswith("ssh-ed25519 ")
    plain = restore.unpack(
        Sealed.at(next(server.folder.iterdir())),
        of_paper(PAPER),
        clinic.home.parent / "unpacked",
        nobody_looks,
    )
    assert not {"backup.key", "backup.hosts"} & set(plain.files)
