"""A USB panel board, simulated on a pseudo-terminal: what stands in board_wire, from the other
side.

It keeps the board's own promises: a relay falls back after its time though nobody says so, and all
do when the box is silent. The terminal's name is a link, so that it can be pulled out and put back
as udev would have it. It misbehaves on demand.
"""

import asyncio
import os
import tty
from pathlib import Path

from hw.panel.board_wire import DEAF_S, VERSION, Lines, packed


class BoardSimulator:
    """One board in the running event loop; `place` is the path that the box knows it by."""

    def __init__(self, place: Path, outputs: tuple[str, ...], inputs: tuple[str, ...]) -> None:
        self._place = place
        self._lit = dict.fromkeys(outputs, False)
        self._closed = dict.fromkeys(inputs, False)
        self._falls: dict[str, asyncio.TimerHandle] = {}
        self._deaf: asyncio.TimerHandle | None = None
        self._fd: int | None = None
        self._far_fd: int | None = None
        self._lines = Lines()
        self.is_mute = False  # it hears and does, and answers nothing
        self.heard: list[str] = []

    def plug(self) -> None:
        """It gets power, and its port appears."""
        self._fd, self._far_fd = os.openpty()
        tty.setraw(self._far_fd)
        os.set_blocking(self._fd, False)
        self._lines = Lines()
        self._place.unlink(missing_ok=True)
        self._place.symlink_to(os.ttyname(self._far_fd))
        asyncio.get_running_loop().add_reader(self._fd, self._readable)

    def unplug(self) -> None:
        """In the midst of whatever it does."""
        if self._fd is None or self._far_fd is None:
            return
        self._place.unlink(missing_ok=True)
        asyncio.get_running_loop().remove_reader(self._fd)
        os.close(self._fd)
        os.close(self._far_fd)
        self._fd = self._far_fd = None
        self._all_off()

    def begin_anew(self) -> None:
        """Its watchdog, or a weak supply."""
        self._all_off()
        self._say_who()

    def touch(self, terminal: str, is_closed: bool) -> None:
        self._closed[terminal] = is_closed
        self.say(packed("input", terminal, str(int(is_closed))))

    def is_lit(self, terminal: str) -> bool:
        return self._lit[terminal]

    def say(self, sent: bytes) -> None:
        """Whatever it is; without a plug it is lost."""
        if self._fd is not None and not self.is_mute:
            os.write(self._fd, sent)

    def _readable(self) -> None:
        assert self._fd is not None
        try:
            came = os.read(self._fd, 4096)
        except OSError:
            return
        for words in self._lines.feed(came):
            self.heard.append(" ".join(words))
            self._obey(words)

    def _obey(self, words: tuple[str, ...]) -> None:
        if self._deaf:
            self._deaf.cancel()
        self._deaf = asyncio.get_running_loop().call_later(DEAF_S, self._all_off)
        match words:
            case ("who",):
                self._say_who()
            case ("alive",):
                self.say(packed("here"))
            case "set", terminal, ("0" | "1") as level, at_most_ms if terminal in self._lit:
                self._set(terminal, level == "1", int(at_most_ms))
                self.say(packed("did", terminal, level))
            case "set", terminal, *_:
                self.say(packed("no", terminal))
            case _:
                return

    def _set(self, terminal: str, is_on: bool, at_most_ms: int) -> None:
        self._lit[terminal] = is_on
        if timer := self._falls.pop(terminal, None):
            timer.cancel()
        if is_on and at_most_ms:
            self._falls[terminal] = asyncio.get_running_loop().call_later(
                at_most_ms / 1000, self._lit.update, {terminal: False}
            )

    def _say_who(self) -> None:
        closed = sorted(name for name, is_closed in self._closed.items() if is_closed)
        self.say(packed("panel", VERSION, *closed))

    def _all_off(self) -> None:
        for timer in self._falls.values():
            timer.cancel()
        if self._deaf:
            self._deaf.cancel()
        self._falls, self._deaf = {}, None
        self._lit = dict.fromkeys(self._lit, False)
