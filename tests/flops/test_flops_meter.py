import json

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count

from istar.flops import (
    RULEBOOKS,
    BudgetExceededError,
    Meter,
    MeterError,
    UnknownOperationError,
    meter_reading_from_json,
)

aten = torch.ops.aten
# Torch's counter has formulas for attention but does not list the CPU kernel's name.
CPU_ATTENTION = {
    aten._scaled_dot_product_flash_attention_for_cpu: lambda q, k, v, *_, **__: sdpa_flop_count(q, k, v),
    aten._scaled_dot_product_flash_attention_for_cpu_backward: lambda g, q, k, v, *_, **__: sdpa_backward_flop_count(
        g, q, k, v
    ),
}


def torch_count(run):
    with FlopCounterMode(display=False, custom_mapping=CPU_ATTENTION) as counter:
        run()
    return counter.get_total_flops()


def metered(run, **options):
    meter = Meter(strict=True, **options)
    with meter:
        run()
    return meter


class TestAgainstTorch:
    TOKENS = torch.arange(22).reshape(2, 11)

    def test_forward_equals_torchs_counter(self, model):
        with torch.no_grad():
            meter, expected = metered(lambda: model(self.TOKENS)), torch_count(lambda: model(self.TOKENS))
        assert meter.matmul_flops == expected > 0

    def test_forward_and_backward_equal_torchs_counter(self, model):
        def step():
            model(self.TOKENS, labels=self.TOKENS).loss.backward()

        assert metered(step).matmul_flops == torch_count(step) > 0

    def test_eager_attention_equals_torchs_counter_without_any_mapping(self, model):
        if model.config._attn_implementation != "eager":
            pytest.skip("torch's counter does not know the fused CPU kernel")
        with FlopCounterMode(display=False) as counter:
            model(self.TOKENS).logits.sum().backward()
        assert metered(lambda: model(self.TOKENS).logits.sum().backward()).matmul_flops == counter.get_total_flops()

    def test_the_count_is_the_same_with_gradients_without_and_in_inference_mode(self, model):
        readings = []
        for mode in (torch.enable_grad, torch.no_grad, torch.inference_mode):
            with mode():
                readings.append(metered(lambda: model(self.TOKENS)).snapshot())
        assert readings[0] == readings[1] == readings[2]

    def test_metering_leaves_results_and_gradients_alone(self, model):
        plain = model(self.TOKENS).logits
        with Meter():
            under = model(self.TOKENS).logits
        assert torch.equal(plain, under)

    @pytest.mark.parametrize("rulebook", ["v1", "v2"])
    def test_convolutions_equal_torchs_counter(self, rulebook):
        layer = nn.Conv2d(4, 6, 3, stride=2, padding=1, dilation=2, groups=2 if rulebook == "v1" else 1)
        image = torch.randn(2, 4, 13, 11, requires_grad=True)
        up = nn.ConvTranspose1d(3, 5, 4, stride=2)
        signal = torch.randn(2, 3, 9, requires_grad=True)
        for run in (lambda: layer(image).sum().backward(), lambda: up(signal).sum().backward()):
            assert metered(run, rulebook=RULEBOOKS[rulebook]).matmul_flops == torch_count(run) > 0

    def test_the_gradient_of_a_grouped_convolution_is_two_forwards(self):
        """Torch's counter, and v1 with it, multiplies the gradient of the weights by the groups."""
        layer = nn.Conv1d(6, 9, 2, groups=3, bias=False)
        signal = torch.randn(2, 6, 5, requires_grad=True)
        forward = 2 * (2 * 9 * 4) * (2 * 2)  # 2 per result, and per channel of its group and place of the kernel
        assert metered(lambda: layer(signal)).matmul_flops == forward
        assert metered(lambda: layer(signal).sum().backward()).matmul_flops == 3 * forward

    @pytest.mark.parametrize("layer", [nn.TransformerEncoderLayer(16, 4, 32, batch_first=True).eval(), nn.LSTM(16, 8)])
    def test_fused_layers_that_v2_does_not_list_are_refused(self, layer):
        with torch.no_grad(), Meter(strict=True), pytest.raises(UnknownOperationError, match="v2 has no price"):
            layer(torch.randn(2, 7, 16))

    def test_the_fused_encoder_layer_costs_at_least_what_its_parts_do(self):
        layer = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True).eval()
        source = torch.randn(2, 7, 16)
        with torch.no_grad():
            fused = metered(lambda: layer(source), rulebook=RULEBOOKS["v1"])
        assert list(fused.by_op) == ["_transformer_encoder_layer_fwd"]
        parts = torch_count(lambda: layer(source))
        assert parts <= fused.flops <= 1.5 * parts

    def test_a_recurrent_layer_costs_at_least_its_products(self):
        layer = nn.LSTM(8, 16, num_layers=2, batch_first=True).eval()
        source = torch.randn(3, 5, 8)
        with torch.no_grad():
            meter = metered(lambda: layer(source), rulebook=RULEBOOKS["v1"])
        products = 2 * 3 * 5 * 4 * 16 * (8 + 16 + 16 + 16)
        assert products <= meter.flops <= 3 * products


