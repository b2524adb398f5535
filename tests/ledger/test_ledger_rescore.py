from dataclasses import replace

import pytest
from ledger_records import BLACK, EVALUATION, METHOD, PROPOSAL, WHITE, fill

from istar.ledger import Ledger, rescore
from istar.rewards import REWARDS


@pytest.fixture
def ledger():
    with Ledger("sqlite://") as opened:
        fill(opened)
        yield opened


@pytest.mark.parametrize("name", ["linear", "log", "samples", "power"])
def test_rewards_come_from_the_stored_curves_alone(ledger, name):
    reward = REWARDS.get(name)
    (found,) = rescore(ledger, "run", reward)
    assert found.reward == reward.reward(BLACK, WHITE)
    assert (found.iteration, found.name, found.stage, found.method) == (0, PROPOSAL.name, "train", METHOD)
    assert found.by_task == {"family/data": found.reward}


def test_each_stage_is_rescored_and_a_failed_one_is_not(ledger):
    ledger.add_evaluation("run", replace(EVALUATION, stage="validation"), WHITE)
    ledger.add_evaluation("run", replace(EVALUATION, stage="test"), WHITE)
    ledger.add_evaluation("run", replace(EVALUATION, stage="test", question_hash="x" * 64, status="error"))
    assert [each.stage for each in rescore(ledger, "run", REWARDS.get("linear"))] == ["train", "validation"]
