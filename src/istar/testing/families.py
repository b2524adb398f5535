"""Conformance suite for families: subclass it, give it a family, and pytest checks the contract.

Example:
    >>> class TestMine(FamilyConformance):
    ...     def make(self) -> Family:
    ...         return MyFamily()
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, get_args

import numpy as np
import pytest

from istar.flops import CostModel, price_sheet
from istar.questions import Question, build_trie, nested_batches, question_from_json
from istar.seeds import Seed
from istar.tasks import FAMILIES, Family, Split, TaskError
from istar.truth.reliability import sampling_noise

COSTS = CostModel(per_token=200_000_000, per_pair=70_000, per_read=60_000_000)
"""About those of a model of 135 million parameters; only ratios matter here."""

OTHER_PROCESS = """
import importlib, sys
sys.path[:] = {path!r}
from istar.plugins import load_plugins
from istar.seeds import Seed
from istar.testing.families import ByteTokenizer
load_plugins()
{family} = getattr(importlib.import_module({module!r}), {family!r})
print({family}({settings}).question({data_set!r}, ByteTokenizer(), Seed.root(3), 1).hash)
"""
"""Looks where this process looks: a test may be run from any folder, with its family beside it or in a plug-in."""


ELSEWHERE = """
import contextlib, io, json, sys, traceback
for line in sys.stdin:
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            exec(json.loads(line), {})
        reply = {"printed": printed.getvalue().strip()}
    except BaseException:
        reply = {"error": traceback.format_exc()}
    print(json.dumps(reply), flush=True)