class TestPrices:
    """A few programs priced by hand, through everything torch does to them on the way."""

    def test_a_layer_norm_softmax_head(self):
        x, w, b = torch.randn(6, 8), torch.randn(5, 8), torch.randn(5)
        meter = metered(lambda: torch.log_softmax(nn.functional.linear(nn.functional.layer_norm(x, (8,)), w, b), -1))
        assert meter.by_op == {"addmm": 2 * 6 * 8 * 5, "_log_softmax": 20 * 30, "native_layer_norm": 8 * 48}

    def test_einsum_is_its_products(self):
        a, b = torch.randn(3, 4, 5), torch.randn(3, 5, 6)
        assert metered(lambda: torch.einsum("bij,bjk->bik", a, b)).by_op["bmm"] == 2 * 3 * 4 * 5 * 6

    def test_views_and_allocations_are_free(self):
        x = torch.randn(4, 6)

        def views():
            x.t()[1:].unsqueeze(0).expand(3, 5, 4), x.view(3, 8), x.split(2), x.chunk(2, 1), x.unbind(), x.detach()
            torch.zeros(9), torch.empty_like(x), torch.full((3,), 2.0), torch.eye(3)

        assert metered(views).flops == 0

    def test_an_optimiser_step_costs_arithmetic_per_parameter(self):
        weight = nn.Parameter(torch.randn(10, 10))
        for optimiser in (torch.optim.SGD([weight], lr=0.1), torch.optim.AdamW([weight], lr=0.1, foreach=True)):
            weight.grad = torch.ones_like(weight)
            flops = metered(optimiser.step).flops
            assert 200 <= flops <= 60 * 100

    def test_function_transforms_are_seen(self):
        w = torch.randn(4, 4)

        def loss(x):
            return torch.tanh(x @ w).sum()

        x = torch.randn(3, 4)
        assert metered(lambda: torch.func.grad(loss)(x)).by_op["mm"] == 2 * (2 * 3 * 4 * 4)
        assert metered(lambda: torch.func.vmap(loss)(x)).flops >= 2 * 3 * 4 * 4 + 16 * 12
        assert metered(lambda: torch.func.jvp(loss, (x,), (x,))).by_op["mm"] >= 2 * (2 * 3 * 4 * 4)

    def test_method_like_code_has_no_unknown_operation(self):
        def program():
            x = torch.randn(12, 6, requires_grad=True)
            s = torch.linalg.svd(x.detach(), full_matrices=False)[1]
            ridge = torch.linalg.solve(x.T @ x + torch.eye(6), x.T @ torch.ones(12))
            torch.linalg.lstsq(x.detach(), torch.ones(12, 1))
            torch.linalg.qr(x), torch.linalg.eigh(x.T @ x), torch.linalg.cholesky(x.T @ x + torch.eye(6))
            torch.linalg.pinv(x.detach()), torch.linalg.inv(x[:6]), torch.linalg.norm(x), torch.linalg.det(x[:6])
            order = (x @ ridge).argsort(descending=True)
            top = x.topk(3).values.logsumexp(-1)
            picked = x.gather(1, torch.zeros(12, 1, dtype=torch.long)) + x[order[:1]] + x[x[:, 0] > 0].sum()
            table = nn.functional.embedding(order, x).cumsum(0).softmax(-1)
            mixed = torch.where(table > 0.1, table, torch.zeros(())).clamp(0, 1).std() + torch.cat([x, x]).var()
            spread = torch.cdist(x, x).median() + torch.quantile(x, 0.3) + torch.cov(x.T).trace()
            loss = picked.sum() + mixed + top.mean() + spread + nn.functional.cross_entropy(x, order % 6)
            loss = loss + nn.functional.gelu(x).sum() + nn.functional.kl_div(x, x.softmax(-1), reduction="sum")
            loss.backward()
            torch.scatter_add(torch.zeros(6), 0, order % 6, torch.ones(12)), torch.multinomial(x.softmax(-1), 2)
            torch.bincount(order), torch.unique(order), torch.searchsorted(s.flip(0), 0.5), x.repeat(2, 1).roll(1)
            torch.normal(0.0, 1.0, (3,)), torch.normal(x.detach(), 1.0), torch.tril_indices(3, 4), x.detach().normal_()
            torch.randint(2, 5, (3,)), torch.bernoulli(x.softmax(-1)), torch.stack([x, x])
            torch.svd_lowrank(x.detach(), 2), torch.nn.functional.pad(x, (1, 1)).flip(0)
            torch.fft.rfft(x.detach()).abs(), x.detach().triu().nonzero(), torch.randperm(5), torch.arange(9)

        assert metered(program).unknown == {}


