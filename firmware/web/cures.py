"""Cures on the page: where the console's cure names a command or the site file, and there is a
screen for it, the page says its own and leads there.

A cure is known by a piece of its own words; one that nobody entered here is said as it came.
Whoever may not open the screen, or has no console, is told who may.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from firmware.operations import ROUTES, Operation
from firmware.web.words import to_say


@dataclass(frozen=True, slots=True)
class Cure:
    """What to do, and on which screen."""

    text: str
    href: str

    def is_for(self, may: Callable[[Operation], bool]) -> bool:
        """Whether somebody who may do these things may open its screen."""
        part = self.href.startswith("/rooms/")
        operation = ROUTES["GET /rooms/{section}" if part else f"GET {self.href}"]
        return operation is not None and may(operation)


CURES: Mapping[str, Cure] = {
    "`careline people envelope`": Cure(
        to_say("Look in the audit who used it, and make another"), "/audit"
    ),
    "`careline evidence make`": Cure(
        to_say("Somebody changed the books: keep the box as it is, and take the audit along"),
        "/audit",
    ),
    "`careline publish` with the site file": Cure(
        to_say("Publish again: the announcements are made anew"), "/publish"
    ),
    "`careline publish --confirm`": Cure(
        to_say("Call the clinic; if all is well, confirm"), "/publish"
    ),
    "add [backup] to the site file": Cure(to_say("Set up the nightly backup"), "/backups"),
    "`careline backups`": Cure(to_say("Look at the backups, and make one"), "/backups"),
    "`careline outside allow ": Cure(
        to_say("Find out who used it, then let it call outside again"), "/stopped"
    ),
    "`careline texts allow ": Cure(
        to_say("Ask them; if it was not they, send texts to them again"), "/texts"
    ),
    "`careline sound list`": Cure(
        to_say("Look at its plug, and choose its device"), "/rooms/speakers"
    ),
    "`careline update`": Cure(
        to_say("See which version waits, and what became of the last"), "/updates"
    ),
    "close the telephones' ports at the router": Cure(
        to_say("See who is blocked; close the telephones' ports at the router"), "/guard"
    ),
    "Telephone companies, its form": Cure(
        to_say("Give its password, and publish"), "/rooms/trunks"
    ),
    "[trunks] of the site file": Cure(
        to_say("Compare address, user name and password with the company's papers"),
        "/rooms/trunks",
    ),
    "`careline callbacks`": Cure(
        to_say("Let these queues call back, and publish"), "/rooms/queues"
    ),
    "`careline oncall pin ": Cure(to_say("Give them a PIN"), "/pins"),
    "`careline oncall sheet`": Cure(
        to_say("People are being called: see the messages"), "/messages"
    ),
    "[email] of the site file": Cure(
        to_say("See how e-mail is sent, and the mail server"), "/rooms/email"
    ),
    "`careline messages delete`": Cure(
        to_say("Keep things for a shorter time, or fit a larger disk; nothing kept goes by itself"),
        "/rooms/retention",
    ),
}


OF_THE_CONSOLE = ("`", "site file", "[")  # what a command, the site file or its parts are named by
TELL = Cure(to_say("Tell an administrator"), "")


def cure_for(console: str, may: Callable[[Operation], bool]) -> Cure | None:
    """The page's own for somebody who may do these things; None: the console's will do."""
    ours = cure_of(console)
    if ours is not None:
        return ours if ours.is_for(may) else TELL
    is_foreign = any(piece in console for piece in OF_THE_CONSOLE)
    return TELL if is_foreign and not may(Operation.CONFIGURE) else None


def cure_of(console: str) -> Cure | None:
    """The page's own instead of this one; None: the console's will do."""
    return next((cure for piece, cure in CURES.items() if piece in console), None)
