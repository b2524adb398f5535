"""Efficiency curves: how good the answer is, against what was spent for it.

A curve is what an executor's trace becomes once it is scored against the truth. It holds everything that any reward
formula uses, so that a reward can be recomputed without running anything again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from istar.errors import IstarError
from istar.executors.executor import Z
from istar.executors.measures import Measure, plain_measures
from istar.rewards.skill import skill

if TYPE_CHECKING:
    from istar.executors.executor import Trace
    from istar.truth.table import Table

Arm = Literal["black_box", "white_box"]

SERIES = ("checkpoints", "flops", "loss", "skill", "rows", "channel_batches", "executor_flops")
"""The fields of every curve that run over its checkpoints."""
INTERVALS = ("coverage", "half_width")
"""Those that curves may lack."""
DIGITS = 6
"""Significant digits of the answer that a curve keeps, and of its intervals."""


class CurveError(IstarError):
    """A curve that contradicts itself, or curves that cannot be compared."""


@dataclass(frozen=True)
class MethodFacts:
    """What a method is and said, apart from what an executor made of it: for rewards that charge for more than FLOPs.

    Attributes:
        interpretation_hash: SHA-256 of the interpretation I(M).
        interpretation_bytes: its size.
        interpretation_flops: FLOPs of `interpret`, which no question is charged; None at other prices than those at
            which they were counted.
        channels: how many channels it gave on the question.
        batches: how many nested batches it described.
        flops: FLOPs of its whole recording of the question, whether the executor bought all of it or not.
        source_bits: length of its source, see `istar.methods.length`; None in curves that do not keep it.
        interpretation_bits: length of the interpretation, at the digits that its channels need; likewise.
    """

    interpretation_hash: str
    interpretation_bytes: int
    interpretation_flops: int | None
    channels: int
    batches: int
    flops: int
    source_bits: int | None = None
    interpretation_bits: int | None = None


@dataclass(frozen=True)
class Curve:
    """One arm's answers to one question under one executor seed, at growing FLOP budgets.

    The series run over the checkpoints and have equal length.

    Attributes:
        task: the task's name, `family/data_set`.
        question_hash: which question.
        seed: the number of the executor seed; both arms use the same ones, and are compared seed by seed.
        arm: `black_box` without a method, `white_box` with one.
        brute_flops: FLOPs of buying every row.
        total_rows: rows of the table.
        reference_loss: loss at skill 0, see `istar.rewards.skill`.
        checkpoints: FLOP budgets, ascending, the last one being brute force.
        flops: FLOPs spent within each budget.
        loss: loss of the answer given at each budget, in the functional's unit.
        skill: skill of that answer.
        rows: rows bought.
        channel_batches: batches of channels bought; zeros in the black-box arm.
        executor_flops: the part of `flops` that the executor's own arithmetic took.
        stop_flops: FLOPs spent where the executor's own rule stopped.
        stop_rows: rows bought there.
        stop_loss: loss of the answer given there.
        stop_skill: skill of that answer.
        coverage: share of the answer's outputs whose 95% interval, as the executor stated it, holds the truth, at each
            checkpoint, and None where it stated none; empty in curves that do not keep it.
        half_width: half the width of that interval, mean over outputs, in the answer's unit; likewise.
        stop_answer: the answer where the executor stopped, output by output; empty in curves that do not keep it.
        stop_half_width: half the width of the 95% interval of each output of it, None where none was stated; likewise.
        stop_coverage: share of these intervals that hold the truth; None where there is none.
        measures: numbers of the executor's own by name, each a number or a series of them.
        method: what the method is and said; None in the black-box arm, and in curves that do not keep it.
    """

    task: str
    question_hash: str
    seed: int
    arm: Arm
    brute_flops: int
    total_rows: int
    reference_loss: float
    checkpoints: tuple[int, ...]
    flops: tuple[int, ...]
    loss: tuple[float, ...]
    skill: tuple[float, ...]
    rows: tuple[int, ...]
    channel_batches: tuple[int, ...]
    executor_flops: tuple[int, ...]
    stop_flops: int
    stop_rows: int
    stop_loss: float
    stop_skill: float
    coverage: tuple[float | None, ...] = ()
    half_width: tuple[float | None, ...] = ()
    stop_answer: tuple[float, ...] = ()
    stop_half_width: tuple[float | None, ...] = ()
    stop_coverage: float | None = None
    measures: Mapping[str, Measure] = field(default_factory=dict)
    method: MethodFacts | None = None

    def __post_init__(self) -> None:
        """Check that the series fit together."""
        where = f"curve of {self.task}, question {self.question_hash[:12]}, {self.arm} arm, seed {self.seed}"
        if self.arm not in get_args(Arm):
            raise CurveError(f"{where}: the arm must be one of {', '.join(get_args(Arm))}")
        kept = [name for name in INTERVALS if getattr(self, name)]
        lengths = {name: len(getattr(self, name)) for name in (*SERIES, *kept)}
        if len(set(lengths.values())) != 1 or not self.checkpoints:
            raise CurveError(f"{where}: the series must have one entry a checkpoint, but their lengths are {lengths}")
        if any(later <= earlier for earlier, later in zip(self.checkpoints, self.checkpoints[1:], strict=False)):
            raise CurveError(f"{where}: the checkpoints do not ascend")
        if self.checkpoints[0] <= 0 or self.brute_flops <= 0:
            raise CurveError(f"{where}: budgets and the brute-force FLOPs must be above 0")
        if not np.isfinite((*self.loss, *self.skill, self.stop_loss, self.stop_skill, *self.stop_answer)).all():
            raise CurveError(f"{where}: a loss, a skill or an answer is not finite")
        if any(each is not None and not 0 <= each <= 1 for each in (*self.coverage, self.stop_coverage)):
            raise CurveError(f"{where}: a coverage is no share")
        widths = [each for each in (*self.half_width, *self.stop_half_width) if each is not None]
        if len(self.stop_half_width) != len(self.stop_answer) or not all(0 <= each < np.inf for each in widths):
            raise CurveError(f"{where}: an interval has no width, or none for an output of the answer")
        try:
            object.__setattr__(self, "measures", plain_measures(self.measures))
        except (ValueError, AttributeError) as error:
            raise CurveError(f"{where}: {error}") from None

    @property
    def family(self) -> str:
        """The name of the task's family."""
        return self.task.split("/", maxsplit=1)[0]

    def to_json(self) -> dict[str, Any]:
        """Return the curve as JSON values."""
        return asdict(self)


