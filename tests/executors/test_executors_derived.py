"""Questions derived from training tables ask something else of the same runs, values and prices."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic_tables import arms_table, shapley_table

from istar.making.statistician.derivations import (
    arm_choice_table,
    best_arm_table,
    datamodel_effects_table,
    log_probabilities,
    probabilities,
    removal_effects_table,
    upper_tail_table,
)
from istar.making.statistician.derived import DERIVED, derived_tables, derived_tasks
from istar.questions import FUNCTIONALS, ArmChoice, ArmMeans
from istar.tasks import tasks


def test_the_best_arm_is_asked_of_the_same_rows():
    table = arms_table(0)
    arm = table.question.structure.of("arm")[0].name
    table = replace(table, question=replace(table.question, functional=ArmMeans(arm)))
    derived = arm_choice_table(table)
    assert derived.question.functional == ArmChoice(arm, value=1.0)
    assert (derived.question.runs, derived.question.structure) == (table.question.runs, table.question.structure)
    np.testing.assert_array_equal(derived.values, table.values)
    assert derived.prices.total == table.prices.total


def test_only_tables_about_arms_can_be_asked_for_the_best():
    with pytest.raises(ValueError, match="is not about the means of arms"):
        arm_choice_table(shapley_table(0, players=4, queries=2))


@pytest.mark.parametrize("derive", [best_arm_table, upper_tail_table])
def test_rows_keep_their_values_and_their_prices(derive):
    table = shapley_table(0, players=7, queries=4)
    derived = derive(table)
    sign = -1 if derive is upper_tail_table else 1
    known = {
        run: (value, price)
        for run, value, price in zip(table.question.runs, table.values, table.prices.row_flops, strict=True)
    }
    assert 0 < len(derived.values) <= 64 * 4
    for run, value, price in zip(derived.question.runs, derived.values, derived.prices.row_flops, strict=True):
        assert known[run] == (sign * value, price)
    assert derived.prices.total < table.prices.total


def about_arms(index):
    table = arms_table(index)
    return replace(table, question=replace(table.question, functional=ArmMeans("prompt")), values=table.values - 9)


def training_table(name):
    """A table of the sort that a training task has."""
    return shapley_table(0, players=8, queries=8) if name.startswith("shot_shapley") else about_arms(0)


def derived(name):
    (task, *_) = DERIVED[name].tasks
    table = training_table(task)
    return table, DERIVED[name].make(table)


def test_every_kind_of_functional_is_asked_of_training_tables_alone():
    ours = {name for name in FUNCTIONALS if FUNCTIONALS.get(name).__module__.startswith("istar.")}
    assert {derived(name)[1].question.functional.kind for name in DERIVED} == ours
    training = {task.name for task in tasks("train")}
    assert {name.partition("+")[0] for name in derived_tasks()} <= training


@pytest.mark.parametrize("name", DERIVED)
def test_a_derived_question_is_about_the_same_runs_at_the_same_prices(name):
    table, made = derived(name)
    price = dict(zip(table.question.runs, table.prices.row_flops, strict=True))
    assert len(set(made.question.runs)) == len(made.question.runs) == len(made.values)
    assert [price[run] for run in made.question.runs] == made.prices.row_flops.tolist()
    assert made.prices.total <= table.prices.total
    assert made.question.task == f"{table.question.task}+{name}"


@pytest.mark.parametrize("name", DERIVED)
def test_a_derived_value_is_a_rule_of_the_value_alone(name):
    table, made = derived(name)
    value = dict(zip(table.question.runs, table.values, strict=True))
    own = np.array([value[run] for run in made.question.runs])
    rules = (lambda v: v, lambda v: -v, probabilities, log_probabilities, lambda v: -log_probabilities(v))
    assert any(np.array_equal(made.values, rule(own)) for rule in rules)
    assert np.isfinite(made.question.functional.answer(made.values, made.question.structure)).all()


@pytest.mark.parametrize("name", DERIVED)
def test_a_derived_question_is_the_same_each_time(name):
    (task, *_) = DERIVED[name].tasks
    one, again = (derived_tables(f"{task}+{name}", lambda each: (training_table(each),)) for _ in range(2))
    assert one[0].question.hash == again[0].question.hash
    assert set(map(type, one)) == {type(training_table(task))}


def test_values_as_probabilities_and_their_logarithms():
    np.testing.assert_allclose(probabilities(np.array([-4.0, 0.0, -8.0])), np.exp([-1, 0, -2]))
    np.testing.assert_array_equal(probabilities(np.array([0.25, 1.0])), [0.25, 1.0])
    np.testing.assert_array_equal(log_probabilities(np.array([-4.0, 0.5])), [-4.0, 0.0])
    np.testing.assert_allclose(log_probabilities(np.array([0.5, 0.0])), np.log([0.5, 1e-6]))


def test_effects_of_players_that_leave_are_of_the_whole_game():
    table = shapley_table(0, players=6, queries=8)
    made = removal_effects_table(table)
    assert len(made.values) == 7 * 8
    removed = made.question.structure.levels("removed")
    on = np.array([len(run.tokens) for run in made.question.runs])
    assert (on[removed == 0] == on.max()).all()
    assert (on[removed > 0] < on.max()).all()
    effects = made.question.functional.answer(made.values, made.question.structure)
    assert effects.shape == (4 * 6,)


def test_subsets_that_are_held_out_are_drawn_like_the_others():
    made = datamodel_effects_table(shapley_table(0, players=8, queries=8))
    structure = made.question.structure
    subset = structure.levels("subset")
    assert sorted(set(subset)) == list(range(144))
    size = sum(column.array for column in structure.of("switch"))
    assert abs(size[subset >= 104].mean() - size[subset < 104].mean()) < 1


@pytest.mark.parametrize(
    ("name", "message"),
    [("floors", "is not about the means of arms"), ("staying_crossing", "has no switches, so it is no game")],
)
def test_a_table_that_does_not_fit_is_named(name, message):
    wrong = shapley_table(0, players=4, queries=2) if name == "floors" else about_arms(0)
    with pytest.raises(ValueError, match=f"{wrong.question.task} {message}"):
        DERIVED[name].make(wrong)
