"""Operations priced by a closed formula: matrix products, attention, convolutions, factorisations, transforms.

Matrix products and attention follow `torch.utils.flop_counter`. The commonest are written out here, since going
through torch's registry costs more time than a small product does; a test holds them equal to torch's own. Counts of
factorisations are those of G. H. Golub and C. F. Van Loan, Matrix Computations, 4th edition (2013).
"""

# Every basis has the same signature, whether or not it needs all of it.
# ruff: noqa: ARG001

from __future__ import annotations

from math import ceil, log2, prod
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.utils.flop_counter import flop_registry

from istar.flops.operands import DTYPE_WEIGHT, Pricer, tensors_in, type_weight

Args = tuple[Any, ...]
Kwargs = dict[str, Any]


def matrix_product(op: OpOverload, each: int) -> Pricer:
    """Price m x k by k x n at 2mkn, with any number of batches, the factors at `each` and the place after it."""

    def price(args: Args, kwargs: Kwargs) -> int:
        left, right = args[each], args[each + 1]
        flops: int = 2 * left.numel() * right.size(-1)
        return flops if left.dtype is torch.float32 else flops * DTYPE_WEIGHT.get(left.dtype, 1)

    return price


def matrix_vector(op: OpOverload, each: int) -> Pricer:
    """Price m x k by k at 2mk; also inner products; the matrix at place `each`."""
    return lambda args, kwargs: 2 * int(args[each].numel()) * type_weight(args, kwargs)


def outer_product(op: OpOverload, each: int) -> Pricer:
    """Price self + x y^T at 2mn."""
    return lambda args, kwargs: 2 * int(args[1].numel() * args[2].numel()) * type_weight(args, kwargs)


def fused_attention(op: OpOverload, each: int) -> Pricer:
    """Scores and their product with the values, as torch counts them: causal masks save nothing."""

    def price(args: Args, kwargs: Kwargs) -> int:
        query, key, value = args[0], args[1], args[2]
        rows = query.numel() // query.shape[-1]
        flops: int = 2 * rows * key.shape[-2] * (query.shape[-1] + value.shape[-1])
        return flops * type_weight(args[:3], kwargs)

    return price


def fused_attention_backward(op: OpOverload, each: int) -> Pricer:
    """Scores again, then the gradients of scores, values, queries and keys: five products."""

    def price(args: Args, kwargs: Kwargs) -> int:
        query, key, value = args[1], args[2], args[3]
        rows = query.numel() // query.shape[-1]
        flops: int = 2 * rows * key.shape[-2] * (3 * query.shape[-1] + 2 * value.shape[-1])
        return flops * type_weight(args[1:4], kwargs)

    return price


