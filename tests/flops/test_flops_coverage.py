"""How much of torch's own operator list rulebook v1 prices; what it does not, it may not price by accident."""

import torch

from istar.flops.rulebook import RULEBOOKS

V1 = RULEBOOKS["v1"]

NO_CPU_KERNEL = (
    "cudnn",
    "miopen",
    "mps",
    "triton",
    "cslt",
    "flash_attention_forward_no_dropout",
    "semi_structured",
    "overrideable",
)
"""Parts of names of operations that run on other devices alone."""
SPECIAL_LAYOUTS = ("quantize", "mkldnn", "sparse", "nested", "jagged", "int4", "int8", "padded", "q_", "qscheme")
"""Parts of names of operations on quantised, sparse, ragged or opaque tensors, which no method has to use."""


def overloads():
    """Every operation of aten that can reach a dispatch mode: the others are taken apart first."""
    for name in torch._C._dispatch_get_all_op_names():
        if not name.startswith("aten::"):
            continue
        if torch._C._dispatch_has_kernel_for_dispatch_key(name, "CompositeImplicitAutograd"):
            continue
        base, _, overload = name.removeprefix("aten::").partition(".")
        packet = getattr(torch.ops.aten, base, None)
        operation = None if packet is None else getattr(packet, overload or "default", None)
        if operation is not None:
            yield name, operation


def share_priced(*without):
    priced = [
        V1.pricing(operation).known for name, operation in overloads() if not any(part in name for part in without)
    ]
    return sum(priced) / len(priced), len(priced)


def test_seven_of_ten_operations_are_priced():
    share, count = share_priced()
    assert count > 2000
    assert share >= 0.72


def test_eight_of_ten_on_dense_tensors_on_a_processor_are_priced():
    share, count = share_priced(*NO_CPU_KERNEL, *SPECIAL_LAYOUTS)
    assert count > 1800
    assert share >= 0.82


def test_every_product_that_torch_counts_has_a_formula():
    """Torch's own flop counter lists the products: each is priced by a formula, but kernels beneath `convolution`."""
    from torch.utils.flop_counter import flop_registry

    products = [
        (packet.__name__, V1.pricing(getattr(packet, overload)))
        for packet in flop_registry
        if getattr(packet, "_qualified_op_name", "").startswith("aten::")
        and not any(part in packet.__name__ for part in NO_CPU_KERNEL)
        for overload in packet.overloads()
    ]
    assert len(products) > 20
    assert {name for name, pricing in products if not pricing.known} <= {"_slow_conv2d_forward"}
    assert all(pricing.product for _, pricing in products if pricing.known)
