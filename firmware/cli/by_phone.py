"""`careline messages listen-by-phone`: a mailbox's owner lets the box open it by itself, so that it
can be listened to at a desk telephone; or no more."""

import asyncio
from typing import Annotated, Literal

import typer

from firmware import account, listening, listening_desk, people, spare_key
from firmware.audit import Act
from firmware.cli.messages import messages, opening
from firmware.cli.terminal import (
    BAD_INPUT,
    PasswordStdin,
    Person,
    asking,
    explained,
    fail,
    say,
    signed_in_to,
    site_of,
    stdin_line,
)
from firmware.control import NotRunningError, ask
from firmware.ledger import Ledger
from firmware.listening_desk import SWEEP_LISTENING, SweepListeningRequest
from firmware.machine import MachineKey
from firmware.opening import held_by
from firmware.operations import Operation
from firmware.people import KeyRing
from firmware.pin_rule import PinError
from firmware.place import Place
from firmware.spare_key import BY_PHONE
from ivr.plan import Plan

TOLD = """From now on this box can open the messages of {mailbox!r} by itself, without a password,
also those that are there already. Whoever steals the whole box can do so too; whoever has the PIN
hears them at any desk telephone: *97 at the mailbox's own, *97 and its number at another.
Off again: careline messages listen-by-phone off"""

Which = Annotated[
    str | None, typer.Option("--in", metavar="MAILBOX", help="Which, if you can open several.")
]


@messages.command("listen-by-phone")
def listen_by_phone(
    to: Annotated[Literal["on", "off"], typer.Argument(help="It is off by itself.")],
    mailbox: Which = None,
    person: Person = None,
    *,
    password_stdin: PasswordStdin = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask again.")] = False,
) -> None:
    """Listen to a mailbox at a desk telephone, by a PIN. The box can then open it by itself."""
    place = Place.from_environment()
    with explained():
        ring = signed_in_to(Operation.LISTEN, place, person, password_stdin=password_stdin)
        site = site_of(place)
        name = _chosen(ring, site, mailbox)
        try:
            if to == "on":
                _switch_on(place, ring, site, name, password_stdin=password_stdin, yes=yes)
            else:
                _switch_off(place, ring, site, name)
        except PinError as unfit:
            fail(str(unfit), BAD_INPUT)


def _switch_on(
    place: Place, ring: KeyRing, site: Plan, name: str, *, password_stdin: bool, yes: bool
) -> None:
    owner = site.mailboxes[name].members[0]
    already = people.read(place.page_db, lambda c: listening.listeners(c, name))
    if not already and ring.person != owner:
        account.give(place, ring.person, Act.REFUSED, f"listening by telephone to {name}")
        fail(f"{owner}, the first of the members of {name!r}, must switch it on: then choose a PIN")
    if not already:
        say(TOLD.format(mailbox=name))
        if not yes and not typer.confirm("Switch it on?", err=True):
            fail("nothing was changed")
    hashed = listening.hashed(_new_pin(password_stdin=password_stdin))
    account.give(place, ring.person, Act.PHONE_ON, name)
    people.write(place.page_db, lambda c: listening.switch_on(c, name, ring.person, hashed))
    for message in held_by(place, [name]):
        if not already:
            opening(place, ring, message).let_the_box_open()
    say(f"{ring.person} can listen to {name} at a desk telephone: *97")


def _switch_off(place: Place, ring: KeyRing, site: Plan, name: str) -> None:
    """The owner for everybody, another member for themselves alone."""
    listeners = people.read(place.page_db, lambda c: listening.listeners(c, name))
    is_owner = ring.person == site.mailboxes[name].members[0]
    who = {*listeners, ring.person} if is_owner else {ring.person}
    account.give(place, ring.person, Act.PHONE_OFF, name)
    held = len(spare_key.held(place.messages, BY_PHONE))
    people.write(place.page_db, lambda c: listening.switch_off(c, name, who))
    _sweep(place, ring)  # or the exchange has just done so by itself
    destroyed = held - len(spare_key.held(place.messages, BY_PHONE))
    if others := ", ".join(sorted(listeners.keys() - who)):
        say(f"{ring.person} listens to {name} at no telephone any more; {others} still do")
        return
    say(
        f"nobody listens to {name} at a telephone any more: the box's keys to {destroyed} messages"
        " are destroyed, and the ledger has a receipt of each"
    )


def _sweep(place: Place, ring: KeyRing) -> None:
    try:
        with asking(place, ring) as session:
            request = SweepListeningRequest()
            ask(place.control_socket, SWEEP_LISTENING, request, session=session)
    except NotRunningError:
        ledger = Ledger(place.calls_db, place.ledger_log, MachineKey.at(place.machine_key))
        try:
            asyncio.run(listening_desk.sweep(place, ledger.write))
        finally:
            ledger.close()


def _chosen(ring: KeyRing, site: Plan, mailbox: str | None) -> str:
    mine = sorted(site.mailboxes.keys() & ring.mailboxes.keys())
    if mailbox is not None and mailbox not in mine:
        fail(f"you cannot open a mailbox {mailbox!r}: yours are {', '.join(mine)}", BAD_INPUT)
    if mailbox is None and len(mine) != 1:
        fail(f"say with --in which of them: {', '.join(mine) or 'you can open none'}", BAD_INPUT)
    return mailbox or mine[0]


def _new_pin(*, password_stdin: bool) -> str:
    if password_stdin:
        return stdin_line()
    question = "A PIN for this, of 6 digits or more"
    return str(typer.prompt(question, hide_input=True, confirmation_prompt=True, err=True))
