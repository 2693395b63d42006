"""The page's own process, as the box starts it."""

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from firmware.cli.web import GIVES_WAY
from firmware.ports import free_ports


def test_the_page_gives_way_to_calls_wherever_both_want_the_processor(tmp_path: Path) -> None:
    with ExitStack() as kept:
        https, http = free_ports(kept, 2)
    ports = ("--https-port", str(https), "--http-port", str(http))
    page = subprocess.Popen(
        (sys.executable, "-m", "firmware.cli", "web", *ports),
        env=os.environ | {"CARELINE_HOME": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
    )
    with page:
        assert page.stderr is not None
        is_up = any("the page: https://" in line for line in page.stderr)
        priority = os.getpriority(os.PRIO_PROCESS, page.pid) if is_up else None
        page.terminate()
    assert priority == min(19, os.getpriority(os.PRIO_PROCESS, 0) + GIVES_WAY)
