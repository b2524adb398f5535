"""Packed runs give the model positions that jump, which transformers takes for packed documents and masks apart.

Without a cache and without a mask, `position_ids` that do not rise by one begin a new document for the masks that
transformers makes, and attention is cut there. A branch of a trie jumps back to where it left, and has to attend to
what came before. Packed runs are right only because their attention takes its own mask and no other.
"""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
import torch
from transformers.pytorch_utils import Conv1D

from istar.methods.tools.gradients import gradient_factors, linear_maps
from istar.methods.tools.scores import smooth_value
from istar.questions import Run, SpanLogprob, build_trie
from istar.targets.packed_forward import packed_streams, residual_stream
from istar.targets.packing import preorder

SHARED = 9


def branching_runs(branches: int = 4) -> list[Run]:
    """Rows that leave one beginning at different places, and share what they have in common until then."""
    generator = np.random.default_rng(1)
    trunk = (0, *generator.integers(2, 258, SHARED - 1).tolist())
    leaves = [SHARED - branch for branch in range(branches)]
    return [Run((*trunk[:left], *generator.integers(2, 258, 5).tolist()), SpanLogprob(left + 1)) for left in leaves]


def test_positions_jump_back_and_values_are_those_of_plain_forwards(target):
    seen = []
    handle = target.anatomy.base.register_forward_pre_hook(
        lambda _module, _arguments, keywords: seen.append(keywords["position_ids"][0]), with_kwargs=True
    )
    values = target.values(branching_runs())
    handle.remove()
    assert any((torch.diff(positions) != 1).any() for positions in seen)
    np.testing.assert_allclose(values, target.slow_values(branching_runs()), atol=1e-4)


def test_masks_that_transformers_makes_would_cut_there(target):
    """If this fails, transformers no longer looks at positions, and this file holds less than it says."""
    run = branching_runs(1)[0]
    tokens = torch.tensor([run.tokens])
    positions = torch.arange(len(run.tokens))[None]
    positions[:, SHARED:] -= 2
    whole = residual_stream(target.anatomy, 1, input_ids=tokens)
    cut = residual_stream(target.anatomy, 1, input_ids=tokens, position_ids=positions)
    alone = residual_stream(target.anatomy, 1, input_ids=tokens[:, SHARED:], position_ids=positions[:, SHARED:])
    torch.testing.assert_close(cut[:, SHARED:], alone, atol=1e-4, rtol=1e-4)
    assert (cut - whole)[:, SHARED:].abs().max() > 0.01


def test_gradients_go_through_packed_runs_as_through_plain_ones(target, monkeypatch):
    runs = branching_runs()
    trie = build_trie(runs)
    layout = preorder(trie, 0)
    push = torch.zeros(target.width, requires_grad=True)
    monkeypatch.setattr(torch, "no_grad", contextlib.nullcontext)
    pieces = packed_streams(
        target.module, target.anatomy, layout, target.layers, hooks={0: lambda stream, _where: stream + push}
    )
    packed = torch.cat([stream for _, stream in pieces])
    slot = {int(node): place for place, node in enumerate(layout.node)}
    for run, leaf in zip(runs, trie.path_leaf.tolist(), strict=True):
        path = [slot[node] for node in trie.ancestors(leaf)]
        (found,) = torch.autograd.grad(packed[path].square().mean(), push, retain_graph=True)
        tokens = torch.tensor([run.paths[0].tokens])
        handle = target.anatomy.blocks[0].register_forward_pre_hook(
            lambda _module, arguments: (arguments[0] + push, *arguments[1:])
        )
        plain = residual_stream(target.anatomy, target.layers, input_ids=tokens)[0]
        handle.remove()
        (expected,) = torch.autograd.grad(plain.square().mean(), push)
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-3)
        assert expected.abs().max() > 1e-3


@pytest.mark.parametrize("depth", [0.0, 0.5])
def test_gradients_of_branching_runs_are_those_of_plain_forwards(target, depth):
    runs = branching_runs()
    maps = linear_maps(target, depth)
    weights = {name: module.weight for name, module in maps.items()}
    for run, factors in gradient_factors(target, runs, depth):
        for weight in weights.values():
            weight.requires_grad_(True)
        path = run.paths[0]
        logits = target.module(torch.tensor([path.tokens]), use_cache=False).logits[0, list(path.reads)]
        value = smooth_value(run, [torch.log_softmax(logits, dim=-1)])
        expected = dict(zip(weights, torch.autograd.grad(value, list(weights.values())), strict=True))
        for weight in weights.values():
            weight.requires_grad_(False)
        assert factors.value == pytest.approx(float(value.detach()), abs=1e-4)
        for name, gradient in expected.items():
            found = factors.outputs[name].T @ factors.inputs[name]
            found = found.T if isinstance(maps[name], Conv1D) else found  # GPT-2 stores its matrices the other way
            torch.testing.assert_close(found, gradient, atol=1e-4, rtol=1e-3)
