"""Interventions on small models of every architecture: what they do, and that they undo it."""

import json
import subprocess
import sys

import pytest
import torch

from istar.flops.meter import Meter
from istar.questions import (
    Ablate,
    AblateHead,
    Composed,
    Edit,
    FineTune,
    InterventionError,
    LogitBias,
    Organism,
    PolicyCost,
    Prune,
    Quantise,
    Run,
    SpanLogprob,
    Steer,
    Temperature,
    WeightNoise,
    intervention_from_json,
)
from istar.targets import setup_flops, setup_prices
from istar.targets.appliers import block_at, block_matrices, replaced
from istar.targets.interventions import applied

TOKENS = (0, 40, 41, 42, 43, 44, 45, 46)
OTHER = (0, 60, 61, 62)

KINDS = (
    FineTune((TOKENS, OTHER), (2, 1), 0.05),
    FineTune((TOKENS,), (3,), 0.05, steps=3, depth=0.5),
    Steer(TOKENS, OTHER, 2.0, 0.5),
    WeightNoise(3, 0.2),
    Ablate(0.0, "attention"),
    Ablate(0.9, "mlp"),
    AblateHead(0.3, 0.5),
    Quantise(0.3, "attention", 2),
    Edit((OTHER, OTHER[:3]), 46, 50, 0.3, 3.0),
    Prune(0.4),
    LogitBias((46, 50), 1.5),
    Temperature(0.5),
    Composed((WeightNoise(4, 0.1), Steer(TOKENS, OTHER, -1.0, 0.3), Temperature(2.0))),
)


def name_of(intervention):
    return intervention.kind


def bits(target):
    return {name: weight.clone() for name, weight in target.module.state_dict().items()}


@pytest.mark.parametrize("intervention", KINDS, ids=name_of)
def test_all_weights_are_bit_for_bit_what_they_were(target, intervention):
    before = bits(target)
    pointers = {name: weight.data_ptr() for name, weight in target.module.named_parameters()}
    plain = target.slow_value(Run(TOKENS, SpanLogprob(5)))
    changed = target.slow_value(Run(TOKENS, SpanLogprob(5), intervention))
    assert abs(changed - plain) > 1e-4
    with pytest.raises(RuntimeError, match="in between"), applied(target, intervention):
        raise RuntimeError("in between")
    after = target.module.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert pointers == {name: weight.data_ptr() for name, weight in target.module.named_parameters()}
    assert not any(weight.requires_grad or weight.grad is not None for weight in target.module.parameters())
    assert target.slow_value(Run(TOKENS, SpanLogprob(5))) == plain


@pytest.mark.parametrize("intervention", KINDS, ids=name_of)
def test_packed_values_equal_unpacked_ones(target, intervention):
    runs = [
        Run(TOKENS, SpanLogprob(5), intervention),
        Run(TOKENS[:6], SpanLogprob(4), intervention),
        Run(TOKENS[:6], SpanLogprob(4)),
        Run(TOKENS, PolicyCost(5, OTHER), intervention),
    ]
    expected = torch.tensor([target.slow_value(run) for run in runs], dtype=torch.float64)
    torch.testing.assert_close(target.values(runs), expected, atol=1e-3, rtol=0)


@pytest.mark.parametrize("intervention", KINDS, ids=name_of)
def test_survives_json_and_states_its_cost(llama, intervention):
    assert intervention_from_json(json.loads(intervention.key)) == intervention
    meter = Meter()
    with applied(llama, None), meter, applied(llama, intervention):
        inside = meter.flops
    assert setup_flops(llama, intervention) == inside


def test_equal_cost_keys_mean_equal_flops(llama):
    pairs = (
        (FineTune((TOKENS,), (2,), 0.1), FineTune((TOKENS[::-1],), (2,), 0.7)),
        (Steer(TOKENS, OTHER, 2.0, 0.5), Steer(TOKENS[::-1], OTHER[::-1], 1.0, 0.5)),
        (WeightNoise(1, 0.1), WeightNoise(2, 0.3)),
        (Prune(0.2), Prune(0.6)),
        (LogitBias((1, 2), 1.0), LogitBias((5, 6), 2.0)),
        (Temperature(0.3), Temperature(3.0)),
    )
    for first, second in pairs:
        assert first.cost_key == second.cost_key
        assert first.key != second.key
        assert setup_flops(llama, first) == setup_flops(llama, second)
    prices = setup_prices(llama, [Run(TOKENS, SpanLogprob(2), each) for pair in pairs for each in pair])
    assert prices == {each.key: setup_flops(llama, each) for pair in pairs for each in pair}


