"""Sound devices on a machine without any: ALSA's own, that write and read files. What is played is
handed to a program, which can be ended as a device is pulled out.

`default` must be there: PortAudio 19.6 aborts where each device can be had (its issue #294).
"""

import os
import signal
from contextlib import suppress
from pathlib import Path

# Whoever is pulled out while this begins is either among the pids or finds the plug gone.
SINK = """#!/bin/sh
echo $$ >> "{pids}"
[ -e "{plug}" ] || exit 1
exec cat >> "{played}"
"""
DEFAULT = "pcm.default { type null }\n"
DEVICES = """
pcm.paging {{
    type file
    slave {{ pcm {{ type null }} }}
    file "|exec {sink}"
    format "raw"
}}
pcm.desk {{
    type file
    slave {{ pcm {{ type null }} }}
    file "/dev/null"
    infile "{hears}"
    format "raw"
}}
"""


class Alsa:
    """A loudspeaker `paging` and a microphone `desk`."""

    def __init__(self, home: Path) -> None:
        self._played, self._pids = home / "played", home / "pids"
        self.hears = home / "hears"
        self._conf, self._plug = home / "asound.conf", home / "plug"
        self._sink = home / "sink"
        self._sink.write_text(SINK.format(pids=self._pids, plug=self._plug, played=self._played))
        self._sink.chmod(0o755)
        self._devices = DEVICES.format(sink=self._sink, hears=self.hears)
        self.environment = {**os.environ, "ALSA_CONFIG_PATH": str(self._conf)}
        self.hears.write_bytes(bytes(1600))
        self._played.touch()
        self._pids.touch()
        self.plug()

    def played(self) -> bytes:
        """All that the loudspeaker played, the silence before it too."""
        return self._played.read_bytes()

    def plug(self) -> None:
        self._plug.touch()
        self._write(DEFAULT + self._devices)

    def unplug(self) -> None:
        """While it is open, its next sound meets nobody."""
        self._plug.unlink(missing_ok=True)
        self._write(DEFAULT)
        for pid in map(int, self._pids.read_text().split()):
            with suppress(OSError):
                runs = Path(f"/proc/{pid}/cmdline").read_bytes()
                if runs.startswith(b"cat") or str(self._sink).encode() in runs:
                    os.kill(pid, signal.SIGKILL)
        self._pids.write_text("")

    def _write(self, configuration: str) -> None:
        """A file of its own each time: ALSA tells changes by the inode and the second."""
        fresh = self._conf.with_suffix(".fresh")
        fresh.write_text(configuration)
        fresh.rename(self._conf)
