"""What the statistician knows of a task before a question of it is touched: learned from its other questions alone.

Every question whose table is known leaves its effects (`istar.truth.effects`): its answer, its variance components and
its fixed effects. The prior of a question pools those of the *other* questions of the task; the rules are the same
for every task and split.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from istar.errors import IstarError
from istar.executors.statistician.table_model.process import Hyperparameters
from istar.questions import Functional, Structure
from istar.truth.effects.records import LEAST_QUESTIONS, TableEffects


class PriorError(IstarError):
    """A task of which too little is known to have a prior."""


@dataclass(frozen=True)
class TaskPrior:
    """What is known of a task.

    Attributes:
        records: of the questions it was learned from.
    """

    records: tuple[TableEffects, ...]

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

    def answer_spread(self, structure: Structure, functional: Functional) -> Float[np.ndarray, " outputs"] | None:
        """Return the predictive standard deviation of a fresh question's answer, or None for a linear functional.

        A linear functional's answer needs no belief of its own: it follows from that of the table.
        """
        if functional.weights(structure) is not None:
            return None
        answers = np.array([each.answer for each in self.records])
        spread: Float[np.ndarray, " outputs"] = answers.std(0, ddof=1) * np.sqrt(1 + 1 / len(answers))
        return spread


def pool(records: Iterable[TableEffects], exclude: str) -> TaskPrior:
    """Return the prior of the question with hash `exclude`, from the other questions' records."""
    return TaskPrior(tuple(record for record in records if record.question != exclude))
