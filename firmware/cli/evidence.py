"""The evidence pack: made on the box, checked anywhere."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from firmware import account, audit, people, signed_pack
from firmware import evidence as gathered
from firmware.audit import Act
from firmware.cli.terminal import BAD_INPUT, explained, fail, say, site_of
from firmware.machine import MachineKey
from firmware.peer import at_the_shell
from firmware.place import Place
from firmware.signed_pack import PackError

app = typer.Typer()
evidence = typer.Typer(help="What the clinic can show: one signed pack, with no patient in it.")
app.add_typer(evidence, name="evidence", no_args_is_help=True)


@evidence.command("make")
def make(
    out: Annotated[Path, typer.Argument(help="The pack to write, a .zip.")],
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Gather the audit, keys' ids, receipts, access review, drills and software, and sign it."""
    place = Place.from_environment()
    with explained():
        if out.exists() and not force:
            fail(f"{out} exists: choose another name, or give --force", BAD_INPUT)
        site = site_of(place)
        people.refuse_unless_set_up(place.page_db)
        account.give(place, at_the_shell(), Act.EXPORTED, gathered.TAKEN)
        signer = audit.signer(MachineKey.at(place.machine_key))
        with Console(stderr=True).status("gathering and checking the evidence"):
            files = gathered.files(place, site, gathered.asterisk_root(place), datetime.now(UTC))
            signed_pack.write(out, files, signer)
        key = signer.public_key().public_bytes_raw().hex()
        say(f"{out}: {len(files)} files, {out.stat().st_size / 1e3:.0f} kB; open {gathered.PAGE}")
        say(f"the box's key is {key}: keep it apart from the pack")


@evidence.command()
def verify(
    file: Annotated[Path, typer.Argument(help="The pack.", exists=True, dir_okay=False)],
    key: Annotated[str, typer.Option(help="The box's key, 64 digits, from the paper.")] = "",
) -> None:
    """Say whether a pack is as the box signed it. It needs no box."""
    with explained():
        try:
            checked = signed_pack.check(file, key)
        except PackError as wrong:
            fail(str(wrong))
    say(f"all {len(checked.files)} files are as they were signed by {checked.key}")
    if not key:
        say("that this is your box's key, the recovery paper says; give it with --key")
