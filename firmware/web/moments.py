"""A day with its time, as people write them in this language: the same on every screen, and the
hours as elsewhere on it (`9:30 AM` in English).
"""

from datetime import datetime

from babel import Locale
from babel.dates import format_skeleton, format_time


def near(at: datetime, locale: Locale | str) -> str:
    """Where nobody doubts of which year."""
    day = format_skeleton("MMMEd", at, locale=locale)
    return f"{day}, {format_time(at, 'short', locale=locale)}"


def dated(at: datetime, locale: Locale | str) -> str:
    """With its year."""
    day = format_skeleton("yMMMEd", at, locale=locale)
    return f"{day}, {format_time(at, 'short', locale=locale)}"
