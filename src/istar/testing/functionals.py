"""Conformance suite for functionals: subclass it, give it a question that asks yours, and pytest checks the contract.

Example:
    >>> class TestMine(FunctionalConformance):
    ...     def question(self) -> Question:
    ...         return MyFamily().question("a data set", ByteTokenizer(), Seed.root(0), 0)
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pytest
from jaxtyping import Float

from istar.executors import Heard, Market, Statistician
from istar.executors.statistician.fidelity.prior import FidelityPrior
from istar.executors.statistician.knowledge import Knowledge
from istar.executors.statistician.table_model.priors import TaskPrior
from istar.executors.statistician.variants import Variant
from istar.flops import PriceSheet, price_sheet
from istar.methods.recording import ChannelBatch, Recording
from istar.questions import (
    FUNCTIONALS,
    Functional,
    Question,
    Structure,
    build_trie,
    functional_from_json,
    nested_batches,
)
from istar.rewards.blind import blind_answer
from istar.seeds import Seed
from istar.testing.families import COSTS
from istar.truth.effects.records import effects_of
from istar.truth.reliability import sampling_noise

COLUMNS = 6
"""How many columns of values each test asks about."""
HEARD = 0.2
"""A method that knows all values must bring so much more skill at some budget than rows alone."""
ROWS_LEFT = np.array([[2.0**-octave, octave / 12] for octave in range(12, -1, -1)])
"""What rows are said to leave of the loss on other questions, by budget."""


@dataclass(frozen=True)
class _MadeUpTable:
    question: Question
    values: Float[np.ndarray, " rows"]
    prices: PriceSheet
    target: str = "made-up"

    @property
    def brute_flops(self) -> int:
        """FLOPs of all rows."""
        return int(self.prices.total)


def _told(table: _MadeUpTable) -> Recording:
    """Return what a method says that knows all values, for a thousandth of brute force."""
    batches, said = [], 0
    for rows in nested_batches(table.question.structure, Seed.root(0)):
        said += len(rows)
        channels = table.values[rows, None].astype(np.float32)
        batches.append(ChannelBatch(rows, channels, table.brute_flops * said // (1000 * len(table.values))))
    return Recording("told", table.question.hash, table.target, "", tuple(batches), 0)


class FunctionalConformance(ABC):
    """What every functional must do, whatever it asks.

    Attributes:
        answered: how often an executor answers the question in these tests; 0 for a question so large that this takes
            minutes.
    """

    answered = 1

    @abstractmethod
    def question(self) -> Question:
        """Return a question that asks the functional; two calls give equal ones."""

    def values(self, number: int) -> Float[np.ndarray, " rows"]:
        """Return a column of made-up values, another for each number; standard normal unless overridden."""
        generator = Seed.root(0).split("values", number).generator()
        return generator.normal(size=len(self.question().runs))

    def _asked(self) -> tuple[Functional, Structure, Float[np.ndarray, "columns rows"]]:
        question = self.question()
        return question.functional, question.structure, np.stack([self.values(number) for number in range(COLUMNS)])

    def test_survives_json(self) -> None:
        """It is registered under its kind, and the same after a round trip through JSON."""
        functional = self.question().functional
        assert FUNCTIONALS.get(functional.kind) is type(functional), f"register it as {functional.kind!r}"
        assert functional_from_json(json.loads(json.dumps(functional.to_json()))) == functional

    def test_answers_with_numbers(self) -> None:
        """The answer is a vector of finite numbers, at least one, and the same when it is asked for again."""
        functional, structure, columns = self._asked()
        for values in columns:
            answer = functional.answer(values, structure)
            assert answer.ndim == 1, f"an answer is a vector of outputs; its shape is {answer.shape}"
            assert len(answer) > 0
            assert np.isfinite(answer).all()
            np.testing.assert_array_equal(functional.answer(values, structure), answer)

    def test_answers_for_several_columns_at_once(self) -> None:
        """Values with leading axes give the answers of their columns, as audits and executors ask for them."""
        functional, structure, columns = self._asked()
        alone = np.stack([functional.answer(values, structure) for values in columns])
        np.testing.assert_allclose(functional.answers(columns, structure), alone, rtol=1e-6, atol=1e-9)
        folded = functional.answer(columns.reshape(2, -1, columns.shape[1]), structure)
        np.testing.assert_allclose(folded, alone.reshape(2, -1, alone.shape[1]), rtol=1e-6, atol=1e-9)

    def test_leaves_what_it_is_given(self) -> None:
        """Neither answer nor loss changes values or an answer."""
        functional, structure, columns = self._asked()
        before, answer = columns.copy(), functional.answer(columns[0], structure)
        functional.answers(columns, structure)
        kept = answer.copy()
        functional.loss(answer, columns[1], structure)
        np.testing.assert_array_equal(columns, before)
        np.testing.assert_array_equal(answer, kept)

    def test_truth_has_no_loss(self) -> None:
        """The loss is 0 at the truth, and a finite number that is not negative elsewhere."""
        functional, structure, columns = self._asked()
        answers = [functional.answer(values, structure) for values in columns]
        for values, truth in zip(columns, answers, strict=True):
            assert functional.loss(truth, values, structure) == pytest.approx(0.0, abs=1e-9)
            for other in (*answers, truth + 1.0, truth - 1.0):
                loss = functional.loss(other, values, structure)
                assert np.isfinite(loss)
                assert loss >= 0.0

    def test_weights_give_the_answer(self) -> None:
        """Where it says that it is linear, it is."""
        functional, structure, columns = self._asked()
        weights = functional.weights(structure)
        if weights is not None:
            np.testing.assert_allclose(
                columns @ weights.T, functional.answers(columns, structure), rtol=1e-6, atol=1e-9
            )

    def test_can_be_asked_of_half_the_replicates(self) -> None:
        """Halves of the replicates give answers of the same length: that is how reliability is measured."""
        question = self.question()
        noise = sampling_noise(question, self.values(0))
        assert noise.shape == question.functional.answer(self.values(0), question.structure).shape
        assert np.isfinite(noise).all()

    def test_names_columns_that_are_there(self) -> None:
        """The columns that it says it measures against and compares are columns of the structure."""
        functional, structure, _ = self._asked()
        for name in (functional.measured_against, functional.compared):
            if name is not None:
                assert len(structure[name]) == structure.rows

    def test_says_what_to_look_at(self) -> None:
        """What its design asks for has the right shape, and is finite."""
        functional, structure, columns = self._asked()
        rows = structure.rows
        assert functional.design in ("rows", "linearised", "contest")
        if functional.design == "linearised":
            weights = functional.linearised(columns, structure)
            assert weights.ndim == 2
            assert weights.shape[1] == rows
            assert np.isfinite(weights).all()
        elif functional.design == "contest":
            contest = functional.contest(columns, structure)
            assert contest.gain.shape == contest.chosen.shape == (rows,)
            assert contest.chosen.dtype == bool
            assert np.isfinite([*contest.gain, contest.chosen_gain]).all()
            assert (contest.gain >= 0).all()
        else:
            worth = functional.row_worth(columns, structure)
            assert worth.shape == (rows,)
            assert np.isfinite(worth).all()
            assert (worth >= 0).all()

    def test_an_executor_answers_it(self) -> None:
        """The statistician answers at every budget, and exactly once it has bought every row."""
        for market, known, truth in self._markets():
            trace = Statistician(Variant()).answer(market, known, Seed.root(0))
            assert np.isfinite(trace.answers).all()
            if not market.sealed.any():
                np.testing.assert_allclose(trace.answers[-1], truth, rtol=1e-6, atol=1e-9)

    def test_an_executor_hears_a_method_that_it_knows(self) -> None:
        """The values as channels, for next to nothing, bring skill to budgets at which rows alone have less."""
        self._hears(known=True)

    def test_an_executor_hears_a_stranger(self) -> None:
        """So they do where the method was never heard before."""
        self._hears(known=False)

    def _hears(self, known: bool) -> None:
        losses, blind, executor = np.zeros((2, 1)), 0.0, Statistician(Variant())
        for table, state, others in self._questions():
            heard = FidelityPrior.learn([executor.appraise(each, state) for each in others]) if known else None
            functional, structure = table.question.functional, table.question.structure
            traces = [
                executor.answer(Market(table, said), replace(state, fidelity=heard), Seed.root(0))  # type: ignore[arg-type]
                for said in (None, _told(table))
            ]
            assert traces[1].channel_batches.any(), "what a method says that knows all values is not bought"
            losses = losses + np.array(
                [[functional.loss(answer, table.values, structure) for answer in trace.answers] for trace in traces]
            )
            blind += functional.loss(state.blind, table.values, structure)
        attainable = blind - losses[0, -1]
        if attainable > 0:  # else no row that is for sale tells anything
            without, with_it = (blind - losses) / attainable
            gain = float((with_it - np.maximum(without, 0.0)).max())
            assert gain > HEARD, f"with all values told, skill is at most {gain:.2f} above that of rows alone"

    def _markets(self) -> Iterator[tuple[Market, Knowledge, Float[np.ndarray, " outputs"]]]:
        for table, known, _ in self._questions():
            truth = table.question.functional.answer(table.values, table.question.structure)
            yield Market(table), known, truth  # type: ignore[arg-type]

    def _questions(self) -> Iterator[tuple[_MadeUpTable, Knowledge, list[Heard]]]:
        """Yield tables, what is known of each from three others, and these with what a method says that knows all."""
        question = self.question()
        prices = price_sheet(build_trie(question.runs), question.runs, COSTS)
        for number in range(self.answered):
            tables = [_MadeUpTable(question, self.values(number + other), prices) for other in range(4)]
            records = tuple(effects_of(question, table.values) for table in tables[1:])
            blind = blind_answer(question.structure, question.functional, records)
            heard = [Heard(table, _told(table), ROWS_LEFT) for table in tables[1:]]  # type: ignore[arg-type]
            yield tables[0], Knowledge(TaskPrior(records), blind), heard
