"""Killing a process at a chosen moment, with SIGKILL, and counting the moments there are.

A moment is an event that touches what a search keeps: a file about to be made, forced to the disk, renamed or removed,
a statement or a commit about to reach the ledger. Each has a label: the stage of the search, what happens, and to
which store.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn
from unittest import mock

from sqlalchemy import event
from sqlalchemy.engine import Engine

from istar.protocol.book import Book
from istar.protocol.evaluator import Evaluator

STORES = ("recordings", "interpretations", "curves", "baselines", "streams", "truth-unfinished", "truth", "effects")
MAY_CHANGE = ("runs",)
"""What is written anew as it grows."""


@dataclass
class Reaper:
    """Counts moments in this process, and ends it at one of them.

    Args:
        root: the folder below which files count.
        when: told the label of a moment and how many of that label and of all there were; says whether to die.
        journal: where labels are noted, one a line, as they come.
    """

    root: Path
    when: Callable[[str, int, int], bool]
    journal: Path
    stage: str = "load"
    seen: Counter[str] = field(default_factory=Counter)

    def install(self) -> None:
        """Begin to count, for the rest of the process's life."""
        self._note = os.open(self.journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        sys.addaudithook(self._on_audit)
        event.listen(Engine, "commit", lambda _: self._moment("commit", "ledger"))
        event.listen(Engine, "before_cursor_execute", self._on_statement)
        mock.patch.object(Evaluator, "interp", self._following_answers(Evaluator.interp)).start()
        mock.patch.object(Book, "evaluation", self._following(Book.evaluation, 1)).start()
        mock.patch.object(Book, "baseline", self._following(Book.baseline, None)).start()
        fsync = os.fsync
        mock.patch("istar.files.os.fsync", lambda file: (self._moment("fsync", _path_of(file)), fsync(file))[1]).start()

    def _on_audit(self, name: str, arguments: tuple[object, ...]) -> None:
        if name == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR):
            self._moment("open", arguments[0])
        elif name in ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree"):
            if name == "os.rename":
                self._check_new(str(arguments[1]))
            self._moment(name.removeprefix("os."), arguments[1] if name == "os.rename" else arguments[0])

    def _on_statement(self, _connection, _cursor, statement: str, *_) -> None:
        if statement.startswith(("INSERT", "UPDATE")):
            table = statement.split()[2 if statement.startswith("INSERT") else 1]
            self._moment(f"write {table}", "ledger")

    def _following(self, verb: Callable[..., object], place: int | None) -> Callable[..., object]:
        """Return a verb of the book that says in which stage the search is, its argument at a place."""

        def followed(*arguments: object) -> object:
            self.stage = "baseline" if place is None else str(arguments[place])
            return verb(*arguments)

        return followed

    def _following_answers(self, verb: Callable[..., Iterator[object]]) -> Callable[..., Iterator[object]]:
        """Return a verb that gives one answer after another at the stage that is its second argument."""

        def followed(evaluator: object, stage: str, *arguments: object) -> Iterator[object]:
            answers = verb(evaluator, stage, *arguments)
            while True:
                self.stage = stage
                try:
                    answer = next(answers)
                except StopIteration:
                    return
                yield answer

        return followed

    def _check_new(self, path: str) -> None:
        """Note a file that is put in the place of one that was there: something kept was computed again."""
        if self._store(path) not in (None, *MAY_CHANGE) and os.path.exists(path):
            os.write(self._note, f"again {path}\n".encode())

    def _store(self, path: object) -> str | None:
        if path == "ledger":
            return "ledger"
        text = os.fspath(path) if isinstance(path, str | os.PathLike) else ""
        if not str(text).startswith(str(self.root)):
            return None
        parts = Path(text).relative_to(self.root).parts
        return next((store for store in STORES if any(part.startswith(store) for part in parts)), "runs")

    def _moment(self, what: str, path: object) -> None:
        store = self._store(path)
        if store is None:
            return
        label = f"{self.stage}: {what} {store}"
        self.seen[label] += 1
        os.write(self._note, f"moment {label}\n".encode())
        if self.when(label, self.seen[label], self.seen.total()):
            os.kill(os.getpid(), signal.SIGKILL)


def _path_of(descriptor: int) -> str:
    return os.readlink(f"/proc/self/fd/{descriptor}")


def fork(live: Callable[[], None]) -> int:
    """Start a child that lives and then ends; return its process number."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    _end(live)


def _end(live: Callable[[], None]) -> NoReturn:
    status = 1
    try:
        live()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def outcome(child: int) -> int:
    """Wait for a child; return its exit status, or the number of the signal that ended it with a minus."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def killed_at(
    live: Callable[[], None], root: Path, journal: Path, when: Callable[[str, int, int], bool], stage: str = "load"
) -> int:
    """Run a child that dies at a moment; return its outcome."""

    def counted() -> None:
        Reaper(root, when, journal, stage).install()
        live()

    return outcome(fork(counted))


def killed_after(live: Callable[[], None], seconds: float) -> int:
    """Run a child and kill it after some seconds; return its outcome."""
    child = fork(live)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    return outcome(child)


def killed_in_a_write(live: Callable[[], None], largest: int) -> int:
    """Run a child that the kernel kills in the middle of the write that would make a file longer than so many bytes."""

    def limited() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, resource.RLIM_INFINITY))
        live()

    return outcome(fork(limited))


def labels(journal: Path) -> list[str]:
    """Return the labels of the moments in a journal, each once, in the order in which they first came."""
    lines = journal.read_text().splitlines() if journal.exists() else []
    return list(dict.fromkeys(line.removeprefix("moment ") for line in lines if line.startswith("moment ")))


def moments(journal: Path) -> int:
    """Return how many moments a journal holds."""
    return sum(line.startswith("moment ") for line in journal.read_text().splitlines())


def computed_again(journal: Path) -> list[str]:
    """Return the files in a journal that were made although they were there."""
    lines: Sequence[str] = journal.read_text().splitlines()
    return [line.removeprefix("again ") for line in lines if line.startswith("again ")]
