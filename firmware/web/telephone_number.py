"""Telephone numbers as the page shows them, on every screen alike."""


def telephone(number: str) -> str:
    """A North American number as people write it; another as it is."""
    digits = number.removeprefix("+1") if number.startswith("+1") else number
    if len(digits) == 11 and digits.startswith("1"):
        digits = digits[1:]
    if len(digits) != 10 or not digits.isdigit():
        return number
    return f"({digits[:3]}) {digits[3:6]}-{digits[6:]}"
