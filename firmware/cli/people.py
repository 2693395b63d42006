"""People who sign in, and the keys that follow them: set-up, invitations, who may open what."""

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from firmware import account, audit, backup_keys, paper, passwords
from firmware import people as known
from firmware.audit import Act
from firmware.cli import envelope, own
from firmware.cli.terminal import (
    ByPaper,
    PasswordStdin,
    Person,
    by_paper,
    denials,
    explained,
    fail,
    new_password,
    say,
    signed_in_to,
    site_of,
    stdin_line,
    typed_paper,
)
from firmware.keys import KeyPair
from firmware.machine import MachineKey
from firmware.operations import Operation, Role
from firmware.place import Place
from ivr.plan import Plan

app = typer.Typer()
people = typer.Typer(help="People who sign in, and which mailboxes they can open.")
people.add_typer(own.app)
people.add_typer(envelope.app)
app.add_typer(people, name="people", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask again.")]


@app.command()
def setup(
    person: Annotated[str | None, typer.Option(help="The first person's name.")] = None,
    *,
    password_stdin: PasswordStdin = False,
) -> None:
    """Make the clinic's recovery paper, its first person, and the keys of its mailboxes."""
    place = Place.from_environment()
    with explained():
        site = site_of(place)
        known.refuse_if_set_up(place.page_db)
        name = person or typer.prompt("Your name", err=True)
        known.check_name(name)
        password = new_password(password_stdin=password_stdin)
        passwords.check(password)
        recovery = _shown_paper(place, site)
        backup_keys.expect_paper(place, recovery)
        try:
            known.set_up(place.page_db, recovery.public, name, password, tuple(site.mailboxes))
        except BaseException:
            say("set-up failed: the paper above is void, destroy it")
            raise
        backup_keys.remember_paper(place, recovery)
        account.give(place, name, Act.SET_UP)
        say(f"{name} can open {', '.join(site.mailboxes) or 'no mailbox yet'}")


@people.command("list")
def list_() -> None:
    """Everybody, what they do, and what they can open."""
    place = Place.from_environment()
    with explained():
        everybody = known.everybody(place.page_db)
    table = Table("name", "role", "can open", "waits for", "", box=None)
    for each in everybody:
        until = each.invited_until
        invited = f"invited until {until.astimezone():%a %-d %b %H:%M}" if until else ""
        opens, waits = ", ".join(each.mailboxes), ", ".join(each.waits_for)
        table.add_row(each.name, each.role, opens, waits, invited)
    Console().print(table)


@people.command()
def agree(person: Person = None, *, password_stdin: PasswordStdin = False) -> None:
    """Let every mailbox have the members that the site file names."""
    place = Place.from_environment()
    with explained():
        site = site_of(place)
        known.refuse_unless_set_up(place.page_db)
        ring = signed_in_to(Operation.PEOPLE, place, person, password_stdin=password_stdin)
        wanted = {name: mailbox.members for name, mailbox in site.mailboxes.items()}
        account.give(place, ring.person, Act.AGREED)
        new = known.agree(place.page_db, wanted)
        say(f"new keys for {', '.join(new)}" if new else "every mailbox has its keys already")
        for each in known.everybody(place.page_db):
            if each.waits_for and each.invited_until is None:
                say(
                    f"{each.name} opens {', '.join(each.waits_for)} as soon as somebody signs in"
                    " who can, or with the recovery paper: `careline people grant`"
                )


@people.command()
def invite(
    name: Name,
    role: Annotated[Role, typer.Option(help="What they do at the clinic.")],
    person: Person = None,
    *,
    password_stdin: PasswordStdin = False,
    with_paper: ByPaper = False,
    yes: Yes = False,
) -> None:
    """Let somebody choose a password, with a code that is shown once. It is also what is done when
    one was forgotten: the old password then opens nothing any more."""
    place = Place.from_environment()
    with explained():
        ring = (
            by_paper(place, paper_stdin=password_stdin)
            if with_paper
            else signed_in_to(Operation.PEOPLE, place, person, password_stdin=password_stdin)
        )
        forgotten = name in known.names(place.page_db)
        if forgotten and not yes and not typer.confirm(_what_is_lost(place, name), err=True):
            fail("nobody was invited")
        account.give(place, ring.person, Act.INVITED, f"{name}, {role}")
        code = known.invite(place.page_db, name, role, datetime.now(UTC))
        typer.echo(code)
        say(f"give this code to {name}, who types it at `careline people accept` within a week")


@people.command()
def accept(
    name: Name,
    *,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read code and password, a line each.")
    ] = False,
) -> None:
    """Choose a password with the code of your invitation."""
    place = Place.from_environment()
    with explained():
        code = stdin_line() if password_stdin else typer.prompt("Code", err=True)
        with denials(place, name, "invitation"):
            known.check_invitation(place.page_db, name, code, datetime.now(UTC))
        password = new_password(password_stdin=password_stdin)
        passwords.check(password)
        account.give(place, name, Act.CHOSE_PASSWORD)
        known.accept(place.page_db, name, code, password, datetime.now(UTC))
        waits = [each.waits_for for each in known.everybody(place.page_db) if each.name == name]
        later = f"; {', '.join(waits[0])} when somebody signs in who can" if waits[0] else ""
        say(f"{name} signs in with this password{later}")


