"""By which way people can be told: as the site and its secrets have it at this moment."""

from dataclasses import dataclass

import structlog

from firmware.notify import Mail, Notice, Refused, Way
from firmware.place import Place
from firmware.site_secrets import SecretsError, secrets_of
from ivr.plan import BY_TEXT, Plan

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Ways:
    """Both of them, where there are."""

    mail: Way | None
    texts: Way | None

    async def deliver(self, notice: Notice) -> None:
        """By the notice's own way. Refused: the site has none such any more."""
        way = self.texts if notice.way == BY_TEXT else self.mail
        if way is None:
            raise Refused(f"the site has no way to tell anybody by {notice.way}")
        await way.deliver(notice)


def now(place: Place, plan: Plan, texts: Way) -> Ways | None:
    """None: the site tells nobody."""
    ways = Ways(mail(place, plan), texts if plan.sms else None)
    return ways if ways.mail or ways.texts else None


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
