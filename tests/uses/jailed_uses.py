"""Methods that know much or nothing, and a jail to run them in."""

from contextlib import contextmanager

from istar.methods.side_by_side import MethodFile
from istar.uses import reading

KNOWING = """
import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return target.read(runs, target.run(runs)).unsqueeze(-1)
"""
SILENT = KNOWING.replace("target.read(runs, target.run(runs)).unsqueeze(-1)", "torch.zeros(len(runs), 0)")
CONSTANT = KNOWING.replace("target.read(runs, target.run(runs)).unsqueeze(-1)", "torch.ones(len(runs), 1)")
TWICE = KNOWING.replace("target.run(runs)", "(target.run(runs), target.run(runs), target.run(runs))[2]")
"""Three times as dear as what it says."""


def method(source):
    return MethodFile(source)


@contextmanager
def jail(target, unsafe):
    with reading.opened(target, seed=0, threads=1, unsafe=unsafe) as arms:
        yield arms
