"""What the searches of this study say of a plateau: `plateaus.json`, and its table in docs/forecast.md.

python results/smollm2-135m/ledgers.py restore runs/smollm2-135m
python results/smollm2-135m/plateaus.py runs/smollm2-135m
python docs/write_tables.py published results/smollm2-135m docs/forecast.md
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from istar.protocol.run_folder import RunFolder
from istar.reports.plateau import plateau_of, trained_in

CONTROL = "shuffled"
"""Its rewards say nothing of methods."""


def asked(folder: RunFolder) -> dict[str, Any]:
    """Return what a run's ledger says of a plateau.

    A method that the rule would have scored on fresh questions is one whose training reward is above the lower of the
    incumbent's two rewards, so that every rise of the best training reward is one. Rounds count from 1.
    """
    with folder.ledger(read_only=True) as ledger:
        run = ledger.run(folder.name)
        rounds, found = ledger.rounds(run.name), plateau_of(ledger, run)
        trained = [trained_in(ledger, run, each) for each in rounds]
        fresh = len({each.method for each in ledger.evaluations(run.name, stage="fresh")})
    assert found is not None
    best, rises = 0.0, []
    for number, each in enumerate(trained, 1):
        if each is not None and each.average > best:
            best = each.average
            rises.append(number)
    return {
        "run": run.name,
        "basis": found.basis,
        "reached": found.reached,
        "rounds": len(rounds),
        "needed": found.needed,
        "rises": rises,
        "best": best,
        "published": None if found.since is None else found.since + 1,
        "scored_on_fresh_questions": fresh,
    }


def main() -> None:
    """Ask every run that is no control."""
    if len(sys.argv) != 2:
        sys.exit("usage: python results/smollm2-135m/plateaus.py RUNS_FOLDER")
    names = sorted(each.name.removesuffix(".tar.xz") for each in (Path(__file__).parent / "ledgers").glob("*.tar.xz"))
    found = [asked(RunFolder(Path(sys.argv[1]) / name)) for name in names if name != CONTROL]
    (Path(__file__).parent / "plateaus.json").write_text(json.dumps({"runs": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
