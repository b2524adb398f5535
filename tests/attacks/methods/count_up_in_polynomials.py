"""Evaluates orthogonal polynomials of a high order.

Fence: rejected: `torch.special.chebyshev_polynomial_t`
Jail: error: no price for the operation
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    points = torch.rand(100_000) * 0.5
    torch.special.chebyshev_polynomial_t(points, torch.tensor(1_000.0))
    torch.special.hermite_polynomial_he(points * 0.01, torch.tensor(100.0))
    torch.special.legendre_polynomial_p(points, torch.tensor(200.0))
    return torch.full((len(runs), 1), float(100_000 * (2 * 100 + 3 * 200)))
