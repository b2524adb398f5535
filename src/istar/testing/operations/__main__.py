"""Counts and times every operation, and prints what did not hold as JSON: part of `make trust`.

python -m istar.testing.operations [--counts-only] [kind ...]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from istar.testing.operations.cases import KINDS, cases
from istar.testing.operations.verdict import counted, least_times, too_slow, witnessed

SWEEPS = 4
"""So many sweeps are timed at most, each in a process of its own, until no form is slow in all of them."""


def _swept(kinds: Sequence[str]) -> dict[str, Any]:
    """Return what times say of the prices: the least of as many sweeps as it takes."""
    sweeps: list[dict[str, Any]] = []
    least: dict[str, float] = {}
    while len(sweeps) < SWEEPS and (not sweeps or too_slow(least)):
        command = [sys.executable, "-m", "istar.testing.operations", "--one-sweep", *kinds]
        sweeps.append(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout))
        least = least_times(each["times"] for each in sweeps)
    found = {name: value for name, value in sweeps[0].items() if name != "times"}
    blind = set.intersection(*(set(each["faults"]) for each in sweeps))
    return {
        **found,
        "most": max(least.values(), default=0.0),
        "slow": [len(too_slow(each["times"])) for each in sweeps],
        "faults": too_slow(least) + sorted(blind),
    }


def main() -> int:
    """Print the counts of all kinds of cases, or of those named; exit with 1 if anything did not hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--counts-only", action="store_true", help="do not time anything")
    parser.add_argument("--one-sweep", action="store_true", help="print what one sweep of the clock finds, and no more")
    parser.add_argument("kinds", nargs="*", default=[], help=f"of {', '.join(sorted(KINDS))}; all unless named")
    arguments = parser.parse_args()
    if arguments.one_sweep:
        json.dump(witnessed(cases(*arguments.kinds)), sys.stdout)
        return 0
    found = {"counted": counted(cases(*arguments.kinds))}
    if not arguments.counts_only:
        found["witnessed"] = _swept(arguments.kinds)
    faults = [fault for part in found.values() for fault in part.pop("faults")]
    json.dump({**found, "faults": faults}, sys.stdout, indent=1)
    sys.stdout.write("\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
