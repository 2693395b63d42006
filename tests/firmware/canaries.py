"""The search for a patient left lying about: does any of these bytes hold a canary's name, number
or birth date, in any form in which a program might have written it?

Letters are looked for in either case, in UTF-8 and UTF-16; digits with whatever people and programs
put between them; all of it also in hexadecimal and in base64 at each of its three alignments.
"""

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from urllib.parse import quote

# What stands between the digits of one number: never so much that two numbers could be one.
BETWEEN = rb"[ ./()\-_+,:]{0,3}"
# Fewer digits are looked for only where no longer hexadecimal number goes on, as hashes do.
SURE_DIGITS = 10
NOT_OF_A_HASH = rb"(?<![0-9a-fA-F])%s(?![0-9a-fA-F])"
LOCAL_DIGITS = 7  # of a number without its area


@dataclass(frozen=True, slots=True)
class Canary:
    """Somebody who does not exist, so that whatever is found of them is a leak."""

    given: str
    family: str
    number: str  # ten digits
    born: date
    record: str

    @property
    def name(self) -> str:
        return f"{self.given} {self.family}"

    @property
    def born_as_keyed(self) -> str:
        return f"{self.born:%m%d%Y}"

    def words(self) -> Iterator[str]:
        """Whatever is letters."""
        yield from (self.given, self.family)
        for month in (f"{self.born:%B}", f"{self.born:%b}"):
            yield f"{month} {self.born.day}, {self.born.year}"
            yield f"{self.born.day} {month} {self.born.year}"

    def digits(self) -> Iterator[str]:
        """Whatever is digits."""
        yield from (self.number, self.number[-LOCAL_DIGITS:], self.record)
        for order in ("%m%d%Y", "%Y%m%d", "%d%m%Y"):
            yield f"{self.born:{order}}"


def pattern(canary: Canary) -> re.Pattern[bytes]:
    """What is looked for in any bytes."""
    found: dict[bytes, None] = {}
    for word in canary.words():
        for written in {word, word.lower(), word.upper()}:
            found |= dict.fromkeys(map(re.escape, _coded(written)))
        found[re.escape(quote(word).encode())] = None
    for digits in canary.digits():
        spread = BETWEEN.join(digit.encode() for digit in digits)
        found[spread if len(digits) >= SURE_DIGITS else NOT_OF_A_HASH % spread] = None
        found |= dict.fromkeys(map(re.escape, _coded(digits)))
    return re.compile(b"|".join(found))


def found_in(places: Iterable[Path], looked_for: re.Pattern[bytes]) -> list[str]:
    """Each file below these places that holds it, and where. One that goes while it is looked for,
    as an exchange at work replaces its files, holds nothing any more."""
    leaks = []
    for place in places:
        for path in [place] if place.is_file() else sorted(place.rglob("*")):
            if path.is_file() and not path.is_symlink():
                with suppress(FileNotFoundError):
                    content = path.read_bytes()
                    leaks += [f"{path.name}: {leak}" for leak in found(content, looked_for)]
            if looked_for.search(str(path).encode()):
                leaks.append(f"{path.name}: its own name")
    return leaks


def found(content: bytes, looked_for: re.Pattern[bytes]) -> list[str]:
    """What was found, with a little around it."""
    return [
        repr(content[max(0, match.start() - 40) : match.end() + 20])
        for match in looked_for.finditer(content)
    ]


def _coded(text: str) -> Iterator[bytes]:
    plain = text.encode()
    for coded in (plain, text.encode("utf-16-le"), text.encode("utf-16-be")):
        yield coded
        yield coded.hex().encode()
        yield coded.hex().upper().encode()
    for shift in range(3):
        # The letters that depend on this text alone, wherever in three bytes it begins.
        coded = b64encode(bytes(shift) + plain)
        first = -(-shift * 8 // 6)
        last = (shift + len(plain)) * 8 // 6
        yield coded[first:last]
