"""What a worker measures before it knows of any method has a rate for every kind of operation."""

import time

import pytest
import torch

from istar.flops.kinds import KINDS, kind_of
from istar.flops.meter import Meter
from istar.flops.timed import TimedMeter
from istar.flops.witness import Rates
from istar.sandbox.calibration import _works, calibrate
from istar.targets.loading import load_target


@pytest.fixture(scope="module")
def target():
    return load_target("tiny-random")


def test_every_kind_of_operation_has_a_rate(target):
    rates = calibrate(target)
    assert set(rates.kinds) == set(KINDS)
    assert all(rate.call_seconds > 0 for rate in rates.kinds.values())
    assert all(rate.flop_seconds > 0 for kind, rate in rates.kinds.items() if kind != "free")
    assert rates.between_seconds >= 0
    assert rates.product_flops_per_second > 0
    assert rates.forward_flops_per_second > 0
    assert Rates.from_json(rates.to_json()) == rates


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_calibrated_is_of_its_kind(kind):
    for work in _works()[kind]:
        meter = TimedMeter()
        with meter:
            work()
        dearest = max(meter.by_op, key=meter.by_op.get, default=None)
        assert kind_of(dearest) == kind if dearest else set(meter.kinds) == {kind}


def test_a_timed_meter_counts_as_any_other_and_times_no_operation_twice(target):
    """A composite that torch takes apart is timed part by part."""
    tokens = torch.full((1, 8), target.bos)
    plain, timed = Meter(), TimedMeter()
    started = time.perf_counter()
    with timed:
        target.unembed(target.forward(tokens))
        torch.nn.functional.layer_norm(torch.ones(4, 4, requires_grad=True), (4,)).sum().backward()
    elapsed = time.perf_counter() - started
    with plain:
        target.unembed(target.forward(tokens))
        torch.nn.functional.layer_norm(torch.ones(4, 4, requires_grad=True), (4,)).sum().backward()
    assert (timed.flops, timed.by_op) == (plain.flops, plain.by_op)
    assert sum(use.flops for use in timed.kinds.values()) == plain.flops
    assert 0 < sum(use.nanoseconds for use in timed.kinds.values()) <= 1e9 * elapsed


def test_what_is_only_charged_is_in_no_kind():
    meter = TimedMeter()
    meter.charge({"mm": 100}, 100)
    with meter:
        torch.ones(3) + 1
    assert meter.flops > 100
    assert sum(use.flops for use in meter.kinds.values()) == meter.flops - 100
