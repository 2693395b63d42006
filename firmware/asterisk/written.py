"""Text for Asterisk's files: sections and extensions, and what may stand in them.

Whatever a site supplies passes one of three gates before it is written: a word or number that names
something, a label that a person reads, or a value kept from everything the file's syntax means.
A text that does not pass is refused; nothing is ever bent into shape.
"""

import re
from collections.abc import Iterable, Iterator

_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")
_NUMBER = re.compile(r"\+?[0-9]{1,20}")
# Letters of any script and digits, and of the rest only what means nothing in any of the files.
_LABEL = re.compile(r"[\w .'/+-]{0,80}")
_VALUE = re.compile(r"[\x20-\x7e]{0,256}")
_NET = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?:/[0-9]{1,2})?")
_ZONE = re.compile(r"[A-Za-z0-9_+/-]{1,60}")
# Asterisk takes a step without an application, and drops whoever comes to it.
_STEP = re.compile(r"(\([a-z][a-z0-9-]*\))? ?([A-Z].+)", re.DOTALL)
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}")


class UnwritableError(ValueError):
    """A text that Asterisk's files cannot carry safely."""


def name(text: str) -> str:
    """The name of a trunk, line, mailbox or language."""
    return _passed(_NAME, text, "a name of small letters, digits and dashes")


def number(text: str) -> str:
    """An extension or telephone number."""
    return _passed(_NUMBER, text, "a number of digits")


def label(text: str) -> str:
    """Words that a person reads."""
    return _passed(_LABEL, text, "up to 80 letters, digits, spaces and . ' / + -")


def zone(text: str) -> str:
    """A time zone by its name, as America/New_York."""
    return _passed(_ZONE, text, "the name of a time zone")


def host(text: str) -> str:
    """A machine's name or IPv4 address."""
    return _passed(_HOST, text, "a host name or IPv4 address")


def net(text: str) -> str:
    """An IPv4 address, or a net by its first one and its length."""
    return _passed(_NET, text, "an address or a net")


def value(text: str) -> str:
    """A password or user name: any printable ASCII, with the sign for comments escaped."""
    passed = _passed(_VALUE, text, "printable ASCII, at most 256 characters")
    if passed != passed.strip() or "\\" in passed:
        raise UnwritableError("a password must not begin or end with a space, nor hold a backslash")
    return passed.replace(";", r"\;")


def section(title: str, settings: Iterable[str]) -> str:
    """One section of a file: its title and its lines."""
    return "\n".join((f"[{title}]", *settings, ""))


def extension(pattern: str, *steps: str) -> str:
    """One extension of the dialplan; a step may begin with its label, as in `(again) Dial(…)`."""
    return "\n".join(_steps(pattern, steps))


def started(variable: str) -> str:
    """When this call began, in milliseconds, so that of two in one second the newer is known."""
    return f"Set({variable}=${{STRFTIME(,,%s%3q)}})"


def _steps(pattern: str, steps: Iterable[str]) -> Iterator[str]:
    for place, step in enumerate(steps):
        found = _STEP.fullmatch(step)
        if found is None:
            raise UnwritableError(f"{step[:80]!r} is no step of a dialplan: (label) Application(…)")
        mark, action = found.groups("")
        yield f"exten => {pattern},1{mark},{action}" if place == 0 else f" same => n{mark},{action}"


def _passed(gate: re.Pattern[str], text: str, wanted: str) -> str:
    if not gate.fullmatch(text):
        raise UnwritableError(f"{text[:80]!r} cannot be written for Asterisk: it takes {wanted}")
    return text
