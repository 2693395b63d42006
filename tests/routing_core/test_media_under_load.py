"""The engine with many callers at once, each spoken to, listened to and recorded.

What it costs, and how even its pace is, `careline bench media` shows; here nobody may be left out.
"""

import resource
import select
import subprocess
import threading
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from firmware.bench import callers as crowd
from routing_core.media import Closed, Closing, KeyFrame, Media, Opened, ToneBegan

SECONDS = 4


@pytest.fixture(scope="module")
def callers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program that calls; in C, so that what is measured is the engine."""
    return crowd.built("callers", tmp_path_factory.mktemp("callers"))


def give_back(media: Media, done: threading.Event) -> None:
    """The recorder thread, but for the sealing."""
    while not done.is_set():
        select.select([media.chunk_fd], [], [], 0.1)
        for chunk in media.chunks():
            media.give_back(chunk)


@pytest.mark.parametrize("calls", [100, 500])
def test_every_caller_of_many_is_served(callers: Path, calls: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4096)), hard))
    media = Media(calls, recordings=calls, backlog_s=2)
    music = media.load(np.random.default_rng(1).integers(-999, 999, 8000).astype(np.int16))
    done = threading.Event()
    recorder = threading.Thread(target=give_back, args=(media, done))
    media.start()
    recorder.start()
    told: Counter[str] = Counter()
    reasons: set[Closing] = set()
    command = crowd.calling(callers, media.port, calls, SECONDS, crowd.SPREAD)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        while running.poll() is None or told[Closed.__name__] < told[Opened.__name__]:
            media.feed()
            select.select([media.event_fd], [], [], 0.1)
            for event in media.events():
                told[type(event).__name__] += 1
                match event:
                    case Opened(call=call):
                        media.music(call, music)
                        media.record(call, longest_s=600, quiet_s=4)
                    case Closed(reason=reason):
                        reasons.add(reason)
                    case _:
                        pass
        assert running.stdout is not None
        heard = crowd.heard(running.stdout.read())
    done.set()
    recorder.join()
    stats = media.stats()
    media.stop()
    assert told[Opened.__name__] == told[Closed.__name__] == calls
    assert reasons <= {Closing.HUNG_UP, Closing.LOST}
    # Each caller presses a key a second, and plays one as tones half a second later.
    assert told[KeyFrame.__name__] == pytest.approx(calls * SECONDS, rel=0.05)
    assert told[ToneBegan.__name__] == pytest.approx(calls * SECONDS, rel=0.05)
    assert heard.frames > 0.8 * calls * (SECONDS - 0.5) * 50  # half a second is not measured
    assert stats.samples_dropped == 0
