"""The bases of rulebook v2: what an operation computed, read off its result and the inner extent of the work.

A price that follows from one chosen argument is wrong wherever torch broadcasts that argument, or takes a size from
another. So these are asked after the operation ran, when its result tells the shape that was computed. Types weigh as
follows, in units of float32 arithmetic: float64 2, complex 4 and 8 (`operands.EACH_WEIGHT`); arithmetic on integers of
b bits b/8, since so many numbers of a byte can share one of them; bitwise operations b, one FLOP a gate; moving and
comparing integers 1.
"""

# Every basis has the same signature, whether or not it needs all of it.
# ruff: noqa: ARG001, ARG005

from __future__ import annotations

from collections.abc import Callable
from math import ceil, log2, prod
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload

from istar.flops.formulas import Args, Kwargs, factorisation_flops, wants_vectors
from istar.flops.operands import EACH_WEIGHT, bits_of, broadcast_elements, is_integer, position_of, tensors_in

ResultPricer = Callable[[Any, Args, Kwargs], int]
"""Maps an operation's result and its positional and keyword arguments to its price in FLOPs."""

_SINGLE = torch.float32


def _results(result: Any) -> list[Tensor]:
    return [result] if isinstance(result, Tensor) else tensors_in(result) if isinstance(result, (list, tuple)) else []


def _produced(result: Any) -> int:
    """Return the elements of a result; of several that belong together, such as values and places, the largest's."""
    if isinstance(result, Tensor):
        return result.numel()
    sizes = [each.numel() for each in _results(result)]
    return max(sizes, default=0) if isinstance(result, tuple) else sum(sizes)


def _operands(args: Args, kwargs: Kwargs) -> list[Tensor]:
    return tensors_in((*args, *kwargs.values()))


def moving_weight(result: Any, args: Args, kwargs: Kwargs) -> int:
    """Return how many times over an element counts that is moved or compared: integers once.

    A result of floating-point numbers tells the type of the arithmetic, unless it came of complex ones.
    """
    types = {each.dtype for each in _results(result)}
    found = types | {each.dtype for each in _operands(args, kwargs)}
    if any(dtype.is_floating_point for dtype in types):
        found = types | {dtype for dtype in found if dtype.is_complex}
    weight = max((EACH_WEIGHT.get(dtype, 1) for dtype in found), default=1)
    return max(weight, EACH_WEIGHT.get(kwargs.get("dtype"), 1))  # type: ignore[arg-type]


