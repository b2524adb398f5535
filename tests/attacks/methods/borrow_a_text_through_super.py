"""Reaches refused methods of texts and numbers through `super`.

Fence: passes
Jail: error: closed to methods
Round: 2
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


class Text(str):
    def translate(self, table):
        return super().translate(table)


class Number(int):
    def bit_count(self):
        return super().bit_count()


def predict(question, runs, target, interpretation, prepared):
    found = Text("abc").translate({97: "x"}), Number(7).bit_count()
    return torch.full((len(runs), 1), float(len(found)))
