"""What our services say: plain lines on standard error, which systemd and the runner keep. Never a
caller's data; and a line that cannot be written, on a full disk say, is lost without a word,
because no call may end for the sake of a log.
"""

import os
from contextlib import suppress

import structlog

STANDARD_ERROR = 2


class Journal:
    """structlog's last step: each level is one line."""

    def msg(self, line: str) -> None:
        with suppress(OSError):
            os.write(STANDARD_ERROR, line.encode("utf-8", "backslashreplace") + b"\n")

    debug = info = warning = error = critical = exception = msg


def log_to_journal() -> None:
    """For the whole process, from now on."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["level", "event"]),
        ],
        logger_factory=lambda *_names: Journal(),
    )
