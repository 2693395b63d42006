"""`careline root` ends in good order, whoever asks it to: systemd, or Ctrl-C at a terminal."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

WITHIN_S = 30
LOOK_S = 0.05


@pytest.mark.parametrize("wish", [signal.SIGTERM, signal.SIGINT])
def test_root_ends_without_a_word_of_complaint(wish: signal.Signals, tmp_path: Path) -> None:
    with subprocess.Popen(
        (sys.executable, "-m", "firmware.cli", "root"),
        env=os.environ | {"CARELINE_HOME": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
    ) as root:
        while not (tmp_path / "run" / "root.sock").exists() and root.returncode is None:
            with suppress(subprocess.TimeoutExpired):
                root.wait(LOOK_S)
        root.send_signal(wish)
        _, said = root.communicate(timeout=WITHIN_S)
    assert root.returncode == 0, said
    assert "Traceback" not in said
