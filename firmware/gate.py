"""The gate: whoever signs in, by whatever way, comes through here.

A try is counted as a failure before it is looked at, and forgotten when it succeeds: so neither a
power cut nor ten tries at once win a guess. Then the password, then the second factor, and only
then is anything opened. Each way in (the box's own command line, the page) is counted apart, so
that nobody who tries at one can keep the owner out at the other; the recovery paper waits for
nobody.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from firmware import failures, people, second_factor
from firmware.keys import KeyPair
from firmware.people import KeyRing, PeopleError

COMMAND_LINE = "command line"


class TooSoonError(PeopleError):
    """The try was not looked at."""


class CodeNeededError(PeopleError):
    """The password is right, and no code was given."""


class WrongCodeError(PeopleError):
    """The password is right, the code is not."""


def sign_in(
    page_db: Path,
    person: str,
    password: str,
    code: Callable[[], str],
    now: datetime,
    way: str = COMMAND_LINE,
) -> KeyRing:
    """What this person can open. `code` is asked only of who has a second factor, and after the
    password has unlocked."""
    people.refuse_unless_set_up(page_db)

    def check(pair: KeyPair) -> None:
        if not people.read(page_db, lambda c: second_factor.is_on(c, person)):
            return
        typed = code()
        if not typed:
            people.write(page_db, lambda c: failures.take_back(c, person, way))
            raise CodeNeededError(f"{person} has a second factor: type the telephone's code too")
        if not people.write(page_db, lambda c: second_factor.passes(c, person, pair, typed, now)):
            raise WrongCodeError(
                "the code does not fit or has served already: wait for the next one and see that"
                " the telephone's clock is right, or type a recovery code"
            )

    waits = people.write(page_db, lambda c: failures.count(c, person, way, now))
    if waits:
        raise TooSoonError(
            f"too many wrong passwords: the next one is looked at in {_spoken(waits)}; with the"
            " recovery paper nobody waits: `careline people invite NAME --by-paper`"
        )
    ring = people.sign_in(page_db, person, password, check)
    people.write(page_db, lambda c: failures.forget(c, person, way))
    return ring


def _spoken(waits: timedelta) -> str:
    seconds = -(-waits // timedelta(seconds=1))
    return f"{seconds} s" if seconds < 90 else f"{-(-seconds // 60)} minutes"