class TestBudget:
    def test_a_product_that_would_exceed_does_not_run(self):
        total, factor = torch.zeros(4, 4), torch.ones(4, 4)
        meter = Meter(budget=200)
        with meter:
            total.addmm_(factor, factor)
            with pytest.raises(BudgetExceededError, match=r"budget of 200 FLOPs ends at .*addmm_.*128 are spent.*128"):
                total.addmm_(factor, factor)
        assert total.tolist() == [[4.0] * 4] * 4
        assert meter.flops == 128

    def test_what_another_operation_gave_is_withheld(self):
        ones = torch.ones(10)
        meter = Meter(budget=25)
        with meter:
            twice = ones.add(1).add(1)
            with pytest.raises(BudgetExceededError, match=r"budget of 25 FLOPs ends at .*add.*20 are spent.*10"):
                twice = twice.add(1)
        assert twice.tolist() == [3.0] * 10
        assert meter.flops == 20

    def test_a_budget_may_be_spent_to_the_last_flop(self):
        with Meter(budget=30) as meter:
            torch.ones(10).add(1).add(1).add(1)
        assert meter.flops == 30

    def test_nothing_runs_after_the_end_whoever_catches_the_error(self):
        x = torch.ones(10)
        with Meter(budget=5):
            with pytest.raises(BudgetExceededError):
                x.add(1)
            with pytest.raises(BudgetExceededError):
                x.view(2, 5)
            with pytest.raises(BudgetExceededError):
                x[:1].add(1)

    def test_parts_of_composites_are_deducted_too(self):
        x = torch.ones(4, 4)
        with torch.inference_mode(), Meter(budget=100), pytest.raises(BudgetExceededError, match="mm"):
            torch.matmul(x, x)


class TestUnknown:
    def test_strict_mode_names_the_operation_and_what_to_do(self):
        x = torch.randn(5, 3)
        with Meter(strict=True), pytest.raises(UnknownOperationError, match=r"v2.*_pdist_forward.*an operation that"):
            torch.pdist(x)

    def test_otherwise_it_takes_the_dearest_price_and_is_listed(self):
        x = torch.randn(5, 3)
        with Meter() as meter:
            torch.pdist(x)
        assert meter.unknown == {"_pdist_forward": 16 * 15}

    def test_an_output_larger_than_its_operands_is_charged_too(self):
        x = torch.randn(50, 3)
        with Meter() as meter:
            torch.pdist(x)
        assert meter.unknown == {"_pdist_forward": 16 * 50 * 49 // 2}


class TestRegions:
    def test_regions_add_up_to_the_total(self):
        x = torch.ones(10)
        with Meter() as meter:
            x.add(1)
            with meter.region("prepare"):
                x.exp()
                with meter.region("inner"):
                    x.add(1)
                x.mul(2)
            with meter.region("prepare"):
                x.add(1)
        assert meter.by_region == {"outside": 10, "prepare": 180, "prepare/inner": 10}
        assert sum(meter.by_region.values()) == meter.flops

    def test_a_region_closes_when_its_code_fails(self):
        x = torch.ones(10)
        with Meter() as meter:
            with pytest.raises(RuntimeError), meter.region("broken"):
                x.add(1).view(3)
            x.add(1)
        assert meter.by_region == {"outside": 10, "broken": 10}


def test_a_reading_survives_json():
    x = torch.randn(3, 4)
    with Meter() as meter, meter.region("only"):
        torch.pdist(x @ x.T)
    reading = meter.snapshot()
    assert meter_reading_from_json(json.loads(json.dumps(reading.to_json()))) == reading
    assert reading.flops == sum(reading.by_op.values()) == sum(reading.by_region.values())
    assert reading.rulebook == "v2"


def test_a_meter_adds_up_over_entries_and_refuses_to_run_inside_itself():
    x = torch.ones(10)
    meter = Meter()
    for _ in range(2):
        with meter:
            x.add(1)
    x.add(1)
    assert meter.flops == 20
    with meter, pytest.raises(MeterError, match="running already"), meter:
        pass
