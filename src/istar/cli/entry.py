"""Where `istar` begins and ends: its streams, and an interrupt at any moment, the first included.

Nothing but the standard library is imported before the streams are sound and interrupts are awaited.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn, TextIO

ERROR, INTERRUPTED = 1, 130


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit."""
    try:
        _open_streams()
        # before torch is imported: threads that spin while they wait starve one another where cores are few
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        from istar.cli.app import run

        code = run(sys.argv[1:] if arguments is None else arguments)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        code = INTERRUPTED
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # nothing is left to be said
    sys.exit(_flushed(code))


def _open_streams() -> None:
    """Put the null device where a stream was closed, and let no character be one that a stream cannot show."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDWR)  # the lowest that is free: that of the stream itself
            setattr(sys, name, open(descriptor, "w" if number else "r", encoding="utf-8"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def _flushed(code: int) -> int:
    """Write what the streams still hold, and return the exit code: an error if results could not be written."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError as error:
            _to_nowhere(stream)
            if not isinstance(error, BrokenPipeError):  # whose reader had enough
                code = code or ERROR
                if stream is sys.stdout:
                    sys.stderr.write(f"error: the results cannot be written: {error.strerror}\n")
    return code


def _to_nowhere(stream: TextIO) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
