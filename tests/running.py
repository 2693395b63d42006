"""What ran when the time was up: a run that is ended from outside names the tests it was in, and
what had failed until then, instead of ending without a word.

`.ci/run` ends a part that needs more than its share by SIGTERM; a clinic's test that hangs is
looked for at night by somebody who has nothing but what was printed.
"""

import signal
import time
from types import FrameType

import pytest

Location = tuple[str, int | None, str]


class Running:
    """Follows the tests from their begin to their end, at the one process that prints."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}
        self._ended_by: int | None = None

    def listen(self) -> None:
        """From here on SIGTERM ends the run as Ctrl-C would: with a summary."""
        signal.signal(signal.SIGTERM, self._end)

    def _end(self, number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_IGN)  # make and timeout both pass it on
        self._ended_by = number
        raise KeyboardInterrupt

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logstart(self, nodeid: str, location: Location) -> None:
        """Begins one; a test told twice begins anew."""
        self._since[nodeid] = time.monotonic()

    def pytest_runtest_logfinish(self, nodeid: str, location: Location) -> None:
        """Is through with one."""
        self._since.pop(nodeid, None)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Says what was not through."""
        if self._ended_by is None:
            return
        now = time.monotonic()
        terminalreporter.section("the time was up, and these had not ended")
        for test, since in sorted(self._since.items(), key=lambda entry: entry[1]):
            terminalreporter.line(f"{now - since:6.0f} s  {test}")
