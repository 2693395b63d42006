"""Generated days of a modem with every fault, the short form; `make proof-modem` lives 10,000."""

import pytest

from tests.hw.storm import FAULTS, Storm

SHARES = 4
SEEDS = 100  # of each share


@pytest.mark.parametrize("share", range(SHARES))
def test_whatever_befalls_a_modem_no_text_is_lost_and_every_call_ends(share: int) -> None:
    met = {
        fault
        for seed in range(share * SEEDS, (share + 1) * SEEDS)
        for fault in Storm(seed).run().faults
    }
    assert met >= {fault.name for fault in FAULTS}
