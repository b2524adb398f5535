"""Reads attributes of another object through the fields of a data class.

Fence: rejected: the name `__globals__`
Jail: harmless
Round: 1
"""

import dataclasses

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


@dataclasses.dataclass
class Borrowed:
    __globals__: object = None


def predict(question, runs, target, interpretation, prepared):
    found = dataclasses.replace(Borrowed(), **{"__globals__": 1})
    names = dataclasses.asdict(found)
    return torch.full((len(runs), 1), float(names != {"__globals__": 1}))
