"""Operations that no rulebook lists and that cannot hide work: each touches every element a few times at most.

A strict meter refuses what has no price, since the dearest price per element, which it would otherwise take, is far
below the work of a matrix product. These are let through at that price: changes of layout and their bookkeeping.
"""

from __future__ import annotations

_NAMES = """
    _to_sparse _to_sparse_csr _to_sparse_csc _to_sparse_bsr _to_sparse_bsc _to_dense to_dense sparse_mask
    _coalesce _coalesced _coalesced_ _values _indices values indices crow_indices col_indices ccol_indices row_indices
    _nnz _dimI _dimV sparse_dim _sparse_coo_tensor_with_dims _sparse_coo_tensor_with_dims_and_tensors
    _sparse_coo_tensor_unsafe _sparse_compressed_tensor_with_dims _new_zeros_with_same_feature_meta
"""

LINEAR = frozenset(_NAMES.split())
"""Their names in aten, without overloads."""
