"""The passwords by which the box signs in elsewhere: at a trunk, at the mail server and, by the PIN
of a modem's SIM, at a mobile network. One is
given here and never shown, not to whoever gave it; the page says only whether there is one. It lies
with the site's secrets and not in the draft, and stands in the audit by whose it is.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import Field

from firmware import draft, site_secrets
from firmware.audit import Act
from firmware.filling import document_of
from firmware.sections import SECTIONS
from firmware.site_secrets import SecretsError
from firmware.web.entrance import Refused, visitor_of
from firmware.web.forms import Form, typed
from firmware.web.frame import render
from firmware.web.house import house_of
from firmware.web.words import to_say
from hw.modem.commands import PIN

router = APIRouter()

NOT_TYPED = to_say(
    "Give the letters, digits and signs that the provider gave you, at most 256, no backslash."
)
NO_PIN = to_say("A PIN is four to eight digits; it came with the SIM.")
WHOSE = {"trunks": "trunk", "modems": "SIM of the modem"}
NO_SUCH = (
    404,
    to_say("There is no such part of the site."),
    to_say("Somebody may have taken it away. Go back to the list."),
)
DAMAGED = (
    409,
    to_say("The box's passwords cannot be read."),
    to_say("Call your technician: they can be brought back from a backup."),
)


class PasswordForm(Form):
    password: Annotated[str, Field(min_length=1, max_length=1024, repr=False)]


@dataclass(frozen=True, slots=True)
class Outside:
    """Where the box signs in."""

    section: str
    name: str | None  # of the trunk or modem; None: the mail server

    @property
    def here(self) -> str:
        return f"/passwords/{self.section}" + (f"/{self.name}" if self.name else "")

    @property
    def form(self) -> str:
        """Where the rest of it stands."""
        return f"/rooms/{self.section}" + (f"/part/{self.name}" if self.name else "")


MAIL = Outside("email", None)


@router.get("/passwords/email")
def mail(request: Request) -> Response:
    return _screen(request, MAIL)


@router.post("/passwords/email")
def give_mail(request: Request) -> Response:
    path = house_of(request).place.secrets
    return _given(request, MAIL, lambda password: site_secrets.give_email(path, password))


@router.get("/passwords/modems/{modem}")
def of_modem(request: Request, modem: str) -> Response:
    return _screen(request, Outside("modems", modem))


@router.post("/passwords/modems/{modem}")
def give_modem(request: Request, modem: str) -> Response:
    path, where = house_of(request).place.secrets, Outside("modems", modem)
    return _given(request, where, lambda given: site_secrets.give_sim(path, modem, given))


@router.get("/passwords/trunks/{trunk}")
def of_trunk(request: Request, trunk: str) -> Response:
    return _screen(request, Outside("trunks", trunk))


@router.post("/passwords/trunks/{trunk}")
def give_trunk(request: Request, trunk: str) -> Response:
    path, where = house_of(request).place.secrets, Outside("trunks", trunk)
    return _given(request, where, lambda given: site_secrets.give_trunk(path, trunk, given))


def _given(request: Request, where: Outside, give: Callable[[str], None]) -> Response:
    house, came = house_of(request), typed(request, PasswordForm)
    _must_be_there(request, where)
    if came.form is None:
        return _screen(request, where, came.faults)
    if where.section == "modems" and not PIN.fullmatch(came.form.password):
        return _screen(request, where, {"password": NO_PIN})
    if not site_secrets.can_be_given(came.form.password):
        return _screen(request, where, {"password": NOT_TYPED})
    whose = f"{WHOSE[where.section]} {where.name}" if where.name else "mail server"
    house.account(visitor_of(request).person, Act.GAVE_PASSWORD, whose)
    try:
        give(came.form.password)
    except SecretsError:
        raise Refused(*DAMAGED) from None
    return RedirectResponse(where.here, 303)


def _must_be_there(request: Request, where: Outside) -> None:
    """In the draft, or in force: a line's password may be given before it is published."""
    try:
        document = document_of(draft.read(house_of(request).place).text)
    except OSError:
        raise Refused(*NO_SUCH) from None
    if not SECTIONS[where.section].part(document, where.name or ""):
        raise Refused(*NO_SUCH)


def _screen(request: Request, where: Outside, faults: object = None) -> Response:
    _must_be_there(request, where)
    try:
        is_given = site_secrets.is_given(
            house_of(request).place.secrets, where.section, where.name or ""
        )
    except (SecretsError, OSError):
        raise Refused(*DAMAGED) from None
    return render(
        request,
        "outside.html",
        status=422 if faults else 200,
        where=where,
        is_given=is_given,
        faults=faults or {},
    )