"""


@functools.cache
def _elsewhere(environment: frozenset[tuple[str, str]]) -> subprocess.Popen[str]:
    """Return a process of its own that runs code: one for all tests, since loading torch takes seconds.

    Args:
        environment: its variables, which may say where plugins are; another environment is another process.
    """
    command = [sys.executable, "-c", ELSEWHERE]
    variables, pipe = dict(environment), subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=variables)  # it ends with its stdin


def _printed_elsewhere(code: str) -> str:
    """Return what code prints in another process, with another hash seed and another past."""
    changing = "PYTEST_CURRENT_TEST"
    process = _elsewhere(frozenset((name, value) for name, value in os.environ.items() if name != changing))
    if process.stdin is None or process.stdout is None or process.poll() is not None:
        raise AssertionError(f"the other process ended with {process.returncode}")
    process.stdin.write(json.dumps(code) + "\n")
    process.stdin.flush()
    reply = json.loads(process.stdout.readline())
    assert "error" not in reply, reply["error"]
    return str(reply["printed"])


class ByteTokenizer:
    """A tokenizer with one token a byte, as far as families need one."""

    bos_token_id = 0
    eos_token_id = 1

    def encode(self, text: str, add_special_tokens: bool = False) -> list[int]:
        """Return the bytes of a text, moved up by the two special tokens."""
        return [self.bos_token_id] * add_special_tokens + [2 + byte for byte in text.encode()]

    def decode(self, tokens: Sequence[int], **_options: bool) -> str:
        """Return the text of tokens without the special ones."""
        return bytes(token - 2 for token in tokens if token >= 2).decode()


class FamilyConformance(ABC):
    """What every family must do, whatever it asks.

    Attributes:
        least_ratio: the least quotient of brute force and dearest run; lower it only for a family made small for tests.
    """

    least_ratio: ClassVar[float] = 100.0

    @abstractmethod
    def make(self) -> Family:
        """Return the family; two calls give equal ones."""

    def tokenizer(self) -> Any:
        """Return the tokenizer to make questions with; byte-level unless overridden."""
        return ByteTokenizer()

    def questions(self, index: int = 0) -> list[Question]:
        """Return one question of each data set."""
        family = self.make()
        return [family.question(name, self.tokenizer(), Seed.root(0), index) for name in family.data_sets]

    def test_says_what_it_is(self) -> None:
        """It has a name, a split and at least one data set, and is registered under its name."""
        family = self.make()
        assert family.split in get_args(Split)
        assert family.data_sets
        assert len(set(family.data_sets)) == len(family.data_sets)
        assert type(FAMILIES.get(family.name)) is type(family)

    def test_same_seed_gives_the_same_question(self) -> None:
        """Two equal families give equal questions, which name their task and index."""
        for first, second in zip(self.questions(2), self.questions(2), strict=True):
            assert first.hash == second.hash
            assert first.index == 2
            assert first.family == self.make().name

    def test_another_process_gives_the_same_question(self) -> None:
        """Nothing depends on hash randomisation or on what was drawn before."""
        family = self.make()
        settings = ", ".join(f"{name}={value!r}" for name, value in vars(family).items())
        name = family.data_sets[0]
        code = OTHER_PROCESS.format(
            module=type(family).__module__,
            family=type(family).__name__,
            settings=settings,
            data_set=name,
            path=sys.path,
        )
        assert _printed_elsewhere(code) == family.question(name, ByteTokenizer(), Seed.root(3), 1).hash

    def test_index_and_seed_change_the_question(self) -> None:
        """Another index and another seed draw other items."""
        family = self.make()
        for name in family.data_sets:
            places = ((0, 0), (0, 1), (1, 0))
            drawn = [family.question(name, self.tokenizer(), Seed.root(seed), index) for seed, index in places]
            assert len({tuple(run.tokens for run in question.runs) for question in drawn}) == len(drawn)

    def test_survives_json(self) -> None:
        """A question is the same after a round trip through JSON."""
        for question in self.questions():
            assert question_from_json(json.loads(json.dumps(question.to_json()))).hash == question.hash

    def test_runs_start_with_bos_and_are_read(self) -> None:
        """Every path starts with the beginning-of-sequence token and is read somewhere."""
        bos = self.tokenizer().bos_token_id
        for question in self.questions():
            for run in question.runs:
                assert run.paths
                assert all(path.tokens[0] == bos and path.reads for path in run.paths)

    def test_rows_differ(self) -> None:
        """No two rows are the same run in the same place."""
        for question in self.questions():
            arrays = [column.array for column in question.structure.columns if column.role != "covariate"]
            keys = {(*place, run) for place, run in zip(zip(*arrays, strict=True), question.runs, strict=True)}
            assert len(keys) == len(question.runs)

    def test_roles_say_enough(self) -> None:
        """There is a replicate, something that is compared unless rows are all replicates, and nested batches fit."""
        for question in self.questions():
            structure = question.structure
            assert structure.of("nuisance"), "reliability needs an exchangeable replicate"
            batches = nested_batches(structure, Seed.root(0))
            assert np.array_equal(np.sort(np.concatenate(batches)), np.flatnonzero(~structure.sealed))

    def test_truth_has_no_loss(self) -> None:
        """The functional takes any values, its answer is finite, and the loss of the true answer is zero."""
        for question in self.questions():
            values = Seed.root(0).split("values").generator().normal(size=len(question.runs))
            answer = question.functional.answer(values, question.structure)
            assert answer.ndim == 1
            assert np.isfinite(answer).all()
            assert question.functional.loss(answer, values, question.structure) == pytest.approx(0.0, abs=1e-12)
            assert question.functional.loss(answer + 1.0, values, question.structure) >= 0.0

    def test_answers_for_several_columns_at_once(self) -> None:
        """Values with leading axes give the answers of their columns; audits and executors ask for many at once."""
        for question in self.questions():
            functional, structure = question.functional, question.structure
            columns = Seed.root(0).split("columns").generator().normal(size=(3, len(question.runs)))
            alone = np.stack([functional.answer(values, structure) for values in columns])
            np.testing.assert_allclose(functional.answers(columns, structure), alone, rtol=1e-6, atol=1e-9)

    def test_can_be_asked_of_half_the_replicates(self) -> None:
        """Halves of the replicates give answers of the same length: that is how reliability is measured."""
        for question in self.questions():
            values = Seed.root(0).split("values").generator().normal(size=len(question.runs))
            noise = sampling_noise(question, values)
            assert noise.shape == question.functional.answer(values, question.structure).shape
            assert np.isfinite(noise).all()

    def test_brute_force_is_dear(self) -> None:
        """Brute force costs many times the dearest run."""
        for question in self.questions():
            sheet = price_sheet(build_trie(question.runs), question.runs, COSTS)
            assert sheet.total >= self.least_ratio * sheet.dearest_run, question.task

    def test_refuses_unknown_data_sets_and_indices(self) -> None:
        """Messages name the family and what there is."""
        family = self.make()
        with pytest.raises(
            TaskError, match=f"{family.name} has no data set 'nonsense'; it has .*{family.data_sets[0]}"
        ):
            family.question("nonsense", self.tokenizer(), Seed.root(0), 0)
        with pytest.raises(TaskError, match="numbered from 0"):
            family.question(family.data_sets[0], self.tokenizer(), Seed.root(0), -1)
