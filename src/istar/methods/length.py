"""The length of a method in bits: its source, and what it learned of a target, under one stated code.

The code is bzip2 at level 9, of the standard library: its format and its compressor have not changed in decades, so
that every machine finds the same length. A reader is taken to hold Python, torch, what a method may import, and the
target.
"""

from __future__ import annotations

import bz2
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float

from istar.methods.contract import Interpretation, MethodError
from istar.methods.recording import Recording

LEVEL = 9
"""Of bzip2."""
ERROR = 2.0**-6
"""Channels need no more digits of an interpretation than keep them within so many of their own standard deviations."""
TRIED = (2, 3, 4, 5, 6, 8, 10, 12, 16, 24)
"""Numbers of digits that are tried."""
DIGITS = {torch.float64: 53, torch.float32: 24, torch.float16: 11, torch.bfloat16: 8}
"""Significant binary digits of a number of each type."""


def text_bits(text: str) -> int:
    """Return the bits of a text, such as a method's source, comments and all."""
    return 8 * len(bz2.compress(text.encode(), LEVEL))


def interpretation_bits(interpretation: Interpretation) -> int:
    """Return the bits of an interpretation, as it is: of its serialised form, names and JSON included.

    The numbers of a tensor are told apart by the place of their bytes before they are compressed, signs and exponents
    with one another, so that digits which are 0 cost next to nothing: a method that keeps fewer pays for fewer. What
    holds nothing at all costs nothing.
    """
    if not interpretation.tensors and interpretation.data is None:
        return 0
    planes = [
        tensor.detach().cpu().contiguous().flatten().view(torch.uint8).reshape(-1, tensor.element_size()).T.contiguous()
        for _, tensor in sorted(interpretation.tensors.items())
    ]
    # names, types, shapes and JSON: the same interpretation without a number in it
    empty = {
        name: torch.zeros((0, *tensor.shape), dtype=tensor.dtype) for name, tensor in interpretation.tensors.items()
    }
    head = replace(interpretation, tensors=empty).to_bytes()
    return 8 * len(bz2.compress(head + b"".join(plane.numpy().tobytes() for plane in planes), LEVEL))


def rounded(interpretation: Interpretation, digits: int) -> Interpretation:
    """Return an interpretation whose floating-point numbers have so many significant binary digits.

    Args:
        interpretation: what is rounded; whole numbers and JSON stay as they are.
        digits: from 1 on; numbers that have no more stay as they are.
    """
    return replace(
        interpretation, tensors={name: _rounded(tensor, digits) for name, tensor in interpretation.tensors.items()}
    )


def digits_needed(interpretation: Interpretation, record: Callable[[Interpretation], Recording]) -> int | None:
    """Return how many binary digits of an interpretation a method's channels need on some rows.

    That is the least number of those tried with which the root mean square of what every channel changes by is at most
    `ERROR` of its standard deviation, found by halving what is left of them; None where none is enough, or where the
    method says nothing, so that nothing can be told.

    Args:
        interpretation: what the method learned.
        record: returns what the method says of the rows with an interpretation in its place, or raises a `MethodError`.
    """
    exact = _channels(record(interpretation))
    if not exact.size:
        return None
    allowed = ERROR * exact.std(axis=0)

    def enough(digits: int) -> bool:
        try:
            found = _channels(record(rounded(interpretation, digits)))
        except MethodError:
            return False
        return found.shape == exact.shape and bool((np.sqrt(((found - exact) ** 2).mean(axis=0)) <= allowed).all())

    place = bisect_left(TRIED, True, key=enough)
    return TRIED[place] if place < len(TRIED) else None


def _channels(recording: Recording) -> Float[np.ndarray, "rows channels"]:
    batches = [each.channels for each in recording.batches]
    return np.concatenate(batches).astype(np.float64) if batches else np.zeros((0, 0))


def _rounded(tensor: torch.Tensor, digits: int) -> torch.Tensor:
    if DIGITS.get(tensor.dtype, 0) <= digits:
        return tensor
    mantissa, exponent = torch.frexp(tensor.double())
    return torch.ldexp(torch.round(mantissa * 2**digits) / 2**digits, exponent).to(tensor.dtype)
