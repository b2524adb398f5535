"""Recording a method on many questions ahead of the executor, in several jails side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Self

from istar.methods.contract import MethodError

if TYPE_CHECKING:
    from istar.truth import Table


class Ahead:
    """Records questions task by task, in the order given. A context manager: what still runs when it is left is ended.

    Once a method has failed on a question of a task, no other question of that task is begun.

    Args:
        record: records the method on a question and keeps what it said.
        tables: the questions, by task.
        side_by_side: how many are recorded at a time.
        stop: ends whatever is being recorded.
        on_question: called after every question that was recorded, one at a time.
    """

    def __init__(
        self,
        record: Callable[[Table], object],
        tables: Mapping[str, Sequence[Table]],
        side_by_side: int,
        stop: Callable[[], None],
        on_question: Callable[[Table], None] | None = None,
    ) -> None:
        """See the class docstring."""
        self._record, self._stop, self._on_question = record, stop, on_question
        self._failed: set[str] = set()
        self._lock = Lock()
        self._pool = ThreadPoolExecutor(side_by_side)
        self._futures: dict[str, list[Future[None]]] = {
            task: [self._pool.submit(self._ask, task, table) for table in theirs] for task, theirs in tables.items()
        }

    def _ask(self, task: str, table: Table) -> None:
        if task in self._failed:
            return
        try:
            self._record(table)
        except MethodError:  # whoever asks the method about this question is told so again
            self._failed.add(task)
        if self._on_question is not None:
            with self._lock:
                self._on_question(table)

    def ready(self, task: str) -> bool:
        """Return whether everything is recorded that will be of a task."""
        return all(future.done() for future in self._futures[task])

    def wait(self, task: str) -> None:
        """Wait until everything is recorded that will be of a task.

        Raises:
            IstarError: something went wrong that is no fault of the method.
        """
        wait(self._futures[task])
        for future in self._futures[task]:
            future.result()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End what is still being recorded, if anything is."""
        if error is not None:
            self._stop()
        self._pool.shutdown(wait=True, cancel_futures=True)
