"""`make bundle BOARD=pc`: what a box updates itself with, of the very files of the image that was
built last.

In it are the root, its verity, and the kernel of each slot; RAUC writes the first two to the slot
that does not run, and the box's own program takes the kernel (firmware/update/slots.py).
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from image.build import (
    BOARDS,
    CHECKOUT,
    Board,
    BuildError,
    cache,
    naming,
    parts_of,
    release,
    run,
    tools_of,
)
from image.signing import Signer, SigningError, signer

IMAGES = {"rootfs": "root.img", "verity": "verity.img"}
KERNELS = ("careline-a.efi", "careline-b.efi")
# A root is compressed already: what is left is worth little time.
SQUEEZED = "-comp zstd -Xcompression-level 3"


def manifest(board: str, version: str, *, closes_a_hole: bool, description: str = "") -> str:
    """What RAUC reads of it, and what we do."""
    lines = [
        "[update]", f"compatible={board}", f"version={version}",
        *([f"description={description}"] if description else []), "",
        "[bundle]", "format=verity", "",
        "[meta.careline]", f"closes-a-hole={'yes' if closes_a_hole else 'no'}", "",
    ]  # fmt: skip
    for slot, file in IMAGES.items():
        lines += [f"[image.{slot}]", f"filename={file}", ""]
    return "\n".join(lines)


def pack(content: Path, out: Path, by: Signer, tools: Path) -> None:
    """A bundle of what lies there, signed, by the workshop's RAUC."""
    with tempfile.TemporaryDirectory(prefix="careline-bundle-", dir=out.parent) as scratch:
        work = Path(scratch)
        shutil.copy(by.certificate, work / "cert.pem")
        key = by.key
        if not key.startswith("pkcs11:"):
            shutil.copy(by.key, work / "key.pem")
            key = "/packed/key.pem"
        script = f"""
            mkdir "$work/t"; mount -t tmpfs -o size=1g tmpfs "$work/t"; cd "$work/t"
            tar -xf "$tools" --exclude='./dev/*'; mkdir packed
            mount --bind "$work" packed; mkdir packed/in; mount --bind "$content" packed/in
            mount --rbind /proc proc; mount --rbind /dev dev
            chroot . rauc bundle --cert=/packed/cert.pem --key="$key" \
                --mksquashfs-args="{SQUEEZED}" /packed/in /packed/made.raucb
        """
        paths = {"work": work, "tools": tools, "content": content, "key": key}
        run(["sh", "-euc", naming(paths) + script], inside=True)
        (work / "made.raucb").replace(out)


def bundle(board: Board, *, closes_a_hole: bool, description: str) -> Path:
    """Of the image built last. BuildError: there is none."""
    made = parts_of(board)
    if not all((made / name).exists() for name in (*IMAGES.values(), *KERNELS)):
        raise BuildError(f"no image was built yet: make image BOARD={board.name}")
    told = (made / "release").read_text("ascii").strip()
    said = manifest(
        release(board).board, told, closes_a_hole=closes_a_hole, description=description
    )
    (made / "manifest.raucm").write_text(said, "utf-8")
    out = CHECKOUT / "build/image" / f"careline-{board.name}.raucb"
    out.unlink(missing_ok=True)
    pack(made, out, signer(cache() / "key"), tools_of(any_age=True))
    return out


def main(told: Callable[[str], object] = sys.stdout.write) -> None:
    """From the command line."""
    asked = argparse.ArgumentParser(prog="make bundle", description=__doc__.splitlines()[0])
    asked.add_argument("board", choices=sorted(BOARDS))
    asked.add_argument("--closes-a-hole", action="store_true", help="not to be put off for long")
    asked.add_argument("--description", default="", help="one line for the clinic")
    wanted = asked.parse_args()
    try:
        made = bundle(
            BOARDS[wanted.board],
            closes_a_hole=wanted.closes_a_hole,
            description=wanted.description,
        )
    except (BuildError, SigningError) as why:
        sys.exit(f"bundle: {why}")
    told(f"{made.relative_to(CHECKOUT)}: {made.stat().st_size / 1e6:.0f} MB\n")


if __name__ == "__main__":
    main()
