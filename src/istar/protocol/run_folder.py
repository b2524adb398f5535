"""The folder of a run: its settings, its ledger, its best method, and later its report."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from istar.errors import IstarError
from istar.files import storing, write_whole
from istar.ledger import Ledger, OldLedgerError
from istar.protocol.config import CONFIG_FILE, SearchConfig

DEFAULT_RUNS = Path("runs")
LOCK_FILE = ".lock"
"""Locked by the process that works on the run, and holding its number; the lock ends with the process."""


class RunFolderError(IstarError):
    """A run that is not there, or is there already."""


@dataclass(frozen=True)
class RunFolder:
    """One run's folder.

    Attributes:
        path: the folder; its name is the run's name.
    """

    path: Path

    @property
    def name(self) -> str:
        """The run's name, under which the ledger files it."""
        return self.path.resolve().name

    @property
    def ledger_path(self) -> Path:
        """Where its ledger is."""
        return self.path / "ledger.sqlite"

    @property
    def best_method_path(self) -> Path:
        """Where I*, the best method so far, is written."""
        return self.path / "best_method.py"

    @property
    def report_path(self) -> Path:
        """Where its report is written."""
        return self.path / "report.html"

    @property
    def exists(self) -> bool:
        """Whether a search was begun here."""
        return (self.path / CONFIG_FILE).exists()

    def config(self) -> SearchConfig:
        """Return the settings of the run."""
        return SearchConfig.load(self.path)

    def begin(self, config: SearchConfig) -> None:
        """Make the folder and write the settings; a run that is there with the same settings is left as it is.

        Raises:
            RunFolderError: the run exists with other settings.
        """
        if self.exists:
            known = self.config().model_dump()
            differing = sorted(name for name, value in config.model_dump().items() if known[name] != value)
            if differing:
                raise RunFolderError(
                    f"the run in {self.path} has other settings (differing: {', '.join(differing)}); resume it without "
                    "stating them, or give the new run another name"
                )
            return
        write_whole(self.path / CONFIG_FILE, (config.model_dump_json(indent=2) + "\n").encode())

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other processes from working on this run until the block ends, or the process does, however it ends.

        Raises:
            RunFolderError: another process works on it.
            StorageError: the folder cannot be written to.
        """
        with storing(self.path):
            descriptor = os.open(self.path / LOCK_FILE, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o666)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                other = os.pread(descriptor, 20, 0).decode(errors="replace").strip() or "unknown"
                raise RunFolderError(
                    f"another process (number {other}) works on the run in {self.path}; wait for it or end it"
                ) from error
            with suppress(OSError):  # only for the message above; a full disk is noticed where it matters
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            yield
        finally:
            os.close(descriptor)

    def ledger(self, *, read_only: bool = False) -> Ledger:
        """Open the run's ledger; one of an older version is brought to this version's schema first."""
        try:
            return Ledger(self.ledger_path, read_only=read_only)
        except OldLedgerError:
            Ledger(self.ledger_path).close()
            return Ledger(self.ledger_path, read_only=read_only)

    @contextmanager
    def checked(self) -> Iterator[None]:
        """Check the ledger, if there is one, so that nothing long is done beside one that is damaged."""
        if self.ledger_path.exists():
            self.ledger().close()
        yield

    def write_best(self, source: str) -> None:
        """Write the best method."""
        write_whole(self.best_method_path, source.encode())


def find_run(name: str, runs: Path = DEFAULT_RUNS) -> RunFolder:
    """Return the run of this name under `runs`, or the run in the folder `name`.

    Raises:
        RunFolderError: there is none; the message lists those there are.
    """
    for path in (runs / name, Path(name)):
        if RunFolder(path).exists:
            return RunFolder(path)
    there = sorted(path.parent.name for path in runs.glob(f"*/{CONFIG_FILE}")) if runs.is_dir() else []
    raise RunFolderError(f"there is no run {name!r} in {runs}; there are: {', '.join(there) or 'none'}")
