"""A `careline root` beside a clinic's page, with a network that lives in memory."""

import asyncio
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from firmware.place import Place
from firmware.root import Root
from hw.network import FakeNetwork
from hw.network_files import Wish
from hw.packet_filter import PacketFilter

SOON_S = 20.0


class Seen(FakeNetwork):
    """One of which it is seen that something is on trial."""

    def __init__(self) -> None:
        super().__init__()
        self.tried = threading.Event()

    def try_out(self, wish: Wish) -> None:
        super().try_out(wish)
        self.tried.set()


@contextmanager
def rooted(
    place: Place, device: FakeNetwork | None, packets: PacketFilter | None = None
) -> Iterator[None]:
    """With a `careline root` beside the page."""
    up, end = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def asterisk(_command: str) -> str:
        return ""

    async def serve() -> None:
        service = Root(
            place.root_socket,
            asterisk,
            frozenset({os.geteuid()}),
            lambda *_told: None,
            device,
            packets,
            begins_after_s=0,
        )
        serving = asyncio.create_task(service.serve(up.set))
        await end.wait()
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert up.wait(SOON_S)
    try:
        yield
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join()
        loop.close()
