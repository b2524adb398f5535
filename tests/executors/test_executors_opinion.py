import numpy as np
import pytest

from istar.executors.opinion import CORRELATIONS, Agreement, Credit
from istar.executors.regression import Regression, clipped


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
    opinion = 1 / (variance * (1 - rho**2))
    expected = (centre / spread**2 + rho * said * opinion) / (likelihood + opinion)
    np.testing.assert_allclose(mean, expected, atol=1e-9)
    np.testing.assert_allclose(deviation, 1 / np.sqrt(likelihood + opinion), atol=1e-9)


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
