"""A search killed at every stage ends with the ledger of an undisturbed one; nothing kept is computed again."""

import os

import pytest
from kills import Campaign

WHOLE = os.environ.get("ISTAR_TRUST") == "1"


@pytest.fixture(scope="module")
def campaign(tmp_path_factory):
    return Campaign(tmp_path_factory.mktemp("kills"))


def test_a_search_passes_moments_at_every_stage_and_store(campaign):
    stages = {label.partition(":")[0] for label in campaign.labels}
    assert stages == {"load", "baseline", "screen", "train", "validation", "test"}
    for store in ("recordings", "interpretations", "curves", "baselines", "streams", "effects", "ledger", "runs"):
        assert any(label.endswith(f" {store}") for label in campaign.labels), store


@pytest.mark.slow
def test_a_search_killed_once_at_every_kind_of_moment(campaign):
    every = 1 if WHOLE else 14
    campaign.at_labels(every)
    assert campaign.faults == []
    assert campaign.kills.total() > 0.8 * len(campaign.labels) // every


@pytest.mark.slow
def test_a_search_killed_in_the_middle_of_writes_and_after_random_times(campaign):
    before = campaign.kills.total()
    campaign.in_writes(40 if WHOLE else 3, seed=1)
    campaign.at_times(40 if WHOLE else 2, seed=2)
    assert campaign.faults == []
    assert campaign.kills.total() >= before + 2


@pytest.mark.skipif(not WHOLE, reason="hundreds of kills; ISTAR_TRUST=1 runs them")
@pytest.mark.parametrize("side_by_side", [1, 2])
def test_hundreds_of_kills(tmp_path, side_by_side):
    campaign = Campaign(tmp_path, side_by_side)
    campaign.at_moments(150, seed=side_by_side)
    assert campaign.faults == []
    assert campaign.kills.total() >= 100
