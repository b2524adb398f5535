"""What is known of a task before a question of it is touched: learned from its other questions, never from itself.

Every question whose table is known leaves a `QuestionRecord`: its answer, its variance components and its fixed
effects. The prior of a question pools the records of the *other* questions of the task; the rules are the same for
every task and split. Records of the committed tables are committed too, in `calibration/`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from istar.errors import CorruptDataError, IstarError
from istar.executors.statistician.settings import LEAST_QUESTIONS
from istar.executors.statistician.table_model.components import model_space
from istar.executors.statistician.table_model.fitting import fit_table
from istar.executors.statistician.table_model.process import Hyperparameters
from istar.files import read_checked_json, read_text, write_checked_json, write_whole
from istar.fingerprint import fingerprint
from istar.paths import cache as cache_folder
from istar.questions import Functional, Question, Structure

if TYPE_CHECKING:
    from istar.truth.table import Table

QUANTILE_KNOTS = np.concatenate([[0.001, 0.003], np.linspace(0.01, 0.99, 50), [0.995, 0.997, 0.999]])
VERSION = 2
RECORD_CODE = (
    "istar.executors.statistician.table_model.components",
    "istar.executors.statistician.table_model.fitting",
    "istar.executors.statistician.table_model.grid",
    "istar.executors.statistician.table_model.priors",
    "istar.executors.statistician.settings",
    "istar.questions",
)
RECORD_LIBRARIES = ("numpy", "scipy", "torch")
"""The packages that decide what a table teaches."""


class PriorError(IstarError):
    """A task of which too little is known to have a prior."""


@dataclass(frozen=True)
class QuestionRecord:
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


def record_of(question: Question, values: Float[np.ndarray, " rows"]) -> QuestionRecord:
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
    return QuestionRecord(
        question.hash,
        tuple(answer.tolist()),
        fit.variances,
        fit.fixed,
        fit.fixed_covariance,
        tuple(quantiles.tolist()),
    )


@dataclass(frozen=True)
class TaskPrior:
    """What is known of a task.

    Attributes:
        records: of the questions it was learned from.
    """

    records: tuple[QuestionRecord, ...]

    def __post_init__(self) -> None:
        """Check that there is something to learn from."""
        if len(self.records) < LEAST_QUESTIONS:
            raise PriorError(
                f"a prior needs the tables of at least {LEAST_QUESTIONS} other questions of the task, but there are "
                f"{len(self.records)}; build more with `istar truth build TASK --questions N`"
            )

    @cached_property
    def digest(self) -> str:
        """A SHA-256 of the records, 64 hexadecimal digits."""
        records = [vars(record) for record in self.records]
        return hashlib.sha256(json.dumps(records, sort_keys=True).encode()).hexdigest()

    @cached_property
    def variances(self) -> dict[str, float]:
        """The geometric mean of every variance component."""
        names = self.records[0].variances
        return {name: float(np.exp(np.mean([np.log(each.variances[name]) for each in self.records]))) for name in names}

    @cached_property
    def residual_quantiles(self) -> Float[np.ndarray, " knots"]:
        """The mean quantile function of standardised residuals."""
        mean: Float[np.ndarray, " knots"] = np.mean([each.residual_quantiles for each in self.records], axis=0)
        return mean

    def hyperparameters(self, fixed_names: Sequence[str]) -> Hyperparameters:
        """Return the beliefs about a fresh question whose model has these fixed effects.

        The fixed effects of questions differ by more than the errors of their estimates; that surplus, and the error of
        the mean over questions, is the prior covariance. The errors themselves stem from the random effects, which
        have variances of their own.
        """
        total, size = sum(self.variances.values()), len(fixed_names)
        known = [each for each in self.records if all(name in each.fixed for name in fixed_names)]
        if len(known) < LEAST_QUESTIONS:
            return Hyperparameters(np.zeros(size), total * np.eye(size), self.variances)
        estimates = np.array([[each.fixed[name] for name in fixed_names] for each in known])
        places = [[list(each.fixed).index(name) for name in fixed_names] for each in known]
        errors = [
            np.array(each.fixed_covariance)[np.ix_(place, place)] for each, place in zip(known, places, strict=True)
        ]
        sample = np.atleast_2d(np.cov(estimates.T))
        # few questions: pull the correlations half-way to none
        sample = 0.5 * sample + 0.5 * np.diag(np.diag(sample))
        values, vectors = np.linalg.eigh(sample - np.mean(errors, axis=0))
        surplus = (vectors * np.maximum(values, 0.0)) @ vectors.T
        covariance = surplus + sample / len(known) + 1e-4 * total * np.eye(size)
        return Hyperparameters(estimates.mean(0), covariance, self.variances)

    def blind_answer(self, structure: Structure, functional: Functional) -> Float[np.ndarray, " outputs"]:
        """Return the answer with no run bought: skill 0.

        For a linear functional it is the functional of the expected table, so that the number of outputs follows the
        question; else the mean or median, as the loss wants, of the other questions' answers.

        Raises:
            PriorError: the functional is not linear and the other questions' answers differ in length.
        """
        weights = functional.weights(structure)
        if weights is not None:
            space = model_space(structure, functional)
            expected = space.grid.gather(space.fixed @ self.hyperparameters(space.fixed_names).fixed_mean)
            linear: Float[np.ndarray, " outputs"] = weights @ expected
            return linear
        answers = [each.answer for each in self.records]
        if len({len(answer) for answer in answers}) != 1:
            raise PriorError(f"answers of the functional {functional.kind!r} differ in length between questions")
        centre = np.median(answers, axis=0) if functional.centre == "median" else np.mean(answers, axis=0)
        return np.asarray(centre, dtype=np.float64)

    def answer_spread(self, structure: Structure, functional: Functional) -> Float[np.ndarray, " outputs"] | None:
        """Return the predictive standard deviation of a fresh question's answer, or None for a linear functional.

        A linear functional's answer needs no belief of its own: it follows from that of the table.
        """
        if functional.weights(structure) is not None:
            return None
        answers = np.array([each.answer for each in self.records])
        spread: Float[np.ndarray, " outputs"] = answers.std(0, ddof=1) * np.sqrt(1 + 1 / len(answers))
        return spread


def pool(records: Iterable[QuestionRecord], exclude: str) -> TaskPrior:
    """Return the prior of the question with hash `exclude`, from the other questions' records."""
    return TaskPrior(tuple(record for record in records if record.question != exclude))


