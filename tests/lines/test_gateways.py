"""A gateway to an analog line, as the clinic meets it: the second Asterisk speaks as one does."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from firmware.asterisk.telco import Answers
from routing_core import audio
from tests.system import ear, practice
from tests.system.town import Figures, Town, soon

FAX = "110"
SITE = practice.SITE.replace("[phones.110]", "[phones.110]\nfax = true").replace(
    ', "109", "110"]', ', "109"]'
)


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Its one line comes by a gateway, and at 110 stands a fax machine."""
    with practice.build(tmp_path_factory.mktemp("gateways"), SITE) as standing:
        yield standing


def cadence(path: Path, *tones_hz: float, on_ms: int, off_ms: int, dbm0: float = -20.0) -> Path:
    """One round of a tone of the network, to be said over and over."""
    tones = [audio.tone(hz, dbm0=dbm0, ms=on_ms).astype(np.int32) for hz in tones_hz]
    burst = np.sum(tones, axis=0).astype(np.int16)
    return ear.write_samples(path, np.concatenate([burst, np.zeros(off_ms * 8, np.int16)]))


def test_a_fax_machine_that_calls_the_menu_reaches_the_clinics_own(
    clinic: Town, tmp_path: Path
) -> None:
    """ITU-T T.30: 1100 Hz for half a second, then three seconds of silence."""
    calling = cadence(tmp_path / "cng.wav", 1100, on_ms=500, off_ms=3000, dbm0=-30)

    async def story(figures: Figures) -> None:
        await clinic.telco.behave(FAX, Answers())
        async with practice.exchange(clinic) as told:
            line, call = await told.call(clinic.telco, speaks=calling)
            ring = await clinic.telco.next_ring(FAX, len(clinic.telco.desks[FAX].rings))
            figures.at_most(7.0, ring.at_s - line.answered.result(), "rings the fax machine")
            await soon(ring.talked)
            await line.hang_up()
            assert await told.outcome(call) == "transferred"
            assert told.details(call, "line") == ["a fax machine calls"]
        assert ear.tone_s(line.heard, clinic.telco.desks[FAX].tone_hz) > 0.5

    clinic.run_on_time(story)
