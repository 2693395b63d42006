"""The engine with many callers at once, each spoken to, listened to and sealed.

What it costs, and how even its pace is, `careline bench media` shows; here nobody may be left out.
"""

from pathlib import Path

import pytest

from firmware.bench import callers
from firmware.bench.media import serve
from routing_core.media import Closing

SECONDS = 4


@pytest.mark.parametrize("calls", [100, 500])
def test_every_caller_of_many_is_served(calls: int, tmp_path: Path) -> None:
    program = callers.built("callers", tmp_path)
    served = serve(program, calls, SECONDS, tmp_path)
    assert served.told["Opened"] == served.told["Closed"] == served.kept == calls
    assert served.reasons <= {Closing.HUNG_UP, Closing.LOST}
    # Each caller presses a key a second, and plays one as tones half a second later; a tone that a
    # busy machine tears is none, or two.
    assert served.told["KeyFrame"] == calls * SECONDS
    assert served.told["ToneBegan"] == pytest.approx(calls * SECONDS, rel=0.1)
    assert served.heard.frames > 0.5 * calls * (SECONDS - 0.5) * 50  # half a second is not measured
    assert served.samples_dropped == 0