OLD_NAMES = {"statistician_flops": "executor_flops"}
"""Names of fields in curves that older versions stored."""


def curve_from_json(data: dict[str, Any]) -> Curve:
    """Return the curve that `to_json` described, of this version or another.

    Fields that this version does not know are left out, since a newer one wrote them; those with a default may be
    missing, since an older one did not know them. A value of another type is an error.

    Raises:
        CurveError: a field is missing that every curve has, or fields hold other types or contradict one another.
    """
    if not isinstance(data, dict):
        raise CurveError(f"a stored curve is a mapping of names to values, not {data!r:.80}")
    given = {OLD_NAMES.get(name, name): value for name, value in data.items()}
    missing = sorted(each.name for each in fields(Curve) if _needed(each) and each.name not in given)
    if missing:
        raise CurveError(f"a stored curve lacks the fields {missing}")
    values = {each.name: given[each.name] for each in fields(Curve) if each.name in given}
    wrong = sorted(name for name, value in values.items() if not _TYPED[name](value))
    if wrong:
        raise CurveError(f"a stored curve holds values of other types than a curve's in the fields {wrong}")
    tuples: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
    }
    if tuples.get("method") is not None:
        tuples["method"] = _facts_from_json(tuples["method"])
    try:
        return Curve(**tuples)
    except (TypeError, ValueError, OverflowError) as error:
        raise CurveError(f"a stored curve holds values of other types than a curve's: {error}") from error


