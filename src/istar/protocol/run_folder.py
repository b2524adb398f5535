"""The folder of a run: its settings, its ledger, its best method, and later its report."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from istar.arms.settings import differing
from istar.errors import IstarError
from istar.files import StorageError, storing, write_whole
from istar.ledger import Ledger, OldLedgerError
from istar.protocol.config import CONFIG_FILE, SearchConfig, as_begun, checked_config
from istar.protocol.provenance import changed_plugins

DEFAULT_RUNS = Path("runs")
LONGEST = 200
"""The most bytes of a run's name."""
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
            if others := differing(self.config().model_dump(), config.model_dump()):
                raise RunFolderError(
                    f"the run in {self.path} has other settings (differing: {', '.join(others)}); resume it without "
                    "stating them, or give the new run another name"
                )
            return
        write_whole(self.path / CONFIG_FILE, (config.model_dump_json(indent=2) + "\n").encode())

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other processes from working on this run until the block ends, or the process does, however it ends.

        Raises:
            RunFolderError: another process works on it.
            StorageError: the folder cannot be written to, or its file system has no locks.
        """
        with storing(self.path):
            descriptor = os.open(self.path / LOCK_FILE, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o666)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                other = os.pread(descriptor, 20, 0).decode(errors="replace").strip() or "unknown"
                raise RunFolderError(
                    f"another process (number {other}) works on the run in {self.path}; wait for it or end it"
                ) from error
            except OSError as error:
                raise StorageError(
                    f"cannot lock {self.path}: {error.strerror or error}; on a file system without locks two searches "
                    "could work on one run at once, so choose a folder on another one (--runs)"
                ) from error
            with suppress(OSError):  # only for the message above; a full disk is noticed where it matters
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            yield
        finally:
            os.close(descriptor)

    def ledger(self, *, read_only: bool = False) -> Ledger:
        """Open the run's ledger; one of an older version is brought to this version's schema first.

        Raises:
            RunFolderError: it is to be read and has an older schema, and another process works on the run, which may be
                of the older version and would go on writing as that does.
        """
        try:
            return Ledger(self.ledger_path, read_only=read_only)
        except OldLedgerError:
            with self.alone():
                Ledger(self.ledger_path).close()
            return Ledger(self.ledger_path, read_only=read_only)

    @contextmanager
    def removed_if_unused(self) -> Iterator[None]:
        """Check the ledger, if there is one; if there is still none when the block fails, take the settings back.

        So nothing long is done beside a ledger that is damaged, and a slip of the hand leaves no run behind.
        """
        if self.ledger_path.exists():
            self._check_ledger()
        try:
            yield
        except BaseException:
            if not self.ledger_path.exists():
                with suppress(OSError):
                    (self.path / CONFIG_FILE).unlink(missing_ok=True)
                    (self.path / LOCK_FILE).unlink(missing_ok=True)
                    self.path.rmdir()
            raise

    def _check_ledger(self) -> None:
        """Check that the ledger is sound, and that the settings here are those that its run was begun with.

        Raises:
            LedgerError: it is not sound.
            RunFolderError: the settings or the plug-ins are others.
        """
        with self.ledger() as ledger:
            run = {run.name: run for run in ledger.runs()}.get(self.name)
        if run is None:
            return
        if changed := changed_plugins(run.versions):
            raise RunFolderError(
                f"the run in {self.path} was begun with other plug-ins (differing: {', '.join(changed)}); put them "
                "back, or give the new run another name"
            )
        begun = as_begun(checked_config(run.config.options, str(self.ledger_path)))
        if others := differing(begun.model_dump(), self.config().model_dump()):
            raise RunFolderError(
                f"the settings in {self.path / CONFIG_FILE} are not those that the run was begun with (differing: "
                f"{', '.join(others)}); put them back, or give the new run another name"
            )

    def write_best(self, source: str) -> None:
        """Write the best method."""
        write_whole(self.best_method_path, source.encode())


def checked_name(name: str) -> str:
    """Return the name of a new run, if a folder and the ledger can bear it.

    Raises:
        RunFolderError: they cannot.
    """
    if not name.strip() or name in (".", "..") or "/" in name or not name.isprintable() or len(name.encode()) > LONGEST:
        raise RunFolderError(
            f"{name[:80]!r} cannot be a run's name; give up to {LONGEST} bytes of printable characters without a slash"
        )
    return name


def find_run(name: str, runs: Path = DEFAULT_RUNS) -> RunFolder:
    """Return the run of this name under `runs`, or the run in the folder `name`.

    Raises:
        RunFolderError: there is none; the message lists those there are.
    """
    for path in (runs / name, Path(name)):
        with suppress(OSError, ValueError):  # a name that no file can have
            if name and RunFolder(path).exists:
                return RunFolder(path)
    there = sorted(path.parent.name for path in runs.glob(f"*/{CONFIG_FILE}")) if runs.is_dir() else []
    raise RunFolderError(f"there is no run {name[:200]!r} in {runs}; there are: {', '.join(there) or 'none'}")
