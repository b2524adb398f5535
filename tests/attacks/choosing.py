"""Which attacks a run of the tests tries: a sample, or all of them."""

import json
import os
from pathlib import Path

from istar.sandbox.battery import SHIPPED, Attack, read_attacks

ATTACKS = (*read_attacks(Path(__file__).parent / "methods"), *read_attacks(SHIPPED))
ROUNDS = json.loads((Path(__file__).parent / "rounds.json").read_text(encoding="utf-8"))
"""The rounds of new attacks: what was tried, what succeeded at first, and how its kind was mended."""
HONEST = sorted((Path(__file__).parent / "honest").glob("*.py"))
WHOLE = os.environ.get("ISTAR_WHOLE_BATTERY") == "1"
"""The fence looks at every attack in every run; the jails are attacked by each eighth, and by those that the rounds say
are always tried, unless this is set."""


def chosen(attacks: list[Attack], each: int = 8) -> list[Attack]:
    """Return the attacks of this run."""
    if WHOLE:
        return attacks
    return [attack for place, attack in enumerate(attacks) if place % each == 0 or attack.name in ROUNDS["always"]]
