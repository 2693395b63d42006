"""The bench's short form: our detector over every item and some minutes of what is no key.

The seed is always the same, so that a failure is the code's and not a draw's. `make proof-dtmf`
draws as many as it is told to, and brings the hours of talk.
"""

from pathlib import Path

import numpy as np
import pytest

from firmware import settings, speech
from firmware.bench.vowels import TALKER, vowels
from routing_core.audio import Law
from tests.dtmf.detectors import hear_ours
from tests.dtmf.further import FURTHER
from tests.dtmf.items import MUST, Item, over
from tests.dtmf.machines import machines
from tests.dtmf.proof import MEDIAN_MS, WORST_MS
from tests.dtmf.score import Score, scored, total

ROOT = Path(__file__).parents[2]

SEED = 11

JUDGED = {item.name: (item, item.target) for item in FURTHER if item.target is not None}


def score_of(item: Item) -> Score:
    """In both laws."""
    scenes = [item.scene(SEED, law) for law in Law]
    return total(scored(scene, hear_ours(scene.pcm)) for scene in scenes)


@pytest.mark.parametrize("item", MUST, ids=lambda item: item.name)
def test_every_item_is_passed_without_one_fault(item: Item) -> None:
    score = score_of(item)
    assert score.is_perfect, f"seed {SEED}: {score}"


@pytest.mark.parametrize("name", JUDGED)
def test_the_further_items_go_as_well_as_wanted(name: str) -> None:
    item, wanted = JUDGED[name]
    score = score_of(item)
    assert score.percent >= wanted, f"seed {SEED}: {score}"


def test_a_clean_key_is_known_in_time() -> None:
    latency_ms = [ms for item in MUST if item.is_clean for ms in score_of(item).latency_ms]
    assert np.median(latency_ms) <= MEDIAN_MS
    assert max(latency_ms) <= WORST_MS


@pytest.mark.parametrize("law", Law)
def test_people_who_talk_press_no_key(law: Law) -> None:
    assert hear_ours(over(law, vowels(np.random.default_rng(SEED), 180, TALKER))) == []


@pytest.mark.parametrize("law", Law)
def test_voices_in_the_very_bands_of_the_keys_press_next_to_none(law: Law) -> None:
    assert len(hear_ours(over(law, vowels(np.random.default_rng(SEED), 180)))) <= 1


@pytest.mark.parametrize("law", Law)
def test_fax_modems_and_exchanges_press_no_key(law: Law) -> None:
    assert hear_ours(over(law, machines(np.random.default_rng(SEED), 180))) == []


@pytest.mark.parametrize("law", Law)
def test_a_clinic_s_own_prompts_press_no_key(law: Law, tmp_path: Path) -> None:
    site = settings.read((ROOT / "firmware/template/clinic.toml").read_text("utf-8"))
    speech.render_site(site, tmp_path)
    spoken = [path for path in tmp_path.rglob("*.wav") if path.name != "music.wav"]
    assert spoken
    for path in spoken:
        sound = np.frombuffer(path.read_bytes()[44:], "<i2").astype(np.float64)
        assert hear_ours(over(law, sound)) == [], path.name
