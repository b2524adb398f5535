"""The blind answer: what is said of a question with no run bought. Its loss is that of skill 0, for every executor.

It is the best constant rule that the task's *other* questions teach, and knows nothing of the executor. Let v be the
column of values of the question, X the fixed effects of its rows (`istar.truth.effects.components`), and b_i the
estimates of these effects on the other question i, by marginal likelihood (`istar.truth.effects.fitting`).

- Where the answer is linear in the values, A = W v, it is that of the expected column:

      A_blind = W X mean_i b_i,

  over the other questions i that have all of these effects, or 0 where fewer than two have them. So the number of
  outputs follows the question.
- Elsewhere it is the centre of the other questions' answers A_i, the median where the loss is an absolute error and
  the mean where it is a square: A_blind = centre_i A_i.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from istar.questions import Functional, Structure
from istar.rewards.skill import SkillError
from istar.truth.effects.components import model_space
from istar.truth.effects.records import LEAST_QUESTIONS, TableEffects


def blind_answer(
    structure: Structure, functional: Functional, others: Sequence[TableEffects]
) -> Float[np.ndarray, " outputs"]:
    """Return the answer to a question with no run bought: skill 0.

    Args:
        structure: the question's structure.
        functional: what is asked.
        others: what the tables of the task's other questions teach; never the question's own.

    Raises:
        SkillError: there are too few other questions, or their answers differ in length and the functional is not
            linear.
    """
    if len(others) < LEAST_QUESTIONS:
        raise SkillError(
            f"the blind answer needs the tables of at least {LEAST_QUESTIONS} other questions of the task, but there "
            f"are {len(others)}; build more with `istar truth build TASK --questions N`"
        )
    weights = functional.weights(structure)
    if weights is not None:
        space = model_space(structure, functional)
        expected = space.grid.gather(space.fixed @ _mean_effects(space.fixed_names, others))
        linear: Float[np.ndarray, " outputs"] = weights @ expected
        return linear
    answers = [each.answer for each in others]
    if len({len(answer) for answer in answers}) != 1:
        raise SkillError(f"answers of the functional {functional.kind!r} differ in length between questions")
    centre = np.median(answers, axis=0) if functional.centre == "median" else np.mean(answers, axis=0)
    return np.asarray(centre, dtype=np.float64)


def _mean_effects(names: Sequence[str], others: Sequence[TableEffects]) -> Float[np.ndarray, " effects"]:
    known = [each for each in others if all(name in each.fixed for name in names)]
    if len(known) < LEAST_QUESTIONS:
        return np.zeros(len(names))
    mean: Float[np.ndarray, " effects"] = np.array([[each.fixed[name] for name in names] for each in known]).mean(0)
    return mean
