"""Whether what a method points at is what was built."""

import numpy as np
import pytest

from istar.methods.recording import ChannelBatch, Recording
from istar.scenarios.ontology import CHANCE, pointed_at
from istar.tasks import structure_of

CANDIDATES, CONTEXTS = 40, 5
CELLS = [(candidate, context) for candidate in range(CANDIDATES) for context in range(CONTEXTS)]
STRUCTURE = structure_of([("candidate", "arm"), ("context", "nuisance")], CELLS)
ARM = np.array(CELLS)[:, 0]


def recording(channels, rows=None):
    rows = np.arange(len(CELLS)) if rows is None else rows
    return Recording("", "", "", "", (ChannelBatch(rows, channels[rows].astype(np.float32), 1),), 0)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_method_that_knows_the_trigger_points_at_it_whichever_way_its_channel_goes(sign):
    generator = np.random.default_rng(0)
    channels = generator.standard_normal((len(CELLS), 2))
    channels[ARM == 7, 1] += sign * 9.0
    assert pointed_at(recording(channels), STRUCTURE, 7) == 1.0
    assert pointed_at(recording(channels), STRUCTURE, 8) < 1.0


def test_noise_points_at_chance():
    generator = np.random.default_rng(1)
    shares = [
        pointed_at(
            recording(generator.standard_normal((len(CELLS), 3))), STRUCTURE, int(generator.integers(CANDIDATES))
        )
        for _ in range(400)
    ]
    assert np.mean(shares) == pytest.approx(CHANCE, abs=4 * np.std(shares) / 20)


def test_what_says_the_same_of_all_candidates_is_at_chance():
    assert pointed_at(recording(np.ones((len(CELLS), 1))), STRUCTURE, 3) == CHANCE


def test_it_is_not_measured_of_methods_that_say_nothing_of_the_trigger():
    assert pointed_at(Recording("", "", "", "", (), 0), STRUCTURE, 3) is None
    channels = np.random.default_rng(2).standard_normal((len(CELLS), 1))
    assert pointed_at(recording(channels, np.flatnonzero(ARM < 3)), STRUCTURE, 3) is None
    assert pointed_at(recording(channels, np.flatnonzero(ARM < 4)), STRUCTURE, 3) is not None
