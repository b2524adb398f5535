"""Conformance suite for executors: subclass it, give it an executor and markets, and pytest checks the contract.

Example:
    >>> class TestMine(ExecutorConformance):
    ...     def make(self) -> Executor:
    ...         return MyExecutor()
    ...
    ...     def market(self, number: int, white_box: bool) -> Market:
    ...         return Market(TABLES[number], RECORDINGS[number] if white_box else None)
    ...
    ...     def history(self, number: int, white_box: bool) -> History:
    ...         return HISTORIES[number]
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from istar.executors.executor import Executor, Trace
from istar.executors.history import History
from istar.executors.market import Market
from istar.seeds import Seed


class ExecutorConformance(ABC):
    """What every executor must do, whatever it believes.

    Attributes:
        markets: how many different questions `market` offers, from 0.
    """

    markets = 1

    @abstractmethod
    def make(self) -> Executor:
        """Return the executor."""

    @abstractmethod
    def market(self, number: int, white_box: bool) -> Market:
        """Return a fresh market of a question, with a recording in the white-box arm."""

    @abstractmethod
    def history(self, number: int, white_box: bool) -> History:
        """Return what may be known of the task, and of the method in the white-box arm, before a question is asked."""

    def state(self, number: int, white_box: bool) -> Any:
        """Return what the executor knows before a question is touched."""
        return self.make().learn(self.history(number, white_box))

    def _traces(self, number: int) -> list[tuple[Market, Trace]]:
        pairs = []
        for white_box in (False, True):
            market = self.market(number, white_box)
            pairs.append((market, self.make().answer(market, self.state(number, white_box), Seed.root(3))))
        return pairs

    def test_answers_every_checkpoint(self) -> None:
        """There is a finite answer of the right length at every checkpoint."""
        for number in range(self.markets):
            for market, trace in self._traces(number):
                outputs = len(market.functional.answer(np.zeros(market.structure.rows), market.structure))
                assert trace.answers.shape == (len(market.checkpoints), outputs)
                assert np.isfinite(trace.answers).all()
                np.testing.assert_array_equal(trace.checkpoints, market.checkpoints)

    def test_never_spends_above_the_budget(self) -> None:
        """Spending stays within each checkpoint and never falls; at brute force arithmetic may come on top."""
        for number in range(self.markets):
            for _, trace in self._traces(number):
                assert (np.diff(trace.flops_spent) >= 0).all()
                assert (trace.flops_spent[:-1] <= trace.checkpoints[:-1]).all()
                assert trace.flops_spent[-1] <= trace.checkpoints[-1] + trace.executor_flops[-1]

    def test_brute_force_gives_the_truth(self) -> None:
        """With every row bought the black-box arm's answer is exact."""
        for number in range(self.markets):
            market, trace = self._traces(number)[0]
            assert trace.rows_bought[-1] == market.structure.rows
            truth = market.functional.answer(market.known_values, market.structure)
            np.testing.assert_allclose(trace.answers[-1], truth, rtol=1e-9, atol=1e-12)

    def test_same_seed_gives_the_same_trace(self) -> None:
        """A replay is repeatable to the last bit."""
        for number in range(self.markets):
            for (_, first), (_, second) in zip(self._traces(number), self._traces(number), strict=True):
                for name in Trace.__dataclass_fields__:
                    np.testing.assert_array_equal(getattr(first, name), getattr(second, name), err_msg=name)

    def test_black_box_arm_buys_no_channels(self) -> None:
        """Without a recording no channel is bought."""
        for number in range(self.markets):
            _, trace = self._traces(number)[0]
            assert not trace.channel_batches.any()

    def test_who_will_not_listen_does_not(self) -> None:
        """What an executor says it will not listen to changes nothing, to the last bit."""
        for number in range(self.markets):
            if self.make().will_not_listen(self.market(number, True), self.state(number, True)):
                (_, plain), (_, deaf) = self._traces(number)
                for name in Trace.__dataclass_fields__:
                    np.testing.assert_array_equal(getattr(plain, name), getattr(deaf, name), err_msg=name)

    def test_stop_is_within_brute_force(self) -> None:
        """The executor's own stop is a place it reached."""
        for number in range(self.markets):
            for _, trace in self._traces(number):
                assert 0 <= trace.stop <= trace.flops_spent[-1]
                assert trace.stop_answer.shape == trace.answers[0].shape
