"""Replays: what an executor answers to questions whose values and channels are already known.

Nothing is run: rows are bought from tables and channels from recordings, so a whole efficiency curve costs a fraction
of a second. Curves are kept on disk, each as soon as it is made, and shared by everything that asks for them: an
executor that would answer otherwise the next time is asked once, and its answer stands.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property, partial
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from istar.arms.base import Evaluation
from istar.arms.settings import ArmSettings
from istar.arms.stores import BASELINES, CURVES
from istar.arms.task_questions import TaskQuestions
from istar.executors import Executor, ExecutorError, Heard, History, Market, make_executor
from istar.executors.measures import Measure
from istar.executors.prequential import PRECISION, surprise
from istar.flops.rulebook import RULEBOOK
from istar.rewards.curves import Arm, Curve, curve_from_trace
from istar.rewards.mdl import ROW_BITS, ROW_PRECISION
from istar.seeds import Seed
from istar.storage import Kind, Store

if TYPE_CHECKING:
    from istar.methods.recording import Recording
    from istar.truth import Table

Key: TypeAlias = Sequence[str | int | float]


class Replays:
    """The executor of some settings on the questions of some tasks.

    Args:
        config: the settings: executor, its options and seeds, the environment's seed.
        questions: every task that will be asked about.

    Attributes:
        market: makes the market of a question; benchmarks put one in its place that really runs the rows it sells.
    """

    market: Callable[..., Market] = Market

    def __init__(self, config: ArmSettings, questions: Iterable[TaskQuestions]) -> None:
        """See the class docstring."""
        self.config = config
        self.store = Store()
        self._questions: dict[str, TaskQuestions] = {}
        for each in questions:
            self.add(each)
        self._states: dict[str, Any] = {}
        self._locks: defaultdict[Key, Lock] = defaultdict(Lock)
        self._lock = Lock()

    def add(self, questions: TaskQuestions) -> None:
        """Take in further questions that will be asked about, of a task that others may have been taken in of."""
        self._questions |= {table.question.hash: questions for table in questions.tables}

    def executor(self) -> Executor:
        """Return a new executor: trials side by side are threads, and none is shared between them."""
        return make_executor(self.config.executor, self.config.executor_options)

    def state(self, table: Table) -> Any:
        """Return what the executor knows before a question is touched, without a method; learned once."""
        question = table.question.hash
        with self._alone(("state", question)):
            if question not in self._states:
                self._states[question] = self.executor().learn(self.history(table))
            return self._states[question]

    def history(
        self,
        table: Table,
        recordings: Mapping[str, Recording] | None = None,
        appraisals: Mapping[str, Any] | None = None,
    ) -> History:
        """Return what may be known of a question's task, and of a method, before it is asked.

        Args:
            table: the question.
            recordings: what the method said on other questions of the task, by question.
            appraisals: what the executor made of each of these.
        """
        task, asked = self._questions[table.question.hash], table.question.hash
        others = task.others(asked)
        return History(
            task=task.task,
            target=table.target,
            asked=asked,
            questions=tuple(each.question.hash for each in others),
            blind=task.blind[asked],
            load=lambda: others,
            recordings=recordings or {},
            appraisals=appraisals or {},
        )

    def appraisal(self, table: Table, recording: Recording) -> Any:
        """Return what a method was worth on a question whose whole table is known; see `Executor.appraise`."""
        curves = self.baseline(table).curves
        skills = np.mean([curve.skill for curve in curves], axis=0)
        budgets = np.array(curves[0].checkpoints) / table.brute_flops
        heard = Heard(table, recording, np.stack([budgets, 1 - skills], axis=1))
        return self.executor().appraise(heard, self.state(table))

    def baseline(self, table: Table) -> Evaluation:
        """Return the curves of the black-box arm on a question, from disk where they were made before."""
        seeds = range(self.config.executor_seeds)
        return Evaluation(tuple(self._baseline_curve(table, number) for number in seeds))

    def _baseline_curve(self, table: Table, number: int) -> Curve:
        key = (*self.replay_key(table), number)
        return self._kept(BASELINES, key, lambda: self.replay_seed(table, None, number, self.state(table)))

    def white_box(self, table: Table, recording: Recording, key: Key, learn: Callable[[], Any]) -> tuple[Curve, ...]:
        """Return the curves of the white-box arm on a question, one a seed, from disk where they were made before.

        They are the black-box arm's where the executor is sure not to buy what the method says.

        Args:
            table: the question.
            recording: what the method said of it.
            key: what decides the recording and all that the executor learns of the method.
            learn: returns what the executor knows with the method; called only if a curve is to be made.
        """
        known = _Once(learn)

        def unheard() -> Mapping[str, Measure] | None:
            market = self._fresh(table, recording)
            return dict(market.measures) if self.executor().ignores_channels(market, known()) else None

        deaf = _Once(unheard)

        def make(number: int) -> Curve:
            if (measures := deaf()) is not None:
                curve = self._baseline_curve(table, number)
                return replace(curve, arm="white_box", measures={**curve.measures, **measures})
            return self.replay_seed(table, recording, number, known())

        whole = (*self.replay_key(table), *key)
        seeds = range(self.config.executor_seeds)
        return tuple(self._kept(CURVES, (*whole, number), partial(make, number)) for number in seeds)

    def replay_seed(self, table: Table, recording: Recording | None, number: int, state: Any) -> Curve:
        """Return the curve of one executor seed, made now.

        The seeds are those of the question, the same in both arms and for every method.

        Args:
            table: the question.
            recording: what the method said of it; None in the black-box arm.
            number: which seed.
            state: what the executor knows beforehand; see `state`.
        """
        question = table.question.hash
        seed = Seed.root(self.config.environment_seed).split("executor", question, number)
        executor, market = self.executor(), self._fresh(table, recording)
        trace = executor.answer(market, state, seed)
        reference = self._questions[table.question.hash].references[question]
        arm: Arm = "black_box" if recording is None else "white_box"
        curve = curve_from_trace(trace, table, reference_loss=reference, arm=arm, seed=number)
        bits = surprise(executor, market, Market(table, recording, decode=self.decode), table.values, state, seed)
        if bits is None:
            return curve
        return replace(curve, measures={**curve.measures, ROW_BITS: bits, ROW_PRECISION: PRECISION})

    def _fresh(self, table: Table, recording: Recording | None) -> Market:
        """Return the market of a question on which nothing is bought yet."""
        return self.market(table, recording, decode=self.decode)

    def decode(self, tokens: Sequence[int]) -> str:
        """Return the text of tokens, for executors that read; see `Market.text`.

        Raises:
            ExecutorError: these replays have no target, only its tables.
        """
        raise ExecutorError("rows have no text here: their tables are at hand, but not the target with its tokenizer")

    def _kept(self, kind: Kind[Curve], key: Key, make: Callable[[], Curve]) -> Curve:
        """Return the curve kept under a key, made and kept now if there is none; of several threads one makes it."""
        with self._alone((kind.name, *key)):
            found = self.store.get(kind, {"replay": key})
            if found is None:
                made = make()
                # another process may have been faster: what stands on disk is what counts
                found = self.store.get(kind, {"replay": key})
                if found is None:
                    found = made
                    self.store.put(kind, {"replay": key}, made)
            return found

    @contextmanager
    def _alone(self, key: Key) -> Iterator[None]:
        with self._lock:
            mine = self._locks[key]
        with mine:
            yield

    @cached_property
    def _identity(self) -> str:
        return self.executor().identity()

    def replay_key(self, table: Table) -> Key:
        """Return what decides the curves of a question besides the executor seed and what a method says of it.

        That is the executor with its options (`Executor.identity`), and data: the tables' own values and prices, since
        a table can be built again, and all of the task's other questions, since more of them can be built. Code stands
        in the key of every curve (`istar.arms.stores`).
        """
        task, question = self._questions[table.question.hash], table.question.hash
        data: Key = (table.digest, *(each.digest for each in task.others(question)), task.references[question])
        return question, table.target, RULEBOOK.version, self._identity, self.config.environment_seed, *data


class _Once:
    """A value that is made when it is first asked for."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make

    def __call__(self) -> Any:
        return self._value

    @cached_property
    def _value(self) -> Any:
        return self._make()
