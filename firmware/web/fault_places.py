"""Where a fault of the draft is mended: the screen, and what it calls the place.

A fault knows its place by the keys of the site file, `flows.main.nodes.menu.choices`; nobody who
looks at the page has to know the file.
"""

import re
from urllib.parse import quote

from firmware import flow_edits
from firmware.sections import SECTIONS, Shape
from firmware.web.flow_words import title
from firmware.web.room_words import CALLED
from firmware.web.words import Words, to_say

HOURS = {"hours": to_say("Hours"), "holidays": to_say("Hours"), "oncall": to_say("On call")}
_LISTED = re.compile(r"\[([0-9]+)\]")


def place(where: str, words: Words) -> tuple[str, str]:
    """What the place is called, and the address of its screen; empty where no screen has it."""
    section, *keys = _LISTED.sub(r".\1", where).split(".")
    if section == "flows" and keys:
        node = keys[2] if len(keys) > 2 and keys[1] == "nodes" else ""
        return title(" · ".join(filter(None, (keys[0], node)))), menu(keys[0], node)
    if section == "prompts" and len(keys) > 1:
        return title(keys[1]), f"/prompts/of/{quote(keys[0], safe='')}/{quote(keys[1], safe='')}"
    if section in HOURS:
        return _hours(section, keys, words)
    if section in SECTIONS:
        return _room(section, keys, words)
    return title(where.replace(".", " · ")), ""


def menu(flow: str, node: str = "") -> str:
    """Names of a site file need no quoting; what is no name is left out of addresses."""
    at = f"/menus?flow={flow}" if flow_edits.named(flow) == flow else "/menus?"
    return f"{at}&node={node}" if node and flow_edits.named(node) == node else at


def _hours(section: str, keys: list[str], words: Words) -> tuple[str, str]:
    said = words.gettext(HOURS[section])
    if section == "hours" and keys:
        return f"{said} · {title(keys[0])}", f"/hours/schedule/{quote(keys[0], safe='')}"
    return said, "/hours/oncall" if section == "oncall" else "/hours"


def _room(section: str, keys: list[str], words: Words) -> tuple[str, str]:
    said, at = words.gettext(CALLED[section].title), f"/rooms/{section}"
    if SECTIONS[section].shape is Shape.ONE or not keys:
        return said, at
    return f"{said} · {keys[0]}", f"{at}/part/{quote(keys[0], safe='')}"
