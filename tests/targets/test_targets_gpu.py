"""A target on a GPU gives what it gives on the processor: skipped where there is no GPU."""

from copy import deepcopy

import numpy as np
import pytest
import torch

from istar.questions import (
    Ablate,
    Composed,
    Entropy,
    FineTune,
    GreedyCorrect,
    KLFrom,
    LogitBias,
    PolicyCost,
    Prune,
    Run,
    SpanLogprob,
    SpanMargin,
    Steer,
    Temperature,
    WeightNoise,
)
from istar.targets import load_target, wrap

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")

GPU = "cuda"
CLOSE = {"atol": 2e-3, "rtol": 0}
SHOT = tuple(range(40, 60))
PROMPTS = [(0, *SHOT[start : start + 12], *query) for start in range(4) for query in ((70, 71, 72), (80, 81, 82))]
OTHER = (0, 60, 61, 62)
CHANGES = {
    "fine-tune": FineTune((PROMPTS[0], OTHER), (2, 1), 0.05),
    "steps": FineTune((PROMPTS[0],), (3,), 0.05, steps=3, depth=0.5),
    "steer": Steer(PROMPTS[0], OTHER, 2.0, 0.5),
    "noise": WeightNoise(3, 0.2),
    "ablation": Ablate(0.0, "attention"),
    "pruning": Prune(0.4),
    "bias": LogitBias((72, 50), 1.5),
    "together": Composed((WeightNoise(4, 0.1), Temperature(2.0))),
}


def runs(change=None):
    return [Run(tokens, readout, change) for tokens in PROMPTS for readout in readouts(len(tokens) - 2)]


def readouts(start):
    yield SpanLogprob(start)
    yield SpanMargin(start, (9, 8))
    yield Entropy()
    yield GreedyCorrect(start)
    yield KLFrom(PROMPTS[0], last=2)
    yield PolicyCost(start, OTHER)


@pytest.fixture(scope="module")
def there(target):
    return wrap(deepcopy(target.module).to(GPU), target.tokenizer, target.name, target.id)


def test_values_are_the_same(target, there):
    assert there.device.type == GPU
    here = target.values(runs())
    np.testing.assert_allclose(there.values(runs()), here, **CLOSE)
    assert np.std(here.numpy()) > 0.1


@pytest.mark.parametrize("name", CHANGES)
def test_changed_targets_have_the_same_values_and_change_back(target, there, name):
    plain = there.values(runs())
    here = target.values(runs(CHANGES[name]))
    np.testing.assert_allclose(there.values(runs(CHANGES[name])), here, **CLOSE)
    assert not np.allclose(here, target.values(runs()), **CLOSE)
    assert torch.equal(there.values(runs()), plain)


def test_streams_read_through_a_lens_are_the_same(target, there):
    for layer in range(target.layers + 1):
        here, far = (each.read(runs(), each.run(runs(), upto=layer)) for each in (target, there))
        np.testing.assert_allclose(far, here, **CLOSE)


def test_two_calls_agree_to_the_last_bit(there):
    assert torch.equal(there.values(runs()), there.values(runs()))


def test_a_target_is_loaded_where_it_is_asked_for():
    here, far = (load_target("tiny-random", device=device) for device in ("cpu", GPU))
    assert far.device.type == GPU
    assert far.id == here.id
    np.testing.assert_allclose(far.values(runs()), here.values(runs()), **CLOSE)
