"""A disk that takes nothing when the exchange would start: it is read-only, full or failing.

Then nothing that is promised could be kept, so the exchange does not start, and is tried again and
again. Asterisk needs no disk to write to: it rings the front desk for each caller meanwhile, and
emergency calls go out (tests/system/test_failsafe.py).
"""

import errno
import os
import tempfile
from pathlib import Path

OF_THE_DISK = frozenset({errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EIO})
CURE = "make room on it or replace it; the exchange then starts by itself"


def why(home: Path) -> str:
    """In plain words, with what is still done for callers; empty if it takes what it is given."""
    try:
        with tempfile.TemporaryFile(dir=home) as probe:
            probe.write(bytes(4096))
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as refused:
        return _told(home, refused)
    return ""


def behind(refused: BaseException, home: Path) -> str:
    """The same, where the exchange could not start for this reason."""
    return (_told(home, refused) if isinstance(refused, OSError) else "") or why(home)


def _told(home: Path, refused: OSError) -> str:
    if refused.errno not in OF_THE_DISK:
        return ""
    return (
        f"the disk under {home} takes nothing ({refused.strerror}), so the exchange cannot start:"
        " Asterisk alone rings the front desk for each caller, and 911 goes out"
    )
