"""A functional of a user's own is asked the same as ours, and answered the same."""

import ast
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from synthetic_tables import MAKERS, arms_table, recording

from istar import executors
from istar.executors import Market, Statistician, Trace
from istar.executors.statistician.knowledge import Knowledge
from istar.executors.statistician.table_model.priors import TaskPrior
from istar.executors.statistician.variants import Variant
from istar.making.statistician.knowing import knowledge_of
from istar.questions import FUNCTIONALS, ArmChoice, ArmMeans, FunctionalError, LinearFunctional
from istar.questions.functionals import Functional
from istar.rewards.blind import blind_answer
from istar.seeds import Seed
from istar.truth.effects.records import effects_of


@dataclass(frozen=True)
class Own(Functional):
    """Says what another functional says, through the methods of the base class alone."""

    kind = "own"
    said: Any

    def answer(self, values, structure):
        return self.said.answer(values, structure)

    def loss(self, answer, values, structure):
        return self.said.loss(answer, values, structure)

    def weights(self, structure):
        return self.said.weights(structure)

    @property
    def measured_against(self):
        return self.said.measured_against

    @property
    def centre(self):
        return self.said.centre

    @property
    def design(self):
        return self.said.design

    def row_worth(self, draws, structure):
        return self.said.row_worth(draws, structure)

    def linearised(self, draws, structure):
        return self.said.linearised(draws, structure)

    def contest(self, draws, structure):
        return self.said.contest(draws, structure)


def choice_table(index):
    table = arms_table(index)
    return replace(table, question=replace(table.question, functional=ArmChoice("prompt", value=1.0)))


def traces(tables):
    """The traces of both arms on the first of some tables."""
    records = [effects_of(table.question, table.values) for table in tables]
    known, table = knowledge_of(tables[0].question, records), tables[0]
    channel = table.values[:, None] + 0.3 * np.random.default_rng(0).normal(size=(len(table.values), 1))
    said = recording(table, channel, 0.02)
    for heard in (None, said):
        yield Statistician(Variant()).answer(Market(table, heard), known, Seed.root(1))


@pytest.mark.parametrize("maker", [*MAKERS.values(), choice_table], ids=[*MAKERS, "choice"])
def test_it_is_answered_to_the_last_bit_like_ours(maker):
    tables = [maker(index) for index in range(3)]
    own = [replace(each, question=replace(each.question, functional=Own(each.question.functional))) for each in tables]
    # what is drawn at random hangs on seeds alone, what is planned on the question's hash, which differs
    for ours, theirs in zip(traces(tables), traces(own), strict=True):
        for field in fields(Trace):
            np.testing.assert_array_equal(getattr(ours, field.name), getattr(theirs, field.name), err_msg=field.name)


@dataclass(frozen=True)
class OneColumn(Functional):
    """An answer that takes no leading axes."""

    kind = "one_column"

    def answer(self, values, structure):
        return np.array([values[structure.levels("prompt") == 0].mean(), values.max()])


def test_one_that_takes_a_single_column_is_told_what_to_do():
    table = arms_table(0)
    own = replace(table.question, functional=OneColumn())
    values = table.values
    records = [effects_of(own, values + index) for index in range(3)]
    known = Knowledge(TaskPrior(tuple(records)), blind_answer(own.structure, own.functional, records))
    market = Market(replace(table, question=own))
    with pytest.raises(FunctionalError, match=r"'one_column' cannot answer for several columns.*last axis alone"):
        Statistician(Variant()).answer(market, known, Seed.root(0))


@pytest.mark.parametrize("design", ["linearised", "contest"])
def test_a_design_that_is_named_has_to_be_said(design):
    own = type("Named", (LinearFunctional,), {"kind": "named", "design": design, "weights": ArmMeans.weights})()
    with pytest.raises(FunctionalError, match=rf"'named' has the design `{design}`; override `{design}`"):
        getattr(own, design)(np.zeros((2, 3)), None)


def asks_what_it_is(source):
    """Where a source asks a functional for its class or for what it may not have, or names one."""
    ours = {FUNCTIONALS.get(kind).__name__ for kind in FUNCTIONALS} | {"LinearFunctional", "FUNCTIONALS"}
    found = []
    for node in ast.walk(ast.parse(source)):
        called = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
        if called in ("isinstance", "issubclass", "type", "getattr", "hasattr", "vars"):
            found += [ast.unparse(node)] if "functional" in ast.unparse(node).lower() else []
        if isinstance(node, ast.alias | ast.Name):
            found += [name] if (name := node.name if isinstance(node, ast.alias) else node.id) in ours else []
        if isinstance(node, ast.Attribute) and node.attr in ("__class__", "__dict__"):
            found += [ast.unparse(node)] if "functional" in ast.unparse(node).lower() else []
    return found


@pytest.mark.parametrize(
    "source",
    [
        "isinstance(market.functional, Thing)",
        "getattr(self.functional, 'arms', None)",
        "functional.__class__",
        "from istar.questions import ArmMeans",
        "kind is questions.FUNCTIONALS or ArmChoice",
    ],
)
def test_who_asks_what_a_functional_is_is_found(source):
    assert asks_what_it_is(source)


def test_no_executor_asks_a_functional_what_it_is():
    files = sorted(Path(executors.__file__).parent.rglob("*.py"))
    assert len(files) > 10
    assert {str(file): found for file in files if (found := asks_what_it_is(file.read_text()))} == {}
