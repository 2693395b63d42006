"""A number as callers hear it: digit by digit."""

DIGITS = "0123456789"
DIGIT_PROMPTS = tuple(f"number-{digit}" for digit in DIGITS)


def digits_spoken(number: str) -> tuple[str, ...]:
    """The prompts for it; what is no digit is not spoken."""
    return tuple(f"number-{digit}" for digit in number if digit in DIGITS)
