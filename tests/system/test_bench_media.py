"""Real calls are measured at both ends: what they cost, and what the telephone company receives."""

import asyncio
from pathlib import Path

from firmware.bench.media import AT_ONCE, real_calls

SECONDS = 2.0


def test_ten_real_calls_are_heard_frame_by_frame_and_charged(tmp_path: Path) -> None:
    real = asyncio.run(real_calls(tmp_path, AT_ONCE, SECONDS))
    assert real.heard.frames > 0.8 * AT_ONCE * SECONDS * 50
    assert real.heard.median_ms > 0
    assert real.engine_percent > 0
    assert real.asterisk_percent > 0
