"""The least that plain asyncio can do for a call: hear it and send silence at its pace. It detects
and records nothing. Says its port; when its input ends, the seconds of CPU it used.
"""

import asyncio
import os
import resource
import sys
from contextlib import suppress

SILENCE = bytes([0x10, 0x01, 0x40]) + bytes(320)


async def hear(reader: asyncio.StreamReader) -> None:
    """Until the caller leaves."""
    while await reader.read(4096):
        pass


async def speak(writer: asyncio.StreamWriter) -> None:
    """A frame each 20 ms."""
    loop = asyncio.get_running_loop()
    due = loop.time()
    while True:
        writer.write(SILENCE)
        due += 0.02
        await asyncio.sleep(due - loop.time())


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One caller."""
    speaking = asyncio.create_task(speak(writer))
    try:
        await hear(reader)
    except ConnectionResetError:
        pass
    finally:
        speaking.cancel()
        writer.close()


async def run() -> None:
    """Until our input ends."""
    with suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))  # as the engine does
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1024)
    say(server.sockets[0].getsockname()[1])
    await asyncio.to_thread(sys.stdin.read)
    used = resource.getrusage(resource.RUSAGE_SELF)
    say(used.ru_utime + used.ru_stime)  # start-up included


def say(figure: float) -> None:
    """A line of our output."""
    sys.stdout.write(f"{figure}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(run())
