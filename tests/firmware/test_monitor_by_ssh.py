"""A technician watches a clinic's box from elsewhere by a real sshd: a few words are answered, and
whoever has the key gets no shell, no file, no way into the clinic's net, and no patient's name."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from datetime import date
from pathlib import Path

import asyncssh
import pytest
from prometheus_client.parser import text_string_to_metric_families

from firmware import fleet, watch_keys
from firmware.monitor import REFUSAL, WORDS
from firmware.ports import free_ports
from firmware.watched_words import UNKNOWN
from firmware.watching import Watched
from tests.firmware.by_hand import SITE, exchange_at, site_at
from tests.firmware.canaries import Canary, found, pattern
from tests.firmware.monitor_server import door_for_monitor, watched_at

CANARY = Canary("Quillon", "Vexworthy", "2025550186", date(1971, 3, 29), "88120457")
WRITTEN = SITE + f'\n[people.vexworthy]\nname = "{CANARY.name}"\nnumbers = ["101"]\n'
WITHIN_S = 240.0
# sshd takes four sessions of one connection (MaxSessions), and gives a place back a moment late.
AT_ONCE = 2

Connection = asyncssh.SSHClientConnection

# What somebody types who has the key and wants more. Each ends with the same refusal.
TYPED = (
    ("nothing, for a shell", ""),
    ("a shell by its name", "sh"),
    ("a shell by its path", "/bin/bash -i"),
    ("a shell with a command", "sh -c id"),
    ("a shell in place of our program", "exec sh"),
    ("a command after an allowed one", "status; id"),
    ("a command if an allowed one went well", "status && id"),
    ("a command if it went wrong", "status || id"),
    ("a pipe into a shell", "status | sh"),
    ("a command in backquotes", "status `id`"),
    ("a command in brackets", "status $(id)"),
    ("a second line", "status\nid"),
    ("a line ended as Windows does", "status\r\nid"),
    ("what is printed, into a file", "metrics > /tmp/x"),
    ("input from a file", "status < /etc/shadow"),
    ("an allowed word and a file", "support /etc/shadow"),
    ("a way up the tree", "log ../../../etc/passwd"),
    ("another option", "status --as maria"),
    ("a real command's other option", "log --unit=ssh"),
    ("a call to a number", "doctor --call 2025550186"),
    ("a ring at every telephone", "doctor phones"),
    ("a word in capitals", "STATUS"),
    ("a word after a blank", " status"),
    ("a word before a blank", "status "),
    ("a tab for a blank", "status\t--json"),
    ("two blanks", "status  --json"),
    ("a letter of another alphabet", "st\u0430tus"),
    ("a word in quotes", "'status'"),
    ("a very long word", "status" * 2_000),
    ("help", "--help"),
    ("the whole command line", "careline calls"),
    ("the list of calls", "calls"),
    ("the way of a call", "explain"),
    ("the messages", "messages list"),
    ("the list of people", "people list"),
    ("the site file", "cat /var/lib/careline/clinic.toml"),
    ("the database", "cat /var/lib/careline/calls.db"),
    ("the passwords", "cat /var/lib/careline/secrets.toml"),
    ("a file by scp", "scp -f /etc/passwd"),
    ("a file laid down by scp", "scp -t /tmp"),
    ("files by rsync", "rsync --server --sender . /"),
    ("files by an sftp server", "/usr/lib/openssh/sftp-server"),
    ("files by sshd's own sftp", "internal-sftp"),
    ("files by tar", "tar c /"),
    ("Python", "python3 -c 'import os; os.system(\"id\")'"),
    ("the environment", "env"),
    ("a variable before a word", "CARELINE_HOME=/tmp status"),
    ("another journal", "journalctl -u ssh"),
    ("the box switched off", "systemctl poweroff"),
    ("another key let in", "keys add me"),
)


async def a_shell_with_a_terminal(open_: Connection) -> None:
    await open_.create_process(term_type="xterm")


async def files_by_the_subsystem(open_: Connection) -> None:
    async with asyncio.timeout(20):
        await open_.start_sftp_client()


async def another_subsystem(open_: Connection) -> None:
    done = await open_.create_process(subsystem="netconf")
    refused(await done.wait())


async def a_library_by_the_environment(open_: Connection) -> None:
    hostile = {"LD_PRELOAD": "/srv/x.so", "PYTHONPATH": "/srv", "LC_ALL": "$(id)",
               "CARELINE_HOME": "/srv", "SSH_ORIGINAL_COMMAND": "status"}  # fmt: skip
    refused(await open_.run("sh", env=hostile))


def refused(done: asyncssh.SSHCompletedProcess) -> None:
    """It ended as our program ends who types anything else."""
    assert (done.exit_status, done.stdout, done.stderr) == (3, "", REFUSAL), done
    raise asyncssh.ChannelOpenError(0, "refused")


async def a_way_to_ssh_itself(open_: Connection) -> None:
    await open_.open_connection("127.0.0.1", 22)


async def a_way_to_asterisks_manager(open_: Connection) -> None:
    await open_.open_connection("localhost", 5038)


async def a_way_to_a_telephone(open_: Connection) -> None:
    await open_.open_connection("192.168.1.20", 80)


async def a_way_to_the_page_of_another_box(open_: Connection) -> None:
    await open_.open_connection("192.168.1.21", 443)


async def a_way_out_to_the_internet(open_: Connection) -> None:
    await open_.open_connection("example.com", 443)


async def a_way_to_the_exchanges_socket(open_: Connection) -> None:
    await open_.open_unix_connection("/var/lib/careline/run/control.sock")


async def a_way_to_the_socket_it_may_ask_at(open_: Connection) -> None:
    await open_.open_unix_connection("/run/careline-monitor/box.sock")


async def a_port_at_the_box(open_: Connection) -> None:
    await open_.forward_remote_port("", 0, "127.0.0.1", 9)


async def a_socket_at_the_box(open_: Connection) -> None:
    await open_.forward_remote_path("/tmp/monitor.sock", "/tmp/x.sock")  # noqa: S108


async def a_network_device(open_: Connection) -> None:
    await open_.create_tun(lambda: asyncssh.SSHTunTapSession())


OTHER_WAYS: tuple[Callable[[Connection], Awaitable[None]], ...] = (
    a_shell_with_a_terminal,
    files_by_the_subsystem,
    another_subsystem,
    a_library_by_the_environment,
    a_way_to_ssh_itself,
    a_way_to_asterisks_manager,
    a_way_to_a_telephone,
    a_way_to_the_page_of_another_box,
    a_way_out_to_the_internet,
    a_way_to_the_exchanges_socket,
    a_way_to_the_socket_it_may_ask_at,
    a_port_at_the_box,
    a_socket_at_the_box,
    a_network_device,
)


async def answers(open_: Connection) -> dict[str, asyncssh.SSHCompletedProcess]:
    """What each word is answered that ends by itself."""
    ending = [word for word in WORDS if word not in ("log --follow", "tunnel")]
    return {word: await open_.run(word) for word in ending}


def done_by_status(told: dict[str, asyncssh.SSHCompletedProcess]) -> int | None:
    return told["status"].exit_status


async def tries_everything(open_: Connection) -> list[str]:
    """Each way by which more was had than a refusal."""
    places = asyncio.Semaphore(AT_ONCE)
    opened: list[str] = []

    async def typed(way: str, words: str) -> None:
        async with places:
            done = await open_.run(words)
        if (done.exit_status, done.stdout, done.stderr) != (3, "", REFUSAL):
            opened.append(f"{way}: {done}")

    await asyncio.gather(*(typed(*each) for each in TYPED))
    for way in OTHER_WAYS:
        try:
            await way(open_)
        except (asyncssh.Error, asyncssh.ChannelListenError, OSError):
            continue
        opened.append(way.__name__)
    return opened


async def signs_in_otherwise(port: int, key: asyncssh.SSHKey) -> list[str]:
    """Each other way in that was open."""
    stranger = asyncssh.generate_private_key("ssh-ed25519")
    ways: dict[str, dict[str, object]] = {
        "root with the monitor's key": {"username": "root", "client_keys": [key]},
        "the exchange's user": {"username": "careline", "client_keys": [key]},
        "another key": {"username": "monitor", "client_keys": [stranger]},
        "a password": {"username": "monitor", "client_keys": None, "password": "monitor"},
        "no password": {"username": "monitor", "client_keys": None, "password": ""},
    }
    opened = []
    for way, how in ways.items():
        try:
            async with asyncssh.connect("127.0.0.1", port, known_hosts=None, agent_path=None,
                                        config=None, **how):  # fmt: skip
                opened.append(way)
        except asyncssh.PermissionDenied:
            continue
    return opened


def test_who_has_the_monitors_key_sees_figures_and_gets_nothing_else_in_seventy_ways(
    tmp_path: Path,
) -> None:
    assert len(TYPED) + len(OTHER_WAYS) >= 50
    home = tmp_path / "b"
    home.mkdir()
    place = site_at(home, WRITTEN)
    server = tmp_path / "s"
    (server / "ssh").mkdir(parents=True)
    door_for_monitor(place.watch_socket)
    key = asyncssh.generate_private_key("ssh-ed25519")
    public = key.export_public_key().decode()
    identity = tmp_path / "id_ed25519"
    identity.write_bytes(key.export_private_key())
    identity.chmod(0o600)
    watch_keys.write(
        server / "ssh" / "monitor.keys", [watch_keys.checked([], "anna-laptop", public)]
    )

    async def page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"the page")
        writer.close()

    async def story() -> None:
        with ExitStack() as kept:
            port, of_page, of_nobody = free_ports(kept, 3)
            kept.close()
            async with (
                asyncio.timeout(WITHIN_S),
                exchange_at(place) as clinic,
                await asyncio.start_server(page, "127.0.0.1", of_page),
                watched_at(server, place.watch_socket, port, of_page),
                asyncssh.connect(
                    *("127.0.0.1", port),
                    username="monitor",
                    client_keys=[key],
                    known_hosts=None,
                    agent_path=None,
                    config=None,
                ) as open_,
            ):
                clinic.asterisk.refuses.add("Originate")
                await clinic.announce(
                    "00000000-0000-4000-8000-000000000001",
                    CallerIDNum=CANARY.number,
                    CallerIDName=CANARY.name,
                )
                told = await answers(open_)
                for word, done in told.items():
                    assert done.exit_status in (0, 1, 2), (word, done)
                    assert done.stderr == "", (word, done)
                    out = str(done.stdout)
                    assert found(out.encode(), pattern(CANARY)) == [], (word, out)
                Watched.model_validate(json.loads(str(told["status --json"].stdout))["told"])
                assert list(text_string_to_metric_families(str(told["metrics"].stdout)))
                file = json.loads(str(told["support"].stdout))
                assert 'people.#1.name = "…"' in file["site"]
                assert file["software"]

                elm, gone = await fleet.look(
                    {"elm": fleet.BoxForm(host="127.0.0.1", port=port),
                     "gone": fleet.BoxForm(host="127.0.0.1", port=of_nobody)},
                    ssh=(*fleet.SSH, "-F", "none", "-i", str(identity), "-o",
                         "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"),
                )  # fmt: skip
                assert elm.told is not None, elm
                assert elm.status == done_by_status(told)
                assert (gone.status, gone.told) == (UNKNOWN, None)
                assert "refused" in gone.why

                tunnel, _ = await open_.open_connection("localhost", of_page)
                assert await tunnel.read() == b"the page"
                assert await tries_everything(open_) == []
                assert await signs_in_otherwise(port, key) == []

    asyncio.run(story())


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ('command="sh" ssh-ed25519 AAAA', "no options"),
        ("ssh-ed25519 AAAA", "no public key"),
        ("ssh-dss AAAA", "one line"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", "secret half"),
        ("", "one line"),
    ],
)
def test_what_is_no_key_is_not_let_in(typed: str, why: str) -> None:
    with pytest.raises(watch_keys.WatchKeyError, match=why):
        watch_keys.checked([], "anna", typed)


def test_a_second_key_under_a_name_a_hostile_name_and_a_weak_key_are_not_let_in() -> None:
    public = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    anna = watch_keys.checked([], "anna", public)
    weak = asyncssh.generate_private_key("ssh-rsa", key_size=2048).export_public_key().decode()
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    for name, typed in (("anna", other), ("bob", public), ("x\ncommand", other), ("c", weak)):
        with pytest.raises(watch_keys.WatchKeyError):
            watch_keys.checked([anna], name, typed)
    assert watch_keys.without([anna], "anna") == []
    with pytest.raises(watch_keys.WatchKeyError, match="nobody is called"):
        watch_keys.without([anna], "bob")
