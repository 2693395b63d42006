"""The words for what a line says by itself, which events tell and `ivr.line_said` heeds."""

from enum import StrEnum


class Says(StrEnum):
    """What it says."""

    FAX = "a fax machine calls"
    HUNG_UP = "the busy tone: the caller has hung up"
    SILENT = "nothing for too long"
