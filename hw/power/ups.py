"""A UPS, by the NUT server that has it (Network UPS Tools, developer guide, "Network protocol"):
text lines over TCP, asked every few seconds.

The server knows the UPS by dozens of drivers; we only read. It may be away, be restarted, or have
lost its driver: then the supply is unknown, and it is asked again, less and less often.
"""

import asyncio
import shlex
from collections.abc import Callable

from hw.backoff import Backoff
from hw.power.reading import UNKNOWN, Reading, reading_of

PORT = 3493
ASK_S = 5.0
ANSWER_WITHIN_S = 5.0
MOST_LINES = 500
LONGEST_LINE = 4096
AGAIN_LONGEST_S = 30.0


class UpsError(Exception):
    """The server gives no figures; the text says which of its reasons."""


class Ups:
    """One UPS, for as long as `run` runs. `tell` is called on the loop with each reading that
    differs from the one before, and must not block."""

    def __init__(
        self,
        name: str,
        tell: Callable[[Reading], None],
        *,
        least_s: float,
        host: str = "127.0.0.1",
        port: int = PORT,
        ask_s: float = ASK_S,
    ) -> None:
        self._name, self._tell, self._least_s = name, tell, least_s
        self._host, self._port, self._ask_s = host, port, ask_s
        self.reading = UNKNOWN
        self.why = ""  # it is unknown

    async def run(self) -> None:
        """Until cancelled; whatever happens to the server."""
        again = Backoff(first_s=self._ask_s, longest_s=max(AGAIN_LONGEST_S, self._ask_s))
        while True:
            try:
                reader, writer = await self._connected()
            except OSError:
                self._know(UNKNOWN, "no NUT server answers")
            else:
                try:
                    await self._ask(reader, writer, again)
                finally:
                    writer.close()
            await asyncio.sleep(again.failed())

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        async with asyncio.timeout(ANSWER_WITHIN_S):  # TimeoutError is an OSError
            return await asyncio.open_connection(self._host, self._port, limit=LONGEST_LINE)

    async def _ask(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, again: Backoff
    ) -> None:
        """Again and again, until the server goes away."""
        while True:
            try:
                async with asyncio.timeout(ANSWER_WITHIN_S):
                    said = await self._variables(reader, writer)
            except UpsError as lacking:
                self._know(UNKNOWN, str(lacking))
            except (OSError, ValueError, asyncio.IncompleteReadError):
                self._know(UNKNOWN, "no NUT server answers")
                return
            else:
                self._know(reading_of(said, self._least_s), "")
                again.worked()
            await asyncio.sleep(self._ask_s)

    async def _variables(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> dict[str, str]:
        """All that the server has of this UPS. UpsError: nothing, at this time; ValueError: it is
        no NUT server."""
        writer.write(f"LIST VAR {self._name}\n".encode("ascii"))
        await writer.drain()
        said: dict[str, str] = {}
        for _ in range(MOST_LINES):
            match shlex.split((await reader.readline()).decode("utf-8", "replace")):
                case []:
                    raise ValueError("the server is gone")
                case ["ERR", reason, *_]:
                    raise UpsError(WHY.get(reason, "the NUT server refuses to say anything"))
                case ["VAR", _, name, value]:
                    said[name] = value
                case ["END", "LIST", "VAR", *_]:
                    return said
                case ["BEGIN", "LIST", "VAR", *_]:
                    pass
                case _:
                    raise ValueError("no line of NUT")
        raise ValueError("too many lines")

    def _know(self, reading: Reading, why: str) -> None:
        changed = reading != self.reading or why != self.why
        self.reading, self.why = reading, why
        if changed:
            self._tell(reading)


WHY = {
    "UNKNOWN-UPS": "the NUT server has no UPS of this name",
    "DATA-STALE": "the NUT server hears nothing of the UPS",
    "DRIVER-NOT-CONNECTED": "the NUT server hears nothing of the UPS",
    "ACCESS-DENIED": "the NUT server does not tell us of the UPS",
}
