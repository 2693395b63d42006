"""What a form of hours or on-call makes of the draft: a step of it, or the form again, with what is
wrong beside each field, or with who has changed the draft meanwhile.
"""

from collections.abc import Callable, Mapping

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from firmware.draft import Kept
from firmware.filling import Filled, Told
from firmware.web.frame import words_of
from firmware.web.room_form import said
from firmware.web.rooms import SHOWN_AGAIN, keep
from firmware.web.words import to_say

FILL_IN = to_say("Some fields are not filled in rightly. Look at each, and send it again.")

# The form again: the answer's status, the faults beside its fields, and what is told above it.
Again = Callable[[int, Mapping[str, Told], str], Response]


def kept_or_asked(
    request: Request, kept: Kept, done: Filled, what: str, again: Again, leads_to: str = "/hours"
) -> Response:
    """Kept, it leads to the week."""
    words = words_of(request)
    if done.text is None:
        whole = done.faults.get("")
        return again(422, done.faults, said(whole, words) if whole else words.gettext(FILL_IN))
    if done.text != kept.text and (who := keep(request, done.text, what)):
        return again(409, {}, words.say(SHOWN_AGAIN, who=who))
    return RedirectResponse(leads_to, 303)
