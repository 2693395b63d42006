"""Entries that wait for an exchange: none is lost or entered twice, and each keeps its time."""

import asyncio
import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from firmware import account, audit, spool
from firmware.audit import Act, Audited, Entry
from firmware.cli.audit import app
from firmware.ledger import Ledger, Moment
from firmware.machine import MachineKey
from firmware.peer import at_the_shell
from firmware.place import Place
from firmware.root import Part, ReloadAsterisk, Root, RootError, ask
from firmware.store import StoreError, open_reader
from ivr.commands import NO_CALL
from tests.firmware.by_hand import exchange_at, live, site_at

EARLIER = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
PAM = {"PAM_TYPE": "open_session", "PAM_SERVICE": "sshd", "PAM_USER": "tess",
       "PAM_RHOST": "192.0.2.7", "SSH_CONNECTION": ""}  # fmt: skip


def signed_in(who: str) -> Audited:
    return Audited(f"sshd: {who}", Act.SIGNED_IN, "from 192.0.2.7", Moment(EARLIER, 0))


def chain(place: Place) -> list[Entry]:
    reader = open_reader(place.calls_db)
    try:
        with reader.connect() as connection:
            return list(audit.read(connection))
    finally:
        reader.dispose()


def drained(place: Place, *, fails: bool = False) -> int:
    """By an exchange that starts; or by one whose disk is full."""
    ledger = Ledger(place.calls_db, place.ledger_log, MachineKey.at(place.machine_key))

    async def promise(entry: Audited) -> None:
        if fails:
            raise StoreError("the disk is full")
        await ledger.write([entry])

    def is_entered(entry: Audited) -> bool:
        return ledger.store.submit(lambda c: audit.is_entered(c, entry)).result()

    try:
        return asyncio.run(spool.drain(place.audit_spool, is_entered, promise))
    finally:
        ledger.close()


def test_what_waits_is_entered_once_in_its_order_with_its_own_time(tmp_path: Path) -> None:
    place = Place(tmp_path)
    for who in ("tess", "tom"):
        spool.lay(place.audit_spool, signed_in(who))
    first, second = sorted(place.audit_spool.iterdir())
    assert first.stat().st_mode & 0o777 == 0o640
    kept = first.read_bytes()
    with pytest.raises(StoreError):
        drained(place, fails=True)
    assert drained(place) == 2
    assert list(place.audit_spool.iterdir()) == []
    first.write_bytes(kept)  # a power cut came before it was taken away
    assert drained(place) == 0
    assert [(e.who, e.at) for e in chain(place)] == [
        (f"sshd: {who}", "2026-03-02T09:30:00.000+00:00") for who in ("tess", "tom")
    ]
    assert not second.exists()


@pytest.mark.parametrize(
    "junk",
    [
        b"",
        b"no json",
        b"\xff\xfe",
        b"x" * 10_000,
        json.dumps({"at": "2026-03-02T09:30:00Z", "who": "eve", "act": "flew"}).encode(),
        json.dumps({"at": "whenever", "who": "eve", "act": "signed in"}).encode(),
    ],
)
def test_what_nobody_can_read_is_set_aside_and_holds_nothing_up(
    tmp_path: Path, junk: bytes
) -> None:
    place = Place(tmp_path)
    place.audit_spool.mkdir()
    (place.audit_spool / "0.json").write_bytes(junk)
    spool.lay(place.audit_spool, signed_in("tess"))
    assert drained(place) == 1
    assert spool.set_aside(place.audit_spool) == 1
    assert [each.who for each in chain(place)] == ["sshd: tess"]


def test_a_link_to_elsewhere_is_not_followed(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.audit_spool.mkdir()
    elsewhere = tmp_path / "laid"
    spool.lay(elsewhere, signed_in("eve"))
    (laid,) = elsewhere.iterdir()
    (place.audit_spool / "0.json").symlink_to(laid)
    assert drained(place) == 0
    assert spool.set_aside(place.audit_spool) == 1


def enters(place: Place, told: Mapping[str, str]) -> Result:
    env = {"PAM_TYPE": "", "SSH_CONNECTION": "", **told, "CARELINE_HOME": str(place.home)}
    return CliRunner().invoke(app, ["audit", "enter"], env=env)


def test_who_signs_in_to_the_box_by_ssh_is_entered_with_and_without_an_exchange(
    tmp_path: Path,
) -> None:
    place = site_at(tmp_path)
    assert enters(place, PAM).exit_code == 0  # nobody runs: it is laid down
    assert len(list(place.audit_spool.iterdir())) == 1

    async def story() -> None:
        async with exchange_at(place) as clinic:
            await clinic.step(NO_CALL, audit.AUDITED)
            closing = {**PAM, "PAM_TYPE": "close_session", "PAM_USER": "tess\x1b[2J"}
            assert (await asyncio.to_thread(enters, place, closing)).exit_code == 0
            forced = {"SSH_CONNECTION": "192.0.2.8 50000 192.0.2.1 22"}
            assert (await asyncio.to_thread(enters, place, forced)).exit_code == 0

    live(story())
    entered = {(each.who, each.act, each.about) for each in chain(place)}
    assert ("sshd: tess", "signed in", "from 192.0.2.7") in entered
    told = f"told by {at_the_shell()}"
    assert ("sshd: tess?[2J", "signed out", f"from 192.0.2.7, {told}") in entered
    forced = {about for who, _, about in entered if who.startswith("ssh: ")}
    assert f"from 192.0.2.8, {told}" in forced
    assert enters(place, {}).exit_code == 2
    assert "PAM" in enters(place, {"PAM_TYPE": "auth"}).stderr


def test_what_root_does_and_whom_it_refuses_waits_for_the_exchange(tmp_path: Path) -> None:
    place = Place(tmp_path)

    def entered(who: str, about: str) -> None:
        spool.lay(place.audit_spool, Audited(who, Act.BY_ROOT, about, Moment.now()))

    async def asterisk(command: str) -> str:
        return f"{command}: done"

    async def asked(*trusted: int) -> str:
        at, listens = tmp_path / "r.sock", asyncio.Event()
        service = Root(at, asterisk, frozenset(trusted), entered)
        serving = asyncio.create_task(service.serve(listens.set))
        await listens.wait()
        try:
            return await ask(at, ReloadAsterisk(part=Part.DIALPLAN))
        finally:
            serving.cancel()
            await asyncio.wait({serving})

    assert asyncio.run(asked(os.geteuid())) == "dialplan reload: done"
    with pytest.raises(RootError, match="may not ask"):
        asyncio.run(asked())
    assert drained(place) == 2
    assert [each.about for each in chain(place)] == ["reload-asterisk", "refused: a stranger"]
    assert all(each.who.startswith("root, for ") for each in chain(place))


def test_an_entry_that_can_neither_be_made_nor_laid_down_fails(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.audit_spool.write_text("in the way")
    with pytest.raises(OSError, match="audit-spool"):
        account.give_or_lay(place, "sshd: tess", Act.SIGNED_IN)
