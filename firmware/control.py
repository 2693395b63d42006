"""The control socket: the only way into a running exchange. JSON lines, one request, one reply.

A topic joins a request's form with its reply's form; the exchange answers topics, clients ask them.
A request is `{"ask": "status"}` and whatever else its form says; the reply is `{"reply": {…}}`, or
`{"refused": "why", "cure": "what to do"}`. A topic that is followed sends a reply per line until
one side closes. `{"ask": "enter", "session": "…"}` says whose session the requests after it are of.

Whoever may open the socket may ask, for the file's mode is the first permission; the second is that
each request passes whoever `admit` is (firmware/doorkeeper.py).

Nothing a client does can slow the exchange: requests have a bounded length, a follower who does not
read is dropped.
"""

import asyncio
import json
import os
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, TypeVar, Union

import structlog
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from firmware.durable import make_directory
from firmware.operations import Asker, Role
from firmware.peer import Peer, peer_of
from firmware.place import SOCKET_PATH_MAX

# A request is a few hundred bytes; the longest, a call to place with its keys, stays below this.
REQUEST_MAX = 16 * 1024
# Replies are ours, and lists of calls are long.
REPLY_MAX = 16 * 1024 * 1024
# Steps a follower may lag behind before it is dropped: some seconds of a busy hour.
LAG_MAX = 1_000
ANSWER_S = 10.0
# The exchange's user and the group of those who may ask.
SOCKET_MODE = 0o660

log = structlog.get_logger(__name__)


class ControlError(Exception):
    """The request was refused or could not be made; `cure` says what to do."""

    def __init__(self, why: str, cure: str) -> None:
        super().__init__(f"{why}: {cure}")
        self.why, self.cure = why, cure


class NotRunningError(ControlError):
    """Nobody serves the socket."""


class Strict(BaseModel):
    """A form at this door: no field more than it names."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Q = TypeVar("Q", bound=Strict)
R = TypeVar("R", bound=Strict)
T = TypeVar("T")
Answer = Callable[[Q], Awaitable[R]]
AnswerTo = Callable[[Q, Asker], Awaitable[R]]
Following = Callable[[Q], AsyncIterator[R]]
Admit = Callable[[str, str, Peer], Awaitable[Asker]]  # `ask`, session, peer


@dataclass(frozen=True, slots=True)
class Topic(Generic[Q, R]):
    """Something that can be asked. The request's form has the field `ask: Literal["name"]`."""

    request: type[Q]
    reply: type[R]

    @property
    def name(self) -> str:
        return _asked(self.request)


class EnterRequest(Strict):
    """Whoever asks on this connection from now on, by the token of their session."""

    ask: Literal["enter"] = "enter"
    session: str = Field(max_length=100, repr=False)


class EnterReply(Strict):
    """Each request is looked at when it comes."""


ENTER = Topic(EnterRequest, EnterReply)


async def anybody(_asked: str, _session: str, peer: Peer) -> Asker:
    """For a socket behind which nothing is a patient's, as a rehearsal's telephone company."""
    return Asker(peer.user, Role.TECHNICIAN)


