"""Operations that move elements: copies, and what an index picks or places."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from istar.testing.operations.case import FLOATS, INTEGERS, Case, accepted, forms, moving, weight
from istar.testing.operations.copies import COPIES
from istar.testing.operations.indexing import INDEXED

ONLY_THEN = frozenset(
    "Tensor.fill_ Tensor.zero_ Tensor.fill_diagonal_ "
    "Tensor.contiguous Tensor.reshape torch.reshape Tensor.flatten torch.flatten Tensor.ravel torch.ravel Tensor.to "
    "Tensor.type Tensor.type_as Tensor.double Tensor.half Tensor.bfloat16 Tensor.int Tensor.long Tensor.short "
    "Tensor.char Tensor.byte Tensor.bool Tensor.cfloat Tensor.cdouble Tensor.float Tensor.tolist Tensor.new_tensor "
    "Tensor.reshape_as Tensor.resolve_conj Tensor.resolve_neg "
    "torch.nn.functional.embedding_bag".split()
)
"""What copies in some layouts or types alone, and is a view in the others; or has a gradient that is refused."""


def cases() -> Iterator[Case]:
    """Yield all operations that move elements in all forms."""
    for name, operands, call, work in (*COPIES, *INDEXED):
        written = () if name.startswith("x[") else (name.partition(":")[0],)
        weighed = weight if any(part in name for part in ("_add", "reduce", "Tensor.index_put_")) else moving
        case = Case(
            name,
            written or ("subscript",),
            operands,
            call,
            lambda *parts, work=work, weighed=weighed: work(*parts) * weighed(parts[0] if weighed is weight else parts),
        )
        once = "zero strides" in name or " = " in name or case.operation in ONLY_THEN
        yield from accepted([case] if once else forms(case, (*FLOATS, *INTEGERS, torch.bool)))
