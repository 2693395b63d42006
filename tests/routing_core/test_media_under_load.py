"""The engine with many callers at once, each spoken to, listened to and recorded.

What it costs, and how even its pace is, is printed and not judged: machines differ. Judged is that
nobody is left out.
"""

import resource
import select
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from routing_core.media import Closed, Closing, KeyFrame, Media, Opened

HERE = Path(__file__).parent
SECONDS = 4
MEASURED_FRAMES = (SECONDS - 0.5) * 50  # of each caller; the first half second is not measured


# The least that Python can do for a call: hear it and send silence. It detects and records nothing.
BARE_ASYNCIO = """
import asyncio, resource, sys

SILENCE = bytes([0x10, 0x01, 0x40]) + bytes(320)

async def hear(reader):
    while await reader.read(4096):
        pass

async def speak(writer):
    loop = asyncio.get_running_loop()
    due = loop.time()
    while True:
        writer.write(SILENCE)
        due += 0.02
        await asyncio.sleep(due - loop.time())

async def serve(reader, writer):
    speaking = asyncio.create_task(speak(writer))
    try:
        await hear(reader)
    except ConnectionResetError:
        pass
    speaking.cancel()
    writer.close()

async def run():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(used.ru_utime + used.ru_stime)  # start-up included

asyncio.run(run())
"""


def built(tmp_path_factory: pytest.TempPathFactory, name: str) -> Path:
    program = tmp_path_factory.mktemp(name) / name
    source = str(HERE / f"{name}.c")
    subprocess.run(["gcc", "-O2", "-D_GNU_SOURCE", source, "-o", str(program)], check=True)
    return program


@pytest.fixture(scope="module")
def callers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program that calls; in C, so that what is measured is the engine."""
    return built(tmp_path_factory, "callers")


@pytest.fixture(scope="module")
def echo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A server that only sends back what comes."""
    return built(tmp_path_factory, "echo")


def seal(media: Media, done: threading.Event) -> None:
    """The recorder thread, but for the sealing."""
    while not done.is_set():
        select.select([media.chunk_fd], [], [], 0.1)
        for chunk in media.chunks():
            media.give_back(chunk)


@pytest.mark.parametrize("calls", [100, 500])
def test_every_caller_of_many_is_served(
    callers: Path, calls: int, capsys: pytest.CaptureFixture[str]
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4096)), hard))
    media = Media(calls, recordings=calls, backlog_s=2)
    music = media.load(np.random.default_rng(1).integers(-999, 999, 8000).astype(np.int16))
    done = threading.Event()
    recorder = threading.Thread(target=seal, args=(media, done))
    media.start()
    recorder.start()
    command = [str(callers), str(media.port), str(calls), str(SECONDS)]
    opened, keys, reasons = 0, 0, set()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        while running.poll() is None or media.stats().calls:
            media.feed()
            select.select([media.event_fd], [], [], 0.1)
            for event in media.events():
                match event:
                    case Opened(call=call):
                        opened += 1
                        media.music(call, music)
                        media.record(call, longest_s=600, quiet_s=4)
                    case KeyFrame():
                        keys += 1
                    case Closed(reason=reason):
                        reasons.add(reason)
                    case _:
                        pass
        assert running.stdout is not None
        said = running.stdout.read()
    done.set()
    recorder.join()
    stats = media.stats()
    media.stop()
    heard, median, p99, p999, worst = said.split()
    cpu = stats.cpu_ns / 1e9 / (stats.ticks * 0.02) / calls
    with capsys.disabled():
        sys.stdout.write(
            f"\n{calls} calls: {cpu:.4%} of a core per call; frames are {median} ms apart "
            f"(p99 {p99}, p99.9 {p999}, worst {worst}); "
            f"{stats.ticks_late} of {stats.ticks} ticks late by more than 5 ms, the worst "
            f"{stats.tick_late_worst_ns / 1e6:.1f} ms; the longest took "
            f"{stats.tick_work_worst_ns / 1e6:.1f} ms\n"
        )
    assert opened == calls
    assert reasons <= {Closing.HUNG_UP, Closing.LOST}
    assert keys == pytest.approx(calls * SECONDS, rel=0.05)
    assert int(heard) > 0.8 * calls * MEASURED_FRAMES
    assert stats.samples_dropped == 0


def cost_of(server: list[str], callers: Path, calls: int) -> tuple[float, str]:
    """CPU of one call, as a part of a core, of a server that says its port and then its CPU; and
    what its callers measured."""
    with subprocess.Popen(
        server, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        port = running.stdout.readline().strip()
        said = subprocess.check_output([str(callers), port, str(calls), str(SECONDS)], text=True)
        used, _ = running.communicate()
    return float(used) / SECONDS / calls, said


def test_what_the_least_server_costs_for_comparison(
    callers: Path, echo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    servers = {"asyncio": [sys.executable, "-c", BARE_ASYNCIO], "C echo": [str(echo)]}
    for name, server in servers.items():
        cpu, said = cost_of(server, callers, 100)
        heard, median, p99, p999, worst = said.split()
        with capsys.disabled():
            sys.stdout.write(
                f"\nbare {name}, 100 calls: {cpu:.4%} of a core per call, start-up included; "
                f"frames are {median} ms apart (p99 {p99}, p99.9 {p999}, worst {worst})\n"
            )
        assert int(heard) > 0
