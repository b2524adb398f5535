import numpy as np
import pytest
from istar.executors.statistician.fidelity.opinion import Agreement, Credit, opinion, regression, surprise
from synthetic_tables import shapley_table

from istar.executors.statistician.arithmetic import Arithmetic
from istar.executors.statistician.fidelity.regression import Regression, clipped
from istar.executors.statistician.settings import CORRELATIONS
from istar.executors.statistician.table_model.priors import pool
from istar.executors.statistician.table_model.process import Process, kernels_of
from istar.truth.effects.components import model_space
from istar.truth.effects.records import effects_of


def agreements(rho, questions=6, outputs=8, seed=0):
    generator = np.random.default_rng(seed)
    found = []
    for _ in range(questions):
        truth = generator.standard_normal(outputs)
        said = rho * truth + np.sqrt(1 - rho**2) * generator.standard_normal(outputs)
        found.append(Agreement.of(3.0 * said, truth, np.ones(outputs)))
    return found


def test_noise_earns_no_credit():
    credit = Credit.from_agreements(agreements(0.0))
    assert credit.useless > 0.4
    assert credit.remaining > 0.95


def test_a_true_opinion_is_believed_at_once_and_brought_to_scale():
    credit = Credit.from_agreements(agreements(1.0))
    truth = np.array([1.0, -2.0, 0.5])
    centre, spread, _ = credit.listen(3.0 * truth, np.ones(3), np.zeros(3), np.ones(3))
    np.testing.assert_allclose(centre, truth, atol=1e-3)
    assert spread.max() < 0.01


@pytest.mark.parametrize("rho", [0.3, 0.6, 0.9])
def test_credit_is_about_the_correlation(rho):
    credit = Credit.from_agreements(agreements(rho, questions=40))
    assert credit.weights @ CORRELATIONS == pytest.approx(rho, abs=0.1)


def test_listening_with_one_hypothesis_is_a_product_of_normal_densities():
    place = 6
    rho = CORRELATIONS[place]
    credit = Credit(np.eye(len(CORRELATIONS))[place], 1.0)
    said, variance = np.array([0.7, -1.1]), np.array([1.0, 4.0])
    centre, spread = np.array([0.2, 0.3]), np.array([0.6, 1.5])
    mean, deviation, _ = credit.listen(said, variance, centre, spread)
    # the rows' likelihood is their posterior over the prior; the opinion replaces the prior
    likelihood = 1 / spread**2 - 1 / variance
    belief = 1 / (variance * (1 - rho**2))
    expected = (centre / spread**2 + rho * said * belief) / (likelihood + belief)
    np.testing.assert_allclose(mean, expected, atol=1e-9)
    np.testing.assert_allclose(deviation, 1 / np.sqrt(likelihood + belief), atol=1e-9)


def test_useless_opinions_leave_the_answer_as_it_is():
    credit = Credit(np.eye(len(CORRELATIONS))[0], 1.0)
    centre, spread = np.array([0.2, 0.3]), np.array([0.6, 0.9])
    mean, deviation, _ = credit.listen(np.array([5.0, -5.0]), np.ones(2), centre, spread)
    np.testing.assert_allclose(mean, centre, atol=1e-9)
    np.testing.assert_allclose(deviation, spread, atol=1e-9)


def test_rows_that_contradict_an_opinion_take_its_credit():
    credit = Credit.from_agreements(agreements(0.8))
    truth = np.random.default_rng(3).standard_normal(8)
    *_, after = credit.listen(-3.0 * truth, np.ones(8), truth, np.full(8, 0.1))
    assert after.useless > credit.useless
    assert after.weights @ CORRELATIONS < credit.weights @ CORRELATIONS


def test_regressions_add_up_over_questions():
    generator = np.random.default_rng(0)
    replicate = np.repeat(np.arange(5), 20)
    channels = generator.standard_normal((100, 2))
    values = channels @ [2.0, -1.0] + 10.0 * replicate + 0.01 * generator.standard_normal(100)
    halves = [Regression.of(channels, values, replicate, rows) for rows in (np.arange(40), np.arange(40, 100))]
    np.testing.assert_allclose((halves[0] + halves[1]).slopes(), [2.0, -1.0], rtol=0.15)
    assert (halves[0] + halves[1]).rows == 100


