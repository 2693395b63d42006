"""The audio core's bench: all sides do the same work, and each figure is one of a whole report."""

import numpy as np
import pytest

from firmware.bench import audio as bench
from firmware.bench.peers import audio as peers
from routing_core.audio import Law, decode, encode, level_dbm0
from routing_core.mix import mix


@pytest.fixture(scope="module")
def callers() -> bench.Callers:
    return bench.sixty_four()


@pytest.mark.parametrize("law", Law)
def test_all_sides_code_alike(law: Law, callers: bench.Callers) -> None:
    said = callers.said[0]
    codes = encode(said, law)
    assert np.array_equal(peers.encode_by_numpy(said, law), codes)
    assert peers.encode_plainly(peers.as_list(said), law) == codes.tobytes()
    assert np.array_equal(peers.decode_by_numpy(codes, law), decode(codes, law))
    assert peers.decode_plainly(codes.tobytes(), law) == decode(codes, law).ravel().tolist()
    audioop = peers.audioop()
    if audioop is not None:
        to_pcm = audioop.alaw2lin if law is Law.ALAW else audioop.ulaw2lin
        assert to_pcm(codes, 2) == decode(codes, law).tobytes()


def test_all_sides_mix_alike_and_tell_the_same_level(callers: bench.Callers) -> None:
    one, other = callers.said[5], np.roll(callers.said[5], 7) * np.int16(3)
    mixed = mix(one, other)
    assert np.array_equal(peers.mix_by_numpy(one, other), mixed)
    assert peers.mix_plainly(peers.as_list(one), peers.as_list(other)) == mixed.ravel().tolist()
    level = pytest.approx(level_dbm0(one.ravel()))
    assert peers.level_by_numpy(one) == level
    assert peers.level_plainly(peers.as_list(one)) == level
    audioop = peers.audioop()
    if audioop is not None:
        assert audioop.add(one, other, 2) == mixed.tobytes()


def test_a_report_has_every_figure_and_its_peers() -> None:
    report = bench.measure(rounds=1)
    figures = {figure.what: figure for figure in report.figures}
    assert all(figure.ours.low > 0 for figure in report.figures)
    assert set(figures["alaw encode"].beside) >= {bench.NUMPY, bench.PYTHON}
    assert (bench.TABLE in figures["mix"].beside) == (peers.table() is not None)
    assert figures[bench.CHAIN].is_met is not None
    assert figures["a call into C"].unit == "ns"
