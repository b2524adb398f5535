"""The command line: `istar COMMAND`.

Each command is a file of this package and imports what it needs when it runs, so that `istar --help` is instant.

Exit codes: 0 success; 1 an error that the message explains; 2 wrong usage; 3 the method is at fault;
4 done but for what is named at the end; 130 interrupted.
"""

from __future__ import annotations

from istar.cli.entry import main

__all__ = ["main"]
