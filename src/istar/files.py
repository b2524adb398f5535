"""Files that are whole or not there.

Whatever istar keeps is written here: under another name first, forced to the disk, then renamed. So a process may be
killed, or the disk may fill up, at any moment, and no reader ever sees half a file.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from istar.errors import IstarError

PARTIAL = ".partial"
"""The ending of a file that is being written, or was when its writer was killed."""


NETWORK_FILE_SYSTEMS = {
    *("nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "coda", "9p", "vboxsf"),
    *("lustre", "gpfs", "beegfs", "ceph", "glusterfs", "panfs", "pvfs2", "gfs2", "ocfs2"),
    *("fuse.ceph", "fuse.gcsfuse", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs"),
}
"""Types of file systems whose files other machines may have open."""
MOUNTS = Path("/proc/self/mountinfo")


class StorageError(IstarError):
    """A file or folder that cannot be written or read: no space, no permission, or something else in its place."""


@contextmanager
def storing(path: Path, *, verb: str = "write") -> Iterator[None]:
    """Turn the operating system's errors into a `StorageError` that names the file and says what to do."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise StorageError(f"cannot {verb} {path}: {reason}; {_advice(error)}") from error


ELSEWHERE = (
    "choose a folder that you may write to: the environment variable ISTAR_HOME moves the folder of istar's data, "
    "--runs that of runs"
)
_ROOM = f"free some space, then start again: what was written before is kept; or {ELSEWHERE}"
_ADVICE = {
    errno.EACCES: f"check its permissions, or {ELSEWHERE}",
    errno.EPERM: f"check its permissions, or {ELSEWHERE}",
    errno.EROFS: ELSEWHERE,
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EFBIG: _ROOM,
    errno.ENOENT: "check the path",
    errno.ENOTDIR: "one of its folders is a file; choose another path",
    errno.EISDIR: "it is a folder; give the path of a file",
    errno.EEXIST: "there is a file where a folder should be; move it or choose another path",
    errno.ENAMETOOLONG: "give a shorter name",
    errno.ELOOP: "its links lead round in a circle; choose another path",
    errno.EMFILE: "allow more open files (`ulimit -n`)",
    errno.ENFILE: "close other programs: the system has no more open files to give",
}


def _advice(error: OSError) -> str:
    return _ADVICE.get(error.errno or 0, "check the disk and start again: what was written before is kept")


def write_whole(path: Path, *content: bytes) -> None:
    """Write a file so that it is never seen half-written, and survives a loss of power once this returns.

    Args:
        path: the file; folders above it are made.
        content: what is written, piece after piece.

    Raises:
        StorageError: it cannot be written; an older file of this name is left as it was.
    """
    with storing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = _locked_temporary(path)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.writelines(content)
                stream.flush()
                os.fsync(stream.fileno())
                temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)


def _locked_temporary(path: Path) -> tuple[int, Path]:
    """Return a new file beside `path`, locked for as long as its descriptor is open: `sweep` leaves it alone."""
    while True:
        temporary = path.parent / f".{secrets.token_hex(8)}{PARTIAL}"
        descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o666)
        with suppress(OSError):  # a file system without locks; then nothing can be swept there either
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return descriptor, temporary
        os.close(descriptor)  # swept away between its making and its locking


def _sync_folder(folder: Path) -> None:
    """Force a folder's entries to the disk, where the file system can."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sweep(folder: Path) -> int:
    """Delete what killed writers left half-written anywhere under a folder; return how many files that were.

    A file that is being written is locked by its writer and stays.
    """
    swept = 0
    for path in folder.rglob(f".*{PARTIAL}"):
        with suppress(OSError):
            descriptor = os.open(path, os.O_RDWR)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
                swept += 1
            finally:
                os.close(descriptor)
    return swept


def read_text(path: Path) -> str:
    """Return the text of a file that a user named or may have edited, without the mark that some editors begin it with.

    Raises:
        StorageError: it cannot be read, or is not UTF-8 text.
    """
    with storing(path, verb="read"):
        try:
            return path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise StorageError(
                f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8, or give another file"
            ) from error


def checksum(content: bytes) -> str:
    """Return SHA-256, 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def check_destination(path: Path) -> None:
    """Check that a file could be written, so that nothing long is done for a result that has no place.

    Raises:
        StorageError: it could not; the message says why.
    """
    if path.is_dir():
        raise StorageError(f"cannot write {path}: it is a folder; give the path of a file")
    with storing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    check_writable(path.parent)


def on_network(path: Path) -> bool:
    """Return whether a path lies where other machines may have its files open too; False where that is not known."""
    try:
        mounts = [line.split(" - ", 1) for line in MOUNTS.read_text(errors="surrogateescape").splitlines()]
    except OSError:
        return False
    types = {
        Path(_unescaped(facts.split()[4])): rest.split()[0] for facts, rest in mounts
    }  # what is mounted last counts
    real = path.resolve()
    place = next(place for place in (real, *real.parents, None) if place is None or place in types)
    return place is not None and types[place] in NETWORK_FILE_SYSTEMS


def _unescaped(name: str) -> str:
    """Return a path as it is, of which the kernel writes blanks and the like as octal numbers."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), name)


def check_writable(folder: Path) -> None:
    """Check that files can be made in a folder that exists.

    Raises:
        StorageError: they cannot.
    """
    if not os.access(folder, os.W_OK | os.X_OK):
        raise StorageError(f"cannot write to {folder}: it is read-only; check its permissions, or {ELSEWHERE}")
