"""A table for a spreadsheet, in which nothing is a formula: what begins like one is written with an
apostrophe before it, which a spreadsheet takes for the sign of plain text.

Names in it may come from whoever filled in a form, and would otherwise be reckoned, or asked of the
network, on the computer of whoever opens the file.
"""

import csv
import io
from collections.abc import Iterable, Sequence

from fastapi.responses import Response

# What spreadsheets take for a formula's beginning, or drop before they look for one.
BEGINS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
KIND = "text/csv; charset=utf-8"
Cell = str | int | float | None


def sheet(rows: Iterable[Sequence[Cell]]) -> bytes:
    """As RFC 4180 has it; with the mark by which spreadsheets know UTF-8. None is an empty cell."""
    written = io.StringIO(newline="")
    csv.writer(written).writerows([map(plain, row) for row in rows])
    return b"\xef\xbb\xbf" + written.getvalue().encode()


def plain(cell: Cell) -> Cell:
    """A cell that is no formula; numbers are no text, and stay."""
    if isinstance(cell, str) and cell.startswith(BEGINS_FORMULA):
        return f"'{cell}"
    return cell


def as_file(name: str, rows: Iterable[Sequence[Cell]]) -> Response:
    """To be kept under a name of ours."""
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(sheet(rows), media_type=KIND, headers=headers)
