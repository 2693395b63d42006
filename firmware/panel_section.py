"""The section [panel] of the site file: a board on USB, or the machine's own pins, with lamps and a
button on the wall, and the relay of a door.

A door belongs on a board, which closes it by itself whatever becomes of us; a pin that was on when
a program was killed stays on.

A board's terminals have its own names: lamp1, relay1, button1; a chip's pins are numbers.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Annotated

from pydantic import Field

from firmware.forms import Extension, Strict, Word
from firmware.modems_section import PortPath
from firmware.toml_lines import Path
from hw.panel.wall import DOOR_MOST_S
from ivr import plan

Terminal = Annotated[
    str,
    Field(
        pattern="^([a-z]{1,10}[0-9]{1,2}|[0-9]{1,3})$",
        description="a terminal of the board, like lamp1, or the number of a pin",
    ),
]


class PanelForm(Strict):
    """What may stand there."""

    board: PortPath | None = None
    chip: Annotated[
        str | None,
        Field(pattern="^/dev/gpiochip[0-9]{1,2}$", description="a chip, like /dev/gpiochip0"),
    ] = None
    alarm: Terminal | None = None
    messages: Terminal | None = None
    mailboxes: Annotated[
        list[Word],
        Field(default_factory=list, max_length=20, description="a list of up to 20 mailboxes"),
    ]
    closed: Terminal | None = None
    button: Terminal | None = None
    hours: Word | None = None
    door: Terminal | None = None
    door_s: Annotated[
        float, Field(strict=True, ge=1, le=DOOR_MOST_S, description="seconds, from 1 to 30")
    ] = 5.0
    door_phones: Annotated[
        list[Extension],
        Field(default_factory=list, max_length=50, description="a list of up to 50 extensions"),
    ]
    door_code: Annotated[
        str, Field(pattern="^([0-9]{4,8})?$", description="4 to 8 digits in quotes")
    ] = ""

    def panel(self) -> plan.WallPanel:
        lamps = {"alarm": self.alarm, "messages": self.messages, "closed": self.closed}
        return plan.WallPanel(
            self.board or "",
            self.chip or "",
            {name: terminal for name, terminal in lamps.items() if terminal},
            self.button or "",
            tuple(self.mailboxes),
            self.hours or "",
            self.door or "",
            self.door_s,
            tuple(self.door_phones),
            self.door_code,
        )


def panel_fits(
    form: PanelForm,
    mailboxes: Collection[str],
    hours: Mapping[str, object],
    phones: Collection[str],
    fault: Callable[[Path, str, str], None],
) -> None:
    """It is plugged in somewhere, each terminal has one use, and what it names is there."""
    if bool(form.board) == bool(form.chip):
        fault(("panel",), "is on no board and no chip, or on both", "name one: board = or chip =")
    terminals = (form.alarm, form.messages, form.closed, form.button, form.door)
    used = [each for each in terminals if each]
    if len(used) != len(set(used)):
        fault(("panel",), "a terminal has two uses", "give each its own")
    if form.door and form.chip:
        reason = "a door on a pin could stay open when a program ends"
        fault(("panel", "door"), reason, "use a board, which closes it by itself")
    elif form.chip and not all(each.isdecimal() for each in used):
        fault(("panel",), "a chip's pins are numbers", "write the number of the pin")
    if (form.closed or form.button) and not form.hours:
        fault(("panel",), "closed and button need to know which hours", "name them: hours =")
    if form.hours and form.hours not in hours:
        fault(("panel", "hours"), "there are no such hours", "name those of [hours.NAME]")
    if not form.door and (form.door_phones or form.door_code):
        fault(("panel",), "there is no door", "name its relay's terminal: door =")
    for index, phone in enumerate(form.door_phones):
        if phone not in phones:
            fault(("panel", "door_phones", index), "there is no such phone", "name one there is")
    for index, name in enumerate(form.mailboxes):
        if name not in mailboxes:
            fault(("panel", "mailboxes", index), "there is no such mailbox", "name one there is")
