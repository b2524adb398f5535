"""What complete tables teach, in the terms of the mixed model: one record a table, learned once and kept.

The blind answer of a question (`istar.rewards.blind`) and what executors know beforehand are learned from the records
of the task's *other* questions. Those of the committed tables are committed too, in `calibration/`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache, partial
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from istar.errors import CorruptDataError, IstarError
from istar.files import read_text, write_whole
from istar.questions import Question
from istar.storage import Kind, Store, from_json, to_json
from istar.truth.effects.components import model_space
from istar.truth.effects.fitting import fit_table

if TYPE_CHECKING:
    from istar.truth.table import Table

QUANTILE_KNOTS = np.concatenate([[0.001, 0.003], np.linspace(0.01, 0.99, 50), [0.995, 0.997, 0.999]])
LEAST_QUESTIONS = 2
"""Nothing is said of a task of which fewer other questions are known."""
VERSION = 2


class EffectsError(IstarError):
    """Tables from which nothing can be learned together, or records of another version."""


@dataclass(frozen=True)
class TableEffects:
    """What one complete table teaches about its task.

    Attributes:
        question: the question's hash.
        answer: its true answer.
        variances: the variance components that its table has, squared readout units, by name.
        fixed: the estimates of its fixed effects, by name.
        fixed_covariance: covariance of the estimates' errors, in the order of `fixed`.
        residual_quantiles: quantiles at `QUANTILE_KNOTS` of what fixed effects leave, in standard deviations.
    """

    question: str
    answer: tuple[float, ...]
    variances: dict[str, float]
    fixed: dict[str, float]
    fixed_covariance: tuple[tuple[float, ...], ...]
    residual_quantiles: tuple[float, ...]


def effects_of(question: Question, values: Float[np.ndarray, " rows"]) -> TableEffects:
    """Return what a complete table teaches.

    Args:
        question: the question.
        values: the true value of every row.
    """
    space = model_space(question.structure, question.functional)
    fit = fit_table(space, values)
    fixed = np.array([fit.fixed[name] for name in space.fixed_names])
    residual = values - space.grid.gather(space.fixed @ fixed)
    spread = residual.std() or 1.0
    quantiles = np.quantile((residual - residual.mean()) / spread, QUANTILE_KNOTS)
    answer = question.functional.answer(values, question.structure)
    return TableEffects(
        question.hash,
        tuple(answer.tolist()),
        fit.variances,
        fit.fixed,
        fit.fixed_covariance,
        tuple(quantiles.tolist()),
    )


def calibration_file(task: str, target: str, folder: Path) -> Path:
    """Return the file that holds the records of a task on a target."""
    return folder / f"{task.replace('/', '--')}--{target[:16]}.json"


def write_records(path: Path, task: str, target: str, records: Sequence[TableEffects]) -> None:
    """Write the records of a task for people and git to read, replacing the file in one step."""
    write_whole(path, (json.dumps(_to_json(task, target, records), indent=1) + "\n").encode())


def _to_json(task: str, target: str, records: Sequence[TableEffects]) -> dict[str, Any]:
    return {"version": VERSION, "task": task, "target": target, "records": [asdict(record) for record in records]}


def _read(path: Path) -> tuple[TableEffects, ...]:
    """Return the records in a committed file.

    Raises:
        EffectsError: another version wrote it.
        CorruptDataError: it holds no records.
    """
    try:
        return _from_json(json.loads(read_text(path)), path)
    except ValueError as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> CorruptDataError:
    return CorruptDataError(
        f"the records in {path} are not what was written ({error}); delete it or install istar again, or run "
        "`python -m istar.making.statistician.calibrate`"
    )


def _from_json(data: Any, path: Path) -> tuple[TableEffects, ...]:
    try:
        if data.get("version") != VERSION:
            raise EffectsError(
                f"{path.name} was written by another version; run `python -m istar.making.statistician.calibrate`"
            )
        return tuple(map(_effects, data["records"]))
    except (KeyError, TypeError, AttributeError) as error:
        raise _damaged(path, error) from error


def _effects(item: Mapping[str, Any]) -> TableEffects:
    return TableEffects(
        item["question"],
        tuple(item["answer"]),
        item["variances"],
        item["fixed"],
        tuple(tuple(row) for row in item["fixed_covariance"]),
        tuple(item["residual_quantiles"]),
    )


EFFECTS: Kind[TableEffects] = Kind(
    "effects",
    lambda effects: to_json(asdict(effects)),
    lambda parts: _effects(from_json(parts)),
    code=(
        *("istar.truth.effects.components", "istar.truth.effects.fitting", "istar.truth.effects.grid"),
        *("istar.truth.effects.records", "istar.questions"),
    ),
    libraries=("numpy", "scipy", "torch"),
)
"""What a table that is not committed teaches."""


def committed_folder() -> Path:
    """Return the folder of the committed calibration files."""
    return Path(str(files("istar.truth.effects"))) / "calibration"


@cache
def committed_effects(task: str, target: str) -> dict[str, TableEffects]:
    """Return the committed records by question."""
    path = calibration_file(task, target, committed_folder())
    return {record.question: record for record in _read(path)} if path.exists() else {}


def forget_records() -> None:
    """Forget the calibration files read so far, so that they are read again."""
    committed_effects.cache_clear()


def learn_effects(tables: Sequence[Table]) -> tuple[TableEffects, ...]:
    """Return the records of one task's tables; what is not known yet is learned and kept for the next time.

    Raises:
        EffectsError: the tables belong to several tasks or targets.
    """
    if len({(table.question.task, table.target) for table in tables}) != 1:
        raise EffectsError("effects are learned from the tables of one task on one target")
    committed, store = committed_effects(tables[0].question.task, tables[0].target), Store()

    def learned(table: Table) -> TableEffects:
        make = partial(effects_of, table.question, table.values)
        return committed.get(table.question.hash) or store.obtain(EFFECTS, {"table": table.digest}, make)

    return tuple(map(learned, tables))
