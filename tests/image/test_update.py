"""A box is updated, on an emulated PC with the whole of it: its own RAUC, loader, verity and gate.

What a technician would type is done by a unit of the test's, which the emulator hands to systemd
(systemd-debug-generator(8), system credentials), after the box's own gate: the image itself has no
way in for it.
"""

import base64
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from firmware.ports import free_ports
from image import bundle
from image.build import PC, cache, parts_of, tools_of
from image.signing import signer
from tests.image.box import Box

WITHIN_S = 420.0
DOES = """[Unit]
After=careline-gate.service dbus.service
[Service]
Type=oneshot
StandardOutput=journal+console
StandardError=journal+console
ExecStart=/bin/sh -c 'echo; grep -o "rauc.slot=." /proc/cmdline; mkdir -p /run/stick; {act}'
"""
WANTS = "[Unit]\nWants=story.service\n"
INSTALL = (
    "mount -o ro /dev/vdb /run/stick && careline update check /run/stick/new.raucb;"
    " rauc install /run/stick/new.raucb && echo it is written; ls /efi/EFI/Linux;"
    " systemctl --no-block reboot"
)
TELL = "ls /efi/EFI/Linux; echo the story is told"


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    with ExitStack() as kept:
        yield Box(tmp_path, *free_ports(kept, 1))


def doing(act: str) -> list[str]:
    """For the emulator: the box does this as it starts."""
    told = []
    for name, text in (
        ("systemd.extra-unit.story.service", DOES.format(act=act)),
        ("systemd.unit-dropin.multi-user.target", WANTS),
    ):
        coded = base64.b64encode(text.encode()).decode()
        told += ["-smbios", f"type=11,value=io.systemd.credential.binary:{name}={coded}"]
    return told


def stick(folder: Path, content: Path) -> list[str]:
    """A new version on a stick, which is plugged in."""
    lies, image = folder / "lies", folder / "stick.img"
    lies.mkdir()
    bundle.pack(content, lies / "new.raucb", signer(cache() / "key"), tools_of(any_age=True))
    mke2fs = shutil.which("mke2fs") or "/sbin/mke2fs"
    subprocess.run([mke2fs, "-q", "-t", "ext4", "-d", lies, image, "600M"], check=True)
    return ["-drive", f"file={image},format=raw,if=virtio,cache=unsafe,readonly=on"]


@pytest.fixture
def content(tmp_path: Path) -> Path:
    """Of the image that is being tried: the same release once more, in the other slot."""
    folder = shutil.copytree(parts_of(PC), tmp_path / "content")
    version = (folder / "release").read_text().strip()
    (folder / "manifest.raucm").write_text(
        bundle.manifest("careline-pc", version, closes_a_hole=False)
    )
    return folder


@pytest.mark.timeout(1500)
def test_a_good_version_is_written_started_tried_and_stays(
    box: Box, content: Path, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    with box.on(*stick(tmp_path, content), *doing(INSTALL)):
        took_s = box.until(lambda: not box.is_on, WITHIN_S)
    assert "this very version runs already" in box.said, "careline update check would not take it"
    assert "it is written" in box.said, box.said
    assert "careline-b+1.efi" in box.said
    record_property("installed after s, emulated", round(took_s))
    with box.on(*doing(TELL)):
        box.until(lambda: "the story is told" in box.said, WITHIN_S)
    assert "rauc.slot=b" in box.said
    assert "careline-b+2.efi" in box.said, box.said
    with box.on(*doing(TELL)):
        box.until(lambda: box.page() is not None, WITHIN_S)
        box.until(lambda: "the story is told" in box.said, WITHIN_S)
    assert "rauc.slot=b" in box.said


@pytest.mark.timeout(1500)
def test_a_version_with_a_wrong_byte_gives_way_to_the_former_one_by_itself(
    box: Box, content: Path, tmp_path: Path
) -> None:
    with (content / "root.img").open("r+b") as root:
        root.seek(1024)
        byte = root.read(1)[0]
        root.seek(1024)
        root.write(bytes([byte ^ 1]))
    with box.on(*stick(tmp_path, content), *doing(INSTALL)):
        box.until(lambda: not box.is_on, WITHIN_S)
    assert "it is written" in box.said, box.said
    with box.on(*doing(TELL)):
        box.until(lambda: not box.is_on, WITHIN_S)
    assert "is corrupted" in box.said
    with box.on(*doing(TELL)):
        box.until(lambda: box.page() is not None, WITHIN_S)
        box.until(lambda: "the story is told" in box.said, WITHIN_S)
    assert "careline-b+0-1.efi" in box.said
