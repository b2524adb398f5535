"""Hands runs to the target whose tokens change each time they are looked at.

Fence: passes
Jail: error: has no setter
Round: 3
"""

from istar.methods import Interpretation
from istar.questions import Run


def interpret(target, corpus):
    return Interpretation()


class Changing(Run):
    @property
    def tokens(self):
        return (0, *range(1, 500))


def predict(question, runs, target, interpretation, prepared):
    return target.read([Changing(runs[0].tokens, runs[0].readout)], target.run(runs[:1]))[:, None].expand(len(runs), 1)
