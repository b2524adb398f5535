"""Every shipped intervention conforms, and the suite finds each fault that it should."""

from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
from suites import failures

from istar.questions import INTERVENTIONS, AblateHead, Composed, Edit, Intervention, Quantise
from istar.questions.interventions import Ablate, FineTune, LogitBias, Prune, Steer, Temperature, WeightNoise
from istar.targets import APPLIERS
from istar.testing.interventions import InterventionConformance

SHIPPED = {
    "FineTune": FineTune(((0, 5, 6, 7, 8),), (2,), 0.1),
    "Steer": Steer((0, 5, 6), (0, 7, 8), 4.0, 0.5),
    "WeightNoise": WeightNoise(3, 0.5),
    "Ablate": Ablate(0.5, "mlp"),
    "AblateHead": AblateHead(0.5, 0.25),
    "Quantise": Quantise(0.5, "mlp", 3),
    "Edit": Edit(((0, 5, 6), (0, 8, 6)), 60, 61, 0.5, 2.0),
    "Prune": Prune(0.5),
    "LogitBias": LogitBias((60, 61), 2.0),
    "Temperature": Temperature(0.5),
}


def suite_of(intervention):
    class Suite(InterventionConformance):
        def make(self):
            return intervention

    return Suite


for _name, _intervention in SHIPPED.items():
    globals()[f"Test{_name}"] = type(f"Test{_name}", (suite_of(_intervention),), {})


class TestComposed(suite_of(Composed((SHIPPED["Ablate"], SHIPPED["Temperature"])))):
    def test_stands_on_another(self):
        """What is composed is not composed again."""


def test_every_shipped_intervention_is_among_them():
    """But the organism, which is tested with its adapters."""
    shipped = {kind for kind in INTERVENTIONS if INTERVENTIONS.get(kind).__module__.startswith("istar.")}
    assert shipped == {each.kind for each in SHIPPED.values()} | {"composed", "organism"}


@dataclass(frozen=True)
class Scale(Intervention):
    """Scales the final norm."""

    kind: ClassVar[str] = "of_a_test"
    factor: float = 2.0


def weight_of(target):
    return target.anatomy.final_norm.weight


@contextmanager
def sound(target, intervention):
    weight = weight_of(target)
    before = weight.detach().clone()
    with torch.no_grad():
        weight.mul_(intervention.factor)
    try:
        yield
    finally:
        with torch.no_grad():
            weight.copy_(before)


@contextmanager
def forgets_after_an_error(target, intervention):
    weight = weight_of(target)
    before = weight.detach().clone()
    with torch.no_grad():
        weight.mul_(intervention.factor)
    yield
    with torch.no_grad():
        weight.copy_(before)


@contextmanager
def rounds(target, intervention):
    weight = weight_of(target)
    with torch.no_grad():
        weight.mul_(1.1)
    try:
        yield
    finally:
        with torch.no_grad():
            weight.div_(1.1)
            weight[0] += 1e-7


@contextmanager
def leaves_a_hook(target, intervention):
    with sound(target, intervention):
        target.anatomy.final_norm.register_forward_hook(lambda *_: None)
        yield


@contextmanager
def leaves_a_buffer(target, intervention):
    with sound(target, intervention):
        target.anatomy.final_norm.register_buffer("mark", torch.ones(1))
        yield


@contextmanager
def leaves_training_mode(target, intervention):
    with sound(target, intervention):
        target.module.train()
        yield


@contextmanager
def leaves_gradients(target, intervention):
    with sound(target, intervention):
        weight_of(target).grad = torch.zeros_like(weight_of(target))
        yield


@contextmanager
def draws_from_the_global_stream(target, intervention):
    with sound(target, Scale(1.0 + float(torch.rand(())))):
        yield


@contextmanager
def does_nothing(target, intervention):
    yield


costs = iter(range(1, 10**6))


@contextmanager
def costs_more_each_time(target, intervention):
    for _ in range(next(costs)):
        torch.ones(64).add_(1)
    with sound(target, intervention):
        yield


FAULTS = {
    forgets_after_an_error: "test_leaves_the_target_as_it_was",
    rounds: "test_leaves_the_target_as_it_was",
    leaves_a_hook: "test_leaves_the_target_as_it_was",
    leaves_a_buffer: "test_leaves_the_target_as_it_was",
    leaves_training_mode: "test_leaves_the_target_as_it_was",
    leaves_gradients: "test_leaves_the_target_as_it_was",
    draws_from_the_global_stream: "test_changes_outputs",
    does_nothing: "test_changes_outputs",
    costs_more_each_time: "test_setting_it_up_has_one_price",
}


@pytest.fixture
def applied_by(monkeypatch, request):
    """Return the suite of `Scale` with an applier, on a target of its own."""
    from istar.targets import load_target

    target = load_target("tiny-random")

    class Suite(suite_of(Scale())):
        def target(self):
            return target

    def register(applier):
        monkeypatch.setitem(INTERVENTIONS._entries, "of_a_test", Scale)
        if applier is not None:
            monkeypatch.setitem(APPLIERS._entries, "of_a_test", applier)
        return Suite()

    return register


@pytest.mark.parametrize(("applier", "test"), FAULTS.items(), ids=[applier.__name__ for applier in FAULTS])
def test_a_fault_is_found(applied_by, applier, test):
    assert test in failures(applied_by(applier))


def test_a_sound_one_passes(applied_by):
    assert failures(applied_by(sound)) == []


def test_one_that_nobody_applies_is_found(applied_by):
    assert "test_somebody_applies_it" in failures(applied_by(None))
    assert "test_survives_json" not in failures(applied_by(None))
