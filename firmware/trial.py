"""A version on trial: published, and taken back by the exchange unless it is confirmed in time.

A note on the disk says which version came before, and until when; it is there before the new one
is in force, and goes when that is confirmed or the earlier one is back, so whoever is killed in
between leaves the trial to the next exchange. Time is that of the machine's monotonic clock: no
clock that is set ends a trial early or late, and a machine that has been started anew takes an
unconfirmed version back at once. Each step back may be taken twice.
"""

import asyncio
import fcntl
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import structlog
from pydantic import BaseModel, ConfigDict, ValidationError

from firmware import account, root, spoken_before, topics, versions
from firmware.asterisk import publish
from firmware.audit import THIS_BOX, Act, Audited
from firmware.durable import replace_file, sync_directory
from firmware.ledger import Moment
from firmware.place import Place
from firmware.store import StoreError
from firmware.tickets import boot_id

LOOK_EVERY_S = 1.0
AGAIN_S = 5.0  # after a return that failed
LONGEST_S = 3600

log = structlog.get_logger(__name__)


class TrialError(Exception):
    """It cannot be confirmed, or something is on trial already; the text says what to do."""


class Trial(BaseModel):
    """What the note holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: int
    before: int
    boot: str
    until_s: float  # monotonic, of that boot
    within_s: float

    def left_s(self) -> float:
        """Until it is taken back; of a machine's earlier life nothing is left."""
        if self.boot != boot_id():
            return 0.0
        return min(max(self.until_s - time.monotonic(), 0.0), self.within_s)


def begin(place: Place, before: int, version: int, within_s: float) -> None:
    """From now on; durable when this returns. To be called again once all of it is in force."""
    until_s = time.monotonic() + within_s
    told = Trial(version=version, before=before, boot=boot_id(), until_s=until_s, within_s=within_s)
    replace_file(place.trial, told.model_dump_json().encode())