class Door:
    """What this exchange answers. Topics are added before it opens."""

    def __init__(self, admit: Admit = anybody) -> None:
        self._admit = admit
        self._answers: dict[type[Strict], Callable[[Any, Asker], Awaitable[Strict]]] = {}
        self._followed: dict[type[Strict], Callable[[Any], AsyncIterator[Strict]]] = {}

    def answer(self, topic: Topic[Q, R], answer: Answer[Q, R]) -> None:
        """Answer this topic by one reply."""
        self._answers[topic.request] = lambda request, _asker: answer(request)

    def answer_to(self, topic: Topic[Q, R], answer: AnswerTo[Q, R]) -> None:
        """The same, where it matters who asks."""
        self._answers[topic.request] = answer

    def follow(self, topic: Topic[Q, R], following: Following[Q, R]) -> None:
        """Answer this topic by a reply per line, until either side closes."""
        self._followed[topic.request] = following

    @asynccontextmanager
    async def open(self, path: Path) -> AsyncIterator[None]:
        """Listen on `path` for as long as the context lasts."""
        listening = _listen(path)
        requests = self._requests()
        clients: set[asyncio.Task[None]] = set()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            clients.add(task)
            try:
                await self._serve(requests, reader, writer)
            except asyncio.CancelledError:
                pass  # the door closes, or the client lagged; asyncio 3.11 would log it as a fault
            finally:
                clients.discard(task)

        server = await asyncio.start_unix_server(serve, sock=listening, limit=REQUEST_MAX)
        try:
            yield
        finally:
            server.close()
            for client in clients:
                client.cancel()
            await asyncio.gather(*clients, return_exceptions=True)
            _remove_dead(path)

    def _requests(self) -> TypeAdapter[Strict]:
        forms = (EnterRequest, *self._answers, *self._followed)
        union: Any = Union[forms]  # noqa: UP007 - the members are known only now
        if len(forms) > 1:
            union = Annotated[union, Field(discriminator="ask")]
        return TypeAdapter(union)

    async def _serve(
        self,
        requests: TypeAdapter[Strict],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """One client, until it closes, breaks the form of a line beyond repair, or lags."""
        peer, session = peer_of(writer.get_extra_info("socket")), ""
        try:
            while (line := await _request_line(reader)) is not None:
                try:
                    request = requests.validate_json(line)
                    if isinstance(request, EnterRequest):
                        session = request.session
                        await _send(writer, _reply(EnterReply()))
                        continue
                    asker = await _guarded(self._admit(_asked(type(request)), session, peer))
                    await self._reply_to(request, asker, writer)
                except ValidationError as wrong:
                    await _send(writer, _refusal(_not_understood(wrong, self.asked())))
                except ControlError as refused:
                    await _send(writer, _refusal(refused))
        except ControlError as broken:
            with suppress(ConnectionError):
                await _send(writer, _refusal(broken))
        except ConnectionError:
            pass  # the client went away; nothing of ours depended on it
        except asyncio.CancelledError:
            writer.transport.abort()  # it does not read: there is no use in flushing
            raise
        finally:
            writer.close()

    async def _reply_to(self, request: Strict, asker: Asker, writer: asyncio.StreamWriter) -> None:
        if (answer := self._answers.get(type(request))) is not None:
            await _send(writer, _reply(await _guarded(answer(request, asker))))
            return
        replies = self._followed[type(request)](request)
        try:
            async for reply in replies:
                await _send(writer, _reply(reply))
        finally:
            if (close := getattr(replies, "aclose", None)) is not None:
                await close()

    def asked(self) -> list[str]:
        """Each `ask` that is answered here."""
        return sorted(map(_asked, (*self._answers, *self._followed)))


class Broadcast(Generic[R]):
    """One side publishes and never waits; each follower reads at its own pace or is dropped."""

    def __init__(self) -> None:
        self._followers: dict[asyncio.Queue[R], asyncio.Task[Any]] = {}

    def publish(self, item: R) -> None:
        for queue, follower in tuple(self._followers.items()):
            if queue.full():
                del self._followers[queue]
                follower.cancel()
            else:
                queue.put_nowait(item)

    async def follow(self, _request: Strict) -> AsyncIterator[R]:
        """To be followed in a task of the follower's own, which is cancelled when it lags."""
        follower = asyncio.current_task()
        assert follower is not None
        queue: asyncio.Queue[R] = asyncio.Queue(LAG_MAX)
        self._followers[queue] = follower
        try:
            while True:
                yield await queue.get()
        finally:
            self._followers.pop(queue, None)


def ask(
    path: Path, topic: Topic[Q, R], request: Q, timeout_s: float = ANSWER_S, session: str = ""
) -> R:
    """The exchange's reply, for a program without a loop; to whoever's session this is."""
    with _connected(path, timeout_s) as lines:
        if session:
            lines.write(_request(EnterRequest(session=session)))
            lines.flush()
            _read_reply(lines.readline(REPLY_MAX), ENTER)
        lines.write(_request(request))
        lines.flush()
        return _read_reply(lines.readline(REPLY_MAX), topic)


def follow(path: Path, topic: Topic[Q, R], request: Q) -> Iterator[R]:
    """Replies as they come, until the exchange ends or the caller stops."""
    with _connected(path, None) as lines:
        lines.write(_request(request))
        lines.flush()
        while line := lines.readline(REPLY_MAX):
            yield _read_reply(line, topic)


async def ask_async(
    path: Path, topic: Topic[Q, R], request: Q, timeout_s: float = ANSWER_S, session: str = ""
) -> R:
    """The exchange's reply, for a program with a loop; to whoever's session this is."""
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_unix_connection(_bound(path), limit=REPLY_MAX)
            try:
                if session:
                    await _send(writer, _request(EnterRequest(session=session)))
                    _read_reply(await reader.readline(), ENTER)
                await _send(writer, _request(request))
                return _read_reply(await reader.readline(), topic)
            finally:
                writer.close()
    except TimeoutError:
        raise _no_answer(timeout_s) from None
    except OSError as absent:
        raise _not_running(path) from absent


async def follow_async(
    path: Path, topic: Topic[Q, R], request: Q, session: str = ""
) -> AsyncGenerator[R, None]:
    """Replies as they come, until the exchange ends; to whoever's session this is."""
    try:
        reader, writer = await asyncio.open_unix_connection(_bound(path), limit=REPLY_MAX)
    except OSError as absent:
        raise _not_running(path) from absent
    try:
        if session:
            await _send(writer, _request(EnterRequest(session=session)))
            _read_reply(await reader.readline(), ENTER)
        await _send(writer, _request(request))
        while line := await reader.readline():
            yield _read_reply(line, topic)
    finally:
        writer.close()


def _asked(form: type[Strict]) -> str:
    return str(form.model_fields["ask"].default)


def _reply(reply: Strict) -> bytes:
    return b'{"reply":' + reply.model_dump_json().encode() + b"}\n"


def _refusal(refused: ControlError) -> bytes:
    return json.dumps({"refused": refused.why, "cure": refused.cure}).encode() + b"\n"


def _request(request: Strict) -> bytes:
    return request.model_dump_json().encode() + b"\n"


def _read_reply(line: bytes, topic: Topic[Q, R]) -> R:
    if not line.endswith(b"\n"):
        raise ControlError("the exchange closed before it answered", "look into its log, ask again")
    said = json.loads(line)
    if "reply" not in said:
        raise ControlError(said["refused"], said["cure"])
    return topic.reply.model_validate(said["reply"])


async def _guarded(answer: Awaitable[T]) -> T:
    """The answer; a fault of ours becomes a refusal and a log line, never a lost connection."""
    try:
        return await answer
    except ControlError:
        raise
    except Exception as fault:
        log.exception("a control request failed")
        raise ControlError(f"the exchange failed at this ({fault})", "see its log") from fault


async def _request_line(reader: asyncio.StreamReader) -> bytes | None:
    """The next line; None when the client has closed."""
    try:
        line = await reader.readuntil(b"\n")
    except asyncio.IncompleteReadError as ended:
        if ended.partial.strip():
            raise ControlError(
                "the last line does not end", "end each request by a line break"
            ) from None
        return None
    except asyncio.LimitOverrunError:
        raise ControlError(
            f"a request longer than {REQUEST_MAX} bytes", "send less; the connection is closed"
        ) from None
    return line


def _not_understood(wrong: ValidationError, names: list[str]) -> ControlError:
    """What is wrong with the request, without repeating what it held."""
    first = wrong.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] in ("union_tag_invalid", "union_tag_not_found", "literal_error"):
        return ControlError("nothing here answers to this `ask`", f"ask one of {', '.join(names)}")
    if first["type"] == "extra_forbidden":
        return ControlError("it has a field that nobody knows", "leave out what no form names")
    if first["type"] == "json_invalid":
        return ControlError("this line is not JSON", "send one JSON object per line")
    return ControlError(
        f"{where or 'request'}: {first['msg']}", "correct the request and send it again"
    )


