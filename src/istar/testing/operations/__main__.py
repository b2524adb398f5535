"""Counts and times every operation, and prints what did not hold as JSON: part of `make trust`.

python -m istar.testing.operations [--counts-only] [kind ...]
"""

from __future__ import annotations

import argparse
import json
import sys

from istar.testing.operations.cases import KINDS, cases
from istar.testing.operations.verdict import counted, witnessed


def main() -> int:
    """Print the counts of all kinds of cases, or of those named; exit with 1 if anything did not hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--counts-only", action="store_true", help="do not time anything")
    parser.add_argument("kinds", nargs="*", default=[], help=f"of {', '.join(sorted(KINDS))}; all unless named")
    arguments = parser.parse_args()
    found = {"counted": counted(cases(*arguments.kinds))}
    if not arguments.counts_only:
        found["witnessed"] = witnessed(cases(*arguments.kinds))
    faults = [fault for part in found.values() for fault in part.pop("faults")]
    json.dump({**found, "faults": faults}, sys.stdout, indent=1)
    sys.stdout.write("\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
