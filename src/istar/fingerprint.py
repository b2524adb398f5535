"""A fingerprint of code: what a cached figure depends on besides its data.

Curves, streams and priors are kept between searches. They are valid as long as the code that made them is the same, so
they are filed under a hash of that code rather than under a version somebody must remember to raise: our files, the
packages that do the arithmetic, and whatever a user has plugged in.
"""

from __future__ import annotations

import hashlib
import platform
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from istar.identity import code_files, code_hash
from istar.plugins import plugin_identity


def fingerprint(code: tuple[str, ...], libraries: tuple[str, ...], *, plugins: bool = True) -> str:
    """Return a hash over code and the versions it runs with, 64 hexadecimal digits.

    Comments and docstrings do not enter it (`istar.identity.code_hash`), data files of a package do.

    Args:
        code: names of our packages and modules.
        libraries: names of installed packages.
        plugins: whether plug-ins have a part in what is kept.
    """
    parts = (
        platform.python_version(),
        plugin_identity() if plugins else "",
        *own_code(code),
        *map(_version, libraries),
    )
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@cache
def _version(library: str) -> str:
    """Return the version of an installed package, which takes a while to find: keys are made by the thousand."""
    return version(library)


@cache
def own_code(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return a line for each file of some packages and modules of ours: where it is, and a hash of its code."""
    return tuple(
        f"{name} {path.relative_to(root.parent).as_posix()} {code_hash(path)}"
        for name in names
        for root in _roots(name)
        for path in code_files(root)
    )


def _roots(name: str) -> list[Path]:
    """Return the folders of a package, or the file of a module."""
    spec = find_spec(name)
    assert spec is not None, name
    return [Path(each) for each in spec.submodule_search_locations or [str(spec.origin)]]