def test_outliers_are_cut_off_and_gaps_stay():
    channels = np.r_[np.random.default_rng(0).standard_normal(500), 1e6, np.nan][:, None]
    cut = clipped(channels)
    assert np.isnan(cut[-1, 0])
    assert np.nanmax(cut) < 1e6


def expectations(generator, arms=40, replicates=5):
    """Values around an expectation, row by row."""
    replicate = np.tile(np.arange(replicates), arms)
    expected = generator.standard_normal(arms * replicates)
    return replicate, expected, expected + generator.standard_normal(arms * replicates)


@pytest.mark.parametrize("share", [1.0, 0.3, -0.5])
def test_noise_has_no_surprises_however_wrong_the_expectation_is(share):
    generator = np.random.default_rng(1)
    replicate, expected, values = expectations(generator)
    values += (share - 1) * expected
    noise = generator.standard_normal((len(values), 2))
    fitted = regression(noise, expected, values, replicate, np.arange(len(values)))
    assert surprise(fitted, noise, expected).std() < 0.2 * values.std()


def test_the_values_themselves_say_by_how_much_the_expectation_is_wrong():
    replicate, expected, values = expectations(np.random.default_rng(2))
    channels = 3.0 * values[:, None] + 7.0
    fitted = regression(channels, expected, values, replicate, np.arange(len(values)))
    said = surprise(fitted, channels, expected)
    assert np.corrcoef(said, values - expected)[0, 1] > 0.999
    assert said.std() == pytest.approx((values - expected).std(), rel=0.1)


@pytest.mark.parametrize("rows", [4, 12, 200])
def test_the_values_themselves_surprise_in_proportion_however_few_are_known(rows):
    # what is left of the expectation would be the same mistake on every row that it expects the same of
    replicate, expected, values = expectations(np.random.default_rng(3))
    fitted = regression(values[:, None], expected, values, replicate, np.arange(rows))
    said = surprise(fitted, values[:, None], expected)
    share = said @ (values - expected) / ((values - expected) @ (values - expected))
    np.testing.assert_allclose(said, share * (values - expected), atol=1e-9)
    assert 0 < share < 1


def test_an_opinion_without_surprises_is_the_blind_answer():
    tables = [shapley_table(number) for number in range(3)]
    question = tables[0].question
    records = [effects_of(table.question, table.values) for table in tables]
    space = model_space(question.structure, question.functional)
    beliefs = pool(records, question.hash).hyperparameters(space.fixed_names)
    process = Process(space.grid, kernels_of(space, beliefs), Arithmetic())
    weights = space.grid.spread(question.functional.weights(question.structure))
    nothing = process.condition(np.zeros_like(space.grid.present), np.zeros(space.grid.present.shape))
    rows = question.structure.rows
    for known in (np.ones(rows, dtype=bool), np.arange(rows) < rows // 4):
        said = opinion(process, weights, space.grid, np.full(rows, 5.0), known)
        np.testing.assert_allclose(said, nothing.linear(weights).mean, atol=1e-9)


def test_what_one_channel_leaves_of_the_others_is_least_squares():
    generator = np.random.default_rng(5)
    replicate = np.repeat(np.arange(6), 30)
    last = generator.standard_normal(180)
    channels = np.column_stack([generator.standard_normal((180, 2)) + last[:, None] * [1.0, -2.0], last])
    values = channels @ [0.5, 1.5, -1.0] + generator.standard_normal(180)
    rest, slopes = Regression.of(channels, values, replicate, np.arange(180)).apart_from_last()
    both = np.column_stack([channels, values])
    within = both - np.array([both[replicate == each].mean(0) for each in range(6)])[replicate]
    expected, *_ = np.linalg.lstsq(within[:, 2:3], within[:, [0, 1, 3]], rcond=None)
    np.testing.assert_allclose(slopes, expected[0], atol=1e-9)
    left = within[:, [0, 1, 3]] - within[:, 2:3] * expected
    np.testing.assert_allclose(rest.inner, left[:, :2].T @ left[:, :2], atol=1e-9)
    np.testing.assert_allclose(rest.side, left[:, :2].T @ left[:, 2], atol=1e-9)
    foretold = left[:, :2] @ rest.slopes()
    assert rest.explained() == pytest.approx(foretold @ left[:, 2] / rest.total)
