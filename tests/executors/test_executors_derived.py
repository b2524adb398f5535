"""Questions derived from training tables ask something else of the same runs, values and prices."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic_tables import arms_table, shapley_table

from istar.making.statistician.derived import arm_choice_table, best_arm_table, upper_tail_table
from istar.questions import ArmChoice, ArmMeans


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