def _facts_from_json(data: dict[str, Any]) -> MethodFacts:
    missing = sorted(name for name in _FACTS if name not in data and name not in LENGTHS)
    wrong = sorted(name for name, fits in _FACTS.items() if name in data and not fits(data[name]))
    if missing or wrong:
        raise CurveError(f"a stored curve's facts of its method lack {missing} and hold other types in {wrong}")
    return MethodFacts(**{name: data[name] for name in _FACTS if name in data})


def _needed(each: Field[Any]) -> bool:
    return each.default is MISSING and each.default_factory is MISSING


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number_or_none(value: Any) -> bool:
    return value is None or _number(value)


def _mapping(value: Any) -> bool:
    return isinstance(value, dict)


def _series_of(kind: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list | tuple) and all(map(kind, value))


_TYPED: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("task", "question_hash", "arm"), _text),
    **dict.fromkeys(("seed", "brute_flops", "total_rows", "stop_flops", "stop_rows"), _whole),
    **dict.fromkeys(("reference_loss", "stop_loss", "stop_skill"), _number),
    **dict.fromkeys(("checkpoints", "flops", "rows", "channel_batches", "executor_flops"), _series_of(_whole)),
    **dict.fromkeys(("loss", "skill"), _series_of(_number)),
    **dict.fromkeys(("coverage", "half_width", "stop_half_width"), _series_of(_number_or_none)),
    "stop_answer": _series_of(_number),
    "stop_coverage": _number_or_none,
    "measures": _mapping,
    "method": lambda value: value is None or _mapping(value),
}
"""Whether a stored value is of the type that a field has."""
LENGTHS = ("source_bits", "interpretation_bits")
"""The facts of a method that curves may lack."""
_FACTS: dict[str, Callable[[Any], bool]] = {
    "interpretation_hash": _text,
    **dict.fromkeys(("interpretation_flops", *LENGTHS), lambda value: value is None or _whole(value)),
    **dict.fromkeys(("interpretation_bytes", "channels", "batches", "flops"), _whole),
}


def curve_from_trace(trace: Trace, table: Table, *, reference_loss: float, arm: Arm, seed: int) -> Curve:
    """Score an executor's trace against the truth.

    Args:
        trace: what the executor answered and spent.
        table: the question with its true values.
        reference_loss: the loss at skill 0, one of `reference_losses`.
        arm: which arm the executor was.
        seed: the number of its seed.
    """
    question = table.question
    answers = [*trace.answers, trace.stop_answer]
    truth = question.functional.answer(table.values, question.structure)
    losses = np.array([question.functional.loss(answer, table.values, question.structure) for answer in answers])
    skills = skill(losses, reference_loss)
    return Curve(
        task=question.task,
        question_hash=question.hash,
        seed=int(seed),
        arm=arm,
        brute_flops=int(table.brute_flops),
        total_rows=len(table.values),
        reference_loss=float(reference_loss),
        checkpoints=_ints(trace.checkpoints),
        flops=_ints(trace.flops_spent),
        loss=tuple(losses[:-1].tolist()),
        skill=tuple(skills[:-1].tolist()),
        rows=_ints(trace.rows_bought),
        channel_batches=_ints(trace.channel_batches),
        executor_flops=_ints(trace.executor_flops),
        stop_flops=int(trace.stop),
        stop_rows=_rows_at_stop(trace),
        stop_loss=float(losses[-1]),
        stop_skill=float(skills[-1]),
        coverage=tuple(map(_stated, trace.coverage(truth))),
        half_width=tuple(map(_stated, trace.half_widths())),
        stop_answer=tuple(_rounded(each) for each in trace.stop_answer),
        stop_half_width=tuple(None if np.isnan(each) else _rounded(Z * each) for each in trace.stop_spread),
        stop_coverage=_stated(trace.stop_coverage(truth)),
        measures=trace.measures,
    )


def _stated(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def _ints(values: Any) -> tuple[int, ...]:
    return tuple(int(value) for value in values)


def _rows_at_stop(trace: Trace) -> int:
    """Return the rows bought when the executor stopped: those of the first budget that covers the stop."""
    index = int(np.searchsorted(trace.checkpoints, trace.stop))
    return int(trace.rows_bought[min(index, len(trace.rows_bought) - 1)])
