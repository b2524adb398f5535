"""What the tests of methods share: the tiny target, a corpus, the library."""

import numpy as np
import pytest
import torch

from istar.flops.meter import Meter
from istar.methods import load_method
from istar.methods.check_questions import sample_questions
from istar.methods.library import library_methods
from istar.methods.recorder import record, run_interpret
from istar.targets import load_target
from istar.targets.corpus import build_corpus


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def target():
    return load_target("tiny-random")


@pytest.fixture(scope="session")
def corpus(target):
    return build_corpus(target, sequences=8, length=48)


@pytest.fixture(scope="session")
def questions(target):
    return sample_questions(target)


@pytest.fixture(scope="session")
def run_method(target, corpus):
    """Return a function that runs a library method, edited, on all rows of a question at once."""

    def run(name, question, edits=(), target=target, corpus=corpus):
        source = library_methods()[name].read_text()
        for old, new in edits:
            assert old in source
            source = source.replace(old, new)
        method = load_method(source, name)
        interpretation = run_interpret(method, target, corpus, Meter())
        rows = [np.arange(len(question.runs))]
        return record(method, question, "question", rows, target, interpretation).batches[0].channels

    return run
