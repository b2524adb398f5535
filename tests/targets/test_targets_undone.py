"""A user's applier is held to leaving the target as it was."""

from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch

from istar.questions import Intervention
from istar.targets import APPLIERS, Target, TargetError, load_target
from istar.targets.interventions import applied


@dataclass(frozen=True)
class Louder(Intervention):
    """An intervention without an applier."""

    kind: ClassVar[str] = "louder"


@pytest.fixture(scope="module")
def target() -> Target:
    return load_target("tiny-random")


def halved(_module, _inputs, output):
    return output / 2


def undone(target, _intervention):
    with target.anatomy.mlps[0].register_forward_hook(halved):
        yield


def twice(target, _intervention):
    yield
    yield


def left(target, _intervention):
    target.anatomy.mlps[0].register_forward_hook(halved)
    yield


def exchanged(target, _intervention):
    norm = target.anatomy.final_norm
    norm.weight = torch.nn.Parameter(norm.weight.detach() * 2)
    yield


def patched(target, _intervention):
    target.anatomy.mlps[0].forward = halved
    yield


def never(_target, _intervention):
    return None


@pytest.fixture
def use(target, monkeypatch):
    """Register an applier for the length of a test; hooks and attributes that it leaves are gone afterwards."""
    mlp = target.anatomy.mlps[0]
    hooks, norm = set(mlp._forward_hooks), target.anatomy.final_norm
    weight = norm.weight

    def used(applier):
        monkeypatch.setitem(APPLIERS._entries, Louder.kind, applier)
        with applied(target, Louder()):
            pass

    yield used
    vars(mlp).pop("forward", None)
    norm.weight = weight
    for each in set(mlp._forward_hooks) - hooks:
        del mlp._forward_hooks[each]


def test_one_that_undoes_itself_is_taken(use):
    use(contextmanager(undone))


@pytest.mark.parametrize(
    ("applier", "message"),
    [
        (contextmanager(left), r"'louder' leaves the target changed: hooks of '.*mlp'; remove hooks in `finally`"),
        (contextmanager(exchanged), r"leaves the target changed: .*values of '.*norm.weight'.*appliers\.replaced"),
        (contextmanager(patched), r"leaves the target changed: attributes of '.*mlp'"),
        (contextmanager(never), "'louder' never yields"),
        (contextmanager(twice), "'louder' yields more than once"),
        (undone, r"'louder' returns a generator, which is no context manager; .*@contextlib\.contextmanager"),
        (never, "returns a NoneType, which is no context manager"),
    ],
    ids=["left", "exchanged", "patched", "never", "twice", "generator", "none"],
)
def test_one_that_does_not_is_refused_by_name(use, applier, message):
    with pytest.raises(TargetError, match=message):
        use(applier)


def test_what_goes_wrong_inside_is_told_as_it_is(target, monkeypatch):
    monkeypatch.setitem(APPLIERS._entries, Louder.kind, contextmanager(undone))
    with pytest.raises(RuntimeError, match="inside"), applied(target, Louder()):
        raise RuntimeError("inside")
