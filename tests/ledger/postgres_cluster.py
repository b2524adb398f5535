"""A PostgreSQL server of the tests' own: a new cluster in a temporary folder, reached by a socket in it, then deleted.

The programs come from the Debian package `postgresql` or any other installation; they refuse to run as root, so root
hands the cluster to another user.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from urllib.parse import quote

from measured import PATIENCE

MISSING = "PostgreSQL's server is not installed; install the package `postgresql` (apt-get install postgresql)"
_numbers = count()


def programs() -> Path | None:
    """Return the folder that holds initdb and pg_ctl, the newest one there is, or None."""
    on_path = shutil.which("initdb")
    if on_path is not None and shutil.which("pg_ctl") is not None:
        return Path(on_path).resolve().parent
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


def _owner() -> str | None:
    """Return the user that the server runs as, or None for the current one."""
    if os.geteuid():
        return None
    users = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in users else "nobody"


@contextmanager
def cluster() -> Iterator[str]:
    """Run a server while the block runs, and give its folder.

    Its texts are sorted as people sort them, not by code points: what relies on SQLite's order is found out.
    """
    found = programs()
    if found is None:
        raise FileNotFoundError(MISSING)
    owner = _owner()
    folder = tempfile.mkdtemp(prefix="istar-pg-")  # a socket's path may not be long, so not in pytest's folders
    data = f"{folder}/data"
    prefix = []
    if owner is not None:
        shutil.chown(folder, owner)
        user = pwd.getpwnam(owner)
        prefix = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]

    def run(program: str, *arguments: str) -> None:
        command = [*prefix, str(found / program), "-D", data, *arguments]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=False)
        if done.returncode:
            log = Path(folder, "log")
            raise RuntimeError(f"{program}: {done.stdout}{done.stderr}{log.read_text() if log.exists() else ''}")

    try:
        locale = ("--locale-provider=icu", "--icu-locale=en-US", "--locale=C.UTF-8", "--encoding=UTF8")
        run("initdb", "--auth=trust", "--username=istar", "--no-sync", *locale)
        options = f"-k {folder} -c listen_addresses='' -c fsync=off -c max_connections=40 -c shared_buffers=16MB"
        run("pg_ctl", "-w", "-l", f"{folder}/log", "-o", options, "start")
        try:
            yield folder
        finally:
            run("pg_ctl", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def fresh_url(folder: str) -> str:
    """Return the URL of an empty schema on the server in a folder."""
    from sqlalchemy import create_engine, text

    name = f"test_{os.getpid()}_{next(_numbers)}"
    url = f"postgresql://istar@/postgres?host={quote(folder, safe='')}"
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {name}"))
    engine.dispose()
    return f"{url}&options=-csearch_path%3D{name}"
