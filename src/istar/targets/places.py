"""Where targets are: names that we give, folders and hub ids, and the files behind them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from istar.registry import Registry
from istar.targets.checkpoint import check_no_adapter
from istar.targets.embedded import embedded_folder, is_converted
from istar.targets.errors import TargetError
from istar.targets.small import NAMES, weights_folder

FOLDERS: Registry[Callable[[], Path]] = Registry("target")
"""Targets that we name: each gives the folder of its files, made if need be."""

EMBEDDED_NAME = "smollm2-135m"
FOLDERS.add(EMBEDDED_NAME, embedded_folder)
for small in NAMES:
    FOLDERS.add(small, partial(weights_folder, small))

TINY = "tiny-random"
PRACTICE = (*NAMES, TINY)
"""Targets on which things are tried out: what a method says of them is of no use to anybody."""


def at_hand(name_or_path: str) -> bool:
    """Return whether a target's files are here, so that nothing need be converted or asked of a hub to read them."""
    if name_or_path == EMBEDDED_NAME:
        return is_converted()
    return name_or_path == TINY or name_or_path in FOLDERS or Path(name_or_path).expanduser().is_dir()


def folder_of(name_or_path: str) -> Path | None:
    """Return the local folder that is meant, or None for a hub id."""
    path = Path(name_or_path).expanduser()
    if not name_or_path.strip() or "\0" in name_or_path:
        raise TargetError(
            f"{name_or_path!r} names no target; there are {', '.join([*FOLDERS, TINY])}, folders, hub ids"
        )
    if path.is_dir():
        if not (path / "config.json").exists():
            check_no_adapter(str(path), path)
            raise TargetError(f"{path} holds no config.json; a target's folder is what save_pretrained writes")
        return path
    looks_local = name_or_path.startswith(("/", "./", "../", "~")) or name_or_path.count("/") > 1
    if path.exists() or looks_local:
        raise TargetError(f"there is no folder {path}; give the folder of a Hugging Face model")
    if "/" not in name_or_path:
        raise TargetError(
            f"no target is called {name_or_path!r}; there are {', '.join([*FOLDERS, TINY])}, folders, and hub ids "
            "such as owner/model"
        )
    return None
