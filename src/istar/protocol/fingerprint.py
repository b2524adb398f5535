"""A fingerprint of code: what a cached figure depends on besides its data.

The black-box arm's curves are kept between searches. They are valid as long as the code that made them is the same,
so the cache is keyed by a hash of that code's files rather than by a version somebody must remember to raise.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from pathlib import Path

REPLAY_PACKAGES = ("istar.executors", "istar.questions", "istar.flops", "istar.rewards")
"""The packages that decide an executor's curve on a given table."""


@cache
def fingerprint(packages: tuple[str, ...] = REPLAY_PACKAGES) -> str:
    """Return a hash over all files of some packages, data files included, 64 hexadecimal digits."""
    digest = hashlib.sha256()
    for package in packages:
        root = Path(str(files(package)))
        for path in sorted(root.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(f"{package}/{path.relative_to(root).as_posix()}\n".encode())
                digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
