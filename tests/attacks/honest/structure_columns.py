"""Uses what is known of every row."""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    known = {run: row for row, run in enumerate(question.runs)}
    columns = [column.values for column in question.structure.columns]
    names = [column.name for column in question.structure.columns]
    same = question.structure[names[0]]
    return torch.tensor([[values[known[run]] for values in columns] + [float(same[known[run]])] for run in runs])
