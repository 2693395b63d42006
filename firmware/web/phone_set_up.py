"""Setting up a telephone: its maker is chosen, and a link is made by which it fetches all that it
needs; a telephone that fetches nothing is told what to type.

A link and a password are shown in the answer that made them and stand in no address of ours that
can be loaded again. Each is entered in the audit before it is shown. Only telephones of the site
that is in force can be set up: no other could sign in.
"""

from collections.abc import Iterator
from datetime import datetime
from ipaddress import IPv4Address, ip_address
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import Field

from firmware import people
from firmware.audit import Act
from firmware.control import ControlError, ask
from firmware.ports import BOX_PORTS, ports_of
from firmware.provisioning import files, links, softphone
from firmware.provisioning.desk import Maker, mac
from firmware.provisioning.links import Link
from firmware.topics import AGENTS, AgentsRequest
from firmware.web.addresses import OWN_NAME, names_of_box
from firmware.web.entrance import Refused, visitor_of
from firmware.web.forms import Form, typed
from firmware.web.frame import render, words_of
from firmware.web.house import house_of
from firmware.web.moments import dated
from firmware.web.phone_link import UNMADE, desk_for
from firmware.web.staff import square
from firmware.web.words import to_say
from ivr.plan import Phone, Plan

router = APIRouter()

MAKERS = {
    Maker.YEALINK: to_say("Yealink desk telephone"),
    Maker.GRANDSTREAM: to_say("Grandstream desk telephone"),
    Maker.LINPHONE: to_say("Linphone, on a mobile or a computer"),
    Maker.OTHER: to_say("Another telephone: I type it in"),
}
NO_SUCH = (
    404,
    to_say("No telephone in force has this extension."),
    to_say("Publish it first: a telephone that is only in the draft cannot sign in."),
)
IN_BROWSER = (
    409,
    to_say("This telephone is in the browser: nothing is set up on a desk."),
    to_say("Whoever sits there signs in and switches it on, on the screen Telephone."),
)
CANNOT = (
    409,
    to_say("This telephone cannot be set up now."),
    to_say("Publish the site once more; if that does not help, the log says more."),
)
NO_MAC = to_say(
    "A MAC address has 12 signs of 0 to 9 and A to F. It stands on the telephone's back."
)
UNREACHABLE = "unreachable"


class SetUpForm(Form):
    maker: Maker
    mac: Annotated[str, Field(max_length=40)] = ""


@router.get("/rooms/phones/set-up/{extension}")
def show(request: Request, extension: str) -> Response:
    return _screen(request, _phone(request, extension)[1])


@router.post("/rooms/phones/set-up/{extension}")
def make(request: Request, extension: str) -> Response:
    plan, phone = _phone(request, extension)
    came = typed(request, SetUpForm)
    if came.form is None:
        return _screen(request, phone, status=422, faults=came.faults)
    wish, device = came.form, mac(came.form.mac)
    if wish.mac and device is None:
        return _screen(request, phone, status=422, wish=wish, faults={"mac": NO_MAC})
    if wish.maker is Maker.OTHER:
        return _by_hand(request, plan, phone)
    return _by_link(request, phone, wish.maker, device)


def host_for_phones(met_at: str, own: Iterator[IPv4Address], sip_address: str) -> str:
    """Where a telephone finds the box: at the address of its own that the page is looked at by, for
    that network works; else at its first one. Few telephones find a name that ends in .local."""
    if sip_address != BOX_PORTS.sip_address:
        return sip_address
    addresses = [each for each in own if not each.is_loopback and not each.is_link_local]
    if any(str(each) == met_at for each in addresses):
        return met_at
    return str(addresses[0]) if addresses else OWN_NAME


def _phone(request: Request, extension: str) -> tuple[Plan, Phone]:
    plan = house_of(request).site.plan
    if plan is None or extension not in plan.phones:
        raise Refused(*NO_SUCH)
    if plan.phones[extension].browser:
        raise Refused(*IN_BROWSER)
    return plan, plan.phones[extension]


