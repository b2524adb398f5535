"""How another question is derived from a table: the same runs, values and prices under another functional.

Values are the table's own, but where a functional wants another unit; then each is the table's value under a rule that
looks at no other row (`probabilities`, `log_probabilities`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

from istar.flops.prices import PriceSheet
from istar.questions import (
    ArmChoice,
    ArmMeans,
    ArmRanking,
    ArmSpread,
    BehaviourChanges,
    BestArmMean,
    Calibration,
    Column,
    DatamodelEffects,
    Floors,
    Functional,
    IntentProbability,
    LogMeanProbability,
    Question,
    RemovalEffects,
    Role,
    SealedArmRanking,
    ShapleyValues,
    StayingCrossing,
    Structure,
    UpperTail,
    grid_groups,
)
from istar.seeds import Seed

if TYPE_CHECKING:
    from istar.truth import Table

ARMS = 64
TAIL_LEVEL = 0.99
STREAM = 1024
"""The most rows of a stream."""
SUBSETS, HELD_OUT, QUERIES = 144, 40, 4
"""Sampled subsets of a datamodel, how many of them serve its score alone, and how many queries each is asked."""
STEPWISE = 4
"""The most coalitions of a size that a crossing averages over."""
GROUPS = 4
"""Into so many groups replicates are parted, where a functional wants units of several replicates."""
BASE = 3
"""So many players are the way in which an input is put."""
DEMONSTRATIONS = 6
TOKENS = 4.0
"""A log-probability counts as that of so many tokens, and its probability as the geometric mean of theirs."""


def price_subset(sheet: PriceSheet, rows: Int[np.ndarray, " kept"]) -> PriceSheet:
    """Return the prices of a selection of rows, without segments that none of them needs."""
    membership = sheet.row_segments[rows]
    used = np.unique(membership.indices)
    return PriceSheet(
        sheet.segment_flops[used], sheet.segment_tokens[used], membership[:, used].tocsr(), sheet.row_reads_flops[rows]
    )


def probabilities(values: Float[np.ndarray, " rows"]) -> Float[np.ndarray, " rows"]:
    """Return values as probabilities: those that are none are log-probabilities of four tokens, on geometric mean."""
    return values if values.min() >= 0 else np.asarray(np.exp(np.minimum(values, 0.0) / TOKENS))


def log_probabilities(values: Float[np.ndarray, " rows"]) -> Float[np.ndarray, " rows"]:
    """Return values as log-probabilities; those that are probabilities count as at least a millionth."""
    return np.asarray(np.log(np.maximum(values, 1e-6)) if values.min() >= 0 else np.minimum(values, 0.0))


def _derive(
    table: Table,
    name: str,
    rows: Int[np.ndarray, " kept"],
    columns: list[Column],
    functional: Functional,
    values: Float[np.ndarray, " rows"] | None = None,
) -> Table:
    """Return some rows of a table under another question; `values`, of all of its rows, take the place of its own."""
    question = table.question
    runs = tuple(question.runs[row] for row in rows)
    derived = Question(f"{question.task}+{name}", question.index, runs, Structure(tuple(columns)), functional)
    kept = (table.values if values is None else values)[rows]
    return replace(table, question=derived, values=kept, prices=price_subset(table.prices, rows))


def _generator(table: Table, name: str) -> np.random.Generator:
    return Seed.root(0).split(name, table.question.hash).generator()


def _column(name: str, role: Role, values: np.ndarray) -> Column:
    return Column(name, role, tuple(map(float, values)))


def _levels(values: np.ndarray) -> Int[np.ndarray, " rows"]:
    """Return numbers from 0 for the different values there are."""
    return np.asarray(np.unique(values, return_inverse=True)[1].reshape(-1))


def _switches(table: Table) -> Int[np.ndarray, "switches rows"]:
    """Return the switches of a game.

    Raises:
        ValueError: the table has none.
    """
    columns = table.question.structure.of("switch")
    if not columns:
        raise ValueError(f"{table.question.task} has no switches, so it is no game")
    return np.stack([column.array for column in columns]).astype(np.int64)


def _compared(table: Table) -> str:
    """Return the arm column whose means a table is about.

    Raises:
        ValueError: it is about something else.
    """
    if table.question.functional.compared is None:
        raise ValueError(f"{table.question.task} is not about the means of arms")
    return table.question.functional.compared


def best_arm_table(table: Table) -> Table:
    """Return the question which of 64 arms of a table has the best mean; switches become traits."""
    question = table.question
    generator = _generator(table, "best_arm")
    arm, replicate = grid_groups(question.structure)
    chosen = generator.permutation(int(arm.max()) + 1)[:ARMS]
    rows = np.flatnonzero(np.isin(arm, chosen))
    columns = [_column("arm", "arm", _levels(arm[rows]))]
    columns += [_column(column.name, "trait", column.array[rows]) for column in question.structure.of("switch")]
    columns.append(_column("replicate", "nuisance", replicate[rows]))
    return _derive(table, "best_arm_mean", rows, columns, BestArmMean("arm", "replicate"))


def _asked(table: Table, name: str, functional: Functional) -> Table:
    question = table.question
    derived = Question(f"{question.task}+{name}", question.index, question.runs, question.structure, functional)
    return replace(table, question=derived)


def arm_choice_table(table: Table) -> Table:
    """Return the question which arm of a table is best and how good it is.

    Raises:
        ValueError: the table was asked something else than its arms' means.
    """
    return _asked(table, "arm_choice", ArmChoice(_compared(table), value=1.0))


def lowest_arm_table(table: Table) -> Table:
    """Return the question which arm of a table is worst, and how good all are."""
    return _asked(table, "lowest_arm", ArmChoice(_compared(table), lowest=True, curve=1.0))


def arm_ranking_table(table: Table) -> Table:
    """Return the question how the arms of a table rank."""
    return _asked(table, "arm_ranking", ArmRanking(_compared(table)))


def arm_means_table(table: Table) -> Table:
    """Return the question how good each arm of a table is."""
    return _asked(table, "arm_means", ArmMeans(_compared(table)))


def arm_spread_table(table: Table) -> Table:
    """Return the question how much the arms of a table differ."""
    return _asked(table, "arm_spread", ArmSpread(_compared(table), ("mean", "spread", "best", "low")))


def floors_table(table: Table) -> Table:
    """Return the question how low values go, and at which arm."""
    return _asked(table, "floors", Floors(_compared(table)))


def upper_tail_table(table: Table) -> Table:
    """Return the question for the upper tail of the negative values of 64 arms of a table, as a stream of rows.

    Nothing of the structure is kept but a covariate, how many switches are on. Arms with fewer than two of them on are
    left out: whether such an arm is drawn would decide the whole tail.
    """
    generator = _generator(table, "upper_tail")
    arm, _ = grid_groups(table.question.structure)
    on = _switches(table).sum(0)
    allowed = np.unique(arm[on >= 2])
    rows = np.flatnonzero(np.isin(arm, generator.permutation(allowed)[:ARMS]))
    columns = [_column("row", "arm", np.arange(len(rows))), _column("on", "covariate", on[rows])]
    return _derive(table, "upper_tail", rows, columns, UpperTail(TAIL_LEVEL), -table.values)


def _stream(table: Table, name: str, functional: Functional, values: Float[np.ndarray, " rows"]) -> Table:
    """Return a sample of a table's rows as a stream: all that is left of their structure is covariates."""
    structure = table.question.structure
    rows = np.sort(_generator(table, name).permutation(structure.rows)[:STREAM])
    columns = [_column("row", "nuisance", np.arange(len(rows)))]
    columns += [_column(each.name, "covariate", each.array[rows]) for each in structure.of("covariate")]
    if structure.of("switch"):
        columns.append(_column("on", "covariate", _switches(table).sum(0)[rows]))
    return _derive(table, name, rows, columns, functional, values)


