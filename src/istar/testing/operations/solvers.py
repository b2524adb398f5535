"""Factorisations and solves of dense matrices: counts of Golub and Van Loan, Matrix Computations (2013)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from istar.testing.operations.case import (
    Case,
    accepted,
    backward,
    batches,
    layouts,
    numbers,
    spelt,
    types,
    weight,
    well_conditioned,
)

TYPES = (torch.float64, torch.complex64)

SQUARE: dict[str, tuple[Callable[[Tensor], Any], float]] = {
    "linalg.cholesky": (torch.linalg.cholesky, 1 / 3),
    "linalg.det": (torch.linalg.det, 2 / 3),
    "linalg.slogdet": (torch.linalg.slogdet, 2 / 3),
    "linalg.inv": (torch.linalg.inv, 2),
    "linalg.eigh": (torch.linalg.eigh, 9),
    "linalg.eigvalsh": (torch.linalg.eigvalsh, 9),
    "linalg.eig": (torch.linalg.eig, 25),
    "linalg.eigvals": (torch.linalg.eigvals, 25),
    "linalg.lu": (torch.linalg.lu, 2 / 3),
    "linalg.matrix_power": (lambda matrix: torch.linalg.matrix_power(matrix, 4), 4),
    "linalg.cond": (torch.linalg.cond, 26),
    "linalg.matrix_rank": (torch.linalg.matrix_rank, 26),
    "linalg.pinv: hermitian": (lambda matrix: torch.linalg.pinv(matrix, hermitian=True), 11),
    "linalg.matrix_norm: nuclear": (lambda matrix: torch.linalg.matrix_norm(matrix, "nuc"), 26),
    "linalg.matrix_norm: spectral": (lambda matrix: torch.linalg.matrix_norm(matrix, 2), 26),
    "cholesky": (torch.cholesky, 1 / 3),
    "logdet": (torch.logdet, 2 / 3),
    "det": (torch.det, 2 / 3),
    "inverse": (torch.inverse, 2),
}
"""Functions of one square matrix, and their FLOPs over n^3.

