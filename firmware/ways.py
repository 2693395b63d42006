"""By which way people can be told: as the site and its secrets have it at this moment."""

import structlog

from firmware.notify import Mail
from firmware.place import Place
from firmware.site_secrets import SecretsError, secrets_of
from ivr.plan import Plan

log = structlog.get_logger(__name__)


def mail(place: Place, plan: Plan) -> Mail | None:
    """By e-mail; None: the site has no server for it."""
    if plan.mail is None:
        return None
    try:
        password = secrets_of(place.secrets, plan).email
    except (SecretsError, OSError) as unread:
        log.warning("the mail server's password cannot be read", why=str(unread))
        password = ""
    return Mail(plan.mail, password)
