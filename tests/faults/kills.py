"""Campaigns of kills: a search is killed again and again, and must end as if nothing had happened."""

from __future__ import annotations

import os
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import forged
from reaper import computed_again, killed_after, killed_at, killed_in_a_write, labels, moments

from istar.arms.stores import CURVES
from istar.truth.effects.records import forget_records

KILLED = -9
KILLED_WRITING = -25  # SIGXFSZ


@dataclass
class Campaign:
    """Searches that are killed, beside an undisturbed one.

    Args:
        folder: where they live.
        side_by_side: how many methods each search evaluates at once.

    Attributes:
        kills: the labels of the moments at which one was killed, or how it was killed otherwise.
        searches: how many were brought to their end.
        faults: what went wrong: should stay empty.
        seconds: how long the undisturbed one took.
    """

    folder: Path
    side_by_side: int = 1
    kills: Counter[str] = field(default_factory=Counter)
    searches: int = 0
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Build the tables and run the undisturbed search."""
        CURVES.facts({})  # a hash of the code; kept in memory, so that no child computes it again
        forget_records()  # of tables that earlier tests wrote: every child must learn, and keep, its own
        self.settings = forged.config(side_by_side=self.side_by_side)
        self.journal = self.folder / "journal"
        home = self.folder / "tables"
        with at_home(home):
            forged.write_tables()
        with self._fresh("undisturbed") as (root, live):
            started = time.monotonic()
            if killed_at(live, root, self.journal, lambda *_: False) != 0:
                raise RuntimeError("the undisturbed search failed")
            self.seconds = time.monotonic() - started
            self.lines = forged.export(root / "runs")
            self.files = _kept(root / "home")
        self.labels = labels(self.journal)
        self.moments = moments(self.journal)

    @contextmanager
    def _fresh(self, name: str) -> Iterator[tuple[Path, Callable[[], None]]]:
        """Give a search's folder, with tables and nothing else in its home, and what runs or resumes it."""
        root = self.folder / name
        shutil.copytree(self.folder / "tables", root / "home")
        self.journal.unlink(missing_ok=True)
        try:
            with at_home(root / "home"):
                yield root, lambda: forged.search_and_unseal(root / "runs", self.settings)
        finally:
            shutil.rmtree(root)

    def at_labels(self, every: int = 1) -> None:
        """Kill one search at the first moment of every label, or every so manieth, in the order in which they come."""
        with self._fresh("labels") as (root, live):
            for label in self.labels[::every]:
                ended = killed_at(live, root, self.journal, lambda seen, *_, wanted=label: seen == wanted)
                self._count(ended, KILLED, label)
            self._bring_to_its_end(root, live)

    def at_moments(self, count: int, seed: int) -> None:
        """Kill searches at random moments, about six times each, until there were so many kills."""
        chance = random.Random(seed)
        done = 0
        while done < count:
            with self._fresh("moments") as (root, live):
                for _ in range(min(6, count - done)):
                    number = chance.randint(1, max(2, self.moments // 3))
                    ended = killed_at(live, root, self.journal, lambda _l, _n, seen, wanted=number: seen == wanted)
                    self._count(ended, KILLED, "at a random moment")
                    done += 1
                self._bring_to_its_end(root, live)

    def at_times(self, count: int, seed: int) -> None:
        """Kill a search after random times, none longer than an undisturbed one took here."""
        chance = random.Random(seed)
        with self._fresh("times") as (root, live):
            for _ in range(count):
                self._count(killed_after(live, chance.uniform(0, self.seconds)), KILLED, "after a random time")
            self._bring_to_its_end(root, live)

    def in_writes(self, count: int, seed: int) -> None:
        """Kill a search in the middle of writing a file."""
        chance = random.Random(seed)
        with self._fresh("writes") as (root, live):
            for _ in range(count):
                largest = round(10 ** chance.uniform(1.5, 5.3))
                self._count(killed_in_a_write(live, largest), KILLED_WRITING, "in the middle of a write")
            self._bring_to_its_end(root, live)

    def _count(self, ended: int, wanted: int, label: str) -> None:
        if ended == wanted:
            self.kills[label] += 1
        elif ended != 0:  # it may have come to its end before its moment; anything else is a fault
            self.faults.append(f"a search that was to be killed ({label}) ended with {ended}")

    def _bring_to_its_end(self, root: Path, live: Callable[[], None]) -> None:
        self.searches += 1
        if killed_at(live, root, self.journal, lambda *_: False) != 0:
            self.faults.append(f"a killed search could not be resumed in {root.name}")
            return
        if forged.export(root / "runs") != self.lines:
            self.faults.append(f"the ledger of a killed search differs in {root.name}")
        files = _kept(root / "home")
        differing = sorted(name for name in files.keys() | self.files.keys() if files.get(name) != self.files.get(name))
        if differing:
            self.faults.append(f"the files of a killed search differ: {', '.join(differing[:5])}")
        self.faults += [f"computed although it was kept: {path}" for path in computed_again(self.journal)]

    def result(self) -> dict[str, object]:
        """Return the counts as JSON values."""
        return {
            "kills": self.kills.total(),
            "kills_by_moment": dict(sorted(self.kills.items())),
            "moments_of_a_search": self.moments,
            "searches_resumed": self.searches,
            "ledger_lines": len(self.lines),
            "faults": self.faults,
        }


@contextmanager
def at_home(home: Path) -> Iterator[Path]:
    """Have istar keep its data in a folder while the block runs."""
    before = os.environ.get("ISTAR_HOME")
    os.environ["ISTAR_HOME"] = str(home)
    try:
        yield home
    finally:
        if before is None:
            del os.environ["ISTAR_HOME"]
        else:
            os.environ["ISTAR_HOME"] = before


def _kept(home: Path) -> dict[str, bytes]:
    """Return every file below a folder with its content.

    Streams are left out: they are computed for the second who asks, and a search that was killed while it computed them
    asks twice.
    """
    files = [path for path in sorted(home.rglob("*")) if path.is_file() and "streams" not in path.parts]
    return {str(path.relative_to(home)): path.read_bytes() for path in files}
