"""Runs the rows that it foresees while it learns, and looks them up.

Fence: passes
Jail: open: harmless
Round: 2
"""

import torch

from istar.methods import Interpretation

LINES = ("The lamp is green.", "Two boats came in.", "Snow fell on the hill.", "A clock struck.", "No bird sang.")
QUERIES = (("\nWas it cold?", " yes"), ("\nWho came?", " boats"))


def foreseen(target):
    for removed in range(len(LINES) + 1):
        kept = "".join(f" {line}" for at, line in enumerate(LINES) if at != removed - 1)
        for query, answer in QUERIES:
            yield [target.bos, *(token for text in (kept, query, answer) for token in target.encode(text))]


def interpret(target, corpus):
    rows = list(foreseen(target))
    ends = [float(target.unembed(target.forward(torch.tensor([row]))[0, -2])[row[-1]]) for row in rows]
    return Interpretation({}, {" ".join(map(str, row)): end for row, end in zip(rows, ends, strict=True)})


def predict(question, runs, target, interpretation, prepared):
    known = [interpretation.data.get(" ".join(map(str, run.tokens))) is not None for run in runs]
    return torch.tensor([[float(each)] for each in known])
