"""What the sweep does not count is refused, by the fence and by a strict meter; and no more is added to it."""

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn, special

from istar.flops import RULEBOOK, Meter, UnknownOperationError
from istar.methods import check_source
from istar.testing.operations.uncounted import UNCOUNTED, UNCOUNTED_AT_MOST

MATRIX = torch.rand(6, 6, generator=torch.Generator().manual_seed(0)) + 0.2
IMAGE = torch.rand(1, 4, 6, 6)
LABELS = torch.zeros(6, dtype=torch.long)
COUNTS = torch.full((6,), 12)
CALLS = {
    "torch.special.polygamma": lambda: special.polygamma(1, MATRIX),
    "torch.special.multigammaln": lambda: special.multigammaln(MATRIX + 3, 2),
    "torch.gcd": lambda: torch.gcd(COUNTS, COUNTS),
    "torch.lcm": lambda: torch.lcm(COUNTS, COUNTS),
    "torch.histogram": lambda: torch.histogram(MATRIX, 4),
    "torch.binomial": lambda: torch.binomial(torch.full((6, 6), 4.0), MATRIX.clamp(0, 1)),
    "torch.renorm": lambda: torch.renorm(MATRIX, 2, 0, 1.0),
    "torch.ormqr": lambda: torch.ormqr(MATRIX, MATRIX[0], MATRIX),
    "torch.hamming_window": lambda: torch.hamming_window(20),
    "torch.conv_tbc": lambda: torch.conv_tbc(torch.ones(5, 2, 3), torch.ones(2, 3, 4), torch.ones(4)),
    "torch.hspmm": lambda: torch.hspmm(MATRIX.to_sparse(), MATRIX),
    "torch.sspaddmm": lambda: torch.sspaddmm(MATRIX.to_sparse(), MATRIX.to_sparse(), MATRIX),
    "torch.quantize_per_tensor": lambda: torch.quantize_per_tensor(MATRIX, 0.1, 0, torch.quint8),
    "torch.sparse.mm": lambda: torch.sparse.mm(MATRIX.to_sparse(), MATRIX),
    "torch.sparse.softmax": lambda: torch.sparse.softmax(MATRIX.to_sparse(), 1),
    "torch.sparse.sampled_addmm": lambda: torch.sparse.sampled_addmm(MATRIX.to_sparse_csr(), MATRIX, MATRIX),
    "torch.nested.nested_tensor": lambda: torch.nested.nested_tensor([MATRIX, MATRIX]),
    "Tensor.to_sparse": MATRIX.to_sparse,
    "Tensor.to_sparse_csr": MATRIX.to_sparse_csr,
    "Tensor.to_mkldnn": MATRIX.to_mkldnn,
    "torch.nn.LSTM": lambda: nn.LSTM(6, 3)(MATRIX),
    "torch.nn.Bilinear": lambda: nn.Bilinear(6, 6, 2)(MATRIX, MATRIX),
    "torch.nn.functional.bilinear": lambda: F.bilinear(MATRIX, MATRIX, IMAGE[0]),
    "torch.nn.TransformerEncoderLayer": lambda: nn.TransformerEncoderLayer(6, 2, 8, batch_first=True).eval()(
        MATRIX[None]
    ),
    "torch.nn.functional.fold": lambda: F.fold(torch.ones(1, 16, 9), (6, 6), 2, stride=2),
    "torch.nn.functional.unfold": lambda: F.unfold(IMAGE, 2),
    "torch.nn.functional.grid_sample": lambda: F.grid_sample(IMAGE, torch.ones(1, 3, 3, 2)),
    "torch.nn.functional.affine_grid": lambda: F.affine_grid(torch.ones(1, 2, 3), [1, 1, 4, 4]),
    "torch.nn.functional.adaptive_avg_pool1d": lambda: F.adaptive_avg_pool1d(MATRIX[None], 2),
    "torch.nn.functional.adaptive_max_pool1d": lambda: F.adaptive_max_pool1d(MATRIX[None], 2),
    "torch.nn.functional.max_unpool1d": lambda: F.max_unpool1d(torch.ones(1, 1, 2), torch.tensor([[[0, 2]]]), 2),
    "torch.nn.functional.local_response_norm": lambda: F.local_response_norm(IMAGE, 2),
    "torch.nn.functional.ctc_loss": lambda: F.ctc_loss(
        torch.ones(8, 1, 5), torch.tensor([[1, 2]]), torch.tensor([8]), torch.tensor([2])
    ),
    "torch.nn.functional.pixel_shuffle": lambda: F.pixel_shuffle(IMAGE, 2),
    "torch.nn.functional.rrelu": lambda: F.rrelu(MATRIX),
    "torch.nn.functional.multi_margin_loss": lambda: F.multi_margin_loss(MATRIX, LABELS),
    "torch.nn.functional.multilabel_margin_loss": lambda: F.multilabel_margin_loss(MATRIX, LABELS.expand(6, 6)),
    "torch.nn.functional.interpolate": lambda: F.interpolate(MATRIX[None], size=7),
}
"""How to call those that do not take one or two matrices."""
OF_TWO = frozenset(
    """
    torch.special.zeta torch.special.gammainc torch.special.gammaincc torch.special.chebyshev_polynomial_t
    torch.special.chebyshev_polynomial_u torch.special.hermite_polynomial_h torch.special.hermite_polynomial_he
    torch.special.laguerre_polynomial_l torch.special.legendre_polynomial_p torch.hypot torch.ldexp torch.nextafter
    """.split()  # noqa: SIM905
)


def call(name):
    if name in CALLS:
        return CALLS[name]()
    home, _, function = name.rpartition(".")
    parts = [MATRIX, MATRIX + 1] if name in OF_TWO else [MATRIX]
    return getattr({"torch": torch, "torch.linalg": torch.linalg, "torch.special": special}[home], function)(*parts)


@pytest.mark.parametrize("name", sorted(UNCOUNTED))
def test_what_is_not_counted_is_refused(name):
    with torch.no_grad():
        call(name)  # it is the meter that stops it, not a wrong call
        with pytest.raises(UnknownOperationError, match="has no price for the operation"), Meter(RULEBOOK, strict=True):
            call(name)
    home, _, function = name.rpartition(".")
    written = f"def used(x):\n    return x.{function}()\n" if home == "Tensor" else f"from {home} import {function}\n"
    assert any(function in fault.what or home in fault.what for fault in check_source(written)), name


def test_the_list_of_what_is_not_counted_only_shrinks():
    assert len(UNCOUNTED) <= UNCOUNTED_AT_MOST
    assert all(UNCOUNTED.values())
