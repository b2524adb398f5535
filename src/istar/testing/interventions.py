"""Conformance suite for interventions: subclass it, give it an intervention, and pytest checks it and its applier.

Example:
    >>> class TestMine(InterventionConformance):
    ...     def make(self) -> Intervention:
    ...         return MyIntervention(strength=2.0)
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import suppress
from functools import cache

import torch
from torch import Tensor

from istar.questions import INTERVENTIONS, Composed, Intervention, Run, SpanLogprob, run_from_json
from istar.targets import APPLIERS, Target, load_target
from istar.targets.interventions import applied, setup_flops


@cache
def _tiny_target() -> Target:
    return load_target("tiny-random")


class InterventionConformance(ABC):
    """What every intervention and its applier must do, whatever they change.

    Attributes:
        changes_outputs: whether the target's outputs are others under it.
    """

    changes_outputs = True

    @abstractmethod
    def make(self) -> Intervention:
        """Return the intervention; two calls give equal ones."""

    def target(self) -> Target:
        """Return the target that it is applied to; a tiny one with random weights unless overridden."""
        return _tiny_target()

    def runs(self) -> list[Run]:
        """Return the runs whose values are compared."""
        tokens = [(0, *range(40 + start, 52 + start)) for start in range(3)]
        return [Run(each, SpanLogprob(4), self.make()) for each in tokens]

    def test_survives_json(self) -> None:
        """It is registered under its kind, and a run under it is the same after a round trip through JSON."""
        intervention = self.make()
        assert INTERVENTIONS.get(intervention.kind) is type(intervention), f"register it as {intervention.kind!r}"
        run = Run((0, 1, 2), SpanLogprob(1), intervention)
        again = run_from_json(json.loads(json.dumps(run.to_json())))
        assert again == run
        assert again.intervention is not None
        assert again.intervention.key == intervention.key == self.make().key

    def test_somebody_applies_it(self) -> None:
        """An applier is registered for its kind."""
        assert self.make().kind in APPLIERS, "register its applier in istar.targets.APPLIERS"

    def test_leaves_the_target_as_it_was(self) -> None:
        """Weights, buffers, hooks and modes are exactly what they were, to the last bit, also after an error."""
        target = self.target()
        before = _state(target)

        for error in (False, True):
            with suppress(_OnPurposeError), applied(target, self.make()):
                if error:
                    raise _OnPurposeError
            _assert_same(before, _state(target))

    def test_changes_outputs(self) -> None:
        """Values under it are finite and others than without, the same each time, and those without come back."""
        target, runs = self.target(), self.runs()
        plain = [Run(run.tokens, run.readout) for run in runs]
        without = _values(target, plain)
        under = _values(target, runs)
        assert under == _values(target, runs), "two times under it give two values; draw from a seed among its fields"
        assert _values(target, plain) == without
        assert (under != without) == self.changes_outputs

    def test_setting_it_up_has_one_price(self) -> None:
        """What setting it up costs is the same each time, as for any intervention of its `cost_key`."""
        prices = {setup_flops(self.target(), self.make()) for _ in range(2)}
        assert len(prices) == 1
        assert min(prices) >= 0

    def test_stands_on_another(self) -> None:
        """Applied on top of itself it still leaves the target as it was."""
        target = self.target()
        before = _state(target)
        with applied(target, Composed((self.make(), self.make()))):
            pass
        _assert_same(before, _state(target))


class _OnPurposeError(Exception):
    """What goes wrong under an intervention in a test."""


def _values(target: Target, runs: list[Run]) -> list[float]:
    values = target.values(runs)
    assert torch.isfinite(values).all(), "a value under the intervention is not finite"
    return [float(value) for value in values]


def _state(target: Target) -> dict[str, object]:
    """Return all that an applier may have changed, by name: tensors copied, the rest as texts."""
    return dict(_parts(target))


def _parts(target: Target) -> Iterator[tuple[str, object]]:
    module = target.module
    for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
        yield f"the values of {name}", tensor.detach().clone()
        yield f"requires_grad of {name}", tensor.requires_grad
        yield f"the gradient of {name}", None if tensor.grad is None else tensor.grad.clone()
    for name, part in module.named_modules():
        hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
        yield f"the hooks of {name or 'the model'}", [list(getattr(part, each)) for each in hooks]
        yield f"the class of {name or 'the model'}", type(part)
        yield f"the attributes of {name or 'the model'}", sorted(vars(part))
        yield f"forward of {name or 'the model'}", vars(part).get("forward")
        yield f"training of {name or 'the model'}", part.training
    yield "whether gradients are on", torch.is_grad_enabled()
    yield "torch's default number format", torch.get_default_dtype()
    yield "the state of torch's random numbers", torch.get_rng_state()


def _assert_same(before: dict[str, object], after: dict[str, object]) -> None:
    """Check that two states are the same, and say in which parts they are not."""
    changed = sorted(before.keys() ^ after.keys())
    changed += [name for name in before.keys() & after.keys() if not _same(before[name], after[name])]
    assert not changed, f"the target is not what it was: {', '.join(sorted(changed)[:8])}"


def _same(one: object, other: object) -> bool:
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return one.dtype == other.dtype and torch.equal(one, other)
    return one is other or bool(one == other)
