"""The sound of a recorded talk, opened by somebody who holds the key of its mailbox, in their own
process: the command line and the page come here alike.

Each part stands in the audit before it is opened. Where nothing was recorded there is silence of
the same length between two marks, or of a shorter one for whoever only listens.
"""

import numpy as np

from firmware import vault
from firmware.audit import Act
from firmware.opening import Enter
from firmware.people import KeyRing
from firmware.place import Place
from firmware.recordings import Recording
from routing_core import audio

MARK_HZ, MARK_MS, MARK_DBM0 = 400.0, 150, -21.0
HEARD_GAP_S = 2.0  # of a longer one, when it is played


def sound_of(
    place: Place,
    ring: KeyRing,
    recording: Recording,
    enter: Enter,
    act: Act = Act.LISTENED,
    *,
    longest_gap_s: float | None = None,
) -> bytes:
    """All of it in one."""
    sound = bytearray()
    gaps = {gap.after: gap for gap in recording.gaps}
    for part in recording.parts:
        enter(act, part.message)
        path = vault.sealed_path(place.messages, part.message)
        sound += vault.hear(path, *ring.mailboxes[part.mailbox]).audio
        if (gap := gaps.get(part.message)) is not None:
            sound += _silence(min(gap.seconds, longest_gap_s or gap.seconds))
    return bytes(sound)


def _silence(seconds: float) -> bytes:
    """A gap: nothing, between two marks that no line makes by itself."""
    mark = audio.tone(MARK_HZ, dbm0=MARK_DBM0, ms=MARK_MS)
    rest = max(round(seconds * vault.SAMPLE_RATE) - 2 * mark.size, 0)
    return np.concatenate([mark, np.zeros(rest, np.int16), mark]).astype("<i2").tobytes()
