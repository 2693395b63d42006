"""Putting a site file in force, for a command and for a page: proved, accounted for, by its steps,
kept as a version, and on trial if that is wished.

One at a time, and none while a version is on trial. What fails changes nothing: neither what is in
force, nor what is spoken, nor which versions there are.
"""

import asyncio
import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import unified_diff
from pathlib import Path

from firmware import (
    account,
    own_prompts,
    people,
    prompt_acts,
    root,
    settings,
    speech,
    spoken_before,
    topics,
    trial,
    versions,
)
from firmware.asterisk import publish
from firmware.asterisk.publish import PublishError, Reload, Step
from firmware.asterisk.sandbox import AsteriskError, Launch
from firmware.audit import WHO_MOST, Act
from firmware.control import ControlError, NotRunningError, ask
from firmware.place import Place
from firmware.ports import ports_of
from firmware.proving import Proven, proven
from firmware.store import StoreError
from firmware.trial import TrialError
from ivr.plan import Plan

# Why a site is not published; each says what to do.
REFUSALS = (
    AsteriskError,
    ControlError,
    OSError,
    PublishError,
    StoreError,
    TrialError,
    people.PeopleError,
    root.RootError,
    speech.SpeechError,
    versions.VersionError,
)


@dataclass(frozen=True, slots=True)
class Wish:
    """Who publishes, under which name, and within which time it must be confirmed; None: it need
    not be."""

    who: str
    name: str = ""
    confirm_within_s: float | None = None


@dataclass(frozen=True, slots=True)
class Published:
    """What came of it."""

    version: int
    is_first: bool  # it waits for Asterisk's first start
    waits: bool = False  # a part of it waits for Asterisk's next start


def put_in_force(
    place: Place,
    site: Proven,
    launch: Launch,
    wish: Wish,
    told: Callable[[Step], None] = lambda step: None,
    reload: Reload | None = None,
) -> Published:
    """The whole way, in which each step may be the last. It waits for Asterisk: not in a loop.
    One of REFUSALS: it is not in force."""
    with trial.alone(place):
        trial.refuse_another(place)
        _refuse_a_trial_of_nobody(place, wish)
        versions.drop_unused(place)
        spoken_before.keep(place)
        before = versions.in_force(place)
        try:
            with own_prompts.alone(place.prompts):
                prompt_acts.refuse_unspoken(place, site.plan)
                speech.render_site(site.plan, place.prompts)
            account_for(place, site.text, wish.who)
            _give_keys(place, site.plan, wish.who)
            published = _publish(
                place, site, launch, wish, told, reload or root.reloading(place.root_socket)
            )
        except BaseException:
            if versions.in_force(place) == before:
                spoken_before.put_back(place)
            raise
        _have_adopted(place)
        if wish.confirm_within_s is None:
            trial.end(place)
            versions.prune(place)
        elif (begun := trial.pending(place)) is not None:  # the time counts from now
            trial.begin(place, begun.before, begun.version, wish.confirm_within_s)
            versions.prune(place, spared={begun.before})
        return published


def put_back_in_force(
    place: Place,
    number: int,
    launch: Launch,
    wish: Wish,
    told: Callable[[Step], None] = lambda step: None,
    reload: Reload | None = None,
) -> Published:
    """An earlier version once more, as a new one, by the whole way. UnprovenError: it would not be
    published today."""
    version = versions.find(place, number)
    if version.is_in_force:
        raise versions.VersionError(f"version {number} is in force")
    site = proven(version.text, settings.beside(version.site_file))
    return put_in_force(place, site, launch, wish, told, reload)


def account_for(place: Place, text: str, who: str) -> None:
    """Which site file, what it changes and to which version; once there is a clinic to account to.
    What it says stands in the versions."""
    if not people.is_set_up(place.page_db):
        return
    old = place.site_file.read_text("utf-8") if place.site_file.exists() else ""
    changed = "".join(unified_diff(old.splitlines(True), text.splitlines(True)))
    number = versions.in_force(place)
    before = "the first" if number is None else f"after version {number}"
    about = f"site file {_digest(text)}, difference {_digest(changed)}, {before}"
    account.give(place, who, Act.PUBLISHED, about)


def _give_keys(place: Place, plan: Plan, who: str) -> None:
    """To each mailbox that has none, a renamed one too, before its first caller speaks."""
    if not people.is_set_up(place.page_db):
        return
    if new := people.without_keys(place.page_db, plan.mailboxes):
        account.give(place, who, Act.AGREED)
        people.agree(place.page_db, {name: plan.mailboxes[name].members for name in new})


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _refuse_a_trial_of_nobody(place: Place, wish: Wish) -> None:
    if wish.confirm_within_s is None:
        return
    if versions.in_force(place) is None:
        raise TrialError("the first version cannot be on trial: there is none to come back")
    try:
        ask(place.control_socket, topics.STATUS, topics.StatusRequest())
    except NotRunningError:
        raise TrialError(
            "no exchange runs that would take the version back: start it, or publish without a"
            " trial"
        ) from None


def _publish(
    place: Place,
    site: Proven,
    launch: Launch,
    wish: Wish,
    told: Callable[[Step], None],
    reload: Reload,
) -> Published:
    """The first version of a site waits for Asterisk; any other comes into force now."""
    made = publish.Site(site.text, site.plan, ports_of(place), calendars=site.calendars)
    if versions.in_force(place) is None:
        version = publish.prepare(place, made, launch)
        _note(version, site, wish)
        publish.point_current(place, version)
        return Published(int(version.name), is_first=True)
    new: list[Path] = []

    def noted(old: Path, version: Path) -> None:
        new.append(version)
        _note(version, site, wish)
        if wish.confirm_within_s is not None:
            trial.begin(place, int(old.name), int(version.name), wish.confirm_within_s)

    try:
        waits = asyncio.run(publish.publish(place, made, launch, reload, told, noted))
    except Exception:
        for version in new:  # it did not stay in force
            trial.call_off(place)
            versions.drop(place, int(version.name))
        raise
    return Published(int(new[0].name), is_first=False, waits=waits)


def _note(version: Path, site: Proven, wish: Wish) -> None:
    digest = versions.sha256_of(site.text)
    told = versions.Note(
        who=wish.who[:WHO_MOST], at=datetime.now(UTC), sha256=digest, name=wish.name
    )
    versions.note(version, told)


def _have_adopted(place: Place) -> None:
    """A running exchange takes new calls by the new site; one that does not run will read it."""
    with suppress(NotRunningError):
        ask(place.control_socket, topics.ADOPT, topics.AdoptRequest())
