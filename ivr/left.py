"""A message as it lay in a mailbox when somebody came to listen."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Left:
    """Which, and whether anybody has heard it."""

    message: str
    is_new: bool
