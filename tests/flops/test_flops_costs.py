import json
from weakref import WeakKeyDictionary

import pytest
import torch

from istar.flops import (
    RULEBOOK,
    RULEBOOKS,
    CostModel,
    CostModelError,
    Meter,
    RegimeCosts,
    Repricing,
    cost_model_from_json,
    fit_cost_model,
    fit_costs_by_op,
)


def probe_of(model):
    """Return a probe for FLOPs alone; see `probe_by_op`."""
    by_op = probe_by_op(model)
    return lambda *forward: sum(by_op(*forward).values())


def probe_by_op(model, rulebook=RULEBOOK):
    """Meter a real forward with a real key-value cache, then log-softmax of the positions read."""
    from transformers import DynamicCache

    @torch.no_grad()
    def probe(new_tokens, cached_tokens, reads):
        cache = DynamicCache()
        tokens = torch.arange(new_tokens + cached_tokens)[None] % 50
        if cached_tokens:
            model(tokens[:, :cached_tokens], past_key_values=cache)
        meter = Meter(rulebook, strict=True)
        positions = torch.arange(reads) % new_tokens
        with meter:
            logits = model(tokens[:, cached_tokens:], past_key_values=cache, logits_to_keep=positions).logits
            torch.log_softmax(logits, -1)
        return meter.by_op

    return probe


@pytest.mark.parametrize("forward", [(31, 0, 4), (17, 0, 0), (20, 15, 2), (6, 30, 0), (1, 33, 1), (1, 0, 1), (2, 1, 2)])
def test_analytic_costs_equal_the_meter(model, forward, fitted):
    probe = probe_of(model)
    assert fitted(model).forward_flops(*forward) == probe(*forward)


def test_costs_by_operation_add_up_and_tell_what_another_rulebook_would_count(model, fitted):
    costs, whole = fit_costs_by_op(probe_by_op(model)), fitted(model)
    for name in ("per_token", "per_pair", "per_call", "per_read"):
        assert sum(getattr(cost, name) for cost in costs.values()) == getattr(whole, name)
    products = RULEBOOKS["v2-products"]
    repricing = Repricing(RULEBOOK, products)
    repriced = repricing.flops({name: cost.forward_flops(23, 0, 3) for name, cost in costs.items()})
    assert repriced == sum(probe_by_op(model, products)(23, 0, 3).values())
    assert 0 < repriced < whole.forward_flops(23, 0, 3)


def test_v1_and_v2_agree_on_every_operation_of_a_forward(model):
    """So tables whose rows were priced under v1 hold under v2."""
    for forward in ((23, 0, 3), (6, 9, 1), (1, 12, 1)):
        assert probe_by_op(model, RULEBOOKS["v1"])(*forward) == probe_by_op(model, RULEBOOKS["v2"])(*forward)


@pytest.fixture(scope="module")
def fitted():
    models = WeakKeyDictionary()

    def fit(model):
        if model not in models:
            models[model] = fit_cost_model(probe_of(model))
        return models[model]

    return fit


def test_the_products_of_a_llama_are_in_its_coefficients(model, fitted):
    """Width 32, MLP 64, 2 layers, 4 heads of 8 with 2 key-value heads, vocabulary 50: products counted by hand."""
    if (model.config.model_type, model.config._attn_implementation) != ("llama", "sdpa"):
        pytest.skip("counted by hand for the Llama with fused attention")
    costs = fitted(model)
    layer_products = 2 * (32 * 32 * 2 + 32 * 16 * 2 + 3 * 32 * 64)
    assert costs.per_pair == 2 * 2 * 2 * 32
    assert 2 * layer_products < costs.per_token < 1.25 * 2 * layer_products
    assert 2 * 32 * 50 < costs.per_read < 2 * 32 * 50 + 50 * 21 + 32 * 32


class TestFit:
    def test_known_coefficients_are_found(self):
        truth = CostModel(101, 7, 0, 13, 1009, RegimeCosts(97, 8, 3, 29), RegimeCosts(0, 0, 11, 100))
        assert fit_cost_model(truth.forward_flops) == truth

    def test_a_cost_of_another_form_is_an_error(self):
        with pytest.raises(CostModelError, match="8 new tokens after 0 cached ones with 2 reads was metered"):
            fit_cost_model(lambda new, cached, reads: new**3 + reads)

    def test_a_broken_coefficient_is_an_error(self):
        with pytest.raises(CostModelError, match=r"coefficient of 1/2 per read, which is not a whole number"):
            fit_cost_model(lambda new, cached, reads: new + (reads > 2))


class TestCostModel:
    COSTS = CostModel(per_token=100, per_pair=3, per_call=5, per_read=70)

    def test_without_regimes_one_formula_holds_everywhere(self):
        assert self.COSTS.forward_flops(4, 6, 2) == 4 * 100 + 4 * 10 * 3 + 5 + 140
        assert self.COSTS.forward_flops(1, 9) == 100 + 30 + 5

    @pytest.mark.parametrize("length", [1, 2, 17])
    def test_unique_tokens_sum_to_a_causal_forward(self, length):
        total = sum(self.COSTS.unique_token_flops(depth) for depth in range(length))
        assert total == length * 100 + 3 * length * (length + 1) // 2

    def test_json_round_trip(self):
        for costs in (self.COSTS, CostModel(1, 2, 3, 4, 5, RegimeCosts(6, 7, 8, 9), RegimeCosts(0, 0, 1, 2))):
            assert cost_model_from_json(json.loads(json.dumps(costs.to_json()))) == costs

    @pytest.mark.parametrize("forward", [(0, 1, 0), (1, -1, 0), (1, 0, -2)])
    def test_an_impossible_forward_is_an_error(self, forward):
        with pytest.raises(CostModelError, match="at least one new token and no negative number"):
            self.COSTS.forward_flops(*forward)
