"""Whose keys open the monitor's door by SSH: one file, which sshd reads and root alone writes.

A line is a key, never with options that somebody typed: those are written here. A person is known
by a short name that says whose computer it is.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from firmware.durable import replace_file

KEYS = Path("/var/lib/careline-ssh/monitor.keys")
OPTIONS = "restrict,port-forwarding"
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
KINDS = ("ssh-ed25519", "sk-ssh-ed25519@openssh.com", "ecdsa-sha2-nistp256",
         "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "sk-ecdsa-sha2-nistp256@openssh.com",
         "ssh-rsa")  # fmt: skip
RSA_LEAST = 380  # bytes of a public key of 3072 bits, which holds little else
MOST = 50


class WatchKeyError(Exception):
    """What was brought is no key to let in; the message says what to do."""


@dataclass(frozen=True, slots=True)
class WatchKey:
    """A key and whose it is."""

    name: str
    kind: str
    key: str

    @property
    def fingerprint(self) -> str:
        """As `ssh-keygen -l` says it."""
        return asyncssh.import_public_key(f"{self.kind} {self.key}").get_fingerprint()


def read(path: Path) -> list[WatchKey]:
    """Those who are let in."""
    try:
        return list(_keys(path.read_text("ascii")))
    except FileNotFoundError:
        return []


def checked(there: list[WatchKey], name: str, typed: str) -> WatchKey:
    """The key of whoever is to be let in beside these."""
    if not NAME.fullmatch(name):
        raise WatchKeyError("a name is small letters, digits and dashes, as in anna-laptop")
    new = _parsed(name, typed)
    for each in there:
        if each.name == name:
            raise WatchKeyError(f"{name} has a key: remove it first")
        if each.key == new.key:
            raise WatchKeyError(f"{each.name} has this very key")
    if len(there) >= MOST:
        raise WatchKeyError(f"there are {MOST} keys: remove one first")
    return new


def without(there: list[WatchKey], name: str) -> list[WatchKey]:
    """Those who are let in when this one no longer is."""
    left = [each for each in there if each.name != name]
    if len(left) == len(there):
        raise WatchKeyError(f"nobody is called {name} here: careline keys list")
    return left


def write(path: Path, keys: list[WatchKey]) -> None:
    """From now on these are let in."""
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    text = "".join(f"{OPTIONS} {each.kind} {each.key} {each.name}\n" for each in keys)
    replace_file(path, text.encode(), mode=0o644)


def _parsed(name: str, typed: str) -> WatchKey:
    lines = typed.strip().splitlines()
    words = lines[0].split() if len(lines) == 1 else []
    if "PRIVATE KEY" in typed:
        raise WatchKeyError("that is the secret half: give the file that ends in .pub")
    if len(words) < 2 or words[0] not in KINDS:
        raise WatchKeyError("give one line, as it stands in id_ed25519.pub, and no options")
    try:
        key = asyncssh.import_public_key(f"{words[0]} {words[1]}")
    except (asyncssh.KeyImportError, ValueError):
        raise WatchKeyError("that is no public key: take it anew from its .pub file") from None
    if words[0] == "ssh-rsa" and len(key.public_data) < RSA_LEAST:
        raise WatchKeyError("an RSA key needs 3072 bits: make one by ssh-keygen -t ed25519")
    return WatchKey(name, words[0], words[1])


def _keys(text: str) -> Iterator[WatchKey]:
    for line in text.splitlines():
        match line.split():
            case [options, kind, key, name] if options == OPTIONS:
                yield WatchKey(name, kind, key)
