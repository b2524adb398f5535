"""Scores of many methods as one table."""

import json

import pytest

from istar.audit.room import ScoreFileError
from istar.reports.scores import library_table, read_scores


def multipliers(estimate):
    return {"multipliers": {"0.8": {"estimate": estimate, "low": estimate / 2, "high": 2 * estimate}}}


def scored(method, split, reward, estimate, failures=()):
    tasks = [{"task": "shot_shapley/antonyms", "split": split}]
    summary = {"reward": reward, **multipliers(estimate)}
    failed = dict.fromkeys(failures, "")
    return {
        "method": method,
        "caps": {"flops_fraction": 0.25},
        "failures": failed,
        "tasks": tasks,
        "summary": summary,
    }


@pytest.fixture
def files(tmp_path):
    contents = {
        "one.json": [scored("lens", "train", -0.01, 0.9), scored("gates", "train", 0.2, 1.5, failures=["a/b"])],
        "two.json": scored("gates", "validation", 0.0, 1.0),
        "unsealed.json": {
            "run": "mine",
            "methods": [
                {"method": "lens", "failures": {}, "reward": 0.3, "tasks": [], "summary": multipliers(3.0)},
                {
                    "method": "noise",
                    "failures": {"interpret": "it failed"},
                    "reward": None,
                    "tasks": [],
                    "summary": None,
                },
            ],
        },
    }
    for name, content in contents.items():
        (tmp_path / name).write_text(json.dumps(content))
    return sorted(tmp_path.glob("*.json"))


def test_a_line_a_method_the_best_in_training_first(files):
    lines = library_table(read_scores(files)).splitlines()
    assert lines[0].count("|") == lines[1].count("|") == lines[2].count("|") == 9
    assert lines[2:] == [
        "| `gates` | 25% | +0.200 (failed on 1) | 1.50 (0.75 to 3.00) | +0.000 | 1.00 (0.50 to 2.00) | - | - |",
        "| `lens` | 25% | -0.010 | 0.90 (0.45 to 1.80) | - | - | +0.300 | 3.00 (1.50 to 6.00) |",
    ]


def test_what_was_shown_on_the_test_alone_is_listed_where_there_is_nothing_else(files):
    lines = library_table(read_scores(files[-1:])).splitlines()
    assert lines[2:] == ["| `lens` | - | +0.300 | 3.00 (1.50 to 6.00) |", "| `noise` | - | - | - |"]


def test_a_split_that_nobody_was_scored_on_has_no_column(files):
    assert "validation" not in library_table(read_scores(files[:1]))


@pytest.mark.parametrize("content", ["{", "{}", "[1]", '{"methods": [1]}'])
def test_another_file_is_an_error_that_names_it(tmp_path, content):
    (tmp_path / "other.json").write_text(content)
    with pytest.raises(ScoreFileError, match=r"other\.json is not what"):
        read_scores([tmp_path / "other.json"])


def test_a_score_of_one_question_has_no_interval(tmp_path):
    score = scored("lens", "train", -0.01, 0.9)
    score["summary"]["multipliers"]["0.8"] |= {"low": None, "high": None}
    (tmp_path / "one.json").write_text(json.dumps(score))
    assert library_table(read_scores([tmp_path / "one.json"])).splitlines()[2:] == [
        "| `lens` | 25% | -0.010 | 0.90 (1 question) |"
    ]