def arithmetic_weight(result: Any, args: Args, kwargs: Kwargs) -> int:
    """Return how many times over an element counts that is computed: integers by their bytes."""
    weight = moving_weight(result, args, kwargs)
    if any(is_integer(each.dtype) for each in _results(result)):
        wide = [each.dtype for each in _operands(args, kwargs) if is_integer(each.dtype)]
        weight = max(weight, *(bits_of(dtype) // 8 for dtype in wide), 1) if wide else weight
    return weight


def _extent(result: Any, args: Args, kwargs: Kwargs) -> int:
    """Return the elements that were worked through: of all operands broadcast together, or of the results."""
    produced = _produced(result)
    operands = _operands(args, kwargs)
    if len(operands) == 1:
        return max(produced, operands[0].numel())
    if any(isinstance(each, (list, tuple)) and tensors_in(each) for each in args):
        return max(produced, sum(each.numel() for each in operands))
    shapes = [each.shape for each in operands]
    together = broadcast_elements(shapes) if _compatible(shapes) else 0
    return max(produced, together, *(each.numel() for each in operands), 0)


def _compatible(shapes: list[torch.Size]) -> bool:
    for axis in range(1, max(map(len, shapes), default=0) + 1):
        if len({shape[-axis] for shape in shapes if axis <= len(shape)} - {1}) > 1:
            return False
    return True


def pointwise(op: OpOverload, each: int) -> ResultPricer:
    """Price arithmetic per element of the results."""

    def price(result: Any, args: Args, kwargs: Kwargs) -> int:
        return _produced(result) * each * arithmetic_weight(result, args, kwargs)

    return price


def modulus(op: OpOverload, each: int) -> ResultPricer:
    """Price arithmetic per element of real numbers; of complex ones two squares, their sum and a root: 19."""

    def price(result: Any, args: Args, kwargs: Kwargs) -> int:
        weight = arithmetic_weight(result, args, kwargs)
        if any(operand.dtype.is_complex for operand in _operands(args, kwargs)):
            return _produced(result) * each * 19 * weight // 4
        return _produced(result) * each * weight

    return price


def scaled_sum(op: OpOverload, each: int) -> ResultPricer:
    """Price sums per element of the result, twice where one summand is scaled.

    Adding one number of up to 24 bits to integers counts each once: so places in a sequence are told, and too few lanes
    are reached to compute with.
    """

    def price(result: Any, args: Args, kwargs: Kwargs) -> int:
        twice = 2 if kwargs.get("alpha", 1) != 1 else 1
        summand = args[1] if len(args) > 1 else kwargs.get("other")
        small = type(summand) is int and abs(summand) < 2**24 and is_integer(_results(result)[0].dtype)
        weight = 1 if small else arithmetic_weight(result, args, kwargs)
        return _produced(result) * each * twice * weight

    return price


def bitwise(op: OpOverload, each: int) -> ResultPricer:
    """Price gates: per bit of each element of the result."""

    def price(result: Any, args: Args, kwargs: Kwargs) -> int:
        widest = max((bits_of(every.dtype) for every in [*_results(result), *_operands(args, kwargs)]), default=64)
        return _produced(result) * each * widest

    return price


def moved(op: OpOverload, each: int) -> ResultPricer:
    """Price copies, comparisons and selections per element of the results."""

    def price(result: Any, args: Args, kwargs: Kwargs) -> int:
        return _produced(result) * each * moving_weight(result, args, kwargs)

    return price


def joined(op: OpOverload, each: int) -> ResultPricer:
    """Price laying tensors side by side per element of the result, whatever its type: nothing is computed."""
    return lambda result, args, kwargs: _produced(result) * each


def reduced(op: OpOverload, each: int) -> ResultPricer:
    """Price arithmetic per element worked through: reductions, scans, norms, losses."""
    alone = len([argument for argument in op._schema.arguments if "Tensor" in str(argument.type)]) == 1

    def price(result: Any, args: Args, kwargs: Kwargs) -> int:
        source = args[0]
        if alone and type(source) is Tensor and source.dtype is _SINGLE and not kwargs:
            return max(int(source.numel()), _produced(result)) * each
        return _extent(result, args, kwargs) * each * arithmetic_weight(result, args, kwargs)

    return price


def traced(op: OpOverload, each: int) -> ResultPricer:
    """Price the sum of a diagonal, per element of it."""
    return lambda result, args, kwargs: each * min(args[0].shape) * arithmetic_weight(result, args, kwargs)


def searched(op: OpOverload, each: int) -> ResultPricer:
    """Price per element worked through where elements are compared and moved: maxima, masks, counts."""
    return lambda result, args, kwargs: _extent(result, args, kwargs) * each * moving_weight(result, args, kwargs)


def ordered(op: OpOverload, each: int) -> ResultPricer:
    """Price n log2 L comparisons: of n elements, along an axis of L, or down to the L that are asked for."""
    name = op.overloadpacket.__name__

    def price(result: Any, args: Args, kwargs: Kwargs) -> int:
        operand = args[0]
        elements = operand.numel()
        length = elements
        if name == "topk":
            length = int(args[1] if len(args) > 1 else kwargs["k"])
        elif name in ("sort", "mode", "argsort") and operand.dim():
            axis = kwargs.get("dim", next((each for each in args[1:] if type(each) is int), -1))
            length = operand.shape[axis]
        steps = max(each, ceil(log2(max(2, length))))
        return int(elements) * steps * moving_weight(result, args, kwargs)

    return price


def matched(op: OpOverload, each: int) -> ResultPricer:
    """Price looking n elements up among m others: m comparisons each while m is small, else a sort of both.

    Small is what `torch.isin` takes for it: m < 10 n^0.145.
    """

    def price(result: Any, args: Args, kwargs: Kwargs) -> int:
        among = args[1]
        others = among.numel() if isinstance(among, Tensor) else 1
        elements = _produced(result)
        steps = others if others < 10 * elements**0.145 else max(4, ceil(log2(elements + others)))
        return (elements + others) * steps * each * moving_weight(result, args, kwargs)

    return price


def halved(op: OpOverload, each: int) -> ResultPricer:
    """Price the comparisons of a binary search: per result, as many as halve the ordered values to one."""
    ordered_first = op.overloadpacket.__name__ == "searchsorted"

    def price(result: Any, args: Args, kwargs: Kwargs) -> int:
        among = args[0] if ordered_first else args[1]
        steps = int(among.shape[-1]).bit_length() if among.dim() else 1
        return max(1, _produced(result)) * steps * each * moving_weight(result, args, kwargs)

    return price


def picked(op: OpOverload, each: int) -> ResultPricer:
    """Price per element picked by an index, and as much per element of a mask that is scanned."""
    data = position_of(op, "self", "weight", "input") or 0

    def price(result: Any, args: Args, kwargs: Kwargs) -> int:
        masks = [every for every in tensors_in(args[data + 1 :]) if every.dtype in (torch.bool, torch.uint8)]
        elements = result.numel() + sum(mask.numel() for mask in masks)
        return int(elements) * each * EACH_WEIGHT.get(result.dtype, 1)

    return price


def placed(op: OpOverload, each: int) -> ResultPricer:
    """Price per element placed or added by an index; a copy of the whole adds 1 per element.

    As many are placed as the index names: for index_add and its like, whole slices.
    """
    name = op.overloadpacket.__name__
    position = position_of(op, "index", "indices")
    in_place = op._schema.is_mutable and not any(argument.is_out for argument in op._schema.arguments)
    adds = "add" in name or "reduce" in name

    def price(result: Any, args: Args, kwargs: Kwargs) -> int:
        whole = args[0]
        index = args[position] if position is not None and position < len(args) else kwargs.get("index")
        if isinstance(index, (list, tuple)):
            elements = _addressed(whole, index)
            accumulates = bool(args[3] if len(args) > 3 else kwargs.get("accumulate", False))
        else:
            slices = "index" in name
            axis = args[1] if len(args) > 1 and type(args[1]) is int else kwargs.get("dim", 0)
            length = whole.shape[axis] if slices and whole.dim() else 1
            elements = index.numel() * (whole.numel() // max(1, length) if slices else 1)  # type: ignore[union-attr]
            accumulates = adds or bool(kwargs.get("accumulate", False))
        weight = EACH_WEIGHT.get(whole.dtype, 1)
        if accumulates and is_integer(whole.dtype):
            weight = max(weight, bits_of(whole.dtype) // 8)
        return int(elements * each + (0 if in_place else whole.numel())) * weight

    return price


def _addressed(whole: Tensor, indices: Any) -> int:
    """Return how many elements of a tensor index tensors address, and as many as masks among them have."""
    shapes: list[tuple[int, ...]] = []
    axis = 0
    covered = 1
    scanned = 0
    for index in indices:
        if index is None:
            axis += 1
            continue
        axes = 1
        if index.dtype in (torch.bool, torch.uint8):
            # A mask addresses as many elements as it has true entries, known only once it is scanned.
            shapes.append((int(index.count_nonzero()),))
            axes = index.dim()
            scanned += index.numel()
        else:
            shapes.append(tuple(index.shape))
        covered *= prod(whole.shape[axis : axis + axes])
        axis += axes
    return broadcast_elements(shapes) * (whole.numel() // max(1, covered)) + scanned


def embedded_backward(op: OpOverload, each: int) -> ResultPricer:
    """Price per element of the gradient that is added to the rows of a table."""
    return lambda result, args, kwargs: int(args[0].numel()) * each * EACH_WEIGHT.get(args[0].dtype, 1)


def bagged(op: OpOverload, each: int) -> ResultPricer:
    """Price per element of the rows that are summed into bags, each weighted or not."""

    def price(result: Any, args: Args, kwargs: Kwargs) -> int:
        table, index = args[0], args[1]
        return int(index.numel() * table.shape[-1]) * each * EACH_WEIGHT.get(table.dtype, 1)

    return price


def targeted(op: OpOverload, each: int) -> ResultPricer:
    """Price losses that pick one element a target, per target: the first integer operand that is none of the values."""

    def price(result: Any, args: Args, kwargs: Kwargs) -> int:
        target = next(every for every in _operands(args, kwargs) if every.dtype is torch.int64)
        return int(target.numel()) * each * moving_weight(result, (), {})

    return price


def listed(op: OpOverload, each: int) -> ResultPricer:
    """Price the fused steps of optimisers: per element of the parameters, which are the first list."""
    return lambda result, args, kwargs: (
        each * sum(every.numel() for every in args[0]) * arithmetic_weight(args[0], args, kwargs)
    )


def pooled(op: OpOverload, each: int) -> ResultPricer:
    """Price per element of the windows that results are taken from; one length given for two axes is that of both."""
    axes = 1 if "1d" in op.overloadpacket.__name__ else 2

    def price(result: Any, args: Args, kwargs: Kwargs) -> int:
        out = _results(result)[0]
        window = prod(args[1]) if len(args[1]) == axes else args[1][0] ** axes
        return int(max(out.numel() * window, args[0].numel())) * each * moving_weight(result, args, kwargs)

    return price


def convolved(op: OpOverload, each: int) -> ResultPricer:
    """Price 2 per result and weight that enters it; a transposed one per input and weight that leaves it."""

    def price(result: Any, args: Args, kwargs: Kwargs) -> int:
        source, weight = args[0], args[1]
        transposed = args[6] if len(args) > 6 else kwargs.get("transposed", False)
        moving = source if transposed else result
        return (
            2 * int(moving.numel() * (weight.numel() // max(1, weight.shape[0]))) * arithmetic_weight(result, args, {})
        )

    return price


def convolved_backward(op: OpOverload, each: int) -> ResultPricer:
    """Price the product of the forward convolution again for each gradient of input and weight that is asked for."""

    def price(result: Any, args: Args, kwargs: Kwargs) -> int:
        gradient, source, weight = args[:3]
        transposed = args[7] if len(args) > 7 else kwargs.get("transposed", False)
        moving = source if transposed else gradient
        once = 2 * moving.numel() * (weight.numel() // max(1, weight.shape[0]))
        mask = args[10] if len(args) > 10 else kwargs.get("output_mask", (True, True, True))
        return int(once * (mask[0] + mask[1])) * arithmetic_weight((), args[:3], {})

    return price


def distances(op: OpOverload, each: int) -> ResultPricer:
    """Price a difference, a power and a sum per coordinate of every pair; 3 where the power is none.

    Torch's gradient takes two powers for each coordinate.
    """
    name = op.overloadpacket.__name__
    backward = name == "_cdist_backward"

    def price(result: Any, args: Args, kwargs: Kwargs) -> int:
        pairs = args[0].numel() if backward else result.numel()
        power = 2.0 if name == "_euclidean_dist" else args[3] if backward else args[2]
        cost = 3 if power in (0.0, 1.0, 2.0, float("inf")) else 36 if backward else 18
        return int(pairs * args[1].shape[-1]) * cost * arithmetic_weight(result, args, {})

    return price


def norms(op: OpOverload, each: int) -> ResultPricer:
    """Price a product and a sum per element, and a difference first for `dist`; orders that need a power take that."""
    plain = (None, 0, 1, 2, float("inf"), float("-inf"))
    place = 2 if op.overloadpacket.__name__ == "dist" else 1

    def price(result: Any, args: Args, kwargs: Kwargs) -> int:
        order = kwargs.get("ord", kwargs.get("p", args[place] if len(args) > place else None))
        cost = place + (1 if isinstance(order, Tensor) or order in plain else 16)
        return _extent(result, args, kwargs) * cost * arithmetic_weight(result, args, kwargs)

    return price


def transformed(op: OpOverload, each: int) -> ResultPricer:
    """Price 5 N log2 N real operations for N points (Cooley and Tukey, 1965), over the transformed axes."""

    def price(result: Any, args: Args, kwargs: Kwargs) -> int:
        source, axes = args[0], args[1]
        larger = max((source, result), key=Tensor.numel)
        halvings = log2(max(2, prod(larger.shape[axis] for axis in axes)))
        # A real element counts at its own width: the 5 already holds the complex arithmetic.
        double = 2 if {source.dtype, result.dtype} & {torch.float64, torch.complex128} else 1
        return ceil(5 * int(larger.numel()) * halvings) * double

    return price


def solved(op: OpOverload, each: int) -> ResultPricer:
    """Price triangular solves with a factor of n rows: 2 n per element of the solution for two, n for one."""
    factors = 1 if "triangular" in op.overloadpacket.__name__ else 2
    left_at = position_of(op, "left")

    def price(result: Any, args: Args, kwargs: Kwargs) -> int:
        solution = _results(result)[0]
        left = kwargs.get("left", args[left_at] if left_at is not None and len(args) > left_at else True)
        rows = solution.shape[-2] if left and solution.dim() > 1 else solution.shape[-1]
        return factors * int(solution.numel() * rows) * arithmetic_weight(result, args, kwargs)

    return price


def factored(op: OpOverload, each: int) -> ResultPricer:
    """Price dense factorisations and the solves that make one first, for as many matrices as were computed.

    Counts are those of G. H. Golub and C. F. Van Loan, Matrix Computations, 4th edition (2013).
    """
    name = op.overloadpacket.__name__.rstrip("_")

    def price(result: Any, args: Args, kwargs: Kwargs) -> int:
        rows, columns = args[0].shape[-2:]
        first = _results(result)[0]
        matrices = args[0].numel() // max(1, rows * columns)
        sides = 0
        if name in ("_linalg_solve_ex", "linalg_lstsq"):
            # right-hand sides are broadcast with the matrices, and these with them
            matrices = max(matrices, _matrices(_results(result)[1]) if name == "_linalg_solve_ex" else _matrices(first))
            left = kwargs.get("left", True)
            long = (columns if name == "linalg_lstsq" else rows) if left else rows
            sides = ceil(first.numel() / max(1, long * matrices))
        flops = factorisation_flops(name, rows, columns, sides, wants_vectors(name, args, kwargs))
        if kwargs.get("driver") in ("gelsd", "gelss"):
            # Least squares by singular vectors, and not by an orthogonal factor.
            flops += factorisation_flops("_linalg_svd", rows, columns, 0, True)
        if name == "_linalg_svd" and len(args) > 1 and args[1]:
            # The columns that complete the orthogonal factor.
            flops += 4.0 * max(rows, columns) * min(rows, columns) * abs(rows - columns)
        if name == "linalg_qr" and "complete" in args[1:] and rows > columns:
            # All columns of the orthogonal factor instead of the first ones.
            flops += 4.0 * (rows**2 * columns - rows * columns**2 + columns**3 / 3) - flops / 2
        return ceil(float(flops * matrices)) * arithmetic_weight(result, args, {})

    return price


def _matrices(operand: Tensor) -> int:
    return int(prod(operand.shape[:-2]))


def once(op: OpOverload, each: int) -> ResultPricer:
    """Price a constant: reading one number out of a tensor."""
    return lambda result, args, kwargs: each
