from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import torch

from istar.questions import (
    INTERVENTIONS,
    Entropy,
    GreedyCorrect,
    Intervention,
    KLFrom,
    Run,
    SpanLogprob,
    SpanMargin,
    build_trie,
)
from istar.targets import APPLIERS, TargetError, packing
from istar.targets import reading as reading_module

READOUTS = ["span", "mean", "margin", "entropy", "greedy", "kl"]


def readout_of(kind, tokens, reference):
    start = len(tokens) - 3
    return {
        "span": SpanLogprob(start),
        "mean": SpanLogprob(1, mean=True),
        "margin": SpanMargin(start, (9, 8)),
        "entropy": Entropy(),
        "greedy": GreedyCorrect(len(tokens) - 1),
        "kl": KLFrom(reference, last=2),
    }[kind]


def prompts(count=12, seed=0):
    generator = np.random.default_rng(seed)
    parts = [tuple(generator.integers(2, 258, generator.integers(3, 20)).tolist()) for _ in range(5)]
    found = []
    for _ in range(count):
        chosen = generator.permutation(5)[: generator.integers(1, 5)]
        middle = sum((parts[part] for part in chosen), ())
        found.append((0, *middle, *generator.integers(2, 258, 4).tolist()))
    return found


def mixed_runs(kinds=READOUTS, intervention=None):
    sequences = prompts()
    return [Run(tokens, readout_of(kind, tokens, sequences[0]), intervention) for tokens in sequences for kind in kinds]


@pytest.fixture
def small_pieces(monkeypatch):
    monkeypatch.setattr(packing.chunks, "__defaults__", (48, 16))
    monkeypatch.setattr(reading_module, "READS_AT_ONCE", 7)


@dataclass(frozen=True)
class Scale(Intervention):
    kind: ClassVar[str] = "test_scale"
    factor: float


@contextmanager
def scale(target, intervention):
    weight = target.anatomy.final_norm.weight
    before = weight.detach().clone()
    scale.entered += 1
    with torch.no_grad():
        weight.mul_(intervention.factor)
        target.anatomy.blocks[0].register_buffer("mark", torch.ones(1))
    try:
        yield
    finally:
        del target.anatomy.blocks[0].mark
        with torch.no_grad():
            weight.copy_(before)


@pytest.fixture
def scaling():
    scale.entered = 0
    INTERVENTIONS.add("test_scale", Scale)
    APPLIERS.add("test_scale", scale)
    yield Scale
    del INTERVENTIONS._entries["test_scale"], APPLIERS._entries["test_scale"]


@pytest.mark.parametrize("kind", READOUTS)
def test_packed_values_equal_unpacked_ones(target, kind, small_pieces):
    runs = mixed_runs([kind])
    expected = [target.slow_value(run) for run in runs]
    packed = target.values(runs)
    assert packed.dtype == torch.float64
    np.testing.assert_allclose(packed.numpy(), expected, atol=1e-3, rtol=0)
    assert np.std(expected) > 0 or kind == "greedy"


def test_greedy_values_are_both_right_and_wrong(target):
    (tokens,) = prompts(1)
    best = int(target.module(torch.tensor([tokens])).logits[0, -1].argmax())
    runs = [Run((*tokens, answer), GreedyCorrect(len(tokens))) for answer in (best, (best + 1) % 258)]
    assert target.values(runs).tolist() == [1.0, 0.0]


def test_computed_tokens_are_the_unique_ones(target, small_pieces):
    runs = mixed_runs()
    passed = []
    handle = target.anatomy.mlps[0].register_forward_hook(lambda _module, inputs, _output: passed.append(inputs[0]))
    streams = target.run(runs)
    handle.remove()
    unique = build_trie(runs).unique_tokens
    assert streams.computed_tokens == unique
    assert sum(each.reshape(-1, target.width).shape[0] for each in passed) == unique


@pytest.mark.parametrize("upto", [0, 1, 2, None])
def test_streams_equal_a_plain_forward(target, upto, small_pieces):
    runs = mixed_runs(["margin", "entropy"])
    streams = target.run(runs, upto=upto)
    assert streams.layer == (3 if upto is None else upto)
    for row, run in enumerate(runs):
        for number, path in enumerate(run.paths):
            expected = target.forward(torch.tensor([path.tokens]), upto)[0, list(path.reads)]
            torch.testing.assert_close(streams.at(row, number), expected, atol=2e-4, rtol=2e-4)
    shared = sum(len(streams.index(row, path)) for row, run in enumerate(runs) for path in range(len(run.paths)))
    assert len(streams.values) < shared


def test_a_packed_run_stops_after_upto_blocks(target):
    called = []
    handles = [
        block.register_forward_hook(lambda *_, number=number: called.append(number))
        for number, block in enumerate(target.anatomy.blocks)
    ]
    target.run(mixed_runs(["entropy"]), upto=1)
    for handle in handles:
        handle.remove()
    assert set(called) == {0}


def test_reading_streams_gives_the_values_and_a_lens_changes_them(target):
    runs = mixed_runs()
    streams = target.run(runs)
    torch.testing.assert_close(target.read(runs, streams), target.values(runs))
    same = target.read(runs, streams, lens=lambda hidden: hidden.clone())
    torch.testing.assert_close(same, target.read(runs, streams))
    half = target.read(runs, target.run(runs, upto=1))
    assert not torch.allclose(half, same)


