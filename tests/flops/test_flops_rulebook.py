import hashlib
import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.flop_counter import flop_registry

from istar.flops import RULEBOOK, RULEBOOKS, Meter, UnknownOperationError
from istar.flops.formulas import factorisation_flops
from istar.flops.operands import broadcast_elements
from istar.flops.rulebook import base_name

aten = torch.ops.aten
V1_TABLE = "eb648ebd6466696dc5edd3d3f337e30a8e9867c5b75db4211725f4436085fc38"
V2_TABLE = "37372cf22807bd43149d80fc4fe6b3ac3bc35da9f094a5fc7f80ca25178a9b9f"
V1_SAMPLES = "d6bd5a9ccf2bee1faa56827f510b63b3210878a34d15363d076e128cb1e5ed67"


def price(op, *args, rulebook=RULEBOOKS["v1"], **kwargs):
    return rulebook.price(op, args, kwargs)


SAMPLES = {
    "add": lambda: price(aten.add.Tensor, torch.ones(4, 1), torch.ones(3)),
    "exp": lambda: price(aten.exp.default, torch.ones(4, 3)),
    "sum": lambda: price(aten.sum.dim_IntList, torch.ones(4, 3), [0]),
    "softmax": lambda: price(aten._softmax.default, torch.ones(4, 3), -1, False),
    "layer norm": lambda: price(aten.native_layer_norm.default, torch.ones(4, 3), [3], None, None, 1e-5),
    "cat": lambda: price(aten.cat.default, [torch.ones(4, 3), torch.ones(2, 3)]),
    "sort": lambda: price(aten.sort.default, torch.ones(12)),
    "top-k": lambda: price(aten.topk.default, torch.ones(12), 2),
    "gather": lambda: price(aten.gather.default, torch.ones(4, 3), 1, torch.zeros(4, 2, dtype=torch.long)),
    "scatter": lambda: price(aten.scatter.value, torch.ones(4, 3), 1, torch.zeros(4, 2, dtype=torch.long), 1.0),
    "scatter in place": lambda: price(
        aten.scatter_.value, torch.ones(4, 3), 1, torch.zeros(4, 2, dtype=torch.long), 1.0
    ),
    "embedding": lambda: price(aten.embedding.default, torch.ones(9, 3), torch.zeros(2, 5, dtype=torch.long)),
    "index": lambda: price(aten.index.Tensor, torch.ones(4, 3, 2), [torch.tensor([0, 1, 1])]),
    "mask": lambda: price(aten.index.Tensor, torch.ones(4, 3), [torch.tensor([True, False, True, False])]),
    "index_select": lambda: price(aten.index_select.default, torch.ones(4, 3), 0, torch.tensor([1, 1, 2])),
    "random": lambda: price(aten.randn.default, [4, 3]),
    "arange": lambda: price(aten.arange.start_step, 1, 10, 2),
    "repeat": lambda: price(aten.repeat.default, torch.ones(4, 3), [2, 1, 1]),
    "pad": lambda: price(aten.constant_pad_nd.default, torch.ones(4, 3), [1, 0, 0, 2]),
    "mm": lambda: price(aten.mm.default, torch.ones(4, 3), torch.ones(3, 5)),
    "addmm": lambda: price(aten.addmm.default, torch.ones(5), torch.ones(4, 3), torch.ones(3, 5)),
    "mv": lambda: price(aten.mv.default, torch.ones(4, 3), torch.ones(3)),
    "attention": lambda: price(
        aten._scaled_dot_product_flash_attention_for_cpu.default, *(torch.ones(2, 4, n, 8) for n in (3, 5, 5))
    ),
    "norm": lambda: price(aten.linalg_vector_norm.default, torch.ones(12)),
    "fft": lambda: price(aten._fft_r2c.default, torch.ones(16), [0], 0, True),
    "solve": lambda: price(aten._linalg_solve_ex.default, torch.ones(2, 6, 6), torch.ones(2, 6, 3)),
    "scaled sum": lambda: price(aten.add.Tensor, torch.ones(4, 1), torch.ones(3), alpha=0.5),
    "eigenvalues": lambda: price(aten._linalg_eigh.default, torch.ones(6, 6), "L", False),
    "singular values": lambda: price(aten._linalg_svd.default, torch.ones(9, 4), False, False),
    "svd": lambda: price(aten._linalg_svd.default, torch.ones(9, 4), False, True),
    "foreach": lambda: price(aten._foreach_add_.List, [torch.ones(4), torch.ones(3)], [torch.ones(4), torch.ones(3)]),
    "double": lambda: price(aten.add.Tensor, torch.ones(4, dtype=torch.float64), 1.0),
    "complex": lambda: price(aten.mul.Tensor, torch.ones(4, dtype=torch.complex64), 2.0),
}
EXPECTED = {
    "add": 12,
    "exp": 16 * 12,
    "sum": 12,
    "softmax": 20 * 12,
    "layer norm": 8 * 12,
    "cat": 18,
    "sort": 48,
    "top-k": 48,
    "gather": 32,
    "scatter": 32 + 12,
    "scatter in place": 32,
    "embedding": 4 * 30,
    "index": 4 * 18,
    "mask": 4 * 6 + 4 * 4,
    "index_select": 4 * 9,
    "random": 16 * 12,
    "arange": 5,
    "repeat": 24,
    "pad": 6 * 4,
    "mm": 120,
    "addmm": 120,
    "mv": 24,
    "attention": 2 * 2 * 4 * 3 * 5 * 16,
    "norm": 24,
    "fft": 5 * 16 * 4,
    "solve": 2 * (2 * 6**3 // 3 + 2 * 36 * 3),
    "scaled sum": 24,
    "eigenvalues": 4 * 6**3 // 3,
    "singular values": 2 * 9 * 16 + 2 * 64,
    "svd": 6 * 9 * 16 + 20 * 64,
    "foreach": 7,
    "double": 8,
    "complex": 16,
}


def digest(value):
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


class TestFrozen:
    """A rulebook that has been used never changes: where these fail, add a version instead of editing one."""

    def test_the_tables_are_what_they_were(self):
        assert digest(RULEBOOKS["v1"].to_json()) == V1_TABLE
        assert digest(RULEBOOKS["v2"].to_json()) == V2_TABLE

    def test_the_prices_of_v1_are_what_they_were(self):
        assert digest({name: sample() for name, sample in SAMPLES.items()}) == V1_SAMPLES


@pytest.mark.parametrize("name", SAMPLES)
def test_price_worked_out_by_hand(name):
    assert SAMPLES[name]() == EXPECTED[name]


shapes = st.lists(st.integers(1, 4), min_size=0, max_size=4).map(tuple)
sizes = st.integers(1, 9)


class TestLaws:
    @given(shapes, st.lists(st.booleans(), min_size=4, max_size=4), st.integers(0, 4))
    def test_pointwise_prices_are_per_output_element(self, shape, squeezed, dropped):
        other = tuple(1 if flag else size for flag, size in zip(squeezed, shape, strict=False))[dropped:]
        left, right = torch.ones(shape), torch.ones(other)
        for a, b in ((left, right), (right, left)):
            assert price(aten.add.Tensor, a, b) == torch.add(a, b).numel()
            assert price(aten.pow.Tensor_Tensor, a, b) == 16 * torch.pow(a, b).numel()
        assert price(aten.where.self, left > 0, left, right) == torch.where(left > 0, left, right).numel()
        assert price(aten.addcmul.default, left, left, right) == 3 * left.numel()

    @given(st.lists(shapes, min_size=1, max_size=3))
    def test_broadcasting_is_torchs(self, several):
        try:
            expected = torch.broadcast_shapes(*several).numel()
        except RuntimeError:
            return
        assert broadcast_elements(several) == expected

    @given(sizes, sizes, sizes, sizes)
    def test_products_are_torchs_formulas(self, batch, m, k, n):
        a, b, c = torch.ones(batch, m, k), torch.ones(batch, k, n), torch.ones(batch, m, n)
        for op, args in (
            (aten.mm, (a[0], b[0])),
            (aten.addmm, (c[0], a[0], b[0])),
            (aten.bmm, (a, b)),
            (aten.baddbmm, (c, a, b)),
        ):
            assert price(op.default, *args) == flop_registry[op](*args)

    @given(sizes, sizes, sizes, sizes, sizes)
    def test_attention_is_torchs_formula(self, batch, heads, queries, keys, width):
        q = torch.ones(batch, heads, queries, width)
        k, v = torch.ones(batch, heads, keys, width), torch.ones(batch, heads, keys, width + 1)
        grad = torch.ones(batch, heads, queries, width + 1)
        forward = flop_registry[aten._scaled_dot_product_flash_attention](q, k, v)
        backward = flop_registry[aten._scaled_dot_product_flash_attention_backward](grad, q, k, v)
        assert price(aten._scaled_dot_product_flash_attention_for_cpu.default, q, k, v) == forward
        assert price(aten._scaled_dot_product_flash_attention_for_cpu_backward.default, grad, q, k, v) == backward

    @given(st.lists(st.sampled_from([None, "rows", "grid"]), min_size=1, max_size=3).filter(any))
    def test_indexing_is_per_element_picked(self, kinds):
        x = torch.ones(4, 3, 5)
        index = {"rows": torch.tensor([0, 1]), "grid": torch.zeros(3, 2, dtype=torch.long)}
        indices = [index.get(kind) for kind in kinds]
        picked = aten.index.Tensor(x, indices)
        assert price(aten.index.Tensor, x, indices) == 4 * picked.numel()

    @given(st.integers(-5, 5), st.integers(0, 9), st.sampled_from([0.5, 1, 2, 3]))
    def test_ranges_are_per_element(self, start, length, step):
        assert price(aten.arange.start_step, start, start + length, step) == len(
            torch.arange(start, start + length, step)
        )


def loop_count_cholesky(n):
    return sum(1 + (n - k - 1) + (n - k - 1) * (n - k) for k in range(n))


def loop_count_lu(n):
    return sum((n - k - 1) + 2 * (n - k - 1) ** 2 for k in range(n))


def loop_count_householder(m, n):
    return sum(4 * (m - k) * (n - k) for k in range(n))


class TestFactorisations:
    """Leading terms against the operations counted in the textbook loops."""

    @pytest.mark.parametrize(
        ("name", "rows", "columns", "loops"),
        [
            ("linalg_cholesky_ex", 400, 400, loop_count_cholesky(400)),
            ("linalg_lu_factor_ex", 400, 400, loop_count_lu(400)),
            ("geqrf", 600, 300, loop_count_householder(600, 300)),
            ("linalg_solve_triangular", 400, 400, sum(2 * k + 1 for k in range(400)) * 3),
        ],
    )
    def test_counts_match_loops_to_leading_order(self, name, rows, columns, loops):
        assert factorisation_flops(name, rows, columns, 3, True) == pytest.approx(loops, rel=0.02)

    def test_a_name_without_a_count_is_an_error(self):
        with pytest.raises(ValueError, match="no count for the factorisation 'magic'"):
            factorisation_flops("magic", 2, 2, 0, True)

    @pytest.mark.parametrize(
        ("run", "op", "flops"),
        [
            (torch.linalg.cholesky, "linalg_cholesky_ex", 512 // 3 + 1),
            (torch.linalg.eigh, "_linalg_eigh", 9 * 512),
            (lambda x: torch.linalg.svd(x[:, :4]), "_linalg_svd", 6 * 8 * 16 + 20 * 64 + 4 * 8 * 4 * 4),
            (torch.linalg.inv, "linalg_inv_ex", 1024),
            (torch.linalg.qr, "linalg_qr", 1366),
            (lambda x: torch.cholesky_solve(x[:, :2], x), "cholesky_solve", 2 * 64 * 2),
            (lambda x: torch.linalg.solve_triangular(x, x[:, :2], upper=True), "linalg_solve_triangular", 64 * 2),
            (lambda x: torch.linalg.lstsq(x, x[:, :2]), "linalg_lstsq", 683 + 3 * 64 * 2),
        ],
    )
    def test_torch_linalg_reaches_its_count(self, run, op, flops):
        x = torch.eye(8) * 2
        with Meter(strict=True) as meter:
            run(x)
        assert meter.by_op[op] == pytest.approx(flops, abs=1)


class TestTypes:
    @pytest.mark.parametrize(
        "name", ["add", "exp", "sum", "softmax", "cat", "mm", "mv", "solve", "attention", "norm", "fft"]
    )
    def test_float64_counts_twice(self, name):
        default = torch.get_default_dtype()
        try:
            torch.set_default_dtype(torch.float64)
            assert SAMPLES[name]() == pytest.approx(2 * EXPECTED[name], abs=1)
        finally:
            torch.set_default_dtype(default)

    def test_bfloat16_and_integers_count_once(self):
        for dtype in (torch.bfloat16, torch.int64, torch.bool):
            assert price(aten.clone.default, torch.ones(5, dtype=dtype)) == 5

    def test_asking_for_float64_counts_twice(self):
        assert price(aten._to_copy.default, torch.ones(5), dtype=torch.float64) == 10


def all_operations():
    """Every aten operation that torch's dispatcher has, as an overload."""
    for full in sorted(torch._C._dispatch_get_all_op_names()):
        namespace, _, name = full.partition("::")
        packet, _, overload = name.partition(".")
        if namespace == "aten" and overload != "generator_out":
            yield getattr(getattr(aten, packet), overload or "default")


OPERATIONS = list(all_operations())
# Operations of other devices, of quantised and sparse tensors, and of torch's own tests.
ELSEWHERE = (
    *("cudnn", "miopen", "mkldnn", "mps", "xpu", "cuda", "mtia", "philox"),
    *("quantized", "quantize_", "fake_quant", "fused_obs", "int4pack", "int8pack"),
    *("sparse", "nested", "jagged", "csr", "csc", "bsr", "bsc", "_nnz", "_test_"),
)


def is_composite(op):
    return torch._C._dispatch_has_kernel_for_dispatch_key(op.name(), "CompositeImplicitAutograd")


class TestCoverage:
    def primitives(self):
        return [op for op in OPERATIONS if not is_composite(op) and not any(part in op.name() for part in ELSEWHERE)]

    def test_every_listed_name_is_an_operation_of_torch(self):
        names = {base_name(op) for op in OPERATIONS}
        for rulebook in RULEBOOKS.values():
            assert set(rulebook.rules) <= names

    def test_every_known_operation_can_be_made_ready(self):
        for op in OPERATIONS:
            for rulebook in RULEBOOKS.values():
                rulebook.pricing(op)

    def test_nearly_all_core_operations_are_known(self):
        core = [op for op in self.primitives() if torch.Tag.core in op.tags]
        unknown = {base_name(op) for op in core if not RULEBOOKS["v1"].pricing(op).known}
        assert unknown <= {"_pdist_forward", "col2im", "grid_sampler_2d", "upsample_bilinear2d", "upsample_nearest2d"}

    def test_most_primitives_are_known(self):
        primitives = self.primitives()
        known = sum(RULEBOOKS["v1"].pricing(op).known for op in primitives)
        assert known / len(primitives) > 0.8


def test_an_unknown_operation_is_an_error_with_advice():
    with pytest.raises(UnknownOperationError, match=r"rulebook v1 has no price for the operation aten._pdist_forward"):
        price(aten._pdist_forward.default, torch.ones(3, 2))
    with pytest.raises(UnknownOperationError, match=r"rulebook v2 has no price for the operation aten.geqrf"):
        price(aten.geqrf.default, torch.ones(3, 2), rulebook=RULEBOOK)
