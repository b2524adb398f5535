"""Which attacks a run of the tests tries: a sample, or all of them."""

import os
from pathlib import Path

from istar.sandbox.battery import SHIPPED, Attack, read_attacks

ATTACKS = (*read_attacks(Path(__file__).parent / "methods"), *read_attacks(SHIPPED))
HONEST = sorted((Path(__file__).parent / "honest").glob("*.py"))
WHOLE = os.environ.get("ISTAR_WHOLE_BATTERY") == "1"
"""The fence looks at every attack in every run; the jails are attacked by each fifth unless this is set."""


def chosen(attacks: list[Attack], each: int = 5) -> list[Attack]:
    """Return the attacks of this run."""
    return attacks if WHOLE else attacks[::each]
