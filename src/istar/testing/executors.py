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
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from istar.arms.replays import Replays
from istar.arms.settings import ArmSettings
from istar.executors.executor import Executor, Trace
from istar.executors.history import History
from istar.executors.market import Market
from istar.rewards.curves import Curve
from istar.seeds import Seed
from istar.storage import Store

if TYPE_CHECKING:
    from istar.arms.task_questions import TaskQuestions
    from istar.methods.recording import Recording
    from istar.truth import Table


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
        """A replay is repeatable to the last bit, unless the executor says that it is not deterministic."""
        if not self.make().deterministic:
            return
        for number in range(self.markets):
            for (_, first), (_, second) in zip(self._traces(number), self._traces(number), strict=True):
                for name in Trace.__dataclass_fields__:
                    np.testing.assert_array_equal(getattr(first, name), getattr(second, name), err_msg=name)

    def test_black_box_arm_buys_no_channels(self) -> None:
        """Without a recording no channel is bought."""
        for number in range(self.markets):
            _, trace = self._traces(number)[0]
            assert not trace.channel_batches.any()

    def test_who_ignores_channels_does(self) -> None:
        """What it says it will not listen to it does not buy, and nothing changes but measures, to the last bit."""
        for number in range(self.markets):
            if self.make().ignores_channels(self.market(number, True), self.state(number, True)):
                (_, plain), (_, deaf) = self._traces(number)
                assert not deaf.channel_batches.any()
                if not self.make().deterministic:
                    continue
                for name in Trace.__dataclass_fields__:
                    if name != "measures":
                        np.testing.assert_array_equal(getattr(plain, name), getattr(deaf, name), err_msg=name)

    def test_stop_is_within_brute_force(self) -> None:
        """The executor's own stop is a place it reached."""
        for number in range(self.markets):
            for _, trace in self._traces(number):
                assert 0 <= trace.stop <= trace.flops_spent[-1]
                assert trace.stop_answer.shape == trace.answers[0].shape


class TranscriptConformance(ABC):
    """What is kept of an executor's answers is what counts: one that would answer otherwise next time is asked once.

    Subclass it beside `ExecutorConformance`, most of all for an executor that is not deterministic.
    """

    @abstractmethod
    def make(self) -> Executor:
        """Return the executor."""

    @abstractmethod
    def questions(self) -> tuple[TaskQuestions, Recording]:
        """Return a task, and what a method said of its first question."""

    def _arms(self, folder: Path, fails_after: int | None = None) -> _Counted:
        task, _ = self.questions()
        return _Counted(self.make, task, folder, fails_after)

    def _curves(self, arms: _Counted, white_box: bool) -> tuple[Curve, ...]:
        task, recording = self.questions()
        table = task.tables[0]
        if not white_box:
            return arms.baseline(table).curves
        return arms.white_box(table, recording, ("method",), lambda: arms.state(table))

    @pytest.mark.parametrize("white_box", [False, True])
    def test_an_answer_that_is_kept_is_served_bit_for_bit(self, tmp_path: Path, white_box: bool) -> None:
        """The same key gives the same curves from disk, and nobody is asked again."""
        first, again = self._arms(tmp_path), self._arms(tmp_path)
        curves = self._curves(first, white_box)
        assert len(curves) == SEEDS
        assert first.asked == SEEDS
        assert self._curves(again, white_box) == curves
        assert again.asked == 0

    @pytest.mark.parametrize("white_box", [False, True])
    def test_what_was_answered_before_a_kill_is_not_asked_again(self, tmp_path: Path, white_box: bool) -> None:
        """Every seed's answer is kept as soon as it is given."""
        killed, resumed = self._arms(tmp_path, fails_after=1), self._arms(tmp_path)
        with pytest.raises(KeyboardInterrupt):
            self._curves(killed, white_box)
        curves = self._curves(resumed, white_box)
        assert resumed.asked == SEEDS - 1
        assert self._curves(self._arms(tmp_path), white_box) == curves

    def test_side_by_side_one_asks_and_the_others_find(self, tmp_path: Path) -> None:
        """Of several threads that want an answer one asks for it, and all have the same."""
        arms = self._arms(tmp_path)
        with ThreadPoolExecutor(4) as pool:
            every = list(pool.map(lambda _: self._curves(arms, white_box=False), range(4)))
        assert arms.asked == SEEDS
        assert every == [every[0]] * 4

    def test_what_is_lost_is_asked_again(self, tmp_path: Path) -> None:
        """Without what was kept there is another answer, the same only of a deterministic executor."""
        first, again = self._arms(tmp_path / "one"), self._arms(tmp_path / "two")
        before, after = self._curves(first, white_box=False), self._curves(again, white_box=False)
        assert again.asked == SEEDS
        assert not self.make().deterministic or after == before

    def test_another_identity_is_another_key(self, tmp_path: Path) -> None:
        """What one executor answered is never served for another one."""
        first, other = self._arms(tmp_path), self._arms(tmp_path)
        self._curves(first, white_box=False)
        other.changed = "changed"
        self._curves(other, white_box=False)
        assert other.asked == SEEDS


SEEDS = 2


class _Counted(Replays):
    """Replays of a suite's executor, on a store of their own, that count how often it is asked."""

    def __init__(
        self, make: Callable[[], Executor], task: TaskQuestions, folder: Path, fails_after: int | None
    ) -> None:
        super().__init__(ArmSettings(executor_seeds=SEEDS), [task])
        self.store = Store(folder)
        self.asked, self.changed = 0, ""
        self._make, self._fails_after = make, fails_after

    def executor(self) -> Executor:
        """Return the suite's executor."""
        executor = self._make()
        identity = executor.identity()
        executor.identity = lambda: identity + self.changed  # type: ignore[method-assign]
        return executor

    def decode(self, tokens: Sequence[int]) -> str:
        """Return tokens as numbers; what is tested here has no tokenizer."""
        return " ".join(map(str, tokens))

    def replay_seed(self, table: Table, recording: Recording | None, number: int, state: Any) -> Curve:
        """Count, and fail as a kill would after so many."""
        if self._fails_after is not None and self.asked >= self._fails_after:
            raise KeyboardInterrupt
        self.asked += 1
        return super().replay_seed(table, recording, number, state)