def surprise_tail_table(table: Table) -> Table:
    """Return the question for the upper tail of the surprise at single rows."""
    return _stream(table, "surprise_tail", UpperTail(TAIL_LEVEL), -log_probabilities(table.values))


def calibration_table(table: Table) -> Table:
    """Return the question how well calibrated the probabilities of single rows are."""
    return _stream(table, "calibration", Calibration(), probabilities(table.values))


def log_mean_probability_table(table: Table) -> Table:
    """Return the question how probable the event of a row is on average."""
    return _stream(table, "log_mean_probability", LogMeanProbability(), log_probabilities(table.values))


def staying_crossing_table(table: Table) -> Table:
    """Return the question from how many players on each query stays above a half; coalitions of a size are sampled."""
    coalition, query = grid_groups(table.question.structure)
    size = _switches(table).sum(0)
    rank = _generator(table, "staying_crossing").permutation(int(coalition.max()) + 1)[coalition]
    place = np.zeros(len(size), dtype=np.int64)  # of each coalition among those of its size
    for each in np.unique(size):
        place[size == each] = _levels(rank[size == each])
    rows = np.flatnonzero(place < STEPWISE)
    columns = [
        _column("unit", "arm", query[rows]),
        _column("step", "arm", size[rows]),
        _column("coalition", "nuisance", place[rows]),
    ]
    functional = StayingCrossing("unit", "step", 0.5)
    return _derive(table, "staying_crossing", rows, columns, functional, probabilities(table.values))


