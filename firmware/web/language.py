"""The page's language, chosen by whoever reads it: kept with the person, so that it is theirs at
every screen, and with the browser for who is not signed in."""

import re
from typing import Annotated, Literal

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import Field

from firmware import people
from firmware.web import choices
from firmware.web.entrance import anybody_of, remember
from firmware.web.forms import Form, typed
from firmware.web.frame import LANGUAGE_COOKIE
from firmware.web.house import house_of

router = APIRouter()

OURS = re.compile(r"/|(?:/[A-Za-z0-9_.~-]+)+")


class LanguageForm(Form):
    language: Literal["en", "es"]
    back: Annotated[str, Field(max_length=500)] = "/"


@router.post("/language")
def choose(request: Request) -> Response:
    house, visitor = house_of(request), anybody_of(request)
    wish = typed(request, LanguageForm).form
    # Only a path of ours, never another host: `//` would be one.
    back = wish.back if wish and OURS.fullmatch(wish.back) else "/"
    answer = RedirectResponse(back, 303)
    if wish:
        language = wish.language
        if visitor:
            person = visitor.person
            people.write(
                house.place.page_db, lambda c: choices.choose_language(c, person, language)
            )
        remember(answer, LANGUAGE_COOKIE, wish.language)
    return answer
