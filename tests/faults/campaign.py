"""Kills searches, damages files and tries bad input, as often as asked, and returns counts as JSON.

    python tests/faults/campaign.py [--kills 300] [--damages 2000] [--inputs 2000] [--output FILE]

Exits with 1 if anything was lost, counted twice, read wrongly, or raised what is no error of istar's own.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

for name in ("faults", "protocol", "ledger", "bad_input"):
    sys.path.insert(0, str(Path(__file__).parent.parent / name))


def kills(count: int, folder: Path) -> dict[str, object]:
    """Kill searches about so many times: at every kind of moment, at random ones, in writes, and at random times."""
    from kills import Campaign

    found = {}
    for side_by_side in (1, 2):
        place = folder / str(side_by_side)
        place.mkdir(parents=True)
        campaign = Campaign(place, side_by_side)
        if side_by_side == 1:
            campaign.at_labels(every=max(1, 3 * len(campaign.labels) // count))
        campaign.in_writes(count // 10, seed=side_by_side)
        campaign.at_times(count // 10, seed=side_by_side)
        campaign.at_moments(count // 6, seed=side_by_side)
        found["one worker" if side_by_side == 1 else "two workers"] = campaign.result()
    return found


def damages(count: int, folder: Path) -> dict[str, object]:
    """Damage every kind of stored file so many times."""
    from damage import Damage, kinds

    folder.mkdir(parents=True)
    damage = Damage()
    for kind in kinds(folder):
        damage.inflict(kind, count, seed=1)
    return damage.result()


def inputs(count: int, folder: Path) -> dict[str, object]:
    """Give every loader so many inputs that are no valid ones."""
    from fuzzing import Fuzz, loaders

    folder.mkdir(parents=True)
    fuzz = Fuzz()
    for loader in loaders(folder):
        fuzz.feed(loader, count, seed=1)
    return fuzz.result()


def run(kill_count: int = 300, damage_count: int = 2000, input_count: int = 2000) -> dict[str, object]:
    """Run everything; return the counts, and what went wrong under `faults`."""
    with tempfile.TemporaryDirectory(prefix="istar-faults-") as scratch:
        root = Path(scratch)
        killed = kills(kill_count, root / "kills") if kill_count else {}
        damaged = damages(damage_count, root / "damage") if damage_count else {}
        tried = inputs(input_count, root / "inputs") if input_count else {}
    faults = [fault for part in (*killed.values(), damaged, tried) if part for fault in part["faults"]]
    return {"kills": killed, "damage": damaged, "inputs": tried, "faults": faults}


def main() -> int:
    """Run the campaign that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--damages", type=int, default=2000, help="of each kind of file")
    parser.add_argument("--inputs", type=int, default=2000, help="for each loader")
    parser.add_argument("--output", type=Path, help="write the counts to this file too")
    arguments = parser.parse_args()
    found = run(arguments.kills, arguments.damages, arguments.inputs)
    text = json.dumps(found, indent=2) + "\n"
    if arguments.output is not None:
        arguments.output.write_text(text)
    sys.stdout.write(text)
    return 1 if found["faults"] else 0


if __name__ == "__main__":
    sys.exit(main())
