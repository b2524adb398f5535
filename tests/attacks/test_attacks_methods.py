"""Every attack meets the fate that its file declares, at the fence and on both tiers."""

import pytest
from choosing import ATTACKS, WHOLE, chosen

from istar.sandbox.battery import check_fence

RUN = [attack for attack in ATTACKS if attack.fate is not None and not attack.known_open]
OPEN = [attack for attack in ATTACKS if attack.known_open]
GAINING = [attack for attack in ATTACKS if attack.gains_in_plain]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_the_fence_says_what_the_file_declares(attack):
    verdict = check_fence(attack)
    assert verdict.held, verdict.found


@pytest.mark.parametrize("attack", chosen(RUN), ids=lambda attack: attack.name)
def test_the_jail_holds(shooting, attack):
    verdict = shooting.run(attack)
    assert verdict.held, f"expected {verdict.expected}; found {verdict.found}"


@pytest.mark.parametrize("attack", chosen(GAINING, 4), ids=lambda attack: attack.name)
def test_it_is_the_jail_that_stops_it(unjailed, attack):
    assert unjailed.gain(attack) == 1
    unjailed.bait.touched()  # what it did without a jail is no finding


@pytest.mark.parametrize("attack", OPEN, ids=lambda attack: attack.name)
@pytest.mark.xfail(strict=True, reason="a known hole: see docs/trust.md")
def test_a_known_hole_is_closed(shooting, attack):
    assert shooting.run(attack).held


@pytest.mark.skipif(not WHOLE, reason="the whole battery runs with ISTAR_WHOLE_BATTERY=1")
def test_a_jail_that_was_attacked_a_hundred_times_still_works(shooting):
    harmless = next(attack for attack in RUN if attack.fate == "counted")
    assert shooting.run(harmless).held
