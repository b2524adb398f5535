"""From a posterior over the table to an answer with its uncertainty."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from istar.executors.statistician.design.adaptive import design_weights
from istar.executors.statistician.knowledge import Knowledge
from istar.executors.statistician.settings import DRAWS
from istar.executors.statistician.table_model.posterior import Posterior
from istar.executors.statistician.table_model.tails import stream_draws
from istar.questions import Functional, Structure
from istar.seeds import Seed


@dataclass(frozen=True)
class Answer:
    """An answer and what the statistician believes of it.

    Attributes:
        centre: the answer.
        spread: posterior standard deviation of each output.
        remaining: summed posterior variance as a share of what it was with nothing bought.
        draws: posterior draws of the column of values, where the functional is not linear.
    """

    centre: Float[np.ndarray, " outputs"]
    spread: Float[np.ndarray, " outputs"]
    remaining: float
    draws: Float[np.ndarray, "draws rows"] | None = None


class Repeated:
    """Standard normal numbers, the same again each time: answers differ by what is known, and not by luck.

    Args:
        generator: where they come from the first time.
    """

    def __init__(self, generator: np.random.Generator) -> None:
        """See the class docstring."""
        self._generator = generator
        self._kept: Float[np.ndarray, " kept"] = np.zeros(0)
        self._next = 0

    def again(self) -> Repeated:
        """Start with the first of them again."""
        self._next = 0
        return self

    def standard_normal(self, size: tuple[int, ...]) -> Float[np.ndarray, "*size"]:
        """Return the next of them, not to be changed."""
        first, self._next = self._next, self._next + int(np.prod(size))
        missing = self._next - len(self._kept)
        if missing > 0:
            self._kept = np.concatenate([self._kept, self._generator.standard_normal(missing)])
        return self._kept[first : self._next].reshape(size)


class Answerer:
    """Answers a question from posteriors.

    Args:
        structure: the question's structure.
        functional: what is asked.
        known: what is known beforehand.
        prior: the posterior given nothing.
        temper: see `Variant`.
        seed: decides the draws; the same draws at every budget, so that answers change only with what is bought.
    """

    def __init__(
        self,
        structure: Structure,
        functional: Functional,
        known: Knowledge,
        prior: Posterior,
        temper: float,
        seed: Seed,
    ) -> None:
        """See the class docstring."""
        self.structure, self.functional = structure, functional
        self.grid = prior.process.grid
        self._temper = temper
        self._normals, self._streams = Repeated(seed.split("draws").generator()), seed.split("streams")
        self._shapes = np.array([each.residual_quantiles for each in known.prior.records])
        self.blind = known.blind
        columns = design_weights(self.functional, self.structure)
        self.weights = None if columns is None else self.grid.spread(columns)
        self._spread = known.prior.answer_spread(self.structure, self.functional)
        self.first = self._believe(prior)
        self._reference = float(((self.first.spread if self._spread is None else self._spread) ** 2).sum())

    def start(self) -> Answer:
        """Return the blind answer."""
        spread = self.first.spread if self._spread is None else self._spread
        return Answer(self.blind, spread, 1.0, self.first.draws)

    def told(self, posterior: Posterior) -> Answer:
        """Return what is believed of the answer by a posterior given nothing, where channels have been heard."""
        return self._believe(posterior)

    def answer(self, posterior: Posterior, before: Answer | None = None) -> Answer:
        """Return the answer of a posterior.

        Args:
            posterior: what is known of the table.
            before: what channels alone say of the answer (`told`); None where none were heard.
        """
        believed, before = self._believe(posterior), before or self.first
        if self._spread is not None:
            believed = self._moved(believed, before, self._spread)
        elif self._temper < 1:
            believed = self._tempered(believed, posterior.scale, before)
        return self.restate(believed, believed.centre, believed.spread)

    def restate(
        self, answer: Answer, centre: Float[np.ndarray, " outputs"], spread: Float[np.ndarray, " outputs"]
    ) -> Answer:
        """Return an answer with another centre and spread, and what remains by these."""
        remaining = float((spread**2).sum()) / max(self._reference, 1e-300)
        return Answer(centre, spread, min(remaining, 1.0), answer.draws)

    def _tempered(self, believed: Answer, scale: float, before: Answer) -> Answer:
        """Take what bought rows say of a linear answer to the power of the temper.

        With a share s left of an output's variance before rows, their precision is 1/s - 1 in units of that before.
        """
        prior = np.maximum(before.spread**2, 1e-300)
        share = np.clip(believed.spread**2 / scale / prior, 0.0, 1.0)
        weaker = self._temper * (1 - share) + share
        centre = before.centre + self._temper / np.maximum(weaker, 1e-300) * (believed.centre - before.centre)
        spread = np.sqrt(prior * scale * share / np.maximum(weaker, 1e-300))
        return Answer(centre, spread, believed.remaining, believed.draws)

    def _moved(self, believed: Answer, before: Answer, blind_spread: Float[np.ndarray, " outputs"]) -> Answer:
        """Move from what is said without rows to what the model believes, by the share of variance that rows resolve.

        A model of the table that is right about differences between rows may be wrong about the distribution of a
        maximum or a tail over questions. So with no row the answer is the blind one, times what channels say: the
        model's posterior given them divided by its prior, all of them taken as Gaussian. With a share s left of the
        variance that the model believed before rows, the answer is a pool of two opinions (M. Stone, The opinion
        pool, 1961), in which the model's has the weight t (1 - s) / (t (1 - s) + s), t being the temper: never beyond
        what the model believes, as the quotient of its posterior and its prior would be where both are nearly alike;
        and never surer of it than the model, but for what is known without rows.
        """
        first, told = self.first.spread**2 + 1e-300, before.spread**2 + 1e-300
        of_channels = np.maximum(1 / told - 1 / first, 0.0)
        pull = np.where(of_channels > 0, before.centre / told - self.first.centre / first, 0.0)
        precision = of_channels + 1 / (blind_spread**2 + 1e-300)
        start = (pull + self.blind / (blind_spread**2 + 1e-300)) / precision
        share = np.minimum(believed.spread**2 / told, 1.0)
        weight = self._temper * (1 - share) / np.maximum(self._temper * (1 - share) + share, 1e-300)
        centre = start + weight * (believed.centre - start)
        spread = np.sqrt((1 - weight) / precision)
        spread = np.minimum(np.maximum(spread, believed.spread), 1 / np.sqrt(precision))
        return Answer(centre, spread, believed.remaining, believed.draws)

    def _believe(self, posterior: Posterior) -> Answer:
        if self.weights is not None:
            linear = posterior.linear(self.weights)
            return Answer(linear.mean, np.sqrt(linear.variance * posterior.scale), 1.0)
        if self.grid.arms == 1:
            tables = stream_draws(posterior, self._shapes, DRAWS, self._streams.generator())
        else:
            tables = posterior.draws(DRAWS, self._normals.again())
        values = self.grid.gather(tables)
        answers = self.functional.answers(values, self.structure)
        posterior.process.arithmetic.elementwise(values.size, 8)
        if self.functional.weights(self.structure) is not None:
            centre = self.functional.answer(self.grid.gather(posterior.mean), self.structure)
        else:
            centre = np.median(answers, axis=0) if self.functional.centre == "median" else answers.mean(0)
        return Answer(centre, answers.std(0), 1.0, values)
