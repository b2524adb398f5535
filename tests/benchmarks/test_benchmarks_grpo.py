"""What the benchmark of GRPO makes of its curves, and of a log that a kill cut short."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from grpo import Log, begun_with, gain, in_parts, last_fifth, resampled_means, summary, whole_lines
from istar.researchers import NothingNewError
from istar.researchers.random import RandomResearcher

WORDS = ["attention_gates", "attention_knockout", "logit_lens"]


def test_intervals_are_those_of_the_textbook():
    """Of independent groups a bootstrap's spread is the standard error of their mean."""
    generator = np.random.default_rng(1)
    rewards = np.repeat(generator.normal(size=200), 4)  # groups of four that are all alike
    means = resampled_means(rewards.tolist(), 4, np.random.default_rng(0))
    assert means.mean() == pytest.approx(rewards.mean(), abs=0.01)
    assert means.std() == pytest.approx(rewards.std() / 200**0.5, rel=0.05)


def test_a_gain_has_an_interval_within_runs_and_one_over_seeds():
    trained, untrained = [[1.0, 1.2, 1.1, 0.9]] * 2 + [[2.0, 2.2, 2.1, 1.9]], [[0.5, 0.4, 0.6, 0.5]] * 3
    found = gain(trained, untrained, 2)
    assert found["by_seed"] == pytest.approx([0.55, 0.55, 1.55])
    assert found["mean"] == pytest.approx(np.mean(found["by_seed"]))
    low, high = found["interval"]
    assert low < found["mean"] < high
    expected = stats.ttest_1samp(found["by_seed"], 0).confidence_interval(0.95)
    assert found["over_seeds"] == pytest.approx([expected.low, expected.high])
    assert gain(trained[:1], untrained[:1], 2)["over_seeds"] is None


def test_parts_and_fifths_of_a_curve():
    assert last_fifth(range(11)) == [9, 10]
    assert last_fifth([3.0]) == [3.0]
    assert in_parts(range(40)) == [2 * part + 0.5 for part in range(20)]


def test_rates_count_all_seconds():
    curve = {"rewards": [0.0] * 10, "methods": ["a"] * 10, "made": 12, "seconds": 6.0}
    names = ("grpo", "untrained", "policy", "random")
    found = summary({name: [curve] for name in names}, {"seconds": [10.0, 30.0]}, 4)
    assert found["rollouts_per_hour"] == {"grpo": 7200, "all": 7200, "scratch": 180, "times": 40}


def rewarded(proposal):
    return (None, "it failed") if "knockout" in proposal.name else (len(proposal.name) / 10, "")


def followed(path, end=float("inf"), name="random"):
    log = Log(path, 8)
    done = log.follow(name, {"words": WORDS}, 1, rewarded, end)
    return done, log


def test_a_log_that_was_cut_short_goes_on_to_the_same_curve(tmp_path):
    assert followed(tmp_path / "whole.jsonl")[0]
    whole = json.loads((tmp_path / "whole.json").read_text())
    assert len(whole["rewards"]) == 8
    lines = (tmp_path / "whole.jsonl").read_bytes()
    (tmp_path / "cut.jsonl").write_bytes(lines[: len(lines) // 2])
    assert followed(tmp_path / "cut.jsonl")[0]
    cut = json.loads((tmp_path / "cut.json").read_text())
    assert {**cut, "seconds": 0} == {**whole, "seconds": 0}
    assert len(whole_lines(tmp_path / "cut.jsonl")) == 8


def test_time_that_is_over_ends_it_before_the_next_rollout(tmp_path):
    done, log = followed(tmp_path / "log.jsonl", end=float("-inf"))
    assert not done
    assert log.lines == []
    assert not (tmp_path / "log.json").exists()


def test_a_failure_counts_with_its_reward(tmp_path):
    followed(tmp_path / "log.jsonl")
    curve = json.loads((tmp_path / "log.json").read_text())
    failed = ["knockout" in name for name in curve["methods"]]
    assert any(failed)
    assert [reward == -1.0 for reward in curve["rewards"]] == failed


def test_a_researcher_with_nothing_new_is_done(tmp_path, monkeypatch):
    def nothing(self, seed):
        raise NothingNewError("all was tried")

    monkeypatch.setattr(RandomResearcher, "_compose", nothing)
    assert followed(tmp_path / "log.jsonl")[0]
    assert json.loads((tmp_path / "log.json").read_text())["rewards"] == []


def test_a_folder_of_other_settings_is_refused(tmp_path):
    begun_with(tmp_path, {"rollouts": 8})
    begun_with(tmp_path, {"rollouts": 8})
    with pytest.raises(SystemExit, match="begun with other settings"):
        begun_with(tmp_path, {"rollouts": 9})
