"""Replays: what an executor answers to questions whose values and channels are already known.

Nothing is run: rows are bought from tables and channels from recordings, so a whole efficiency curve costs a fraction
of a second. Curves are kept on disk and shared by everything that asks for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from istar import paths
from istar.arms.base import Evaluation
from istar.arms.settings import ArmSettings
from istar.arms.stores import CurveStore
from istar.arms.task_questions import TaskQuestions
from istar.executors import EXECUTORS, Experience, Market
from istar.fingerprint import fingerprint
from istar.flops.rulebook import RULEBOOK
from istar.rewards.curves import Arm, Curve, curve_from_trace
from istar.seeds import Seed

if TYPE_CHECKING:
    from istar.methods.recording import Recording
    from istar.truth import Table

REPLAY_CODE = (
    "istar.executors",
    "istar.questions",
    "istar.flops",
    "istar.rewards",
    "istar.methods.recording",
    "istar.truth.table",
    "istar.arms.replays",
    "istar.seeds",
)
REPLAY_LIBRARIES = ("numpy", "scipy", "torch")
"""The packages that decide an executor's curve on a given table."""


class Replays:
    """The executor of some settings on the questions of some tasks.

    Args:
        config: the settings: executor, its seeds, the environment's seed.
        questions: every task that will be asked about.

    Attributes:
        market: makes the market of a question; benchmarks put one in its place that really runs the rows it sells.
    """

    market: type[Market] = Market

    def __init__(self, config: ArmSettings, questions: Iterable[TaskQuestions]) -> None:
        """See the class docstring."""
        self.config = config
        self._executor = EXECUTORS.get(config.executor)  # a new one each time: trials side by side are threads
        self.baselines = CurveStore(paths.cache("baselines"))
        self._tasks = {each.task: each for each in questions}

    def baseline(self, table: Table) -> Evaluation:
        """Return the curves of the black-box arm on a question, from disk where they were made before."""
        key = ("black_box", *self.replay_key(table))
        curves = self.baselines.load(key)
        if curves is None:
            curves = self.replay(table, None)
            self.baselines.save(key, curves)
        return Evaluation(curves)

    def white_box(self, table: Table, recording: Recording, experience: Experience | None) -> tuple[Curve, ...]:
        """Return the curves of the white-box arm on a question, one a seed.

        They are the black-box arm's where the executor is sure not to buy what the method says.

        Args:
            table: the question.
            recording: what the method said of it.
            experience: what the method was worth on other questions of the task.
        """
        if self._executor().will_not_listen(self._fresh(table, recording, experience)):
            return tuple(replace(curve, arm="white_box") for curve in self.baseline(table).curves)
        return self.replay(table, recording, experience)

    def replay(
        self, table: Table, recording: Recording | None, experience: Experience | None = None
    ) -> tuple[Curve, ...]:
        """Return the curves of an arm on a question, one a seed; the white-box arm's if there is a recording."""
        seeds = range(self.config.executor_seeds)
        return tuple(self.replay_seed(table, recording, number, experience) for number in seeds)

    def replay_seed(
        self, table: Table, recording: Recording | None, number: int, experience: Experience | None = None
    ) -> Curve:
        """Return the curve of one executor seed.

        The seeds are those of the question, the same in both arms and for every method.

        Args:
            table: the question.
            recording: what the method said of it; None in the black-box arm.
            number: which seed.
            experience: what the method was worth on other questions of the task.
        """
        question = table.question.hash
        seed = Seed.root(self.config.environment_seed).split("executor", question, number)
        trace = self._executor().answer(self._fresh(table, recording, experience), seed)
        reference = self._tasks[table.question.task].references[question]
        arm: Arm = "black_box" if recording is None else "white_box"
        return curve_from_trace(trace, table, reference_loss=reference, arm=arm, seed=number)

    def _fresh(self, table: Table, recording: Recording | None, experience: Experience | None) -> Market:
        """Return the market of a question on which nothing is bought yet."""
        prior = self._tasks[table.question.task].priors[table.question.hash]
        return self.market(table, recording, prior=prior, experience=experience)

    def replay_key(self, table: Table) -> Sequence[str | int | float]:
        """Return what decides the curves of a question besides what a method says of it.

        That is code (`fingerprint`), settings, and data: the table's own values and prices, since a table can be built
        again, and what is known of the task from its other questions, since more of them can be built.
        """
        task, question = self._tasks[table.question.task], table.question.hash
        executor = (self.config.executor, self.config.executor_seeds, self.config.environment_seed)
        data = (table.digest, task.priors[question].digest, task.references[question])
        return question, table.target, RULEBOOK.version, fingerprint(REPLAY_CODE, REPLAY_LIBRARIES), *executor, *data
