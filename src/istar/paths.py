"""Where istar keeps what it computes: one folder, `ISTAR_HOME` or the user's cache folder."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from istar.files import storing


def home() -> Path:
    """Return istar's data folder; the environment variable `ISTAR_HOME` overrides the platform's default."""
    return Path(os.environ.get("ISTAR_HOME") or platformdirs.user_cache_dir("istar")).expanduser()


def data_folder(name: str) -> Path:
    """Return the sub-folder of the data folder for one kind of data, created if need be.

    Raises:
        StorageError: it cannot be created.
    """
    folder = home() / name
    with storing(folder, verb="create"):
        folder.mkdir(parents=True, exist_ok=True)
    return folder
