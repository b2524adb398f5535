"""Bits: the reward of the regularisation frame, by minimum description length.

Without a method, a question's rows cost the surprise with which the executor met them (`istar.executors.prequential`).
With one they cost the surprise given its channels, and the method has to be written down too: its source and what it
learned of the target (`istar.methods.length`), once for all the questions that it serves. A table of answers is as long
as what it saves; noise saves nothing; what is worth its length is what foretells more of the target than it says.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from istar.rewards.curves import Curve, CurveError
from istar.rewards.formulas import REWARDS, QuestionKey, Reward
from istar.rewards.pairs import match

ROW_BITS = "bits.rows"
"""The measure that holds the surprise of a question's rows, in bits."""
ROW_PRECISION = "bits.precision"
"""The measure that holds the precision at which they were written down, in the readout's unit."""


@dataclass(frozen=True)
class Description:
    """What a method's description saves and takes, in bits.

    Attributes:
        saved: by question, surprise without the method less surprise with it, mean over seeds.
        source: the method's source.
        interpretation: what it learned of the target.
        served: how many questions share its length: those of the task with fewest times the number of tasks. So no
            question weighs more in the reward, the mean over tasks, than its part of the length.
    """

    saved: dict[QuestionKey, float]
    source: int
    interpretation: int
    served: int

    @property
    def length(self) -> int:
        """Of the method, source and interpretation."""
        return self.source + self.interpretation

    @property
    def saved_by_question(self) -> float:
        """Bits saved on a question, mean over tasks of the mean over questions."""
        tasks: defaultdict[str, list[float]] = defaultdict(list)
        for (task, _), bits in self.saved.items():
            tasks[task].append(bits)
        return float(np.mean([np.mean(bits) for bits in tasks.values()]))

    @property
    def pays_after(self) -> float | None:
        """How many questions like these pay for the method's length, None if none ever do."""
        each = self.saved_by_question
        return self.length / each if each > 0 else None


def description(baseline: Sequence[Curve], interp: Sequence[Curve]) -> Description:
    """Return what a method's description saves and takes on some questions.

    Args:
        baseline: curves of the black-box arm.
        interp: curves of the white-box arm on the same questions and seeds.

    Raises:
        CurveError: the curves cannot be paired, or do not hold what is needed; the message says what.
    """
    pairs = match(baseline, interp)
    if missing := lacking(baseline, interp):
        raise CurveError(missing)
    bits: defaultdict[QuestionKey, list[float]] = defaultdict(list)
    for black, white in pairs:
        bits[black.task, black.question_hash].append(_row_bits(black) - _row_bits(white))
    saved = {key: float(np.mean(values)) for key, values in bits.items()}
    facts = [white.method for _, white in pairs if white.method is not None]
    counts = Counter(task for task, _ in saved)
    return Description(
        saved,
        max(each.source_bits or 0 for each in facts),
        max(each.interpretation_bits or 0 for each in facts),
        len(counts) * min(counts.values()),
    )


def lacking(baseline: Sequence[Curve], interp: Sequence[Curve]) -> str:
    """Return what curves do not hold of what bits are computed from, and what to do; empty if they hold it."""
    for curve in (*baseline, *interp):
        where = f"the {curve.arm.replace('_', '-')} curve of {curve.task}, question {curve.question_hash[:12]}"
        if not isinstance(curve.measures.get(ROW_BITS), int | float):
            return (
                f"{where} does not hold the surprise of its rows ({ROW_BITS}): a version of istar without it wrote it, "
                "or an executor that states no beliefs about rows; search or score again under a new name, with an "
                "executor that does, such as `statistician`"
            )
        facts = curve.method
        if curve.arm == "white_box" and (
            facts is None or facts.source_bits is None or facts.interpretation_bits is None
        ):
            return (
                f"{where} does not hold the length of its method: a version of istar without it wrote it; search or "
                "score again under a new name"
            )
    precisions = {curve.measures.get(ROW_PRECISION) for curve in (*baseline, *interp)}
    if len(precisions) > 1:
        return (
            f"the curves hold surprises at different precisions ({', '.join(map(str, sorted(map(str, precisions))))}): "
            "they are of different versions of istar; search or score again under a new name"
        )
    return ""


def _row_bits(curve: Curve) -> float:
    bits = curve.measures[ROW_BITS]
    assert not isinstance(bits, tuple)
    return float(bits)


@dataclass(frozen=True)
class MdlReward(Reward):
    """Bits saved in writing down a question's rows, less the question's part of the method's length."""

    name: ClassVar[str] = "mdl"
    formula: ClassVar[str] = "bits_black(rows) - bits_white(rows) - (bits(source) + bits(interpretation)) / questions"
    needs_beliefs: ClassVar[bool] = True

    def by_question(self, baseline: Sequence[Curve], interp: Sequence[Curve]) -> dict[QuestionKey, float]:
        """See the base class. All questions given share the method's length, so that a question alone bears it all."""
        found = description(baseline, interp)
        return {key: bits - found.length / found.served for key, bits in found.saved.items()}

    def parts(self, baseline: Sequence[Curve], interp: Sequence[Curve]) -> dict[str, float | None]:
        """See the base class: all in bits, and after how many questions the length is paid; None if it never is."""
        found = description(baseline, interp)
        return {
            "saved": found.saved_by_question,
            "source": float(found.source),
            "I(M)": float(found.interpretation),
            "questions": float(found.served),
            "pays after": found.pays_after,
        }

    def lacking(self, baseline: Sequence[Curve], interp: Sequence[Curve]) -> str:
        """See the base class."""
        return lacking(baseline, interp)


REWARDS.add(MdlReward.name, MdlReward())