def removal_effects_table(table: Table) -> Table:
    """Return the question what each player is worth when it leaves all others, for groups of queries."""
    switches, (_, query) = _switches(table), grid_groups(table.question.structure)
    rows = np.flatnonzero(switches.sum(0) >= len(switches) - 1)
    off = switches[:, rows] == 0
    removed = np.where(off.any(0), off.argmax(0) + 1, 0)
    group, probe = np.divmod(query[rows], -(-(int(query.max()) + 1) // GROUPS))
    columns = [
        _column("unit", "arm", group),
        _column("removed", "arm", removed),
        _column("probe", "nuisance", probe),
    ]
    return _derive(table, "removal_effects", rows, columns, RemovalEffects("unit", "removed"))


def datamodel_effects_table(table: Table) -> Table:
    """Return the question what each player is worth over sampled coalitions, by a few queries."""
    switches, (coalition, query) = _switches(table), grid_groups(table.question.structure)
    chosen = _generator(table, "datamodel").permutation(int(coalition.max()) + 1)[:SUBSETS]
    rows = np.flatnonzero(np.isin(coalition, chosen) & (query < QUERIES))
    columns = [_column("subset", "arm", np.argsort(chosen)[_levels(coalition[rows])])]
    columns += [_column(f"player_{place}", "switch", each[rows]) for place, each in enumerate(switches)]
    columns.append(_column("query", "nuisance", query[rows]))
    return _derive(table, "datamodel_effects", rows, columns, DatamodelEffects("subset", HELD_OUT))


def shapley_values_table(table: Table) -> Table:
    """Return the question what each player is worth in the game that is left when the last two always play."""
    switches, (_, query) = _switches(table), grid_groups(table.question.structure)
    rows = np.flatnonzero(switches[-2:].all(0))
    columns = [_column(f"player_{place}", "switch", each[rows]) for place, each in enumerate(switches[:-2])]
    columns.append(_column("query", "nuisance", query[rows]))
    return _derive(table, "shapley_values", rows, columns, ShapleyValues())


def behaviour_changes_table(table: Table) -> Table:
    """Return the question how much each arm but the first changes of what groups of replicates show."""
    structure, state = table.question.structure, table.question.structure.levels(_compared(table))
    probe, behaviour = np.divmod(grid_groups(structure)[1], GROUPS)
    columns = [_column("state", "arm", state), _column("behaviour", "arm", behaviour)]
    columns += [*structure.of("trait"), _column("probe", "nuisance", probe)]
    rows = np.arange(structure.rows)
    return _derive(table, "behaviour_changes", rows, columns, BehaviourChanges("state", "behaviour"))


def intent_probability_table(table: Table) -> Table:
    """Return the question how much more each query would show with the first players all on, which nobody may see."""
    switches, (_, query) = _switches(table), grid_groups(table.question.structure)
    way = (switches[:BASE] << np.arange(BASE)[:, None]).sum(0)
    others = (switches[BASE:] << np.arange(len(switches) - BASE)[:, None]).sum(0)
    place = _generator(table, "intent").permutation(int(others.max()) + 1)[others]
    sealed = way == 2**BASE - 1
    rows = np.flatnonzero(place < DEMONSTRATIONS)
    rows = rows[np.argsort(sealed[rows], kind="stable")]
    columns = [
        _column("input", "arm", query[rows]),
        _column("way", "arm", way[rows]),
        _column("demonstrations", "nuisance", place[rows]),
        _column("sealed", "sealed", sealed[rows]),
    ]
    functional = IntentProbability("input", "way")
    return _derive(table, "intent_probability", rows, columns, functional, probabilities(table.values))


def sealed_arm_ranking_table(table: Table) -> Table:
    """Return the question how arms rank by half of the replicates, which nobody may see."""
    structure, arm = table.question.structure, _compared(table)
    replicate = grid_groups(structure)[1]
    sealed = replicate % 2 == 1
    rows = np.argsort(sealed, kind="stable")
    columns = [_column(arm, "arm", structure[arm][rows])]
    columns += [_column(each.name, "trait", each.array[rows]) for each in structure.of("trait")]
    columns += [
        _column("replicate", "nuisance", replicate[rows]),
        _column("held_out", "sealed", sealed[rows]),
    ]
    return _derive(table, "sealed_arm_ranking", rows, columns, SealedArmRanking(arm))
