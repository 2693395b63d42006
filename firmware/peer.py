"""Who is at the other end of a UNIX socket, as the kernel says."""

import os
import pwd
import socket
import struct
from dataclasses import dataclass

SHELL = "the shell"


@dataclass(frozen=True, slots=True)
class Peer:
    """A process that connected to us."""

    pid: int
    uid: int

    @property
    def user(self) -> str:
        """The name of its user; its number where it has none."""
        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return f"user {self.uid}"


def peer_of(end: socket.socket) -> Peer:
    """Whoever connected to this end (SO_PEERCRED)."""
    size = struct.calcsize("3i")  # struct ucred: pid, uid, gid (unix(7))
    pid, uid, _ = struct.unpack("3i", end.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return Peer(pid, uid)


def at_the_shell() -> str:
    """Who sits at the box's own shell and has not signed in, as the audit names them."""
    return f"{SHELL} ({Peer(os.getpid(), os.getuid()).user})"
