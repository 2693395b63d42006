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


@pytest.fixture(scope="module")
def callers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program that calls; in C, so that what is measured is the engine."""
    program = tmp_path_factory.mktemp("callers") / "callers"
    subprocess.run(
        ["gcc", "-O2", "-D_GNU_SOURCE", str(HERE / "callers.c"), "-o", str(program)], check=True
    )
    return program


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
