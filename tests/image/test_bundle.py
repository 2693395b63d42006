"""A technician brings an update: what is ours is taken, whatever else is refused in plain words;
and RAUC itself writes it, with our own slots."""

import random
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier

from firmware.update.bundle import BundleError, looked_at, refuse_unless_for
from firmware.update.release import Release, ReleaseError, running
from hw.boot.firmware import PcFirmware
from image import bundle, signing
from image.build import PC, release, tools_of
from image.bundle import IMAGES, KERNELS, manifest
from image.signing import Authority, Signer
from tests.image.workshop import Disk, Workshop, can_mount

HERE = Release("careline-pc", "0.1.0+20261101000000")
NEW = "0.2.0+20261124000000"
A_DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return Workshop(tmp_path_factory.mktemp("workshop"))


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.fresh(datetime.now(UTC) + 365 * A_DAY)


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an image leaves for a bundle, but small."""
    folder = tmp_path_factory.mktemp("content")
    for number, name in enumerate((*IMAGES.values(), *KERNELS)):
        (folder / name).write_bytes(random.Random(number).randbytes(64 << 10))
    (folder / "manifest.raucm").write_text(manifest("careline-pc", NEW, closes_a_hole=True))
    return folder


def signed_by(
    folder: Path, authority: Authority, *, left: timedelta = A_DAY,
    purpose: ObjectIdentifier = signing.SIGNS_PROGRAMS,
) -> Signer:  # fmt: skip
    """Somebody for whom this authority vouches, for so long."""
    folder.mkdir(exist_ok=True)
    key, certificate = authority.signer(datetime.now(UTC) + left, purpose)
    signing.write_key(folder / "key.pem", key)
    (folder / "cert.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    (folder / "keyring.pem").write_bytes(authority.certificate.public_bytes(Encoding.PEM))
    return Signer(str(folder / "key.pem"), folder / "cert.pem", folder / "keyring.pem")


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Signer:
    return signed_by(tmp_path_factory.mktemp("ours"), authority)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory, content: Path, ours: Signer) -> Path:
    out = tmp_path_factory.mktemp("good") / "good.raucb"
    bundle.pack(content, out, ours, tools_of(any_age=True))
    return out


def test_a_bundle_of_ours_says_what_it_is(good: Path, workshop: Workshop, ours: Signer) -> None:
    found = looked_at(good, workshop.info(ours.keyring))
    assert found.release == Release("careline-pc", NEW)
    assert found.closes_a_hole
    refuse_unless_for(found, HERE)


def test_one_that_somebody_else_signed_is_refused(
    good: Path, workshop: Workshop, tmp_path: Path
) -> None:
    elsewhere = signed_by(tmp_path / "other", Authority.fresh(datetime.now(UTC) + A_DAY))
    with pytest.raises(BundleError, match="whom this box does not trust"):
        looked_at(good, workshop.info(elsewhere.keyring))


def test_one_whose_signature_has_run_out_is_refused(
    content: Path, workshop: Workshop, authority: Authority, tmp_path: Path
) -> None:
    late = signed_by(tmp_path / "late", authority, left=-A_DAY)
    bundle.pack(content, tmp_path / "late.raucb", late, tools_of(any_age=True))
    with pytest.raises(BundleError, match="too old: its signature has run out"):
        looked_at(tmp_path / "late.raucb", workshop.info(late.keyring))


def test_one_that_a_key_for_something_else_has_signed_is_refused(
    content: Path, workshop: Workshop, authority: Authority, tmp_path: Path
) -> None:
    page = signed_by(tmp_path / "page", authority, purpose=ExtendedKeyUsageOID.SERVER_AUTH)
    bundle.pack(content, tmp_path / "page.raucb", page, tools_of(any_age=True))
    with pytest.raises(BundleError, match="not for updates"):
        looked_at(tmp_path / "page.raucb", workshop.info(page.keyring))


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("unsigned", "nobody has signed it"),
        ("cut short", "was cut short"),
        ("no bundle at all", "no update of CareLine"),
        ("changed", "changed after it was signed|no update of CareLine"),
        ("not there", "no such file"),
    ],
)
def test_what_is_not_whole_is_refused(
    what: str, says: str, good: Path, workshop: Workshop, ours: Signer, tmp_path: Path
) -> None:
    brought, told = tmp_path / "brought.raucb", good.read_bytes()
    match what:
        case "unsigned":
            brought.write_bytes(told[: len(told) // 4096 * 4096] + bytes(8))
        case "cut short":
            brought.write_bytes(told[: len(told) // 2])
        case "no bundle at all":
            brought.write_bytes(b"a holiday's photograph" * 1000)
        case "changed":  # the signature is at the end, and the manifest in it
            at = told.rindex(b"careline-pc")
            brought.write_bytes(told[:at] + b"careline-PC" + told[at + 11 :])
    with pytest.raises(BundleError, match=says):
        looked_at(brought, workshop.info(ours.keyring))


def test_one_for_another_board_or_an_older_one_is_refused(
    good: Path, workshop: Workshop, ours: Signer
) -> None:
    found = looked_at(good, workshop.info(ours.keyring))
    with pytest.raises(BundleError, match="another kind of box"):
        refuse_unless_for(found, replace(HERE, board="careline-pi5"))
    with pytest.raises(BundleError, match="runs already"):
        refuse_unless_for(found, found.release)
    with pytest.raises(BundleError, match="older than what runs"):
        refuse_unless_for(found, replace(HERE, version="0.10.0+20261101000000"))


def test_a_machine_that_is_no_box_says_so() -> None:
    with pytest.raises(ReleaseError, match="does not run from CareLine's image"):
        running({"ID": "debian"})
    box = {"IMAGE_ID": "careline-pc", "IMAGE_VERSION": release(PC).version}
    assert running(box) == release(PC)


def test_a_machine_without_a_release_s_key_makes_its_own_once(tmp_path: Path) -> None:
    made = signing.signer(tmp_path, {})
    assert (tmp_path / "key.pem").stat().st_mode & 0o077 == 0
    before = made.keyring.read_bytes()
    assert signing.signer(tmp_path, {}).keyring.read_bytes() == before
    with pytest.raises(signing.SigningError, match="give all of"):
        signing.signer(tmp_path, {"CARELINE_SIGN_KEY": "key.pem"})


# ---- RAUC writes it ----


@pytest.fixture
def esp(tmp_path: Path) -> Path:
    return tmp_path / "esp"


@pytest.fixture
def firmware(esp: Path) -> PcFirmware:
    return PcFirmware(esp)


@pytest.fixture
def disk(
    tmp_path: Path, workshop: Workshop, ours: Signer, esp: Path, firmware: PcFirmware
) -> Iterator[Disk]:
    if not can_mount():
        pytest.skip("RAUC mounts what it installs: run this as root, with loop devices")
    folder = tmp_path / "disk"
    folder.mkdir()
    made = Disk(folder, workshop, ours, esp)
    yield made
    made.let_go()


def plain(content: Path, ours: Signer, out: Path, root: bytes = b"") -> Path:
    """The same bundle for a machine without device mapper."""
    folder = out.with_suffix(".content")
    folder.mkdir()
    for each in content.iterdir():
        (folder / each.name).write_bytes(each.read_bytes())
    told = (content / "manifest.raucm").read_text()
    (folder / "manifest.raucm").write_text(told.replace("format=verity", "format=plain"))
    (folder / "root.img").write_bytes(root or (content / "root.img").read_bytes())
    bundle.pack(folder, out, ours, tools_of(any_age=True))
    return out


def test_rauc_writes_the_slot_that_does_not_run_and_the_box_starts_it_once(
    disk: Disk, firmware: PcFirmware, content: Path, ours: Signer, tmp_path: Path
) -> None:
    brought = plain(content, ours, tmp_path / "new.raucb")
    with disk.service():
        done = disk.asked("install", str(brought))
        assert done.returncode == 0, done.stderr + disk.log()
    root = (content / "root.img").read_bytes()
    assert disk.slots["root-b"].read_bytes()[: len(root)] == root
    assert not any(disk.slots["root-a"].read_bytes())
    kernel = firmware.esp / "EFI/Linux/careline-b+1.efi"
    assert kernel.read_bytes() == (content / "careline-b.efi").read_bytes()
    assert [firmware.start() for _ in range(3)] == ["b", "a", "a"], "nobody found it healthy"


def test_rauc_tells_the_box_s_slots_as_they_are(disk: Disk, firmware: PcFirmware) -> None:
    with disk.service():
        told = disk.asked("status", "--output-format=json").stdout
        assert '"booted":"a","boot_primary":"rootfs.0"' in told
        assert disk.asked("status", "mark-good").returncode == 0
        assert disk.asked("status", "mark-active", "other").returncode != 0, "b has no kernel"
    assert firmware.start() == "a"


def test_rauc_that_is_killed_while_it_writes_leaves_a_box_that_starts_the_old_version(
    disk: Disk, firmware: PcFirmware, content: Path, ours: Signer, tmp_path: Path
) -> None:
    large = plain(content, ours, tmp_path / "large.raucb", root=bytes(range(256)) * (48 << 12))
    with disk.service() as rauc:
        asking = threading.Thread(target=disk.asked, args=("install", str(large)))
        asking.start()
        disk.until_said("writing data to device .*root-b")
        rauc.kill()
        rauc.wait()
        asking.join()
    assert [firmware.start() for _ in range(3)] == ["a", "a", "a"]
    disk.let_go()
    with disk.service():  # and the next time it is whole
        done = disk.asked("install", str(plain(content, ours, tmp_path / "again.raucb")))
        assert done.returncode == 0, done.stderr
    assert firmware.start() == "b"
