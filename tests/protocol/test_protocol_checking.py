"""What `istar check` says of a method is what the jail says of it: both run it under one meter with one setting."""

from pathlib import Path

import pytest

from istar.methods.check import check_method
from istar.protocol.checking import JailedCheck
from istar.protocol.config import SearchConfig
from istar.targets import load_target

HONEST = Path(__file__).parents[2] / "examples" / "my_method.py"
FRAME = """import torch
from istar.methods import Interpretation

def interpret(target, corpus):
    {interpret}

def predict(question, runs, target, interpretation, prepared):
    {predict}
"""
NOTHING = {"interpret": "return Interpretation()", "predict": "return torch.zeros(len(runs), 1)"}
REFLECTED = "torch.nn.functional.pad(torch.ones(1, 4, 4), (1, 1, 1, 1), 'reflect')"
FAULTY = {
    "an operation without a price": {"predict": f"{REFLECTED}; return torch.zeros(len(runs), 1)"},
    "the same in interpret": {"interpret": f"{REFLECTED}; return Interpretation()"},
    "too many channels": {"predict": "return torch.zeros(len(runs), 65)"},
    "channels that are not finite": {"predict": "return torch.zeros(len(runs), 1) / 0"},
    "a tensor that cannot be stored": {"interpret": "return Interpretation({'x': torch.zeros(1).cdouble()})"},
    "a name that cannot be written": {"interpret": "return Interpretation({'\\ud800': torch.zeros(1)})"},
    "no dictionary": {"interpret": "return Interpretation([torch.zeros(1)])"},
    "an error that cannot say what it is": {
        "predict": "raise ValueError([x := []] + [x := [x] for _ in range(10**5)])"
    },
    "an interpretation that is too large": {"interpret": "return Interpretation({'x': torch.zeros(2**24)})"},
}


@pytest.fixture(scope="module")
def jailed():
    with JailedCheck(SearchConfig(threads=1)) as check:
        yield check


@pytest.fixture(scope="module")
def target():
    return load_target("tiny-random")


@pytest.mark.parametrize("fault", FAULTY)
def test_a_check_finds_the_errors_that_the_jail_would(fault, jailed, target, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(FRAME.format(**NOTHING | FAULTY[fault]))
    inside, here = jailed(path.read_text(), "mine"), check_method(path, target)
    assert here.faults or here.errors
    assert inside.faults == tuple(map(str, here.faults))
    on_questions = tuple(f"on {each.question}: {each.error}" for each in inside.questions)
    assert ((inside.error,) if inside.error else on_questions) == here.errors


def test_a_check_counts_what_the_jail_counts(jailed, target):
    inside, here = jailed(HONEST.read_text(), "my_method"), check_method(HONEST, target)
    assert here.passed
    assert inside.interpret_flops == here.interpret.flops
    assert [(each.question, each.prepare_flops, each.predict_flops, each.channels) for each in inside.questions] == [
        (each.question, each.prepare_flops, each.predict_flops, each.channels) for each in here.questions
    ]