def test_two_calls_agree_to_the_last_bit_and_leave_the_model_as_it_was(target, small_pieces):
    runs = mixed_runs()
    before = target.module.config._attn_implementation
    assert torch.equal(target.values(runs), target.values(runs))
    assert target.module.config._attn_implementation == before == "sdpa"
    assert not any(module._forward_pre_hooks for module in target.module.modules())


def test_streams_carry_no_gradient(target):
    assert not target.run(mixed_runs(["entropy"])).values.requires_grad


def test_pieces_cover_every_row_once_and_progress_ends_at_all_tokens(llama, small_pieces):
    runs = mixed_runs()
    calls = []
    pieces = list(llama.iter_values(runs, progress=lambda done, total: calls.append((done, total))))
    rows = np.concatenate([rows for rows, _ in pieces])
    assert len(pieces) > 3
    assert sorted(rows.tolist()) == list(range(len(runs)))
    unique = build_trie(runs).unique_tokens
    assert calls[-1] == (unique, unique)
    assert [done for done, _ in calls] == sorted({done for done, _ in calls})


def test_rows_already_known_can_be_left_out(llama):
    runs = mixed_runs()
    whole = llama.values(runs)
    rest = llama.values(runs[30:])
    np.testing.assert_allclose(rest, whole[30:], atol=1e-4)


def test_a_shared_reference_is_unembedded_once(llama, small_pieces):
    runs = mixed_runs(["kl"])
    asked = []
    handle = llama.anatomy.unembedding.register_forward_pre_hook(lambda _module, inputs: asked.append(len(inputs[0])))
    llama.values(runs)
    handle.remove()
    trie = build_trie(runs)
    assert sum(asked) == len(np.unique(np.concatenate(trie.reads)))


def test_no_runs(llama):
    assert llama.values([]).shape == (0,)
    assert llama.run([]).values.shape == (0, llama.width)


def test_hooks_see_positions_and_replace_the_stream(target, small_pieces):
    runs = mixed_runs(["entropy"])
    positions = []

    def zero(stream, where):
        assert stream.shape == (len(where), target.width)
        positions.append(where)
        return torch.zeros_like(stream)

    streams = target.run(runs, upto=1, hooks={1: zero})
    assert torch.count_nonzero(streams.values) == 0
    assert sorted(torch.cat(positions).tolist()) == sorted(build_trie(runs).depth.tolist())
    untouched = target.run(runs, upto=1, hooks={1: lambda stream, where: None})
    torch.testing.assert_close(untouched.values, target.run(runs, upto=1).values)
    pushed = target.run(runs, upto=2, hooks={0: lambda stream, where: stream + 1})
    assert (pushed.values - target.run(runs, upto=2).values).abs().mean() > 0.1


@pytest.mark.parametrize("upto", [-1, 4])
def test_layers_that_are_not_there(llama, upto):
    with pytest.raises(TargetError, match=f"upto={upto}, but llama has 3 blocks; give 0 to 3 or None"):
        llama.run(mixed_runs(["entropy"]), upto=upto)
    with pytest.raises(TargetError, match="has 3 blocks"):
        llama.forward(torch.zeros(1, 2, dtype=torch.long), upto)


def test_hooks_beyond_the_run_are_refused(llama):
    with pytest.raises(TargetError, match=r"hooks at layers \[3\], but the run passes layers 0 to 2 only"):
        llama.run(mixed_runs(["entropy"]), upto=2, hooks={3: lambda stream, where: None})


def test_interventions_are_applied_to_their_rows_alone_and_undone(target, scaling, small_pieces):
    plain, changed = mixed_runs(["span", "kl"]), mixed_runs(["span", "kl"], scaling(0.5))
    weight = target.anatomy.final_norm.weight.detach().clone()
    runs = [run for pair in zip(changed, plain, strict=True) for run in pair]
    expected = [target.slow_value(run) for run in runs]
    scale.entered = 0
    seen_while_taking = []
    values = torch.empty(len(runs), dtype=torch.float64)
    for rows, found in target.iter_values(runs):
        seen_while_taking.append(torch.equal(target.anatomy.final_norm.weight, weight))
        values[rows] = torch.from_numpy(found)
    np.testing.assert_allclose(values, expected, atol=1e-3)
    assert all(seen_while_taking)
    assert torch.equal(target.anatomy.final_norm.weight, weight)
    assert not torch.allclose(values[0::2], values[1::2])
    torch.testing.assert_close(target.read(runs, target.run(runs)), values, atol=1e-4, rtol=1e-4)


def test_an_intervention_is_undone_when_a_run_fails(llama, scaling):
    weight = llama.anatomy.final_norm.weight.detach().clone()
    bad = Run((0, 5, 6), GreedyCorrect(1), scaling(3.0))

    def fail(stream, where):
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        llama.run([bad], hooks={1: fail})
    assert torch.equal(llama.anatomy.final_norm.weight, weight)
    assert not hasattr(llama.anatomy.blocks[0], "mark")


def test_an_intervention_that_nobody_applies(llama):
    run = Run((0, 5, 6), Entropy(), Scale(2.0))
    with pytest.raises(TargetError, match=r"nobody knows how to apply the intervention kind 'test_scale'.*APPLIERS"):
        llama.values([run])