def _by_link(request: Request, phone: Phone, maker: Maker, device: str | None) -> Response:
    house, extension = house_of(request), phone.extension
    host = _host(request)
    try:
        desk_for(house, _phone(request, extension)[0], extension, host)
    except UNMADE:
        raise Refused(*CANNOT) from None
    if maker is Maker.LINPHONE:
        device = None  # it tells no MAC
    link = Link(extension, maker, host, house.now(), device, None)
    house.account(visitor_of(request).person, Act.MADE_LINK, extension)
    token = people.write(house.place.page_db, lambda c: links.make(c, link))
    address = _as_typed(maker, f"{host}{_port(request)}/provision/{token}")
    return _screen(request, phone, address=address, maker=maker)


def _as_typed(maker: Maker, path: str) -> str:
    """A link as its field on this maker's telephone takes it."""
    match maker:
        case Maker.GRANDSTREAM:  # the kind of server has a field of its own, and a slash is added
            return path
        case Maker.LINPHONE:
            return f"https://{path}/{files.LINPHONE}"
        case _:
            return f"https://{path}/"


def _by_hand(request: Request, plan: Plan, phone: Phone) -> Response:
    house = house_of(request)
    try:
        desk = desk_for(house, plan, phone.extension, _host(request))
    except UNMADE:
        raise Refused(*CANNOT) from None
    house.account(visitor_of(request).person, Act.SHOWN_PASSWORD, phone.extension)
    return _screen(request, phone, desk=desk, address=softphone.address(desk), maker=Maker.OTHER)


def _host(request: Request) -> str:
    met_at = request.scope["server"]
    found = (each for each in names_of_box().addresses if isinstance(each, IPv4Address))
    sip_address = ports_of(house_of(request).place).sip_address
    return host_for_phones(_plain(met_at[0] if met_at else ""), found, sip_address)


def _plain(address: str) -> str:
    """IPv4 as itself, where a socket of both kinds tells it."""
    try:
        known = ip_address(address)
    except ValueError:
        return ""
    return str(getattr(known, "ipv4_mapped", None) or known)


def _port(request: Request) -> str:
    """As the page is reached by, where it is not the usual one."""
    port = request.url.port
    return "" if port in (None, 443) else f":{port}"


def _screen(
    request: Request,
    phone: Phone,
    *,
    status: int = 200,
    wish: SetUpForm | None = None,
    faults: object = None,
    desk: object = None,
    address: str = "",
    maker: Maker | None = None,
) -> Response:
    house = house_of(request)
    link = people.read(house.place.page_db, lambda c: links.of(c, phone.extension))
    return render(
        request,
        "phone_set_up.html",
        status=status,
        phone=phone,
        makers=MAKERS,
        wish=wish,
        faults=faults or {},
        desk=desk,
        address=address,
        square=square(address) if address else "",
        maker=maker,
        told=_told(request, link),
        signed_in=_signed_in(request, phone.extension),
        page=f"http://{request.url.hostname}",  # as the box is met: where it has no name, by number
    )


def _told(request: Request, link: Link | None) -> str:
    """What came of the last link."""
    words = words_of(request)
    if link is None:
        return words.gettext(
            to_say("There is no link: none was made yet, or a backup came back since.")
        )
    if link.fetched is not None:
        when, device = _when(request, link.fetched), _shown(link.device or "")
        return words.say("Fetched at %(when)s by %(device)s.", when=when, device=device)
    made = _when(request, link.made)
    if link.is_good(house_of(request).now()):
        return words.say("A link was made at %(when)s; nobody has fetched by it yet.", when=made)
    return words.say("The link of %(when)s is over; nobody has fetched by it.", when=made)


def _shown(device: str) -> str:
    """A MAC as a telephone's label has it."""
    if mac(device) != device:
        return device
    return ":".join(device[at : at + 2] for at in range(0, len(device), 2)).upper()


def _when(request: Request, at: datetime) -> str:
    plan, words = house_of(request).site.plan, words_of(request)
    local = at.astimezone(ZoneInfo(plan.timezone)) if plan else at
    return dated(local, words.locale)


def _signed_in(request: Request, extension: str) -> bool | None:
    """Whether the exchange reaches it; None while that is not known."""
    house = house_of(request)
    try:
        session = visitor_of(request).session
        reply = ask(house.place.control_socket, AGENTS, AgentsRequest(), session=session)
    except ControlError:
        return None
    doing = {agent.extension: agent.doing for agent in reply.agents}
    return doing[extension] != UNREACHABLE if extension in doing else None
