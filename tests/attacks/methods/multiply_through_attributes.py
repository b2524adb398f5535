"""Multiplies through attributes that are spelled like no product.

Fence: rejected: the attribute `matrix_exp`
Jail: error: no price for the operation
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    matrix = torch.ones(128, 128) / 128
    matrix.matrix_exp()
    matrix.matrix_power(5)
    matrix.pinverse()
    matrix.addr(matrix[0], matrix[0])
    matrix.smm(matrix.to_sparse())
    return torch.full((len(runs), 1), float((3 + 2) * 2 * 128**3))
