"""Paired pruning: who is stopped, what is told of them, and how often an equal is stopped by chance."""

import numpy as np
import pytest
import test_protocol_search
from fake_arms import FakeArms, table
from scipy.stats import binomtest
from test_protocol_search import CONFIG, Listed, run, valid

from istar.ledger import Ledger
from istar.protocol.pruning import clearly_worse, extrapolate


def rewards(values):
    return {f"question {number}": value for number, value in enumerate(values)}


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path / "ledger.sqlite") as opened:
        yield opened


def test_worse_on_every_question_is_clearly_worse():
    rival = rewards(np.arange(8.0))
    assert clearly_worse(rewards(np.arange(8) - 0.1), rival, 0.05)  # one in 2 ** 8 by chance
    assert not clearly_worse(rewards(np.arange(8) - 0.1), rival, 2**-9)
    assert not clearly_worse(rewards(np.arange(8) - 0.1), rival, 0.0)
    assert not clearly_worse(rewards(np.arange(8) + 0.1), rival, 0.05)


def test_few_questions_and_equal_rewards_decide_nothing():
    assert not clearly_worse(rewards(np.arange(7) - 5.0), rewards(np.arange(7.0)), 0.05)
    assert not clearly_worse(rewards(np.arange(9.0)), rewards(np.arange(9.0)), 0.05)


def test_only_common_questions_count():
    rival = rewards([*np.arange(8.0), 100.0])
    assert not clearly_worse(rewards(np.arange(8) + 0.1), rival, 0.05)


def test_a_method_good_at_something_else_is_not_worse():
    # ahead by much on a quarter of the questions, a little behind on the others: signs alone would stop it
    assert not clearly_worse(rewards([1.0] * 4 + [-0.01] * 12), rewards([0.0] * 16), 0.05)


def test_an_equal_is_stopped_as_rarely_as_the_level_says():
    generator = np.random.default_rng(0)
    stopped = 0
    for _ in range(400):
        mine, rival = generator.standard_t(3, size=(2, 16))
        stopped += clearly_worse(rewards(mine), rewards(rival), 0.05)
    assert binomtest(stopped, 400, 0.05, alternative="greater").pvalue > 0.01


def test_extrapolation_carries_the_lag_to_tasks_not_asked():
    rival = {"a": 1.0, "b": 2.0, "c": 6.0}
    assert extrapolate({"a": 0.5, "b": 1.8}, rival) == pytest.approx(3.0 - 0.35)
    assert extrapolate(rival, rival) == pytest.approx(3.0)


def tasks(costs, questions):
    found = {}
    for name, cost in costs.items():
        found[f"shot_shapley/{name}"] = [table(f"shot_shapley/{name}", index) for index in range(questions)]
        for each in found[f"shot_shapley/{name}"]:
            each.brute_flops = cost
    return found


def test_training_ends_after_the_cheaper_half_of_the_tasks(ledger, monkeypatch):
    costs = {"a": 4, "b": 1, "c": 3, "d": 2}
    monkeypatch.setitem(test_protocol_search.TASKS, "train", tasks(costs, questions=4))
    sources = [valid(number) for number in range(4)]
    advantages = dict(zip(sources, (1.0, 0.4, 1.2, 0.5), strict=True))
    config = CONFIG.model_copy(update={"methods": 4})
    outcome = run(ledger, config, FakeArms(advantage=advantages.__getitem__), Listed(*sources))
    assert [each.status for each in outcome.rounds] == ["ok", "pruned", "ok", "pruned"]
    weak = outcome.rounds[1]
    assert weak.stage == "train"
    assert "behind the best method so far on 8 questions of the 2 cheapest tasks" in weak.reason
    asked = {each.task for each in ledger.evaluations("run", stage="train", method=weak.method)}
    assert asked == {"shot_shapley/b", "shot_shapley/d"}
    assert weak.reward < outcome.rounds[0].reward

    everything = CONFIG.model_copy(update={"methods": 4, "prune_level": 0.0})
    full = run(ledger, everything, FakeArms(advantage=advantages.__getitem__), Listed(*sources), name="unpruned")
    assert [each.status for each in full.rounds] == ["ok"] * 4
    assert full.best.hash == outcome.best.hash
    for pruned, whole in zip(outcome.rounds, full.rounds, strict=True):
        assert pruned.reward == pytest.approx(whole.reward, abs=0.02)


def test_search_killed_while_pruning_goes_on_as_if_undisturbed(tmp_path, monkeypatch):
    monkeypatch.setitem(test_protocol_search.TASKS, "train", tasks({"a": 2, "b": 1}, questions=8))
    sources = [valid(number) for number in range(6)]
    advantages = dict(zip(sources, (1.0, 0.4, 1.2, 0.5, 1.3, 0.2), strict=True))
    config = CONFIG.model_copy(update={"methods": 6})
    exports = []
    for name, kills in (("undisturbed", ()), ("killed", (20, 26, 30))):
        with Ledger(tmp_path / f"{name}.sqlite") as ledger:
            for calls in kills:
                with pytest.raises(KeyboardInterrupt):
                    run(ledger, config, FakeArms(advantage=advantages.__getitem__, kill_after=calls), Listed(*sources))
            run(ledger, config, FakeArms(advantage=advantages.__getitem__), Listed(*sources))
            exports.append([(each.stage, each.status, each.reason, each.reward) for each in ledger.rounds("run")])
    assert exports[0] == exports[1]
    assert [status for _, status, *_ in exports[0]].count("pruned") == 3
