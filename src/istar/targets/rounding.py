"""How far rounding alone moves a residual stream, by dtype and depth.

A floating-point type rounds each result to within its unit roundoff u, half its machine epsilon: 2^-24 for float32,
2^-11 for float16, 2^-8 for bfloat16. The embedding and the 2L sublayers of L blocks each write to the stream once,
and each sum is rounded to that relative precision. Roundings are as good as independent, so they add like the steps
of a random walk (Higham & Mary 2019, "A new approach to probabilistic rounding error analysis"): two computations of
one stream that differ only in the order of their sums end a relative distance of about u sqrt(2L + 1) apart.

Measured on random and trained models of 3 to 30 blocks (Llama, GPT-2, NeoX, Mistral and Qwen-like; packed against
plain runs), the distance was 0.4 to 0.8 times that where models are trained, and up to 2.8 times where steep random
weights amplify it.
"""

from __future__ import annotations

import math

import torch


def stream_rounding(dtype: torch.dtype, layers: int) -> float:
    """Return the relative error that rounding alone leaves in the stream after the last block.

    Args:
        dtype: the type of the weights.
        layers: number of blocks.
    """
    return torch.finfo(dtype).eps / 2 * math.sqrt(2 * layers + 1)
