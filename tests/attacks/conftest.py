"""Jails to attack: one a tier, on a tiny target whose files lie among the bait."""

import pytest

from istar.sandbox.bait import Bait
from istar.sandbox.jail.tiers import PlainTier, working_bubblewrap, working_landlock
from istar.testing.attacks import attack_range

TIERS = {"bubblewrap": working_bubblewrap, "landlock": working_landlock, "plain": lambda: (PlainTier(), "")}


@pytest.fixture(scope="session")
def bait():
    with Bait() as laid:
        yield laid


def lend(name, bait):
    tier, reason = TIERS[name]()
    if tier is None:
        pytest.skip(f"the tier {name} does not work here: {reason}")
    with attack_range(tier, bait) as shooting:
        yield shooting


@pytest.fixture(scope="session", params=["bubblewrap", "landlock"])
def shooting(request, bait):
    yield from lend(request.param, bait)


@pytest.fixture(scope="session")
def unjailed(bait):
    yield from lend("plain", bait)
