"""Overspends where Python swallows what is raised, in an operation that writes into its output.

Fence: passes
Jail: cut
Round: 4
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    matrix, sides = torch.eye(1_024) * 2, torch.ones(1_024, 1_024)
    kept = torch.zeros(1_024, 1_024)
    view = kept[: len(runs), :1]

    def work():
        try:
            yield 1
        finally:
            torch.linalg.solve(matrix, sides, out=kept)

    for _ in range(20):
        late = work()
        next(late)
        del late
    return view
