"""What a telephone, or a gateway, fetches by its link. Nobody is signed in here: a link is good
once, for one device, and opens its own file (firmware/provisioning/links.py).

Whatever is not so is one and the same 404, which tells nobody whether there is such a link. A link
stands in no log and in no audit. Each file that is given away is entered before it is sent.
"""

import asyncio
import zoneinfo
from pathlib import Path

import structlog
from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from firmware import gateways, people, site_secrets
from firmware.audit import Act
from firmware.ports import ports_of
from firmware.provisioning import files, grandstream, links
from firmware.provisioning.clock import Clock, clock_of
from firmware.provisioning.desk import Desk, Server, UnwritableError, desk_of
from firmware.provisioning.files import File
from firmware.provisioning.links import Link
from firmware.site_secrets import SecretsError
from firmware.store import StoreError
from firmware.web.entrance import Refused
from firmware.web.house import House, house_of
from firmware.web.limits import visitor_of
from firmware.web.words import to_say
from ivr.plan import Plan

router = APIRouter()
log = structlog.get_logger(__name__)

A_PHONE = "a telephone"  # who it is, in the audit
NO_SUCH = (404, to_say("There is no such page."), to_say("Begin at the start page."))
UNMADE = (SecretsError, StoreError, UnwritableError, OSError)


@router.get("/provision/{token}/{file}")
async def fetch(request: Request, token: str, file: str) -> Response:
    house = house_of(request)
    asker = visitor_of(request.client.host if request.client else "")
    if not house.fetching.allows(asker, asyncio.get_running_loop().time()):
        raise Refused(*NO_SUCH)
    given = await run_in_threadpool(_given, house, token, file, asker)
    if given is None:
        raise Refused(*NO_SUCH)
    return Response(given.text.encode(), media_type=given.kind)


def desk_for(house: House, plan: Plan, extension: str, host: str) -> Desk:
    """All that is written for this telephone of the site in force, which must have it. One of
    UNMADE: it cannot be."""
    password = site_secrets.secrets_of(house.place.secrets, plan).phones[extension]
    ports = ports_of(house.place)
    server = Server(host, ports.sip, ports.sip_tls)
    return desk_of(plan, plan.phones[extension], password, server, clock_in(plan.timezone))


def clock_in(zone: str) -> Clock | None:
    """The clock of a zone by its name, as this machine's own files have it."""
    for root in map(Path, zoneinfo.TZPATH):
        try:
            lines = (root / zone).read_bytes().splitlines()
        except OSError:
            continue
        return clock_of(lines[-1].decode("ascii", "replace"))
    return None


def _given(house: House, token: str, file: str, asker: str) -> File | None:
    """What this link opens now."""
    db, now, plan = house.place.page_db, house.now(), house.site.plan
    if plan is None or not db.exists():
        return None
    device = files.device_of(file)
    if device is None:
        link = people.read(db, lambda c: links.look(c, token, "", now))
        return files.common(link.maker, file) if link else None
    device = device or asker
    link = people.read(db, lambda c: links.look(c, token, device, now))
    made = _own(house, plan, link, file) if link else None
    # Bound before it is given: of two that ask at once one gets it.
    if link is None or made is None:
        return None
    if people.write(db, lambda c: links.fetch(c, token, device, now)) is None:
        return None
    house.account(A_PHONE, Act.SET_UP_PHONE, f"{link.extension}, {device}")
    return made


def _own(house: House, plan: Plan, link: Link, file: str) -> File | None:
    if (trunk := gateways.trunk_of(plan, link.extension)) is not None:
        device, port = files.device_of(file) or "", ports_of(house.place).sip
        settings = gateways.settings_of(plan, trunk, link.host, port)
        return File(grandstream.KIND, gateways.file_of(settings, device))
    if link.extension not in plan.phones:
        return None
    try:
        return files.own(link.maker, file, desk_for(house, plan, link.extension, link.host))
    except UNMADE as no:
        log.warning("a telephone cannot be set up", phone=link.extension, kind=type(no).__name__)
        return None