async def _send(writer: asyncio.StreamWriter, line: bytes) -> None:
    writer.write(line)
    await writer.drain()


@contextmanager
def _connected(path: Path, timeout_s: float | None) -> Iterator[Any]:
    """A connection to the exchange as a file of lines."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(timeout_s)
        try:
            connection.connect(_bound(path))
        except OSError as absent:
            raise _not_running(path) from absent
        try:
            with connection.makefile("rwb") as lines:
                yield lines
        except TimeoutError:
            raise _no_answer(timeout_s or 0) from None
        except ConnectionError:
            raise ControlError("the exchange closed the connection", "see its log") from None


def _not_running(path: Path) -> NotRunningError:
    return NotRunningError(
        f"no exchange answers at {path}",
        "start it with `make run`, or `systemctl start careline-exchange` on a box",
    )


def _no_answer(timeout_s: float) -> ControlError:
    return ControlError(
        f"the exchange did not answer within {timeout_s:g} s", "see its log; its watchdog may act"
    )


def _check_length(path: Path) -> None:
    if len(os.fsencode(path)) > SOCKET_PATH_MAX:
        raise ControlError(
            f"the socket's path {path} is longer than {SOCKET_PATH_MAX} bytes",
            "set CARELINE_HOME to a directory with a shorter name",
        )


def _bound(path: Path) -> str:
    _check_length(path)
    return str(path)


def _listen(path: Path) -> socket.socket:
    """A socket nobody can connect to before its mode is right."""
    _check_length(path)
    make_directory(path.parent)
    _remove_dead(path)
    listening = socket.socket(socket.AF_UNIX)
    try:
        listening.bind(str(path))
        path.chmod(SOCKET_MODE)
        listening.listen()
    except BaseException:
        listening.close()
        raise
    return listening


def _remove_dead(path: Path) -> None:
    """A socket file nobody serves is left over from a kill; one that is served is respected."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except FileNotFoundError:
            return
        except OSError:
            path.unlink(missing_ok=True)
            return
    raise ControlError(f"an exchange already serves {path}", "stop it first")
