"""The section [walks] of the site file: imagined calls that somebody has kept, each with the way it
went (firmware/walks.py).

The exchange knows nothing of them, so they stand in no plan.
"""

from typing import Annotated, Literal

from pydantic import Field

from firmware.forms import Extension, Strict, Word

SECTION = "walks"
MOST = 50
PRESS_MOST = 1000

Does = Annotated[
    Literal["answer", "silent", "busy", "refuse", "absent"],
    Field(description='what a phone does: "answer", "silent", "busy", "refuse" or "absent"'),
]
Station = Annotated[
    str,
    Field(
        pattern=r"^[a-z_]{1,20}( [a-z0-9-]{1,40}/[a-z0-9-]{1,40})?$",
        description='a place like "menu main/menu", or how the call ended, like "answered"',
    ),
]


class WalkForm(Strict):
    """What may stand there: what the caller did, and where that led."""

    line: Word
    at: Annotated[
        str,
        Field(
            pattern=r"^20[0-9]{2}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}$",
            description='the clinic\'s time of the call, like "2026-12-25 02:30"',
        ),
    ]
    press: Annotated[
        str,
        Field(
            max_length=PRESS_MOST,
            description='what the caller does, as `careline simulate` reads it, like "1,wait 5,2"',
        ),
    ] = ""
    phones: Does = "answer"
    others: Annotated[
        dict[Extension, Does],
        Field(max_length=200, description='phones that do otherwise, like { 101 = "busy" }'),
    ] = {}  # noqa: RUF012 - pydantic copies it
    goes: Annotated[
        list[Station],
        Field(min_length=1, max_length=100, description="the places it came to, in their order"),
    ]
