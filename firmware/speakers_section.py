"""The section [speakers] of the site file: loudspeakers that are plugged into the box.

A page of [pages] speaks to one of them; at night one rings for whoever waits in a queue, or for
whom a telephone rings.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Annotated

from pydantic import Field

from firmware.forms import Extension, Strict, Word
from firmware.inside_section import PageForm
from firmware.toml_lines import Path
from ivr import plan

SPEAKERS_MOST = 4


class SpeakerForm(Strict):
    """One of them."""

    device: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9][A-Za-z0-9 .,:()_+/-]{0,79}$",
            description="its name or a part of it, as `careline sound list` has it",
        ),
    ]
    volume_db: Annotated[
        int, Field(strict=True, ge=-30, le=12, description="a number of dB from -30 to 12")
    ] = 0
    bell: Annotated[
        tuple[Word, ...], Field(max_length=20, description="a list of up to 20 queues")
    ] = ()
    bell_phones: Annotated[
        tuple[Extension, ...], Field(max_length=40, description="a list of up to 40 telephones")
    ] = ()
    bell_hours: Word | None = None

    def speaker(self, name: str) -> plan.Loudspeaker:
        hours = self.bell_hours or ""
        return plan.Loudspeaker(
            name, self.device, self.volume_db, self.bell, hours, self.bell_phones
        )


def speakers_fit(
    speakers: Mapping[str, plan.Loudspeaker],
    pages: Mapping[str, PageForm],
    queues: Collection[str],
    phones: Collection[str],
    hours: Collection[str],
    fault: Callable[[Path, str, str], None],
) -> None:
    """What names them is there, and what they name; each device has one owner."""
    seen: dict[str, str] = {}
    for name, one in speakers.items():
        if (other := seen.setdefault(one.device, name)) != name:
            reason = f"is the device of {other}, too"
            fault(("speakers", name, "device"), reason, "leave one of the two out")
        for index, queue in enumerate(one.bell):
            if queue not in queues:
                fault(("speakers", name, "bell", index), "there is no such queue", "name one")
        for index, phone in enumerate(one.bell_phones):
            if phone not in phones:
                where = ("speakers", name, "bell_phones", index)
                fault(where, "there is no such telephone", "name one of [phones.NUMBER]")
        if one.bell_hours and one.bell_hours not in hours:
            cure = "name those of [hours.NAME]"
            fault(("speakers", name, "bell_hours"), "there are no such hours", cure)
        if one.bell_hours and not (one.bell or one.bell_phones):
            cure = 'name the queues for whose callers it rings, bell = ["…"], or bell_phones'
            fault(("speakers", name, "bell_hours"), "nobody rings this bell", cure)
    for name, page in pages.items():
        if page.speaker and page.speaker not in speakers:
            cure = "add it to [speakers], or name another"
            fault(("pages", name, "speaker"), "there is no such loudspeaker", cure)
