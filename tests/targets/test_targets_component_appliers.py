"""Interventions on components, against modifications made by hand on small models of every architecture."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from istar.questions import (
    AblateHead,
    Composed,
    Edit,
    FineTune,
    InterventionError,
    Prune,
    Quantise,
    Run,
    SpanLogprob,
    Steer,
)
from istar.targets import RowError, TargetError, setup_flops
from istar.targets.component_appliers import head_at
from istar.targets.interventions import applied

TOKENS = (0, 40, 41, 42, 43, 44, 45, 46)
SUBJECTS = ((0, 60, 61, 62), (0, 70, 62))

BLOCKS = {"gpt2": "transformer.h", "gpt_neox": "gpt_neox.layers"}
MAPS = {
    "gpt2": ("attn.c_proj", "mlp.c_proj"),
    "gpt_neox": ("attention.dense", "mlp.dense_4h_to_h"),
    "llama": ("self_attn.o_proj", "mlp.down_proj"),
    "mistral": ("self_attn.o_proj", "mlp.down_proj"),
    "qwen2": ("self_attn.o_proj", "mlp.down_proj"),
}
HEADS = 4


def copied(target):
    """Return a copy of the model, and the name of its second block."""
    module = copy.deepcopy(target.module)
    return module, f"{BLOCKS.get(target.name, 'model.layers')}.1"


def logits(module):
    with torch.no_grad():
        return module(torch.tensor([TOKENS])).logits


def under(target, intervention):
    with applied(target, intervention):
        return logits(target.module)


@pytest.mark.parametrize("head", range(HEADS))
def test_a_head_is_gone_as_if_the_projection_did_not_read_it(target, head):
    module, block = copied(target)
    weight = module.get_submodule(f"{block}.{MAPS[target.name][0]}").weight
    width = target.width // HEADS
    with torch.no_grad():
        by_input = weight if target.name == "gpt2" else weight.T
        by_input[head * width : (head + 1) * width] = 0
    found = under(target, AblateHead(0.3, head / HEADS))
    torch.testing.assert_close(found, logits(module), atol=1e-5, rtol=0)
    assert (found - logits(target.module)).abs().max() > 1e-2


def test_a_share_of_heads_names_a_head_of_every_target(llama):
    assert [head_at(llama, share) for share in (0.0, 0.24, 0.25, 0.5, 0.74, 0.75, 0.999)] == [0, 0, 1, 2, 2, 3, 3]
    many = replace(llama, module=copy.deepcopy(llama.module))
    for heads in (1, 3, 9, 12, 49):
        many.module.config.num_attention_heads = heads
        assert [head_at(many, head / heads) for head in range(heads)] == [*range(heads)]


def rounded(matrix, bits):
    """Round row by row, number by number, in the precision of the weights: ties fall as they do there."""
    rows = []
    for row in matrix.numpy():
        steps = 2 ** (bits - 1) - 1
        scale = max(abs(row)) / steps
        rows.append([scale * min(max(round(number / scale), -steps), steps) for number in row])
    return torch.tensor(np.array(rows), dtype=matrix.dtype)


@pytest.mark.parametrize(("part", "bits"), [("attention", 2), ("attention", 8), ("mlp", 3)])
def test_matrices_are_rounded_row_by_row_and_nothing_else_is(target, part, bits):
    module, block = copied(target)
    owner = module.get_submodule(block).get_submodule(MAPS[target.name][part == "mlp"].partition(".")[0])
    with torch.no_grad():
        for weight in owner.parameters():
            if weight.ndim == 2:
                by_output = weight.T if target.name == "gpt2" else weight
                by_output.copy_(rounded(by_output, bits))
    before = dict(target.module.named_parameters())
    inside = {}
    with applied(target, Quantise(0.3, part, bits)):
        found = logits(target.module)
        inside = {name: weight.detach().clone() for name, weight in target.module.named_parameters()}
    torch.testing.assert_close(found, logits(module), atol=1e-4, rtol=0)
    for name, weight in module.named_parameters():
        torch.testing.assert_close(inside[name], weight.detach(), atol=1e-6, rtol=1e-5)
    changed = {name for name, weight in inside.items() if not torch.equal(weight, before[name])}
    assert changed == {
        f"{block}.{name}" for name, weight in module.get_submodule(block).named_parameters()
        if weight.ndim == 2 and any(weight is each for each in owner.parameters())
    }  # fmt: skip


def test_a_row_of_zeros_stays(llama):
    name = "model.layers.1.mlp.down_proj.weight"
    weight = llama.module.get_parameter(name)
    before = weight.data
    try:
        weight.data = before.clone()
        weight.data[3] = 0
        with applied(llama, Quantise(0.3, "mlp", 2)):
            assert not llama.module.get_parameter(name)[3].any()
            levels = llama.module.get_parameter(name)[4].unique()
            assert len(levels) == 3  # of two bits: -s, 0, s
    finally:
        weight.data = before


def key_and_output(module, name):
    """Return the mean input of a map at the last tokens of the subjects, and its output there."""
    seen = []
    part = module.get_submodule(name)
    handle = part.register_forward_hook(lambda _module, arguments, _output: seen.append(arguments[0][0, -1]))
    with torch.no_grad():
        for tokens in SUBJECTS:
            module(torch.tensor([tokens]))
        handle.remove()
        key = torch.stack(seen).mean(0)
        return key, part(key)


def test_an_edit_moves_the_output_at_its_key_by_its_strength(target):
    module, block = copied(target)
    name = f"{block}.{MAPS[target.name][1]}"
    key, output = key_and_output(module, name)
    direction = module.get_output_embeddings().weight[70] - module.get_output_embeddings().weight[80]
    direction = (direction / direction.norm()).detach()
    with torch.no_grad():
        weight = module.get_submodule(name).weight
        by_output = weight.T if target.name == "gpt2" else weight
        by_output += 2.5 * output.norm() * direction[:, None] * key[None] / (key @ key)
    edit = Edit(SUBJECTS, 70, 80, 0.3, 2.5)
    with applied(target, edit):
        torch.testing.assert_close(logits(target.module), logits(module), atol=1e-4, rtol=0)
        with torch.no_grad():
            moved = target.module.get_submodule(name)(key) - output
    torch.testing.assert_close(moved, 2.5 * output.norm() * direction, atol=1e-4, rtol=1e-4)
    changed = {
        name for name, weight in target.module.named_parameters() if not torch.equal(weight, module.get_parameter(name))
    }
    assert changed == {f"{name}.weight"}


def test_an_edit_raises_the_wanted_token_over_the_known_one_after_its_subject(target):
    """More strength, more so: at the last block the direction meets nothing but the final norm."""
    run = Run((*SUBJECTS[0], 70), SpanLogprob(4))
    other = Run((*SUBJECTS[0], 80), SpanLogprob(4))

    def margin(strength):
        edit = Edit(SUBJECTS[:1], 70, 80, 0.9, strength)
        return target.slow_value(replace(run, intervention=edit)) - target.slow_value(replace(other, intervention=edit))

    assert margin(-2.0) < margin(0.0) < margin(2.0) < margin(4.0)


def test_equal_cost_keys_mean_equal_flops(llama):
    pairs = (
        (AblateHead(0.3, 0.0), AblateHead(0.3, 0.5)),
        (Quantise(0.3, "mlp", 2), Quantise(0.3, "mlp", 8)),
        (Edit(SUBJECTS, 70, 80, 0.3, 2.5), Edit(SUBJECTS[::-1][::-1], 71, 90, 0.3, -1.0)),
    )
    for first, second in pairs:
        assert first.cost_key == second.cost_key
        assert first.key != second.key
        assert setup_flops(llama, first) == setup_flops(llama, second)
    assert Quantise(0.3, "mlp", 2).cost_key != Quantise(0.3, "attention", 2).cost_key
    assert Edit(SUBJECTS, 70, 80, 0.3, 1.0).cost_key != Edit(SUBJECTS[:1], 70, 80, 0.3, 1.0).cost_key
    deep, shallow = (setup_flops(llama, Edit(SUBJECTS, 70, 80, depth, 1.0)) for depth in (0.9, 0.0))
    assert deep > shallow > 0


def test_texts_are_what_an_intervention_is_made_from():
    edit, steer, tune = (
        Edit(SUBJECTS, 70, 80, 0.3, 1.0),
        Steer((0, 5), (0, 6), 1.0, 0.5),
        FineTune((TOKENS,), (2,), 0.1),
    )
    assert edit.texts == SUBJECTS
    assert steer.texts == ((0, 5), (0, 6))
    assert tune.texts == (TOKENS,)
    assert Composed((edit, Prune(0.1), steer)).texts == (*SUBJECTS, (0, 5), (0, 6))
    assert AblateHead(0.0, 0.0).texts == Quantise(0.0, "mlp", 4).texts == ()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: AblateHead(1.0, 0.0), "depth 1.0"),
        (lambda: AblateHead(0.0, 1.0), "head 1.0: a head is a share"),
        (lambda: Quantise(0.5, "norm", 4), "no part 'norm'; quantise"),
        (lambda: Quantise(0.5, "mlp", 1), "weights of 1 bits; give a whole number from 2 to 8"),
        (lambda: Quantise(0.5, "mlp", 2.5), "weights of 2.5 bits"),
        (lambda: Edit((), 1, 2, 0.5, 1.0), "needs a prompt that ends with the subject"),
        (lambda: Edit(((),), 1, 2, 0.5, 1.0), "needs a prompt that ends with the subject"),
        (lambda: Edit(SUBJECTS, 7, 7, 0.5, 1.0), "from token 7 to itself"),
        (lambda: Edit(SUBJECTS, 7, -8, 0.5, 1.0), "names token -8"),
        (lambda: Edit(SUBJECTS, 7, 8, -0.1, 1.0), "depth -0.1"),
        (lambda: Edit(SUBJECTS, 7, 8, 0.5, float("inf")), "strength of the intervention 'edit' is inf"),
    ],
)
def test_senseless_fields_are_refused(make, message):
    with pytest.raises(InterventionError, match=message):
        make()


def test_what_a_target_lacks_is_named(llama):
    unmapped = replace(llama, anatomy=replace(llama.anatomy, heads_outs=(), mlp_outs=()))
    for intervention, name in ((AblateHead(0.0, 0.0), "heads_out"), (Edit(SUBJECTS, 7, 8, 0.0, 1.0), "mlp_out")):
        with (
            pytest.raises(TargetError, match=rf"no map that .* 'llama' give as `{name}`; register it"),
            applied(unmapped, intervention),
        ):
            pass
    with applied(unmapped, Quantise(0.0, "mlp", 4)):
        pass
    for edit in (Edit(((0, 999),), 7, 8, 0.0, 1.0), Edit(SUBJECTS, 999, 8, 0.0, 1.0)):
        with pytest.raises(RowError, match="holds the token 999"), applied(llama, edit):
            pass
