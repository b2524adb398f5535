"""`istar tasks`: which tasks are listed, and how, in pipes and at 80 columns."""

import json
from pathlib import Path

import pytest

from istar.cli.app import SUCCESS, output, run
from istar.flops.policing import PYTHON_FLOPS_PER_SECOND
from istar.targets.places import PRACTICE
from istar.tasks import tasks
from istar.truth import TaskSummary
from istar.truth.summaries import LEAST_RATIO, task_summaries


@pytest.fixture
def listed(monkeypatch, tmp_path, capsys):
    """Return what is printed, in columns of a terminal or, if there are none, a pipe."""
    monkeypatch.setenv("ISTAR_HOME", str(tmp_path))

    def shown(*arguments, columns=None):
        if columns is not None:
            monkeypatch.setattr(output, "_width", columns)
        assert run(["tasks", *arguments]) == SUCCESS
        return capsys.readouterr().out.splitlines()

    return shown


def test_in_a_pipe_each_task_is_one_line(listed):
    lines = listed()
    for each in tasks():
        (line,) = [line for line in lines if line.startswith(f"{each.name} ")]
        assert line.split()[1:3] == [each.split, each.home]


def test_at_80_columns_each_task_is_one_line_below_its_family(listed):
    lines = [line for line in listed("train", columns=80) if "for practice: " not in line]
    train = [each for each in tasks() if each.split == "train"]
    assert max(map(len, lines)) <= 80
    assert [line.split()[0] for line in lines[2:] if line.startswith("  ")] == [each.data_set for each in train]
    for each in train:
        assert f"{each.family.name} (train, {each.home})" in lines


def test_the_narrowest_terminal_still_shows_every_letter(listed):
    lines = listed("shot_shapley/antonyms", columns=60)
    assert max(map(len, lines)) <= 60
    assert "shot_shapley/antonyms" in "".join(line.split("  ")[0].strip() for line in lines)


def test_names_choose(listed):
    names = {each["name"] for each in json.loads("".join(listed("shot_shapley", "loss_quantile/kjv", "--json")))}
    assert names == {each.name for each in tasks() if each.family.name == "shot_shapley"} | {"loss_quantile/kjv"}


def test_tasks_without_tables_are_one_line_unless_they_are_named(listed):
    lines = listed("--target", "tiny-exact")
    there = [each.name for each in task_summaries("tiny-exact", thorough=False) if each.questions]
    assert there
    assert [line.split()[0] for line in lines[2:] if "for practice" not in line][:-1] == there
    assert lines[-1].startswith(f"{len(tasks()) - len(there)} tasks of ")
    assert lines[-1].endswith(
        "have no tables on tiny-exact; name a split, a family or a task to see them: "
        "`istar tasks train --target tiny-exact`"
    )
    named = listed("shot_shapley/antonyms", "--target", "tiny-exact")
    command = "istar truth build shot_shapley/antonyms --target tiny-exact"
    assert named[-1] == f"shot_shapley/antonyms: no tables; build them with `{command}`"


def test_the_column_and_the_mark_are_one_number():
    summary = TaskSummary("f/d", "f", "train", "t", 2, 3, 990, 10, None, "active", "")
    assert summary.times_dearest_run == 99 < LEAST_RATIO
    for each in task_summaries(thorough=False):
        ratio = each.times_dearest_run
        said = f"brute force is only {ratio:.0f} times the dearest run, less than {LEAST_RATIO}"
        assert (said in each.marks) == (ratio < LEAST_RATIO)


def test_what_python_makes_a_second_is_what_was_measured():
    measured = json.loads((Path(__file__).parents[2] / "benchmarks/results/python_arithmetic.json").read_text())
    making = [measured["fastest"][group]["operations_a_second"] for group in ("products", "single", "bits", "order")]
    assert max(making) <= PYTHON_FLOPS_PER_SECOND <= 1.1 * max(making)


def test_what_a_method_could_hide_is_little_on_every_task_that_is_in_a_reward():
    for each in task_summaries(thorough=False):
        practice = [mark for mark in each.marks if mark.startswith("for practice: a method could hide")]
        assert bool(practice) == (each.target in PRACTICE)
        assert "a method could hide" not in each.reason