@people.command()
def remove(
    name: Name,
    person: Person = None,
    *,
    password_stdin: PasswordStdin = False,
    yes: Yes = False,
) -> None:
    """Somebody has left: their password opens nothing, and what they could open has new keys."""
    place = Place.from_environment()
    with explained():
        ring = signed_in_to(Operation.PEOPLE, place, person, password_stdin=password_stdin)
        if not yes and not typer.confirm(_what_is_lost(place, name), err=True):
            fail("nobody was removed")
        account.give(place, ring.person, Act.REMOVED, name)
        theirs = known.remove(place.page_db, name)
        say(f"{name} is removed; new keys for {', '.join(theirs) or 'no mailbox'}")
        say("take the name out of the site file's mailboxes too")


@people.command()
def renew(
    mailbox: Annotated[str, typer.Argument(metavar="MAILBOX")],
    person: Person = None,
    *,
    password_stdin: PasswordStdin = False,
) -> None:
    """Give a mailbox a new key. Its old messages stay open to the same people."""
    place = Place.from_environment()
    with explained():
        ring = signed_in_to(Operation.PEOPLE, place, person, password_stdin=password_stdin)
        account.give(place, ring.person, Act.RENEWED, mailbox)
        known.renew(place.page_db, mailbox)
        say(f"what is left for {mailbox} from now on is sealed to a new key")


@people.command()
def grant(
    *,
    paper_stdin: Annotated[
        bool, typer.Option("--paper-stdin", help="Read the paper's four lines, and ask nothing.")
    ] = False,
) -> None:
    """Open the mailboxes to all who wait for one, with the recovery paper."""
    place = Place.from_environment()
    with explained():
        typed = typed_paper(paper_stdin=paper_stdin)
        account.give(place, "the recovery paper", Act.USED_PAPER, "grants")
        with denials(place, "the recovery paper", "recovery paper"):
            known.recover(place.page_db, typed)
        waiting = [each.name for each in known.everybody(place.page_db) if each.waits_for]
        say(f"{', '.join(waiting)} have no password yet" if waiting else "nobody waits any more")


@people.command("new-paper")
def new_paper(
    person: Person = None,
    *,
    password_stdin: PasswordStdin = False,
    with_paper: ByPaper = False,
) -> None:
    """Make another recovery paper, where the old one was lost or seen."""
    place = Place.from_environment()
    with explained():
        site = site_of(place)
        ring = (
            by_paper(place, paper_stdin=password_stdin)
            if with_paper
            else signed_in_to(Operation.PEOPLE, place, person, password_stdin=password_stdin)
        )
        account.give(place, ring.person, Act.NEW_PAPER)
        fresh = _shown_paper(place, site)
        backup_keys.expect_paper(place, fresh)
        try:
            with denials(place, ring.person, "new recovery paper"):
                known.renew_paper(place.page_db, ring, fresh.public)
        except BaseException:
            say("the paper above is void, destroy it; the old one still serves")
            raise
        backup_keys.remember_paper(place, fresh)
        say("from now on this paper opens every mailbox and backup; older backups the old one")
        say("destroy the old one when the last of those backups is gone")


def _what_is_lost(place: Place, name: str) -> str:
    """Said before a password ends."""
    everybody = known.everybody(place.page_db)
    theirs = {box for each in everybody if each.name == name for box in each.mailboxes}
    others = {box for each in everybody if each.name != name for box in each.mailboxes}
    alone = sorted(theirs - others)
    by_paper = f" Then only the recovery paper opens {', '.join(alone)}." if alone else ""
    return f"The password of {name} will open nothing any more.{by_paper} Go on?"


def _shown_paper(place: Place, site: Plan) -> KeyPair:
    """Shown first: a paper without its keys is waste paper, keys without a paper are a trap."""
    recovery = KeyPair.fresh()
    made = datetime.now().astimezone().strftime("%-d %B %Y")
    public = audit.signer(MachineKey.at(place.machine_key)).public_key()
    typer.echo(paper.page(recovery, site.name, made, public.public_bytes_raw()))
    return recovery