def pending(place: Place) -> Trial | None:
    """What is on trial. A note about versions of which none is in force is about nothing."""
    try:
        trial = Trial.model_validate_json(place.trial.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
    is_about = versions.in_force(place) in (trial.version, trial.before)
    return trial if is_about and _folder(place, trial.before).is_dir() else None


def end(place: Place) -> None:
    """The note goes, and what the return would have needed."""
    call_off(place)
    spoken_before.forget(place)


def call_off(place: Place) -> None:
    """The note goes, for the version it is about never came into force."""
    place.trial.unlink(missing_ok=True)
    sync_directory(place.asterisk)


def confirm(place: Place, who: str) -> int:
    """The version stays; its number. ControlError or StoreError: it cannot be accounted for."""
    with alone(place):
        trial = pending(place)
        if trial is None:
            raise TrialError(
                f"nothing waits to be confirmed: version {versions.in_force(place)} is in force"
            )
        if not trial.left_s():
            raise TrialError(
                f"the {trial.within_s:g} s are over: version {trial.before} comes back; publish"
                " again to try once more"
            )
        account.give(place, who, Act.CONFIRMED, f"version {trial.version}")
        end(place)
        return trial.version


def give_up(place: Place) -> Trial:
    """The exchange takes it back without waiting; what was on trial."""
    with alone(place):
        trial = pending(place)
        if trial is None:
            raise TrialError(
                "nothing is on trial: `careline versions back` publishes an earlier version again"
            )
        over = trial.model_copy(update={"until_s": 0.0})
        replace_file(place.trial, over.model_dump_json().encode())
        return trial


def refuse_another(place: Place) -> None:
    """While one version waits for a word there is no other."""
    if (trial := pending(place)) is not None:
        raise TrialError(
            f"version {trial.version} is on trial for {trial.left_s():.0f} s more: keep it by"
            f" `careline publish --confirm`, or let version {trial.before} come back"
            " (`careline publish --back`), then publish"
        )


def go_back_at_start(place: Place) -> None:
    """Before an exchange reads its site: a version that should not be in force is not read, for it
    may be why the last exchange ended. The rest of the return is the running exchange's."""
    try:
        with ExitStack() as held:
            trial = pending(place)
            if trial is None or trial.left_s() or not held.enter_context(_alone_if_free(place)):
                return
            publish.point_current(place, _folder(place, trial.before))
    except OSError as why:  # whatever the disk does, callers are answered
        log.warning("it cannot be seen to whether a version is on trial", why=str(why))
    else:
        log.warning("a version that nobody confirmed is not in force any more", back=trial.before)


@contextmanager
def alone(place: Place) -> Iterator[None]:
    """Whoever publishes, confirms or returns does so alone."""
    place.asterisk.mkdir(parents=True, exist_ok=True)
    with place.publishing.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


@contextmanager
def _alone_if_free(place: Place) -> Iterator[bool]:
    """The same without waiting; false where somebody else is at it."""
    with place.publishing.open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def _folder(place: Place, number: int) -> Path:
    return place.versions / str(number)


class TrialDesk:
    """The exchange's side: it takes back what nobody confirms."""

    def __init__(
        self,
        place: Place,
        promise: Callable[[Audited], Awaitable[None]],
        adopt: Callable[[], Awaitable[object]],
        reload: publish.Reload | None = None,
    ) -> None:
        self._place, self._promise, self._adopt = place, promise, adopt
        self._reload = reload or root.reloading(place.root_socket)
        self._fault = ""
        self._entered: Trial | None = None

    async def run(self, every_s: float = LOOK_EVERY_S, again_s: float = AGAIN_S) -> None:
        """Until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(again_s if self._fault else every_s)

    async def look(self) -> None:
        """Whether a trial is over; if so, the version before it is back when this returns, or
        `part` says why not: nothing that fails here may end the exchange."""
        try:
            await self._look()
        except Exception as why:
            self._fault = str(why) or type(why).__name__
            log.exception("an earlier version cannot come back yet")

    async def _look(self) -> None:
        trial = await asyncio.to_thread(pending, self._place)
        if trial is None or trial.left_s():
            self._fault = ""
            return
        with _alone_if_free(self._place) as is_free:
            trial = await asyncio.to_thread(pending, self._place) if is_free else None
            if trial is not None and not trial.left_s():
                await self._return(trial)

    async def _return(self, trial: Trial) -> None:
        await self._enter(trial)
        before, after = (_folder(self._place, n) for n in (trial.before, trial.version))
        await asyncio.to_thread(spoken_before.put_back, self._place)
        await publish.bring(self._place, after, before, self._reload)
        await self._adopt()
        await asyncio.to_thread(versions.mark_returned, self._place, trial.version)
        await asyncio.to_thread(end, self._place)
        self._fault = ""
        log.warning("nobody confirmed a version: the earlier one is in force", back=trial.before)

    async def _enter(self, trial: Trial) -> None:
        """Once; what cannot be entered is done all the same, for it may be what helps."""
        if self._entered == trial:
            return
        about = f"version {trial.before}: version {trial.version} was not confirmed"
        try:
            await self._promise(Audited(THIS_BOX, Act.RETURNED, about, Moment.now()))
        except StoreError as refused:
            log.warning("that cannot be entered", why=str(refused))
        self._entered = trial

    def part(self) -> topics.Part:
        """For the status."""
        try:
            trial = pending(self._place)
        except OSError as why:
            return topics.Part(
                name="site",
                state="alarm",
                detail=f"it cannot be read whether a version is on trial: {why}",
                cure="see to the disk",
            )
        if trial is None:
            number = versions.in_force(self._place)
            detail = "as it was published" if number is None else f"version {number} is in force"
            return topics.Part(name="site", state="well", detail=detail)
        if left_s := trial.left_s():
            return topics.Part(
                name="site",
                state="warning",
                detail=f"version {trial.version} is on trial: {left_s:.0f} s are left, then"
                f" version {trial.before} comes back",
                cure="call the clinic; if all is well, `careline publish --confirm`",
            )
        return topics.Part(
            name="site",
            state="alarm" if self._fault else "warning",
            detail=f"version {trial.before} comes back, for nobody confirmed version"
            f" {trial.version}{f': {self._fault}' if self._fault else ''}",
            cure="it is tried again every few seconds" if self._fault else "wait a moment",
        )
