"""Every shipped readout conforms, and the suite finds each fault that it should."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from suites import failures

from istar.questions import READOUTS, Path, Readout
from istar.questions.readouts import (
    ChoiceProbability,
    Entropy,
    GreedyCorrect,
    KLFrom,
    PolicyCost,
    SpanLogprob,
    SpanLoss,
    SpanMargin,
    SpanProbability,
)
from istar.testing.readouts import ReadoutConformance

SHIPPED = {
    "SpanLogprob": SpanLogprob(4),
    "SpanLogprobMean": SpanLogprob(1, mean=True),
    "SpanLoss": SpanLoss(4),
    "SpanMargin": SpanMargin(10, (9, 8)),
    "SpanProbability": SpanProbability(11),
    "ChoiceProbability": ChoiceProbability(11, ((9, 8), (7,))),
    "Entropy": Entropy(),
    "KLFrom": KLFrom((0, 5, 6, 7), last=2),
    "PolicyCost": PolicyCost(9, (0, 5, 6)),
}


def suite_of(readout):
    class Suite(ReadoutConformance):
        def make(self):
            return readout

    return Suite


for _name, _readout in SHIPPED.items():
    globals()[f"Test{_name}"] = type(f"Test{_name}", (suite_of(_readout),), {})


class TestGreedyCorrect(suite_of(GreedyCorrect(5))):
    vocabulary = 6  # so few that chance decides now and then for the token

    def tokens(self):
        return (0, 1, 2, 3, 4, 5)


def test_every_shipped_readout_is_among_them():
    shipped = {kind for kind in READOUTS if READOUTS.get(kind).__module__.startswith("istar.")}
    assert shipped == {readout.kind for readout in SHIPPED.values()} | {"greedy_correct"}


@dataclass(frozen=True)
class Sound(Readout):
    """The log-probability of the last token; faults are made by overriding."""

    kind: ClassVar[str] = "of_a_test"

    def paths(self, tokens):
        return (Path(tokens[:-1], (len(tokens) - 2,)),)

    def value(self, tokens, log_probs):
        return float(log_probs[0][0, tokens[-1]])


class NoPath(Sound):
    def paths(self, tokens):
        return ()


class ReadsBeyond(Sound):
    def paths(self, tokens):
        return (Path(tokens[:-1], (len(tokens) - 1,)),)


class ReadsBackwards(Sound):
    def paths(self, tokens):
        return (Path(tokens[:-1], (5, 3)),)


class NoToken(Sound):
    def paths(self, tokens):
        return (Path((*tokens[:-1], 10**6), (3,)),)


class GivesTensor(Sound):
    def value(self, tokens, log_probs):
        return log_probs[0][0, tokens[-1]]


class NotFinite(Sound):
    def value(self, tokens, log_probs):
        return -math.inf


class AtRandom(Sound):
    def value(self, tokens, log_probs):
        return super().value(tokens, log_probs) + float(np.random.default_rng().normal())


class OneFormat(Sound):
    def value(self, tokens, log_probs):
        return float(log_probs[0].numpy()[0, tokens[-1]])


class Writes(Sound):
    def value(self, tokens, log_probs):
        return float(log_probs[0].exp_()[0, tokens[-1]])


class Improbable(Sound):
    unit: ClassVar[str] = "probability"


class Undecided(Sound):
    unit: ClassVar[str] = "verdict"


class OfNoUnit(Sound):
    unit: ClassVar[str] = "bananas"


class Constant(Sound):
    def value(self, tokens, log_probs):
        return 1.0


FAULTS = {
    NoPath: "test_says_what_the_model_must_process",
    ReadsBeyond: "test_says_what_the_model_must_process",
    ReadsBackwards: "test_says_what_the_model_must_process",
    NoToken: "test_says_what_the_model_must_process",
    GivesTensor: "test_gives_one_finite_number",
    NotFinite: "test_gives_one_finite_number",
    AtRandom: "test_gives_one_finite_number",
    Improbable: "test_is_in_its_unit",
    Undecided: "test_is_in_its_unit",
    OfNoUnit: "test_is_in_its_unit",
    OneFormat: "test_takes_every_number_format",
    Writes: "test_leaves_what_it_is_given",
    Constant: "test_reads_what_it_asks_for",
}


@pytest.fixture
def registered(monkeypatch):
    def register(kind):
        monkeypatch.setitem(READOUTS._entries, "of_a_test", kind)
        return kind()

    return register


@pytest.mark.parametrize(("kind", "test"), FAULTS.items(), ids=[kind.__name__ for kind in FAULTS])
def test_a_fault_is_found(registered, kind, test):
    assert test in failures(suite_of(registered(kind))())


def test_a_sound_one_passes(registered):
    assert failures(suite_of(registered(Sound))()) == []


def test_one_that_nobody_can_find_is_found():
    assert "test_survives_json" in failures(suite_of(Sound())())
