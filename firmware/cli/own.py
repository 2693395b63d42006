"""What people do about their own sign-in: password, second factor, recovery codes, sessions."""

import io
from datetime import UTC, datetime
from typing import Annotated

import segno
import typer
from rich.console import Console
from rich.table import Table

from firmware import account, passwords, second_factor, sessions
from firmware import people as known
from firmware.audit import Act
from firmware.cli.terminal import (
    PasswordStdin,
    Person,
    explained,
    fail,
    new_password,
    permit,
    say,
    signed_in,
    site_of,
    stdin_line,
)
from firmware.operations import Operation
from firmware.place import Place
from firmware.second_factor import Secret

app = typer.Typer()


@app.command()
def password(person: Person = None, *, password_stdin: PasswordStdin = False) -> None:
    """Choose another password. It opens what the old one opened."""
    place = Place.from_environment()
    with explained():
        ring = signed_in(place, person, password_stdin=password_stdin)
        chosen = new_password(password_stdin=password_stdin)
        passwords.check(chosen)
        account.give(place, ring.person, Act.CHOSE_PASSWORD)
        known.change_password(place.page_db, ring, chosen)
        say(f"{ring.person} signs in with the new password from now on, everywhere")


@app.command("second-factor")
def second_factor_(
    person: Person = None,
    *,
    password_stdin: PasswordStdin = False,
    off: Annotated[bool, typer.Option("--off", help="Ask for no code any more.")] = False,
) -> None:
    """Have a code of your telephone asked for after your password, or no more."""
    place = Place.from_environment()
    with explained():
        ring = signed_in(place, person, password_stdin=password_stdin)
        is_on = known.read(place.page_db, lambda c: second_factor.is_on(c, ring.person))
        if off:
            account.give(place, ring.person, Act.FACTOR_OFF)
            known.write(place.page_db, lambda c: second_factor.switch_off(c, ring.person))
            say(f"{ring.person} signs in by password alone")
            return
        if is_on or ring.own is None:
            fail("the second factor is on already; for another telephone give --off first")
        own, secret = ring.own, Secret.fresh()
        _show(secret, ring.person, site_of(place).name)
        typed = stdin_line() if password_stdin else typer.prompt("Code that it shows now", err=True)
        now = datetime.now(UTC)
        if secret.step_of(typed, now) is None:
            fail(
                "that is not the code: nothing was changed; see that the clocks of the telephone"
                " and of this box are right, and begin again"
            )
        account.give(place, ring.person, Act.FACTOR_ON)
        known.write(
            place.page_db,
            lambda c: second_factor.switch_on(c, ring.person, own, secret, typed, now),
        )
        say(f"{ring.person} signs in with password and code from now on")
        _print_codes(place, ring.person)


@app.command()
def codes(person: Person = None, *, password_stdin: PasswordStdin = False) -> None:
    """Print ten recovery codes for the day your telephone is lost; those before are void."""
    place = Place.from_environment()
    with explained():
        ring = signed_in(place, person, password_stdin=password_stdin)
        if not known.read(place.page_db, lambda c: second_factor.is_on(c, ring.person)):
            fail("codes stand in for a second factor: `careline people second-factor` first")
        account.give(place, ring.person, Act.NEW_CODES)
        _print_codes(place, ring.person)


@app.command("sessions")
def sessions_() -> None:
    """Who is signed in to the page now."""
    place = Place.from_environment()
    with explained():
        known.refuse_unless_set_up(place.page_db)
        now = datetime.now(UTC)
        running = known.write(place.page_db, lambda c: sessions.running(c, now))
    table = Table("name", "since", "last used", box=None)
    for each in running:
        begun, used = each.begun.astimezone(), each.used.astimezone()
        table.add_row(each.person, f"{begun:%a %-d %b %H:%M}", f"{used:%H:%M}")
    Console().print(table if running else "nobody is signed in to the page")


@app.command("sign-out")
def sign_out(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Yourself if left out.")
    ] = None,
    person: Person = None,
    *,
    password_stdin: PasswordStdin = False,
) -> None:
    """Sign somebody out of the page, everywhere; another than yourself, as an admin."""
    place = Place.from_environment()
    with explained():
        ring = signed_in(place, person, password_stdin=password_stdin)
        whom = name or ring.person
        if whom != ring.person:
            permit(Operation.PEOPLE, place, ring)
        account.give(place, ring.person, Act.SIGNED_OUT, whom)
        ended = known.write(place.page_db, lambda c: sessions.end_all(c, whom))
        say(f"{whom}: {ended} sessions ended")


def _show(secret: Secret, person: str, clinic: str) -> None:
    drawn = io.StringIO()
    segno.make_qr(secret.address(person, clinic)).terminal(drawn, compact=True)
    typer.echo(drawn.getvalue())
    groups = [secret.base32[at : at + 4] for at in range(0, len(secret.base32), 4)]
    say("let the telephone's authenticator read this square, or type this into it:")
    typer.echo(" ".join(groups))


def _print_codes(place: Place, person: str) -> None:
    printed = known.write(place.page_db, lambda c: second_factor.new_recovery_codes(c, person))
    typer.echo("\n".join(printed))
    say("each of these serves once in place of the telephone's code; they are shown this once:")
    say("keep them on paper, apart from the telephone")