def calibration_file(task: str, target: str, folder: Path) -> Path:
    """Return the file that holds the records of a task on a target."""
    return folder / f"{task.replace('/', '--')}--{target[:16]}.json"


def write_records(path: Path, task: str, target: str, records: Sequence[QuestionRecord]) -> None:
    """Write the records of a task for people and git to read, replacing the file in one step."""
    write_whole(path, (json.dumps(_to_json(task, target, records), indent=1) + "\n").encode())


def _to_json(task: str, target: str, records: Sequence[QuestionRecord]) -> dict[str, Any]:
    return {"version": VERSION, "task": task, "target": target, "records": [asdict(record) for record in records]}


def _own_file(task: str, target: str) -> Path:
    """Return the file of the records that the present code learned on this machine; it has a checksum."""
    code = fingerprint(RECORD_CODE, RECORD_LIBRARIES)
    return calibration_file(task, target, cache_folder("calibration")).with_suffix(f".{code[:16]}.records")


def _read(path: Path) -> tuple[QuestionRecord, ...]:
    """Return the records in a committed file.

    Raises:
        PriorError: another version wrote it.
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


def _from_json(data: Any, path: Path) -> tuple[QuestionRecord, ...]:
    try:
        if data.get("version") != VERSION:
            raise PriorError(
                f"{path.name} was written by another version; run `python -m istar.making.statistician.calibrate`"
            )
        return tuple(
            QuestionRecord(
                item["question"],
                tuple(item["answer"]),
                item["variances"],
                item["fixed"],
                tuple(tuple(row) for row in item["fixed_covariance"]),
                tuple(item["residual_quantiles"]),
            )
            for item in data["records"]
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise _damaged(path, error) from error


def committed_folder() -> Path:
    """Return the folder of the committed calibration files."""
    return Path(str(files("istar.executors.statistician"))) / "calibration"


@cache
def _committed_records(task: str, target: str) -> dict[str, QuestionRecord]:
    """Return the committed records by question."""
    path = calibration_file(task, target, committed_folder())
    return {record.question: record for record in _read(path)} if path.exists() else {}


def _own_records(task: str, target: str) -> dict[str, tuple[str, QuestionRecord]]:
    """Return the records that were learned on this machine by question, each with the digest of its table."""
    path = _own_file(task, target)
    data = read_checked_json(path)
    if data is None:
        return {}
    records = _from_json(data, path)
    try:
        return {record.question: (str(data["tables"][record.question]), record) for record in records}
    except (KeyError, TypeError) as error:
        raise _damaged(path, error) from error


def forget_records() -> None:
    """Forget the calibration files read so far, so that they are read again."""
    _committed_records.cache_clear()


def prior_of_question(question: Question, target: str) -> TaskPrior:
    """Return the prior of a question from the calibration files, committed or the user's, without the question itself.

    Raises:
        PriorError: too few other questions of the task are known on this target.
    """
    own = {name: record for name, (_, record) in _own_records(question.task, target).items()}
    records = own | _committed_records(question.task, target)
    others = tuple(record for record in records.values() if record.question != question.hash)
    if len(others) < LEAST_QUESTIONS:
        raise PriorError(
            f"there are records of {len(others)} other questions of {question.task} on target {target[:12]}, and a "
            f"prior needs {LEAST_QUESTIONS}; pass the task's tables to `istar.executors.learn_records`"
        )
    return TaskPrior(others)


def learn_records(tables: Sequence[Table]) -> tuple[QuestionRecord, ...]:
    """Return the records of one task's tables; what is not known yet is learned and kept for the next time.

    Raises:
        PriorError: the tables belong to several tasks or targets.
    """
    if len({(table.question.task, table.target) for table in tables}) != 1:
        raise PriorError("a prior is learned from the tables of one task on one target")
    task, target = tables[0].question.task, tables[0].target
    committed, own = _committed_records(task, target), _own_records(task, target)
    unknown = [
        table
        for table in tables
        if table.question.hash not in committed and own.get(table.question.hash, ("",))[0] != table.digest
    ]
    if unknown:
        own |= {table.question.hash: (table.digest, record_of(table.question, table.values)) for table in unknown}
        digests = {question: digest for question, (digest, _) in own.items()}
        content = _to_json(task, target, [record for _, record in own.values()])
        write_checked_json(_own_file(task, target), content | {"tables": digests})
    known = {question: record for question, (_, record) in own.items()} | committed
    return tuple(known[table.question.hash] for table in tables)


def task_priors(tables: Sequence[Table]) -> dict[str, TaskPrior]:
    """Return the prior of every question of a task, by question hash, each learned from all the others.

    Args:
        tables: the task's tables, on one target.
    """
    records = learn_records(tables)
    return {record.question: pool(records, record.question) for record in records}
