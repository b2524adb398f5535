"""Derived tasks: every kind of functional, asked of training tables.

They are for what no training family has: calibrating the statistician, and measuring what generalises to a kind that
nothing was chosen on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from istar.making.statistician.derivations import (
    arm_choice_table,
    arm_means_table,
    arm_ranking_table,
    arm_spread_table,
    behaviour_changes_table,
    best_arm_table,
    calibration_table,
    datamodel_effects_table,
    floors_table,
    intent_probability_table,
    log_mean_probability_table,
    lowest_arm_table,
    removal_effects_table,
    sealed_arm_ranking_table,
    shapley_values_table,
    staying_crossing_table,
    surprise_tail_table,
    upper_tail_table,
)

if TYPE_CHECKING:
    from istar.truth import Table


@dataclass(frozen=True)
class Derivation:
    """A kind of functional, and where it is asked.

    Attributes:
        make: makes the derived question of a table.
        tasks: training tasks whose tables have what it needs.
    """

    make: Callable[[Table], Table]
    tasks: tuple[str, ...]


_GAMES = ("shot_shapley/antonyms", "shot_shapley/capitals")
_FORMATS = ("format_sensitivity/lexicon", "format_sensitivity/numbers")
_ORDERS = ("shot_order/words", "shot_order/remarks")

DERIVED: dict[str, Derivation] = {
    "arm_choice": Derivation(arm_choice_table, (*_FORMATS, "shot_order/words")),
    "arm_means": Derivation(arm_means_table, ("format_sensitivity/lexicon", "shot_order/remarks")),
    "arm_ranking": Derivation(arm_ranking_table, ("format_sensitivity/numbers", "shot_order/words")),
    "arm_spread": Derivation(arm_spread_table, ("active_learning/kinds", "active_learning/replies")),
    "behaviour_changes": Derivation(behaviour_changes_table, ("format_sensitivity/lexicon", "shot_order/words")),
    "best_arm_mean": Derivation(best_arm_table, _GAMES),
    "calibration": Derivation(calibration_table, ("shot_order/words", "shot_shapley/capitals")),
    "datamodel_effects": Derivation(datamodel_effects_table, _GAMES),
    "floors": Derivation(floors_table, ("format_sensitivity/numbers", "shot_order/remarks")),
    "intent_probability": Derivation(intent_probability_table, _GAMES),
    "log_mean_probability": Derivation(log_mean_probability_table, ("shot_order/words", "shot_shapley/antonyms")),
    "lowest_arm": Derivation(lowest_arm_table, ("shot_order/remarks", "position_bias/kinds")),
    "removal_effects": Derivation(removal_effects_table, _GAMES),
    "sealed_arm_ranking": Derivation(sealed_arm_ranking_table, ("format_sensitivity/lexicon", "shot_order/words")),
    "shapley_values": Derivation(shapley_values_table, _GAMES),
    "staying_crossing": Derivation(staying_crossing_table, _GAMES),
    "surprise_tail": Derivation(surprise_tail_table, ("label_free_accuracy/remarks", "shot_order/remarks")),
    "upper_tail": Derivation(upper_tail_table, _GAMES),
}
"""By a name that ends that of the derived task; every registered kind of functional is among them."""


def derived_tasks() -> tuple[str, ...]:
    """Return the names of all derived tasks: that of the training task, a plus sign, and that of the derivation."""
    return tuple(f"{task}+{name}" for name, derivation in DERIVED.items() for task in derivation.tasks)


def derived_tables(name: str, load: Callable[[str], tuple[Table, ...]]) -> tuple[Table, ...]:
    """Return the tables of a derived task.

    Args:
        name: one of `derived_tasks`.
        load: reads the tables of a training task.
    """
    task, _, derivation = name.partition("+")
    return tuple(DERIVED[derivation].make(table) for table in load(task))
