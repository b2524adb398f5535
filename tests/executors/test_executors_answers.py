"""From beliefs about a table to an answer: by how much it leaves the blind one, and what is believed of a stream."""

import numpy as np
import pytest
from synthetic_tables import MAKERS

from istar.executors.statistician.answers import Answerer, Repeated
from istar.executors.statistician.arithmetic import Arithmetic
from istar.executors.statistician.table_model.process import Hyperparameters, Process, kernels_of
from istar.executors.statistician.table_model.tails import rows_worth, stream_draws
from istar.making.statistician.derived import best_arm_table
from istar.making.statistician.knowing import knowledge_of
from istar.questions import Column, Structure, UpperTail
from istar.seeds import Seed
from istar.truth.effects.components import model_space
from istar.truth.effects.records import QUANTILE_KNOTS, effects_of

ROWS = 400


@pytest.fixture(scope="module")
def maximum():
    """A question of the best of several arms, and what is believed of its table beforehand."""
    tables = [best_arm_table(next(iter(MAKERS.values()))(index)) for index in range(4)]
    question = tables[0].question
    known = knowledge_of(question, [effects_of(each.question, each.values) for each in tables])
    space = model_space(question.structure, question.functional)
    process = Process(space.grid, kernels_of(space, known.prior.hyperparameters(space.fixed_names)), Arithmetic())
    return tables[0], known, process


@pytest.mark.parametrize("temper", [1.0, 0.5])
@pytest.mark.parametrize("bought", [0, 1, 2, 5, 20, 60])
def test_an_answer_lies_between_the_blind_one_and_what_the_model_believes(maximum, temper, bought):
    """A model that is wrong about a maximum is not made surer of it by rows that say little of it."""
    table, known, process = maximum
    question, grid = table.question, process.grid
    nothing = process.condition(np.zeros_like(grid.present), np.zeros(grid.present.shape))
    answerer = Answerer(question.structure, question.functional, known, nothing, temper, Seed.root(0))
    observed = np.zeros(len(table.values), dtype=bool)
    observed[np.random.default_rng(0).permutation(len(observed))[:bought]] = True
    posterior = process.condition(grid.spread(observed), grid.spread(table.values))
    believed, answer = answerer.told(posterior).centre, answerer.answer(posterior)
    low, high = np.minimum(believed, answerer.blind), np.maximum(believed, answerer.blind)
    assert (low - 1e-9 <= answer.centre).all()
    assert (answer.centre <= high + 1e-9).all()
    assert (answer.spread <= answerer.start().spread + 1e-9).all()
    if bought == 0:
        np.testing.assert_allclose(answer.centre, answerer.blind)


def stream(bought, values, shapes, count=4000):
    """Return draws of a stream without covariates whose first rows are bought, and their posterior."""
    structure = Structure((Column("row", "arm", tuple(map(float, range(ROWS)))),))
    space = model_space(structure, UpperTail(0.9))
    beliefs = Hyperparameters(np.zeros(1), np.full((1, 1), 1e-6), {"own.cell": 1.0}, scale_weight=1e6)
    process = Process(space.grid, kernels_of(space, beliefs), Arithmetic())
    observed = np.arange(ROWS)[None] < bought
    posterior = process.condition(observed, np.where(observed, values, 0.0)[:1])
    return stream_draws(posterior, np.array(shapes), count, np.random.default_rng(0))[:, 0]


EVEN = np.sqrt(12) * (QUANTILE_KNOTS - 0.5)
CUBED = EVEN**3 / np.std(EVEN**3)


def test_shapes_that_differ_are_worth_fewer_rows():
    alike = [EVEN + 0.01 * number for number in range(4)]
    apart = [EVEN, CUBED, EVEN + 0.5, CUBED - 0.5]
    assert rows_worth(np.array(alike)) > 20 * rows_worth(np.array(apart)) >= 20


def test_a_stream_is_drawn_from_the_other_questions_distribution_until_rows_are_bought():
    draws = stream(0, np.zeros(ROWS), [EVEN, EVEN + 1e-4])
    np.testing.assert_allclose(np.quantile(draws, (0.1, 0.5, 0.9)), np.sqrt(12) * np.array([-0.4, 0, 0.4]), atol=0.06)


def test_what_is_not_known_of_a_distribution_widens_what_is_believed():
    """Of a share, a hundred rows leave at least what they would if nothing but they were known of the distribution."""
    values = np.where(np.arange(ROWS) % 4 == 0, 1.0, -1.0)
    shares = (stream(100, values, [EVEN, CUBED + 0.7, -CUBED - 0.7]) > 0.5).mean(1)
    left = np.sqrt(0.25 * 0.75 * (1 / 100 + 1 / 300)) * 300 / ROWS
    assert shares.std() == pytest.approx(left, rel=0.25)
    assert shares.mean() == pytest.approx(0.25, abs=0.03)


def test_bought_rows_hold_their_values_in_every_draw():
    values = np.arange(ROWS) / ROWS
    draws = stream(30, values, [EVEN, CUBED], count=20)
    assert (draws[:, :30] == values[:30]).all()
    assert np.isfinite(draws).all()


def test_numbers_come_again():
    numbers = Repeated(np.random.default_rng(3))
    first = numbers.standard_normal((2, 3)).copy()
    more = numbers.again().standard_normal((4, 5))
    np.testing.assert_array_equal(more.reshape(-1)[:6], first.reshape(-1))
    np.testing.assert_array_equal(more.reshape(-1), np.random.default_rng(3).standard_normal(20))
