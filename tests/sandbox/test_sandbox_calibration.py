"""What a worker measures before it knows of any method has a rate for every kind of operation."""

from random import Random

import pytest
import torch

from istar.flops.kinds import KINDS, kind_of
from istar.flops.meter import Meter
from istar.flops.timed import LONG, TimedMeter, _Clock, _timed
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
    with timed:
        target.unembed(target.forward(tokens))
        torch.nn.functional.layer_norm(torch.ones(4, 4, requires_grad=True), (4,)).sum().backward()
    with plain:
        target.unembed(target.forward(tokens))
        torch.nn.functional.layer_norm(torch.ones(4, 4, requires_grad=True), (4,)).sum().backward()
    assert (timed.flops, timed.by_op) == (plain.flops, plain.by_op)
    assert sum(use.flops for use in timed.kinds.values()) == plain.flops
    assert sum(use.calls for use in timed.kinds.values()) == sum(plain.calls.values())
    assert all(use.nanoseconds > 0 for use in timed.kinds.values())


def test_what_is_only_charged_is_in_no_kind():
    meter = TimedMeter()
    meter.charge({"mm": 100}, 100)
    with meter:
        torch.ones(3) + 1
    assert meter.flops > 100
    assert sum(use.flops for use in meter.kinds.values()) == meter.flops - 100


class Clock:
    """Says what time it is, and runs operations that take a time that is given."""

    def __init__(self, lasting):
        self.now, self.lasting = 0, lasting

    def run(self, call):
        self.now += self.lasting(call)


def estimate(lasting, calls, seed=0):
    """Return what a clock says that so many calls took, of what they took, and how often it was read."""
    clock, machine = _Clock(), Clock(lasting)
    run = _timed(machine.run, clock, Random(seed).random, now=lambda: machine.now)
    for call in range(calls):
        run(call)
    return clock.nanoseconds(calls) / machine.now, clock.timed


def test_long_operations_are_all_timed_and_others_at_random():
    assert estimate(lambda _: 10 * LONG, 1000) == (1.0, 1000)
    exact, timed = estimate(lambda call: (10 * LONG, LONG // 10)[call % 2], 1000)
    assert (exact, timed) == (1.0, 1000)
    exact, timed = estimate(lambda _: LONG // 10, 10_000)
    assert exact == 1.0
    assert 500 < timed < 800
    mixed, _ = estimate(lambda call: 1000 + 500 * (call % 7), 10_000)
    assert mixed == pytest.approx(1.0, abs=0.05)


def test_who_does_not_know_which_calls_are_timed_cannot_look_slower():
    """Every sixteenth call takes ten times as long as the others, which is what they would be taken for."""
    found = [estimate(lambda call: 1000 * (10 if call % 16 == 0 else 1), 10_000, seed)[0] for seed in range(20)]
    assert sum(found) / len(found) == pytest.approx(1.0, abs=0.1)
