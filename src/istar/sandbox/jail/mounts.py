"""What the jail's file system shows: Python, the packages a worker imports, one target's weights, and nothing else.

The list is an allow-list. Of istar's own package only the folders that a worker needs are visible, so the truth
tables that ship inside it are not there, and neither is any package added later until it is named here. The user's
data folder, the repository, the ledger and home folders are never mounted.

A folder is mounted at its real place alone, and its other names are links in the jail as they are outside: what is
covered in it is covered under every name (`lib64` of a virtual environment is a link to its `lib`).
"""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import istar

PACKAGES_IN_JAIL = ("flops", "methods", "questions", "sandbox", "storage", "targets")
"""Sub-packages of istar that a worker may import."""

SYSTEM_FOLDERS = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin")
SYSTEM_FILES = ("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime", "/nix/store")
PROCESSOR_FACTS = "/sys/devices/system/cpu"
"""torch asks here which vector instructions and how many processors there are."""

SCRATCH_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Mounts:
    """The jail's file system.

    Attributes:
        read_only: host paths that appear read-only at the same place.
        links: (place, what it points to).
        hidden: folders covered with an empty file system.
        revealed: host paths bound read-only after the hiding, at the same place.
    """

    read_only: tuple[Path, ...]
    links: tuple[tuple[Path, str], ...]
    hidden: tuple[Path, ...]
    revealed: tuple[Path, ...]

    def arguments(self) -> list[str]:
        """Return bubblewrap's arguments; later ones lie on top of earlier ones."""
        words: list[str] = []
        for path in self.read_only:
            words += ["--ro-bind", str(path), str(path)]
        for place, destination in self.links:
            words += ["--symlink", destination, str(place)]
        for folder in self.hidden:
            words += ["--tmpfs", str(folder)]
        for path in self.revealed:
            words += ["--ro-bind", str(path), str(path)]
        for folder in self.hidden:
            words += ["--remount-ro", str(folder)]
        return words


def jail_mounts(weights: Path | None, private: Iterable[Path], files: Iterable[Path] = ()) -> Mounts:
    """Return the mounts for a worker on one target.

    Args:
        weights: folder of the target's files, or None for a target built in code.
        private: folders that must not be seen even where they lie inside a folder that is mounted.
        files: single files that are shown, wherever they lie.
    """
    links: dict[Path, str] = {}
    named = [Path(name) for name in (*SYSTEM_FOLDERS, *SYSTEM_FILES, PROCESSOR_FACTS)]
    wanted = [*named, *python_folders(), package_folder()]
    read_only = _outermost(_real_place(path, links) for path in wanted if path.exists())
    package = package_folder()
    hidden = [
        folder
        for folder in sorted(package.iterdir())
        if folder.is_dir() and folder.name not in (*PACKAGES_IN_JAIL, "__pycache__")
    ]
    hidden += [
        folder for folder in (path.resolve() for path in private if path.is_dir()) if _inside_any(folder, read_only)
    ]
    revealed = () if weights is None else _with_link_targets(weights, links)
    revealed = (*revealed, *(_real_place(file, links) for file in files))
    outside = ((place, text) for place, text in links.items() if not _inside_any(place, (*read_only, *revealed)))
    return Mounts(tuple(read_only), tuple(outside), tuple(hidden), revealed)


def package_folder() -> Path:
    """Return the folder of the installed istar package."""
    return Path(istar.__file__).resolve().parent


def python_folders() -> tuple[Path, ...]:
    """Return the folders that hold the interpreter, its library and installed packages.

    Only the parts of a prefix that Python uses: a virtual environment may share its folder with anything.
    """
    prefixes = dict.fromkeys((sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix))
    found = [Path(prefix) / name for prefix in prefixes for name in ("bin", "lib", "lib64", "pyvenv.cfg")]
    libraries = [Path(sysconfig.get_path(kind)) for kind in ("stdlib", "platstdlib", "purelib", "platlib")]
    packages = [Path(entry) for entry in sys.path if Path(entry).name in ("site-packages", "dist-packages")]
    found += [*_folders_on_the_way_to(Path(sys.executable)), *libraries, *packages]
    return tuple(_outermost(path for path in found if path.exists()))


def import_path() -> tuple[str, ...]:
    """Return the folders that the worker's Python searches: this process's, as far as the jail shows them."""
    visible = [*python_folders(), Path("/usr"), package_folder()]
    folders = [str(Path(entry)) for entry in sys.path if entry and _inside_any(Path(entry), visible)]
    return tuple(dict.fromkeys([*folders, str(package_folder().parent)]))


def _folders_on_the_way_to(executable: Path) -> list[Path]:
    """Return the folder of each link from an executable's name to its file: the jail needs every one to run it."""
    folders = [executable.parent]
    while executable.is_symlink() and len(folders) < 40:
        executable = executable.parent / executable.readlink()
        folders.append(executable.parent)
    return [*folders, executable.resolve().parent]


def _inside_any(path: Path, folders: Iterable[Path]) -> bool:
    return any(path == folder or folder in path.parents for folder in folders)


def _outermost(paths: Iterable[Path]) -> list[Path]:
    """Return those of some paths that lie in no other one."""
    kept: list[Path] = []
    for path in sorted(set(paths), key=lambda path: (len(path.parts), path)):
        if not _inside_any(path, kept):
            kept.append(path)
    return kept


def _real_place(path: Path, links: dict[Path, str]) -> Path:
    """Return where an existing path leads, and note each link on the way: its place, and what it points to."""
    place, left = Path("/"), list(path.absolute().parts[1:])
    while left:
        name = left.pop(0)
        here = place.parent if name == ".." else place / name
        if here.is_symlink():
            links[here] = os.readlink(here)
            target = Path(links[here])
            left = [*target.parts[target.is_absolute() :], *left]
            place = Path("/") if target.is_absolute() else place
        else:
            place = here
    return place


def _with_link_targets(folder: Path, links: dict[Path, str]) -> tuple[Path, ...]:
    """Return a folder and the files outside it that its links point to (the Hugging Face cache keeps weights so)."""
    real = _real_place(folder, links)
    targets = {
        _real_place(entry, links) for entry in real.rglob("*") if entry.is_symlink() and entry.resolve().is_file()
    }
    return (real, *sorted(path for path in targets if real not in path.parents))