Torch computes eigenvectors and singular vectors wherever a dispatch mode such as the meter is on, asked for or not.
"""


VALUES_ALONE = ("eigvals", "cond", "rank", "norm", "hermitian")


def _svd(rows: int, columns: int) -> float:
    tall, thin = max(rows, columns), min(rows, columns)
    return 6 * tall * thin**2 + 20 * thin**3


def _qr(rows: int, columns: int) -> float:
    tall, thin = max(rows, columns), min(rows, columns)
    return 2 * thin**2 * (tall - thin / 3)


RECTANGULAR: dict[str, tuple[Callable[[Tensor], Any], Callable[[int, int], float]]] = {
    "linalg.svd": (
        lambda matrix: torch.linalg.svd(matrix, full_matrices=False),
        _svd,
    ),
    "linalg.svd: full": (
        torch.linalg.svd,
        lambda rows, columns: _svd(rows, columns) + 4.0 * max(rows, columns) ** 2 * min(rows, columns),
    ),
    "linalg.svdvals": (torch.linalg.svdvals, _svd),
    "linalg.pinv": (
        torch.linalg.pinv,
        lambda rows, columns: _svd(rows, columns) + 2 * rows * columns * min(rows, columns),
    ),
    "linalg.qr": (torch.linalg.qr, lambda rows, columns: 2 * _qr(rows, columns)),
    "linalg.qr: r alone": (lambda matrix: torch.linalg.qr(matrix, "r"), _qr),
    "linalg.qr: complete": (
        lambda matrix: torch.linalg.qr(matrix, "complete"),
        lambda rows, columns: _qr(rows, columns) + 4.0 * rows * rows * min(rows, columns) / 2,
    ),
    "pinverse": (torch.pinverse, lambda rows, columns: _svd(rows, columns) + 2 * rows * columns * min(rows, columns)),
    "linalg.matrix_norm": (torch.linalg.matrix_norm, lambda rows, columns: 2 * rows * columns),
}
"""Functions of one matrix of any shape."""


def _of_one() -> Iterator[Case]:
    for name, (function, cubes) in SQUARE.items():
        path = f"torch.{name}"
        for form, leading in {"": (), "batch": (3,), "batches": (2, 3)}.items():
            case = Case(
                f"{path}: {form}" if form else path,
                (path.partition(":")[0],),
                lambda size, leading=leading: (well_conditioned(*leading, size, size),),
                function,
                lambda matrix, cubes=cubes: cubes * matrix.shape[-1] ** 3 * batches(matrix) * weight(matrix),
                size=12,
            )
            yield case
            method = name.removeprefix("linalg.")
            if not form and hasattr(torch.Tensor, method):
                yield replace(
                    case,
                    name=f"{path}: method",
                    names=(f"Tensor.{method}",),
                    call=lambda matrix, method=method: getattr(matrix, method)(*(4,) * (method == "matrix_power")),
                )
            yield from layouts(case)
            yield from types(case, TYPES)
            # values alone have a gradient of one product, and torch lets vectors have none
            yield backward(case, 1.2 if any(part in name for part in VALUES_ALONE) else 5.0)
    for name, (function, flops) in RECTANGULAR.items():
        path = f"torch.{name}"
        shapes = {
            "": (12, 8),
            "wide": (8, 12),
            "tall": (40, 4),
            "batch": (3, 12, 8),
            "batches": (2, 3, 12, 8),
        }
        for form, shape in shapes.items():
            case = Case(
                f"{path}: {form}" if form else path,
                (path.partition(":")[0], *(["Tensor.pinverse"] if name == "pinverse" else [])),
                lambda size, shape=shape: (numbers(*shape[:-2], shape[-2] * size // 4, shape[-1] * size // 4),),
                function,
                lambda matrix, flops=flops: flops(*matrix.shape[-2:]) * batches(matrix) * weight(matrix),
            )
            yield case
            yield from layouts(case)
            yield from types(case, TYPES)
            yield backward(replace(case, name=case.name))


Solve = Callable[[Tensor, Tensor], Any]


def _lower(matrix: Tensor) -> Any:
    return torch.linalg.cholesky(matrix)


def _lu_solve(**options: Any) -> Solve:
    def solve(matrix: Any, sides: Tensor) -> Any:
        return torch.linalg.lu_solve(*matrix, sides, **options)

    return solve


def _sides(size: int, count: int, *leading: int) -> Tensor:
    return numbers(*leading, size, count)


def solves() -> Iterator[Case]:
    """Yield solves of n x n systems for k sides, with either operand a batch."""
    triangle = torch.linalg.solve_triangular
    # factor, applied to each matrix; the solve; FLOPs of the factor over n^3, of a side over n^2
    kinds: dict[str, tuple[Callable[[Tensor], Any], Callable[[Any, Tensor], Any], float, float]] = {
        "torch.linalg.solve": (lambda matrix: matrix, torch.linalg.solve, 2 / 3, 2),
        "torch.linalg.solve: left=False": (
            lambda matrix: matrix,
            lambda matrix, sides: torch.linalg.solve(matrix, sides.mT, left=False),
            2 / 3,
            2,
        ),
        "torch.linalg.solve_ex": (lambda matrix: matrix, torch.linalg.solve_ex, 2 / 3, 2),
        "torch.linalg.solve_triangular": (_lower, lambda m, sides: triangle(m, sides, upper=False), 0, 1),
        "torch.linalg.solve_triangular: upper": (
            lambda matrix: _lower(matrix).mT,
            lambda matrix, sides: triangle(matrix, sides, upper=True),
            0,
            1,
        ),
        "torch.linalg.solve_triangular: left=False": (
            _lower,
            lambda matrix, sides: triangle(matrix, sides.mT, upper=False, left=False),
            0,
            1,
        ),
        "torch.linalg.solve_triangular: unitriangular": (
            _lower,
            lambda matrix, sides: triangle(matrix, sides, upper=False, unitriangular=True),
            0,
            1,
        ),
        "torch.triangular_solve": (_lower, lambda m, sides: torch.triangular_solve(sides, m, upper=False), 0, 1),
        "torch.cholesky_solve": (_lower, lambda matrix, sides: torch.cholesky_solve(sides, matrix), 0, 2),
        "torch.cholesky_solve: upper": (
            lambda matrix: _lower(matrix).mT,
            lambda matrix, sides: torch.cholesky_solve(sides, matrix, upper=True),
            0,
            2,
        ),
        "torch.linalg.lu_solve": (torch.linalg.lu_factor, _lu_solve(), 0, 2),
        "torch.linalg.lu_solve: adjoint": (torch.linalg.lu_factor, _lu_solve(adjoint=True), 0, 2),
        "torch.linalg.lu_solve: left=False": (
            torch.linalg.lu_factor,
            lambda matrix, sides: torch.linalg.lu_solve(*matrix, sides.mT, left=False),
            0,
            2,
        ),
        "torch.lu_solve": (torch.linalg.lu_factor, lambda matrix, sides: torch.lu_solve(sides, *matrix), 0, 2),
    }
    leadings: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
        "": ((), ()),
        "one matrix, batch of sides": ((), (7,)),
        "one matrix, batches of sides": ((), (4, 5)),
        "batch of matrices, one of sides": ((7,), ()),
        "batch of one matrix": ((1,), (30,)),
        "batch by batch": ((3,), (3,)),
        "batches of both": ((5, 1), (6,)),
    }
    for path, (factor, solve, cubes, squares) in kinds.items():
        for form, (matrices, sides) in leadings.items():
            for count in (1, 3, 40):

                def operands(
                    size: int, factor: Any = factor, matrices: Any = matrices, sides: Any = sides, count: int = count
                ) -> Any:
                    return factor(well_conditioned(*matrices, size, size)), _sides(size, count, *sides)

                def work(matrix: Any, right: Tensor, cubes: float = cubes, squares: float = squares) -> float:
                    whole = matrix[0] if isinstance(matrix, tuple) else matrix
                    size, count = right.shape[-2:]
                    return (
                        cubes * size**3 * batches(whole) + squares * size**2 * count * batches(whole, right)
                    ) * weight(right)

                name = ", ".join(part for part in (form, f"{count} sides") if part)
                case = Case(f"{path}: {name}", (path.partition(":")[0],), operands, solve, work, size=8)
                yield case
                if count == 3:
                    yield from types(case, TYPES)
                    yield from layouts(case)
                    if "lu_solve" not in path:
                        yield backward(case)


def least_squares() -> Iterator[Case]:
    """Yield least squares of m x n systems by QR, or by singular vectors."""

    def work(matrix: Tensor, right: Tensor, factor: Callable[[int, int], float]) -> float:
        rows, columns = matrix.shape[-2:]
        sides = right.shape[-1] if right.dim() > 1 else 1
        return (
            factor(rows, columns) * batches(matrix)
            + (4 * rows * columns - min(rows, columns) ** 2) * sides * batches(matrix, right)
        ) * weight(right)

    for driver in ("gelsy", "gels", "gelsd", "gelss"):
        for form, (left, right) in {
            "": ((), ()),
            "batch by batch": ((3,), (3,)),
            "one matrix, batch of sides": ((), (6,)),
            "batch of matrices, one of sides": ((6,), ()),
        }.items():
            for count in (1, 40):
                name = ", ".join(part for part in (driver, form, f"{count} sides") if part)
                yield Case(
                    f"torch.linalg.lstsq: {name}",
                    ("torch.linalg.lstsq",),
                    lambda size, left=left, right=right, count=count: (
                        numbers(*left, 2 * size, size),
                        numbers(*right, 2 * size, count),
                    ),
                    lambda matrix, sides, driver=driver: torch.linalg.lstsq(matrix, sides, driver=driver),
                    lambda matrix, sides, driver=driver: work(
                        matrix, sides, _svd if driver in ("gelsd", "gelss") else _qr
                    ),
                    size=8,
                )


def householder() -> Iterator[Case]:
    """Yield products with stored reflections."""
    for leading in ((), (3,)):
        yield Case(
            f"torch.linalg.householder_product: {leading}",
            ("torch.linalg.householder_product",),
            lambda size, leading=leading: torch.geqrf(numbers(*leading, 2 * size, size)),
            torch.linalg.householder_product,
            lambda matrix, _: _qr(*matrix.shape[-2:]) * batches(matrix),
        )


def cases() -> Iterator[Case]:
    """Yield all factorisations and solves in all forms."""
    for kind in (_of_one, solves, least_squares, householder):
        yield from accepted(kind())


__all__ = ["cases", "spelt"]
