"""Where backups go: never, by mistake, to where they would be lost with the box."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from firmware.backup_keys import BackupError
from firmware.place import Place
from firmware.shelf import Folder, refuse_own_disk, stick

# In a mount namespace of its own: real mounts, which nobody else sees.
PLUGGED_IN = """
set -eu
for label in "$@"; do
    mkdir -p "$MEDIA/$label"
    mount -t tmpfs tmpfs "$MEDIA/$label"
done
exec "$PYTHON" -c '
import os, sys
from pathlib import Path
from firmware.backup_keys import BackupError
from firmware.place import Place
from firmware.shelf import Folder, refuse_own_disk, stick
try:
    found = stick(os.environ["WANTED"], Path(os.environ["MEDIA"]))
    refuse_own_disk(Place(Path(os.environ["MEDIA"])), Folder(found))
    print(found.name)
except BackupError as refused:
    print(refused)
'
"""


def plugged_in(media: Path, *labels: str, wanted: str = "") -> str:
    """What is said where these sticks are mounted."""
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    done = subprocess.run(
        ["unshare", *user, "--mount", "sh", "-c", PLUGGED_IN, "sticks", *labels],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ
        | {
            "MEDIA": str(media),
            "WANTED": wanted,
            "PYTHON": sys.executable,
            "PYTHONPATH": str(Path(__file__).parents[2]),
        },
    )
    return done.stdout.strip()


def test_the_only_stick_is_found_and_of_several_the_one_that_is_named(tmp_path: Path) -> None:
    assert plugged_in(tmp_path / "one", "BACKUP") == "BACKUP"
    assert plugged_in(tmp_path / "one", "maria/BACKUP") == "BACKUP"  # as a desktop mounts it
    two = tmp_path / "two"
    assert "usb:BACKUP, usb:MUSIC" in plugged_in(two, "MUSIC", "BACKUP")
    assert plugged_in(two, "MUSIC", "BACKUP", wanted="BACKUP") == "BACKUP"


def test_a_mount_point_without_its_stick_is_no_stick(tmp_path: Path) -> None:
    (tmp_path / "BACKUP").mkdir()
    with pytest.raises(BackupError, match="no stick is mounted"):
        stick("", tmp_path)
    with pytest.raises(BackupError, match="no stick 'BACKUP' is mounted"):
        stick("BACKUP", tmp_path)
    with pytest.raises(BackupError, match="no stick is mounted"):
        stick("", tmp_path / "nothing")


def test_by_night_no_backup_goes_to_the_boxs_own_disk(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="own_disk = true"):
        refuse_own_disk(Place(tmp_path), Folder(tmp_path))
    with pytest.raises(BackupError, match="is the stick plugged in"):
        Folder(tmp_path / "gone").names()
