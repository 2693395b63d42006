"""A conversation and a simulated modem in simulated time, with no port between them: bytes go from
one to the other at once, cut where `cut` says, and time moves to whatever is due next.
"""

from collections.abc import Callable, Iterator

from hw.modem.commands import Command
from hw.modem.conversation import Conversation, Output, Reopen, Write
from hw.modem.events import Event
from hw.modem.simulator import SimulatedModem

REOPENS_S = 1.0  # the shell's pause before it opens a port again
LEAST_STEP_S = 0.001


def whole(data: bytes) -> Iterator[bytes]:
    """Bytes come as they were sent."""
    yield data


class Talk:
    """Both ends, and what was told."""

    def __init__(
        self,
        modem: SimulatedModem,
        conversation: Conversation | None = None,
        cut: Callable[[bytes], Iterator[bytes]] = whole,
    ) -> None:
        self.modem = modem
        self.driver = conversation or Conversation()
        self.now = 0.0
        self.told: list[Event] = []
        self.steps = 0
        self.hear: Callable[[Event], None] = lambda event: None
        self._cut = cut
        self._plugged = True
        self._opens_at: float | None = 0.0

    def order(self, command: Command) -> None:
        """What an asker wants."""
        self._carry_out(self.driver.order(command, self.now))

    def unplug(self) -> None:
        """The port is gone; the modem does not notice."""
        self._plugged, self._opens_at = False, None
        self._carry_out(self.driver.lost(self.now))

    def replug(self) -> None:
        """It is there again."""
        self._plugged, self._opens_at = True, self.now + REOPENS_S

    def for_seconds(self, seconds: float) -> None:
        """Time passes, and both do what they do."""
        end = self.now + seconds
        while self._next() <= end:
            self.step()
        self.now = end

    def until(self, happens: Callable[[], bool], within_s: float) -> None:
        """Until then; AssertionError where it does not happen in time."""
        end = self.now + within_s
        while not happens():
            assert self._next() <= end, "it never happens"
            self.step()

    def step(self) -> None:
        """Whatever is due next."""
        self.steps += 1
        self.now = max(self._next(), self.now)
        if self._opens_at is not None and self.now >= self._opens_at:
            self._opens_at = None
            self._carry_out(self.driver.opened(self.now))
        self._hear(self.modem.expire(self.now))
        due = self.driver.next_deadline()
        if due is not None and self.now >= due:
            self._carry_out(self.driver.expire(self.now))

    def poke(self) -> None:
        """Something happened behind the modem."""
        self._hear(self.modem.expire(self.now))

    def _next(self) -> float:
        dues = [self.driver.next_deadline(), self.modem.next_deadline(), self._opens_at]
        return max(min(due for due in [*dues, self.now + 60.0] if due is not None), self.now)

    def _hear(self, data: bytes) -> None:
        if self._plugged and self._opens_at is None:
            for piece in self._cut(data) if data else ():
                self._carry_out(self.driver.receive(piece, self.now))

    def _carry_out(self, outputs: list[Output]) -> None:
        for output in outputs:
            match output:
                case Write(data):
                    if self._plugged:
                        self._hear(self.modem.receive(data, self.now))
                case Reopen():
                    self._carry_out(self.driver.lost(self.now))
                    self._opens_at = self.now + REOPENS_S if self._plugged else None
                case event:
                    self.told.append(event)
                    self.hear(event)
