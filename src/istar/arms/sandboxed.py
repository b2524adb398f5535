"""The two settings on real methods: recordings in the sandbox, executors as replays.

A method runs once per question, in a jail, and leaves a recording; every executor seed of either arm is then a replay
that costs a fraction of a second. Recordings, interpretations and the black-box arm's curves are kept on disk and
shared by all searches.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from queue import Queue
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Int
from threadpoolctl import threadpool_limits

from istar import paths
from istar.arms.base import StoppedError
from istar.arms.replays import Replays
from istar.arms.sessions import SandboxSession
from istar.arms.settings import INTERPRET_TIMES, ArmSettings, cores
from istar.arms.streams import MOST_BYTES_OF_A_BATCH
from istar.arms.task_questions import TaskQuestions
from istar.files import sweep
from istar.flops import CostModel, rows_by_op
from istar.flops.rulebook import RULEBOOK
from istar.ledger import QuestionRecord
from istar.methods.contract import MethodError
from istar.questions import QuestionView, build_trie
from istar.sandbox import (
    Jail,
    Limits,
    SandboxError,
    TargetSpec,
    Worker,
    choose_tier,
    compute_standard_run,
)
from istar.storage import json_kind
from istar.targets import setup_readings
from istar.targets.costs import cached_costs_by_op

if TYPE_CHECKING:
    from istar.methods.side_by_side import Part
    from istar.targets import Corpus, Target
    from istar.targets.standard_runs import StandardRun
    from istar.truth import Table

_log = logging.getLogger(__name__)

ROW_COSTS = json_kind(
    "row_costs",
    code=("istar.targets", "istar.questions", "istar.flops"),
    libraries=("numpy", "torch", "transformers"),
)
"""FLOPs of a question's rows by operation; interventions are set up for it."""


class SandboxArms(Replays):
    """The arms of a real search. A context manager: the jails end with it.

    Args:
        config: the settings.
        target: the target.
        corpus: the generic text methods learn from.
        questions: every task that will be asked about.

    Attributes:
        probe: the question that is cheapest by brute force, on which is tried how many digits of an interpretation
            count; None if there are no questions.
    """

    def __init__(self, config: ArmSettings, target: Target, corpus: Corpus, questions: Iterable[TaskQuestions]) -> None:
        """See the class docstring."""
        super().__init__(config, questions)
        every = {each.task: each for each in self._questions.values()}
        tables = [table for each in every.values() for table in each.tables]
        self.probe = min(tables, key=lambda table: (table.brute_flops, table.question.hash), default=None)
        self.target = target
        self.corpus = corpus
        self.store.check_writable()
        sweep(paths.home())
        self._tier = choose_tier(config.unsafe)
        self._jails: list[Jail] = []
        self._free: Queue[Jail] = Queue()
        self._stopped = False

    def __enter__(self) -> SandboxArms:
        """Start the jails; they load the target in the background."""
        self._limits = threadpool_limits(1, user_api="blas")  # replays are small, and the same on every machine
        # jails that share cores take longer, and a method is not to fail for that
        seconds = self.config.caps.seconds * max(1.0, self.config.side_by_side * self.config.threads / cores())
        limits = Limits(
            threads=self.config.threads, interpret_seconds=INTERPRET_TIMES * seconds, record_seconds=seconds
        )
        for _ in range(self.config.side_by_side):
            jail = Jail(TargetSpec.of(self.target), self._tier, limits)
            self._jails.append(jail)
            self._free.put(jail)
        return self

    def __exit__(self, *_: object) -> None:
        """Kill the jails."""
        self._limits.restore_original_limits()
        for jail in self._jails:
            jail.stop()

    def stop(self) -> None:
        """See `Arms`."""
        self._stopped = True
        for jail in self._jails:
            jail.stop()

    @property
    def tier(self) -> str:
        """The tier of isolation that methods run under."""
        return self._tier.name

    def decode(self, tokens: Sequence[int]) -> str:
        """See `Replays`."""
        return self.target.decode(tokens)

    def flops_per_second(self) -> float:
        """Return how many FLOPs a second all jails together are good for; waits until the first has measured it."""
        jail = self._jails[0]
        return jail.known_rates().forward_flops_per_second * min(
            cores(), self.config.side_by_side * self.config.threads
        )

    def priced(self, table: Table) -> QuestionRecord:
        """See `Arms`."""
        parts = self.store.obtain(ROW_COSTS, self.streams_key(table), lambda: self._rows_by_op(table))
        return QuestionRecord(table.question.hash, table.question.task, RULEBOOK.version, parts)

    def _rows_by_op(self, table: Table) -> dict[str, dict[str, int]]:
        question = table.question
        setups = setup_readings(self.target, question.runs, table.provenance.rulebook).values()
        parts = rows_by_op(build_trie(question.runs), self._costs, [reading.by_op for reading in setups])
        counted = sum(flops for by_op in parts.values() for flops in by_op.values())
        if counted != table.brute_flops:
            _log.warning(
                "%s, question %d: %d FLOPs by brute force where its table was built, %d as %s is metered here (other "
                "packages or another device); the search cannot be rescored under another rulebook",
                *(question.task, question.index, table.brute_flops, counted, self.target.name),
            )
            return {}
        return parts

    @cached_property
    def _costs(self) -> dict[str, CostModel]:
        return cached_costs_by_op(self.target)

    def streams_key(self, table: Table) -> dict[str, str | int]:
        """Return what decides the streams and the costs of a question's rows, besides code."""
        return {
            **{"question": table.question.hash, "target": self.target.id},
            **{"rulebook": RULEBOOK.version, "threads": self.config.threads},
        }

    def standard_run(self, jail: Jail, view: QuestionView, rows: Int[np.ndarray, " rows"]) -> StandardRun:
        """Compute the standard run of some rows of a question in a jail that is free."""
        batch = QuestionView(tuple(view.runs[row] for row in rows), view.structure.take(rows))
        return compute_standard_run(jail, batch, MOST_BYTES_OF_A_BATCH)

    def interpretation_key(self, method: str) -> tuple[str, str, str, str]:
        """See `Arms`."""
        return method, self.target.id, self.corpus.hash, RULEBOOK.version

    @contextmanager
    def session(self, source: str, name: str, parts: Sequence[Part] = ()) -> Iterator[SandboxSession]:
        """See `Arms`."""
        yield SandboxSession(self, source, name, parts)

    @contextmanager
    def worker(self, source: str, name: str) -> Iterator[Worker]:
        """Lend a jail that runs the method, as soon as one is free."""
        jail = self._free.get()
        try:
            if self._stopped:
                raise StoppedError(f"{name!r} was not run: the search was stopped")
            with Worker(source, jail.target, name=name, jail=jail) as worker:
                yield worker
        except (MethodError, SandboxError) as error:
            if self._stopped:
                raise StoppedError(f"{name!r} was stopped with the search") from error
            raise
        finally:
            self._free.put(jail)
