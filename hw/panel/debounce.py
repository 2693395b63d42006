"""When a contact that bounces has really changed. Pure: levels and the time in, a change out.

A level counts once it has stood still for SETTLE_S. A spike shorter than that never happened, be it
of a thunderstorm or of a cable that lies beside the mains.
"""

from dataclasses import dataclass

# Good push buttons bounce for less than 10 ms, worn ones up to 25; a finger stays for 60 or more.
SETTLE_S = 0.03


@dataclass(slots=True)
class Contact:
    """One contact; `is_down` is what holds."""

    is_down: bool = False
    _seen: bool = False
    _since: float = 0.0

    @classmethod
    def at(cls, is_down: bool) -> "Contact":
        """As it is found: what is down already has not just been pressed."""
        return cls(is_down, is_down)

    def changed(self, is_down: bool, now: float) -> None:
        """The device saw this level at `now`, in seconds of a clock that never jumps."""
        if is_down != self._seen:
            self._seen, self._since = is_down, now

    def deadline(self) -> float | None:
        """When `settled` has something to say, if nothing else is seen before."""
        return None if self._seen == self.is_down else self._since + SETTLE_S

    def settled(self, now: float) -> bool:
        """Whether it has changed by `now`; told once."""
        due = self.deadline()
        if due is None or now < due:
            return False
        self.is_down = self._seen
        return True
