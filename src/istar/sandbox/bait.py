"""What attacks are after: a secret in a file, a folder to write to, a port that listens on this machine alone."""

from __future__ import annotations

import os
import select
import shutil
import socket
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

SECRET = "the answers"
VARIABLE = "ISTAR_BAIT"
ANYBODYS = (Path("/tmp"), Path("/var/tmp"), Path("/dev/shm"))
"""Folders in which everybody may write; what attacks leave there has the bait's name, which nobody else uses."""


class Bait:
    """A context manager: what it lays out is gone afterwards.

    Attributes:
        folder: holds the secret, and nothing else that this process did not put there.
        secret: the file.
        name: what names of files begin with that attacks leave in folders that are everybody's.
        port: on the loopback interface; nobody answers, but a connection is noticed.
    """

    def __init__(self) -> None:
        """Lay the bait out."""
        self._temporary = tempfile.TemporaryDirectory(prefix="istar-bait-")
        self.folder = Path(self._temporary.name).resolve()
        self.name = self.folder.name
        self.secret = self.folder / "truth.txt"
        self.secret.write_text(SECRET)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self._before = os.environ.get(VARIABLE)
        os.environ[VARIABLE] = SECRET
        self._known = self._facts()

    def put_into(self, source: str) -> str:
        """Return an attack's source with the places of the bait filled in."""
        filled = source.replace("@SECRET@", str(self.secret)).replace("@FOLDER@", str(self.folder))
        return filled.replace("@PORT@", str(self.port)).replace("@NAME@", self.name)

    def touched(self) -> list[str]:
        """Return what an attack did to the bait: files made or changed, connections."""
        facts = self._facts()
        found = sorted(
            str(name) for name in facts.keys() | self._known.keys() if facts.get(name) != self._known.get(name)
        )
        if select.select([self._listening], [], [], 0)[0]:
            found.append(f"port {self.port}")
            self._listening.accept()[0].close()
        self._known = facts
        return found

    def settle(self) -> None:
        """Take what is in the folder now for what belongs there."""
        self._known = self._facts()

    def _facts(self) -> dict[str, tuple[int, int, int]]:
        facts = {}
        for path in (*self.folder.rglob("*"), *self._left()):
            stat = path.lstat()
            facts[str(path)] = (stat.st_mode, stat.st_size, stat.st_mtime_ns)
        return facts

    def _left(self) -> list[Path]:
        """Return what was left in folders that are everybody's."""
        found = [path for folder in ANYBODYS for path in folder.glob(f"{self.name}*")]
        return [path for path in found if path.resolve() != self.folder]

    def close(self) -> None:
        """Take the bait away."""
        self._listening.close()
        self._temporary.cleanup()
        for path in self._left():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        if self._before is None:
            os.environ.pop(VARIABLE, None)
        else:
            os.environ[VARIABLE] = self._before

    def __enter__(self) -> Self:
        """Return the bait."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bait away."""
        self.close()