def test_a_fine_tune_lowers_the_loss_it_trains_on_and_changes_only_what_it_may(llama):
    intervention = FineTune((TOKENS,), (2,), 0.05, steps=4, depth=0.5)
    run = Run(TOKENS, SpanLogprob(2))
    assert llama.slow_value(Run(TOKENS, SpanLogprob(2), intervention)) > llama.slow_value(run) + 0.1
    before = bits(llama)
    with applied(llama, intervention):
        changed = {name for name, weight in llama.module.state_dict().items() if not torch.equal(weight, before[name])}
    assert changed == set(block_matrices(llama, 0.5))
    assert block_at(llama, 0.5) == 2  # of three blocks, two are needed to have half of them below


def test_one_step_is_plain_gradient_descent(llama):
    rate = 0.03
    tokens = torch.tensor([TOKENS])
    names = list(block_matrices(llama))
    parameters = dict(llama.module.named_parameters())
    for name in names:
        parameters[name].requires_grad_(True)
    logits = llama.module(tokens).logits[0, 1:-1]
    loss = torch.nn.functional.cross_entropy(logits, tokens[0, 2:])
    gradients = torch.autograd.grad(loss, [parameters[name] for name in names])
    expected = {name: parameters[name].detach() - rate * each for name, each in zip(names, gradients, strict=True)}
    llama.module.requires_grad_(False)
    with applied(llama, FineTune((TOKENS,), (2,), rate)):
        for name in names:
            torch.testing.assert_close(parameters[name].data, expected[name], atol=1e-6, rtol=1e-5)


def test_pruning_zeroes_the_smallest_weights(llama):
    before = bits(llama)
    with applied(llama, Prune(0.25)):
        for name, weight in block_matrices(llama).items():
            gone = weight == 0
            assert gone.float().mean().item() == pytest.approx(0.25, abs=0.01)
            assert before[name][gone].abs().max() <= before[name][~gone].abs().min()


def test_pruning_zeroes_every_weight_that_ties_with_the_last(llama):
    """Of weights of three magnitudes a tenth each way is asked for: the whole of the smallest goes."""
    tied = {
        name: (weight.data.abs().argsort(-1) % 3 + 1).to(weight.dtype) for name, weight in block_matrices(llama).items()
    }
    with replaced(llama, tied), applied(llama, Prune(0.1)):
        for name, weight in block_matrices(llama).items():
            assert torch.equal(weight == 0, tied[name] == 1)
            assert (weight == 0).float().mean() > 0.2


def test_a_bias_moves_one_token_and_a_temperature_sharpens(llama):
    (plain, biased) = (
        llama.slow_value(Run(TOKENS, SpanLogprob(7), each)) for each in (None, LogitBias((TOKENS[7],), 3.0))
    )
    odds = torch.logit(torch.tensor([plain, biased], dtype=torch.float64).exp())
    assert float(odds[1] - odds[0]) == pytest.approx(3.0, abs=1e-3)
    (path,) = SpanLogprob(7).paths(TOKENS)
    logits = llama.module(torch.tensor([path.tokens])).logits[0, -1].double()
    expected = torch.log_softmax(logits / 0.25, -1)[TOKENS[7]]
    found = llama.slow_value(Run(TOKENS, SpanLogprob(7), Temperature(0.25)))
    assert found == pytest.approx(float(expected), abs=1e-4)


def test_noise_depends_on_its_seed_alone(llama):
    values = [llama.slow_value(Run(TOKENS, SpanLogprob(5), WeightNoise(seed, 0.2))) for seed in (1, 1, 2)]
    assert values[0] == values[1] != values[2]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Composed(()), "needs parts"),
        (lambda: Composed((Composed((Prune(0.1),)),)), "none of them composed"),
        (lambda: FineTune(((0, 1),), (2,), 0.1), "a token to train on"),
        (lambda: FineTune(((0, 1),), (1,), 0.1, steps=0), "and a step"),
        (lambda: Steer((0,), (0,), 1.0, 1.0), "depth 1.0"),
        (lambda: Ablate(0.5, "norm"), "no part 'norm'"),
        (lambda: Prune(1.0), "1.0 of the weights cannot be pruned"),
        (lambda: Temperature(0.0), "temperature of 0.0"),
    ],
)
def test_senseless_fields_are_refused(make, message):
    with pytest.raises(InterventionError, match=message):
        make()


def test_a_composition_keeps_its_order_and_its_organism():
    parts = (Organism("someone", "abc"), Prune(0.1))
    composed = Composed(parts)
    assert intervention_from_json(json.loads(composed.key)).parts == parts
    assert Composed(parts[::-1]).key != composed.key


def test_every_kind_has_an_applier_wherever_targets_are_imported():
    code = (
        "from istar.questions import INTERVENTIONS; from istar.targets import APPLIERS; "
        "print(set(INTERVENTIONS) - set(APPLIERS))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"
