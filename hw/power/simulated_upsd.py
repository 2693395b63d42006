"""A simulated NUT server with one UPS, for tests and rehearsals: it answers as upsd does, loses its
driver, goes away and comes back, and says nonsense when asked to."""

import asyncio
from dataclasses import dataclass, field


@dataclass
class SimulatedUpsd:
    """`said` is what it tells of the UPS; `error` is told in its place where there is one."""

    name: str = "ups"
    said: dict[str, str] = field(
        default_factory=lambda: {
            "ups.status": "OL CHRG",
            "battery.charge": "100",
            "battery.runtime": "1800",
            "ups.mfr": 'Maker "of" things',
        }
    )
    error: str = ""
    nonsense: bytes = b""
    port: int = 0
    _server: asyncio.Server | None = None
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    async def start(self) -> None:
        """It listens, at the same port each time."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """It is gone, and whoever was connected with it."""
        if self._server is not None:
            self._server.close()
            for writer in list(self._open):
                writer.close()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while line := await reader.readline():
                writer.write(self._answer(line.decode("ascii").split()))
                await writer.drain()
        except OSError:
            pass  # whoever asked is gone
        finally:
            self._open.discard(writer)
            writer.close()

    def _answer(self, asked: list[str]) -> bytes:
        if self.nonsense:
            return self.nonsense
        if asked[:2] != ["LIST", "VAR"]:
            return b"ERR UNKNOWN-COMMAND\n"
        if self.error or asked[2:] != [self.name]:
            return f"ERR {self.error or 'UNKNOWN-UPS'}\n".encode("ascii")
        told = [
            'VAR {} {} "{}"'.format(
                self.name, name, value.replace("\\", "\\\\").replace('"', '\\"')
            )
            for name, value in self.said.items()
        ]
        lines = [f"BEGIN LIST VAR {self.name}", *told, f"END LIST VAR {self.name}"]
        return ("\n".join(lines) + "\n").encode("ascii")
