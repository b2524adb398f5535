"""The same rules on a GPU: skipped where there is none."""

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from istar.flops import Meter

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")

OPERATIONS = {
    "product": lambda x: x @ x.T,
    "layer": lambda x: torch.nn.functional.linear(x, x[:3], x[0, :3]),
    "arithmetic": lambda x: x * 2 + x[:1],
    "transcendental": lambda x: x.exp().log1p().sin(),
    "reduction": lambda x: x.sum(0) + x.mean(0) + x.amax(0),
    "softmax": lambda x: x.softmax(-1).log(),
    "norm": lambda x: torch.nn.functional.layer_norm(x, x.shape[-1:]),
    "order": lambda x: x.sort(-1).values[:, : x.topk(2).values.shape[-1]],
    "index": lambda x: x[torch.arange(3, device=x.device)].gather(
        1, torch.zeros(3, 2, dtype=torch.long, device=x.device)
    ),
    "double": lambda x: (x.double() @ x.double().T).exp(),
}


def metered(run, *tensors):
    meter = Meter(strict=True)
    with meter:
        run(*tensors)
    return meter


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_costs_what_it_costs_on_the_processor(name):
    x = torch.rand(8, 16)
    here, there = metered(OPERATIONS[name], x), metered(OPERATIONS[name], x.cuda())
    assert there.by_op == here.by_op


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_attention_costs_its_products_whichever_kernel_does_them(kind):
    query = torch.rand(2, 4, 32, 64, dtype=kind)
    here = metered(lambda x: scaled_dot_product_attention(x, x, x), query)
    there = metered(lambda x: scaled_dot_product_attention(x, x, x), query.cuda())
    assert there.matmul_flops == here.matmul_flops == 2 * 2 * 2 * 4 * 32 * 32 * 64


def test_a_model_forward_and_backward_has_no_operation_without_a_price(model):
    tokens = torch.arange(12)[None] % 50
    products = []
    for device in ("cpu", "cuda"):
        model.to(device)
        meter = Meter(strict=True)
        with meter:
            model(tokens.to(device)).logits.logsumexp(-1).sum().backward()
        model.zero_grad(set_to_none=True)
        assert meter.unknown == {}
        products.append(meter.matmul_flops)
    model.to("cpu")
    # A fused backward takes the product of queries and keys again; grouped heads have no fused kernel on a GPU.
    config = model.config
    grouped = getattr(config, "num_key_value_heads", config.num_attention_heads) != config.num_attention_heads
    again = config.num_hidden_layers * 2 * 12 * 12 * config.hidden_size
    unfused = grouped and config._attn_implementation == "sdpa"
    assert products[0] - products[1] == (again if unfused else 0)
