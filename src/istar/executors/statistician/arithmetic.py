"""Counting the statistician's own arithmetic, by formula, under the rulebook's conventions.

A fused multiply-add counts 2, and float64, which the statistician uses throughout, counts twice. The counts go with
the market's bill: thinking is not free, in either arm.
"""

from __future__ import annotations

FLOAT64 = 2
TRANSCENDENTAL = 16


class Arithmetic:
    """A running count of floating-point operations."""

    def __init__(self) -> None:
        """Start at 0."""
        self.flops = 0

    def matmul(self, rows: int, inner: int, columns: int) -> None:
        """Count a matrix product."""
        self.flops += 2 * rows * inner * columns * FLOAT64

    def cholesky(self, size: int) -> None:
        """Count a Cholesky factorisation: n^3 / 3."""
        self.flops += (size**3 // 3 + size) * FLOAT64

    def triangular_solve(self, size: int, columns: int) -> None:
        """Count a triangular solve with several right-hand sides: n^2 each."""
        self.flops += size * size * columns * FLOAT64

    def elementwise(self, elements: int, each: int = 1) -> None:
        """Count operations that cost `each` an element."""
        self.flops += elements * each * FLOAT64

    def random(self, elements: int) -> None:
        """Count random normal numbers."""
        self.elementwise(elements, TRANSCENDENTAL)

    def take(self) -> int:
        """Return the count and start again at 0."""
        flops, self.flops = self.flops, 0
        return flops
