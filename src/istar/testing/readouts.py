"""Conformance suite for readouts: subclass it, give it a readout and tokens that it fits, and pytest checks the rest.

Example:
    >>> class TestMine(ReadoutConformance):
    ...     def make(self) -> Readout:
    ...         return MyReadout(start=3)
"""

from __future__ import annotations

import json
import math
from abc import ABC, abstractmethod
from typing import get_args

import torch
from torch import Tensor

from istar.questions import READOUTS, Readout, Run, run_from_json
from istar.questions.readouts import Unit
from istar.seeds import Seed

VOCABULARY = 64


class ReadoutConformance(ABC):
    """What every readout must do, whatever it reads off.

    Attributes:
        vocabulary: how many tokens there are; more than the greatest token of any path.
    """

    vocabulary = VOCABULARY

    @abstractmethod
    def make(self) -> Readout:
        """Return the readout; two calls give equal ones."""

    def tokens(self) -> tuple[int, ...]:
        """Return the tokens of a run that the readout fits, the beginning-of-sequence token first."""
        return (0, *range(10, 22))

    def _log_probs(self, number: int, dtype: torch.dtype = torch.float32) -> list[Tensor]:
        """Return made-up log-probabilities at the reads of each path."""
        generator = torch.Generator().manual_seed(Seed.root(0).split("log_probs", number).value)
        shapes = [(len(path.reads), self.vocabulary) for path in self.make().paths(self.tokens())]
        logits = [torch.randn(*shape, generator=generator) for shape in shapes]
        return [torch.log_softmax(each, -1).to(dtype) for each in logits]

    def test_survives_json(self) -> None:
        """It is registered under its kind, and a run with it is the same after a round trip through JSON."""
        readout = self.make()
        assert READOUTS.get(readout.kind) is type(readout), f"register it as {readout.kind!r}"
        run = Run(self.tokens(), readout)
        assert run_from_json(json.loads(json.dumps(run.to_json()))) == run

    def test_says_what_the_model_must_process(self) -> None:
        """There are paths; each has tokens of the vocabulary and ascending places in it that are read."""
        paths = self.make().paths(self.tokens())
        assert isinstance(paths, tuple)
        assert paths
        assert paths == self.make().paths(self.tokens())
        for path in paths:
            assert path.reads, "a path that is not read need not be run"
            assert all(0 <= token < self.vocabulary for token in path.tokens)
            assert all(0 <= read < len(path.tokens) for read in path.reads), (
                f"{path.reads} of {len(path.tokens)} tokens"
            )
            assert list(path.reads) == sorted(set(path.reads)), "reads ascend"

    def test_gives_one_finite_number(self) -> None:
        """The value is a Python float, and the same when it is asked for again."""
        for number in range(3):
            value = self.make().value(self.tokens(), self._log_probs(number))
            assert type(value) is float, f"a value is a float, not a {type(value).__name__}: wrap it in float()"
            assert math.isfinite(value)
            assert self.make().value(self.tokens(), self._log_probs(number)) == value

    def test_is_in_its_unit(self) -> None:
        """A probability lies between 0 and 1, and a verdict is one of these."""
        unit = self.make().unit
        assert unit in get_args(Unit), f"the unit is one of {', '.join(get_args(Unit))}"
        for number in range(20):
            value = self.make().value(self.tokens(), self._log_probs(number))
            assert unit != "probability" or 0 <= value <= 1, f"{value} is no probability"
            assert unit != "verdict" or value in (0.0, 1.0), f"{value} is no verdict"

    def test_takes_every_number_format(self) -> None:
        """Targets run in several formats, and log-probabilities come in theirs."""
        exact = self.make().value(self.tokens(), self._log_probs(0, torch.float64))
        for dtype in (torch.float32, torch.bfloat16, torch.float16):
            value = self.make().value(self.tokens(), self._log_probs(0, dtype))
            assert math.isfinite(value)
            if dtype == torch.float32:
                assert math.isclose(value, exact, rel_tol=1e-4, abs_tol=1e-4)

    def test_leaves_what_it_is_given(self) -> None:
        """Log-probabilities are not changed: others read them too."""
        given = self._log_probs(0)
        before = [each.clone() for each in given]
        self.make().value(self.tokens(), given)
        assert all(torch.equal(one, other) for one, other in zip(given, before, strict=True))

    def test_reads_what_it_asks_for(self) -> None:
        """The value depends on the log-probabilities at the reads of each path."""
        values = {self.make().value(self.tokens(), self._log_probs(number)) for number in range(20)}
        assert len(values) > 1, "20 different outputs of a model give one and the same value"
