"""Everything that can be tried against the measurement, whole: `make trust`.

    python tests/trust.py [--kills 300] [--damages 1000] [--inputs 1000] [--guided 20000] [--to results/trust.html]

The tests that `make test` leaves out, since quicker ones sample there what they try; what operations count and take
for what they are billed; attacks on every tier of
isolation, honest methods that must not be flagged, simulated statistics, the statistician's intervals, kills, damaged
files and bad input, arbitrary and grown by coverage. Counts are written beside the page as JSON after each part, and a
part that is there already is not run again unless `--afresh` says so. Exits with 1 if anything did not hold.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from istar.files import write_whole
from istar.reports.trust import broken, write_trust

TESTS = Path(__file__).parent
sys.path.insert(0, str(TESTS.parent / "benchmarks"))

from machine import describe_machine  # noqa: E402


def _run(*command: str) -> Any:
    """Return the JSON that a program of its own prints, whatever it exits with."""
    done = subprocess.run([sys.executable, *command], cwd=TESTS.parent, stdout=subprocess.PIPE, text=True, check=False)
    return json.loads(done.stdout)


def _tests() -> dict[str, Any]:
    """Run the tests that are left to this program; return how many there are, and which of them failed."""
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-m", "trust", f"--junitxml={report}"]
        subprocess.run(command, cwd=TESTS.parent, env=os.environ | {"ISTAR_TRUST": "1"}, stdout=sys.stderr, check=False)
        cases = list(ElementTree.parse(report).iter("testcase"))
    failed = [
        f"{case.get('classname')}.{case.get('name')} failed"
        for case in cases
        if case.find("failure") is not None or case.find("error") is not None
    ]
    return {"tried": len(cases), "faults": failed or ([] if cases else ["no test was found"])}


def main() -> int:
    """Run what is not known yet and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--damages", type=int, default=1000, help="of each kind of file")
    parser.add_argument("--inputs", type=int, default=1000, help="for each loader")
    parser.add_argument("--guided", type=int, default=20000, help="for each loader, grown towards new lines by atheris")
    parser.add_argument("--to", type=Path, default=TESTS.parent / "results" / "trust.html")
    parser.add_argument("--afresh", action="store_true", help="run again what is known")
    arguments = parser.parse_args()
    numbers = [f"--{name}={getattr(arguments, name)}" for name in ("kills", "damages", "inputs")]
    parts: dict[str, Callable[[], Any]] = {
        "machine": describe_machine,
        "tests": _tests,
        "operations": lambda: _run("-m", "istar.testing.operations"),
        "statistics": lambda: _run("tests/rewards/simulations.py"),
        "posterior": lambda: _run("tests/executors/posterior.py"),
        "attacks": lambda: _run("-m", "istar.testing.attacks", "tests/attacks/methods", "tests/attacks/honest"),
        "witness": lambda: _run("tests/attacks/processor_time.py"),
        "faults": lambda: _run("tests/faults/campaign.py", *numbers),
        "guided": lambda: _run("tests/bad_input/coverage_guided.py", f"--inputs={arguments.guided}"),
    }
    counts = arguments.to.with_suffix(".json")
    found = json.loads(counts.read_text()) if counts.exists() and not arguments.afresh else {}
    for name, make in parts.items():
        if name not in found:
            found[name] = make()
            write_whole(counts, (json.dumps(found, indent=1) + "\n").encode())
    write_trust(found, arguments.to)
    for each in broken(found):
        sys.stdout.write(f"did not hold: {each}\n")
    sys.stdout.write(f"wrote {arguments.to}\n")
    return 1 if broken(found) else 0


if __name__ == "__main__":
    sys.exit(main())
