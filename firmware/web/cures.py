"""Cures on the page: where the console's cure names a command or the site file, and there is a
screen for it, the page says its own and leads there.

A cure is known by a piece of its own words; one that nobody entered here is said as it came.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from firmware.web.words import to_say


@dataclass(frozen=True, slots=True)
class Cure:
    """What to do, and on which screen."""

    text: str
    href: str


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


def cure_of(console: str) -> Cure | None:
    """The page's own instead of this one; None: the console's will do."""
    return next((cure for piece, cure in CURES.items() if piece in console), None)