def _convolved(length: int, kernel: int, stride: int, padding: int, dilation: int) -> int:
    return (length + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def _at(values: Any, axis: int) -> int:
    return int(values[axis] if len(values) > 1 else values[0])


def convolution(op: OpOverload, each: int) -> Pricer:
    """Torch's formula; the output shape it wants is worked out from the arguments, before the operation runs."""
    formula = flop_registry[op.overloadpacket]

    def price(args: Args, kwargs: Kwargs) -> int:
        source, weight, _, stride, padding, dilation = args[:6]
        sizes = [
            _convolved(length, kernel, _at(stride, axis), _at(padding, axis), _at(dilation, axis))
            for axis, (length, kernel) in enumerate(zip(source.shape[2:], weight.shape[2:], strict=True))
        ]
        output = [source.shape[0], weight.shape[0], *sizes]
        return int(formula(*args, out_val=torch.Size(output), **kwargs)) * type_weight(args[:2], kwargs)

    return price


def convolution_backward(op: OpOverload, each: int) -> Pricer:
    """Torch's formula for the gradients of input and weight."""
    formula = flop_registry[op.overloadpacket]

    def price(args: Args, kwargs: Kwargs) -> int:
        output = tuple(args[place].shape for place in (1, 2))
        return int(formula(*args, out_val=output, **kwargs)) * type_weight(args[:3], kwargs)

    return price


def torch_formula(op: OpOverload, each: int) -> Pricer:
    """Whatever torch's registry says, where it needs no output."""
    formula = flop_registry[op.overloadpacket]
    return lambda args, kwargs: int(formula(*args, **kwargs)) * type_weight(args, kwargs)


def transformer_attention(op: OpOverload, each: int) -> Pricer:
    """Torch's fused multi-head attention on [batch, length, width]: four projections, two products."""

    def price(args: Args, kwargs: Kwargs) -> int:
        query, key, width = args[0], args[1], args[3]
        queries, keys = query.numel() // query.shape[-1], key.numel() // key.shape[-1]
        projections = 2 * width * width * (2 * queries + 2 * keys)
        return int(projections + 4 * queries * key.shape[1] * width) * type_weight(args[:3], kwargs)

    return price


def transformer_layer(op: OpOverload, each: int) -> Pricer:
    """Torch's fused encoder layer on [batch, length, width]: attention, both feed-forward products, 40 per element."""

    def price(args: Args, kwargs: Kwargs) -> int:
        source, width = args[0], args[1]
        matrices = [each for each in tensors_in(args[3:]) if each.dim() == 2 and width in each.shape]
        tokens = source.numel() // source.shape[-1]
        products = 2 * tokens * sum(matrix.numel() for matrix in matrices) + 4 * tokens * source.shape[1] * width
        return int(products + 40 * source.numel()) * type_weight(args[:1], kwargs)

    return price


def recurrent_layer(op: OpOverload, each: int) -> Pricer:
    """Torch's fused LSTM or GRU layer: both weight matrices once per token, and 60 per gate output."""

    def price(args: Args, kwargs: Kwargs) -> int:
        source, inward, recurrent = args[0], args[1], args[2]
        tokens = source.numel() // source.shape[-1]
        products = 2 * tokens * (inward.numel() + recurrent.numel())
        return int(products + 60 * tokens * inward.shape[0]) * type_weight(args[:1], kwargs)

    return price


def pairwise_distances(op: OpOverload, each: int) -> Pricer:
    """Between m and n points of d coordinates: a difference, a power and a sum each; 3mnd for the Euclidean."""
    backward = "backward" in op.overloadpacket.__name__

    def price(args: Args, kwargs: Kwargs) -> int:
        left, right = (args[1], args[2]) if backward else (args[0], args[1])
        power = 3 if op.overloadpacket.__name__ == "_euclidean_dist" else args[3] if backward else args[2]
        cost = 3 if power in (1.0, 2.0, 3) or power == float("inf") else 18
        return int(left.numel() * right.shape[-2]) * cost * type_weight(args, kwargs)

    return price


def vector_norm(op: OpOverload, each: int) -> Pricer:
    """Price 2 per element (a product and a sum); other powers take one power each."""

    def price(args: Args, kwargs: Kwargs) -> int:
        order = args[1] if len(args) > 1 and isinstance(args[1], (int, float)) else 2
        operands = args[0] if isinstance(args[0], (list, tuple)) else args[:1]
        cost = 2 if order in (0, 1, 2, float("inf"), float("-inf")) else 17
        return cost * int(sum(operand.numel() for operand in operands)) * type_weight(args, kwargs)

    return price


def pooling(op: OpOverload, each: int) -> Pricer:
    """Every output element reads its window once; counted as input elements times window over stride."""

    def price(args: Args, kwargs: Kwargs) -> int:
        source, kernel = args[0], args[1]
        stride = args[2] if len(args) > 2 and len(args[2]) else kernel
        overlap = prod(kernel) / max(1, prod(stride))
        reads: int = ceil(source.numel() * max(1.0, overlap)) * each
        return reads * type_weight(args[:1], kwargs)

    return price


def fourier(op: OpOverload, each: int) -> Pricer:
    """Price 5 N log2 N real operations for N complex points (Cooley and Tukey, 1965), over the transformed axes."""

    def price(args: Args, kwargs: Kwargs) -> int:
        source, axes = args[0], args[1]
        lengths = [source.shape[axis] for axis in axes]
        if op.overloadpacket.__name__ == "_fft_c2r":
            lengths[-1] = args[3]
        points = prod(lengths) * (source.numel() // max(1, prod(source.shape[axis] for axis in axes)))
        # A real element type counts here at its own weight: the 5 already holds the complex arithmetic.
        double = 2 if source.dtype in (torch.float64, torch.complex128) else 1
        flops: int = ceil(5 * points * sum(log2(max(2, length)) for length in lengths)) * double
        return flops

    return price


def _matrix(operand: Tensor) -> tuple[int, int, int]:
    rows, columns = operand.shape[-2:]
    return rows, columns, operand.numel() // max(1, rows * columns)


def _columns(rows: int, operand: Tensor, batches: int) -> int:
    """Return the number of right-hand sides that one matrix of the batch is solved for."""
    return max(1, operand.numel() // max(1, rows * batches))


def factorisation(op: OpOverload, each: int) -> Pricer:
    """Solvers and decompositions of dense matrices, by operation name."""
    name = op.overloadpacket.__name__.rstrip("_")
    place = 1 if name in ("cholesky_solve", "_cholesky_solve_helper", "triangular_solve") else 0

    def price(args: Args, kwargs: Kwargs) -> int:
        rows, columns, batches = _matrix(args[place])
        sides = _columns(rows, args[1 - place], batches) if len(args) > 1 and isinstance(args[1], Tensor) else 0
        vectors = wants_vectors(name, args, kwargs)
        flops = factorisation_flops(name, rows, columns, sides, vectors)
        if name == "_linalg_svd" and len(args) > 1 and args[1]:
            # The columns that complete the orthogonal factor.
            flops += 4.0 * max(rows, columns) * min(rows, columns) * abs(rows - columns)
        return ceil(flops * batches) * type_weight(args, kwargs)

    return price


def wants_vectors(name: str, args: Args, kwargs: Kwargs) -> bool:
    """Return whether a factorisation is asked for orthogonal factors or eigenvectors too."""
    if name == "_linalg_svd":
        return bool(args[2] if len(args) > 2 else kwargs.get("compute_uv", True))
    if name == "_linalg_eigh":
        return bool(args[2] if len(args) > 2 else kwargs.get("compute_v", True))
    if name == "linalg_qr":
        return not (len(args) > 1 and args[1] == "r")
    return True


def factorisation_flops(  # noqa: PLR0911, PLR0912
    name: str, rows: int, columns: int, sides: int, vectors: bool
) -> float:
    """Return the FLOPs of one dense factorisation or solve.

    Args:
        name: aten's name of the operation without a trailing underscore.
        rows: of the matrix.
        columns: of the matrix.
        sides: right-hand sides, 0 where there are none.
        vectors: whether orthogonal factors or eigenvectors are wanted too.
    """
    tall, thin = max(rows, columns), min(rows, columns)
    cube = float(rows) ** 3
    factor = 2 * thin**2 * (tall - thin / 3)
    match name:
        case "cholesky" | "linalg_cholesky_ex":
            return cube / 3
        case "cholesky_solve" | "_cholesky_solve_helper" | "linalg_lu_solve" | "linalg_ldl_solve":
            return 2.0 * rows**2 * sides
        case "triangular_solve" | "linalg_solve_triangular":
            return float(rows**2 * sides)
        case "_linalg_solve_ex":
            return 2 * cube / 3 + 2.0 * rows**2 * sides
        case "linalg_lu" | "linalg_lu_factor_ex" | "_linalg_det" | "_linalg_slogdet":
            return thin**2 * (tall - thin / 3)
        case "linalg_ldl_factor_ex":
            return cube / 3
        case "linalg_inv_ex" | "cholesky_inverse":
            return 2 * cube
        case "geqrf":
            return factor
        case "linalg_qr" | "linalg_householder_product":
            return factor * (2 if vectors and name == "linalg_qr" else 1)
        case "ormqr":
            return 4.0 * rows * columns * sides
        case "linalg_lstsq":
            return factor + (4 * tall * thin - thin**2) * float(sides)
        case "_linalg_eigh":
            return 9 * cube if vectors else 4 * cube / 3
        case "linalg_eig":
            return 25 * cube
        case "linalg_eigvals" | "_linalg_eigvals":
            return 10 * cube
        case "_linalg_svd" | "linalg_pinv":
            return 6.0 * tall * thin**2 + 20.0 * thin**3 if vectors else 2.0 * tall * thin**2 + 2.0 * thin**3
        case "linalg_matrix_exp":
            # Scaling and squaring with degree 18 and ten squarings: at most 16 products.
            return 32 * cube
    raise ValueError(f"no count for the factorisation {name!r}")
