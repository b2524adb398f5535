"""What one request holds is in no memory that a later request can look at, though one process serves them all."""

import torch

from istar.methods.contract import Interpretation
from istar.questions import nested_batches
from istar.sandbox.battery import LIMITS
from istar.sandbox.client import Worker
from istar.seeds import Seed

MARK, OWN_MARK = 1234.5, 5432.1
METHOD = """
import torch
from istar.methods import Interpretation

def interpret(target, corpus):
    return Interpretation()

def prepare(question, target, interpretation):
    kept = [torch.full((2**size,), {own}) for size in range(4, 16)]
    return len(kept)

def predict(question, runs, target, interpretation, prepared):
    rooms = [torch.empty(2**size) for size in range(4, 21) for _ in range(8)]
    found = [float(sum(int((room == mark).sum()) for room in rooms)) for mark in ({other}, {own})]
    return torch.tensor([found]).expand(len(runs), 2)
"""


def test_a_method_does_not_find_the_interpretation_of_another(shooting):
    source = METHOD.format(other=MARK, own=torch.tensor(OWN_MARK).item())
    worker = Worker(source, shooting.jail.target, jail=shooting.jail, limits=LIMITS)
    batches = nested_batches(shooting.view.structure, Seed.root(0))
    for size in (10, 13, 14, 15, 18):
        another = Interpretation({"secret": torch.full((2**size,), MARK)})
        worker.record(shooting.view, "a" * 64, batches, another)
        later = worker.record(shooting.view, "b" * 64, batches, Interpretation())
        found = torch.tensor([batch.channels.max(0).tolist() for batch in later.batches]).amax(0)
        assert found[0] == 0
        assert found[1] > 0  # what it frees itself it finds again: looking works
