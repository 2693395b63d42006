"""What can be a PIN: digits keyed on a telephone, and not the first that anybody guesses."""

from itertools import pairwise

from ivr.lease import PIN_LONGEST

PIN_SHORTEST = 6


class PinError(ValueError):
    """This cannot be a PIN; the message says why, and never what was typed."""


def check_pin(pin: str) -> None:
    """Refuse what cannot be keyed, or is guessed at once."""
    if not (pin.isascii() and pin.isdigit()):
        raise PinError("a PIN is keyed on a telephone: give digits alone")
    if not PIN_SHORTEST <= len(pin) <= PIN_LONGEST:
        raise PinError(f"a PIN has {PIN_SHORTEST} to {PIN_LONGEST} digits, not {len(pin)}")
    steps = {int(after) - int(before) for before, after in pairwise(pin)}
    if len(steps) == 1:
        raise PinError("digits in a row are guessed first: choose others")
