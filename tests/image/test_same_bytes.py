"""Who builds a release again gets the very same file: nothing of the machine is in it."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cyclonedx.model.bom import Bom

from image.build import CHECKOUT, DOWNLOAD_AT_MOST, PC, carried, copy_checkout
from tests.image.box import IMAGE

LIST = IMAGE.with_suffix(".cdx.json")


def number(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


@pytest.mark.timeout(300)
def test_built_again_elsewhere_the_download_is_the_same_to_the_byte(tmp_path: Path) -> None:
    elsewhere = tmp_path / "of another name"
    clone = ["git", "clone", "-q", "--no-checkout", str(CHECKOUT), str(elsewhere)]
    subprocess.run(clone, check=True)
    copy_checkout(elsewhere)
    left_from_before = elsewhere / "firmware/migrations/calls/__pycache__/old.cpython-311.pyc"
    left_from_before.parent.mkdir(exist_ok=True)
    left_from_before.write_bytes(b"of another Python")
    again = elsewhere / IMAGE.relative_to(CHECKOUT)
    subprocess.run(
        [sys.executable, "-m", "image.build", PC.name, "--any-age"],
        check=True, cwd=elsewhere, env=os.environ | {"PYTHONPATH": str(elsewhere)},
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    assert number(carried(again)) == number(carried(IMAGE))
    assert again.with_suffix(".cdx.json").read_bytes() == LIST.read_bytes()


def test_the_number_beside_the_download_is_its_own() -> None:
    told = Path(f"{carried(IMAGE)}.sha256").read_text("ascii")
    assert told == f"{number(carried(IMAGE))}  {carried(IMAGE).name}\n"
    assert carried(IMAGE).stat().st_size < DOWNLOAD_AT_MOST


def test_the_software_list_is_cyclonedx_and_names_what_carries_the_calls() -> None:
    told = Bom.from_json(json.loads(LIST.read_text("utf-8")))  # type: ignore[attr-defined]
    found = {each.name: each for each in told.components}
    asterisk = found["asterisk"]
    assert asterisk.version
    assert asterisk.version.startswith("1:22.")

    assert {"careline", "linux-image-amd64", "numpy", "libc6", "python3"} <= set(found)
