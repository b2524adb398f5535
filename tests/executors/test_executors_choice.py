"""Choosing among arms: what looking at each promises, and that the field is narrowed."""

import numpy as np
import pytest
from scipy.stats import norm

from istar.executors import Market, Statistician
from istar.executors.statistician.design.adaptive import contender_rows, design_weights
from istar.flops import CostModel, price_sheet
from istar.making.statistician.knowing import knowledge_of
from istar.questions import ArmChoice, ArmMeans, Column, Question, Run, SpanLogprob, Structure, build_trie
from istar.rewards.skill import blind_loss, reference_losses, skill
from istar.seeds import Seed
from istar.truth import Provenance, Table
from istar.truth.effects.grid import grid_of
from istar.truth.effects.records import learn_effects

ARMS, REPLICATES = 24, 8


def structure_of(arms=ARMS, replicates=REPLICATES):
    cells = [(arm, replicate) for replicate in range(replicates) for arm in range(arms)]
    arm, replicate = (tuple(map(float, column)) for column in zip(*cells, strict=True))
    return Structure((Column("arm", "arm", arm), Column("context", "nuisance", replicate)))


def table_of(functional, index, effect=3.0):
    """One arm stands out by `effect`; the rest differ little, and every cell is noisy."""
    generator = np.random.default_rng(index)
    structure = structure_of()
    arm, context = structure.levels("arm"), structure.levels("context")
    means = 0.2 * generator.normal(size=ARMS)
    means[generator.integers(ARMS)] += effect
    values = means[arm] + 0.5 * generator.normal(size=len(arm))
    runs = tuple(
        Run((0, *[100 + c] * 12, 1000 + a, 5), SpanLogprob(14))
        for a, c in zip(arm.tolist(), context.tolist(), strict=True)
    )
    sheet = price_sheet(build_trie(runs), runs, CostModel(200_000_000, 70_000, per_read=60_000_000))
    question = Question("made/up", index, runs, structure, functional)
    return Table(question, values, sheet, Provenance("ab" * 32, "made-up", "float32", "v1", 0, ()))


class TestPromise:
    def test_is_the_expected_improvement_over_the_best_of_the_others(self):
        generator = np.random.default_rng(0)
        means, spreads = np.array([1.0, 0.4, -2.0, 0.9]), np.array([0.3, 0.5, 0.2, 0.4])
        scores = means + spreads * generator.normal(size=(200_000, 4))
        gain, _ = ArmChoice("arm").promise(scores)
        rivals = (3, 0, 0, 0)
        expected = []
        for arm, rival in enumerate(rivals):
            spread = np.hypot(spreads[arm], spreads[rival])  # of the difference
            z = -abs(means[arm] - means[rival]) / spread
            expected.append(spread * (norm.pdf(z) + z * norm.cdf(z)))
        np.testing.assert_allclose(gain, expected, rtol=0.02, atol=1e-4)

    def test_a_level_that_all_arms_share_promises_nothing(self):
        generator = np.random.default_rng(4)
        scores = np.array([1.0, 0.5, 0.0]) + 0.01 * generator.normal(size=(500, 3))
        apart, together = (
            ArmChoice("arm").promise(scores),
            ArmChoice("arm").promise(scores + 10 * generator.normal(size=(500, 1))),
        )
        np.testing.assert_allclose(together[0], apart[0], atol=1e-12)
        np.testing.assert_array_equal(together[1], apart[1])

    def test_the_lowest_is_found_like_the_highest(self):
        scores = np.random.default_rng(1).normal(size=(500, 6)) + np.arange(6)
        high = ArmChoice("arm", curve=0.3, value=0.5).promise(scores)
        low = ArmChoice("arm", lowest=True, curve=0.3, value=0.5).promise(-scores)
        np.testing.assert_array_equal(high[0], low[0])
        np.testing.assert_array_equal(high[1], low[1])

    def test_hopeless_arms_do_not_contend_unless_the_curve_counts(self):
        scores = 0.1 * np.random.default_rng(2).normal(size=(500, 4)) + np.array([3.0, 2.9, 0.0, 0.0])
        assert ArmChoice("arm").promise(scores)[1].tolist() == [True, True, False, False]
        assert ArmChoice("arm", curve=4.0).promise(scores)[1].all()

    def test_a_single_arm_has_no_rival(self):
        gain, contends = ArmChoice("arm").promise(np.random.default_rng(3).normal(size=(500, 1)))
        assert gain[0] == pytest.approx(1.0, rel=0.1)
        assert contends.all()


class TestContenderRows:
    def rows(self, functional, means, on_sale=None, seed=0):
        structure = structure_of(4, 5)
        draws = np.random.default_rng(seed).normal(size=(300, 20)) * 0.3 + np.array(means)[structure.levels("arm")]
        table = table_of(functional, 0)
        runs = table.question.runs[:20]
        sheet = price_sheet(build_trie(runs), runs, CostModel(1000, 1, per_read=10))
        sale = np.ones(20, dtype=bool) if on_sale is None else on_sale
        contest = functional.contest(draws, structure)
        found = contender_rows(contest, grid_of(structure), sale, sheet.bill(), np.random.default_rng(seed))
        return found, structure

    def test_only_arms_that_may_be_best_are_looked_at_a_replicate_at_a_time(self):
        found, structure = self.rows(ArmChoice("arm"), [5.0, 5.1, 0.0, 0.0])
        assert set(structure.levels("arm")[found]) == {0, 1}
        contexts = structure.levels("context")[found].tolist()
        assert contexts == [context for place in range(0, len(contexts), 2) for context in [contexts[place]] * 2]

    def test_how_good_the_chosen_arm_is_takes_its_row_in_many_replicates(self):
        found, structure = self.rows(ArmChoice("arm", value=10.0), [5.0, 5.1, 0.0, 0.0])
        first = found[:5]
        assert len(set(structure.levels("arm")[first])) == 1
        assert set(structure.levels("context")[first]) == set(range(5))
        assert len(set(found.tolist())) == len(found)

    def test_every_comparison_needs_the_reference(self):
        found, structure = self.rows(ArmChoice("arm", reference=True), [0.0, 5.0, 5.1, 0.0])
        assert {0, 1, 2} <= set(structure.levels("arm")[found])

    def test_what_is_not_on_sale_is_not_chosen(self):
        sale = np.zeros(20, dtype=bool)
        found, _ = self.rows(ArmChoice("arm"), [1.0, 1.0, 1.0, 1.0], sale)
        assert len(found) == 0


def test_a_choice_is_not_planned_as_a_linear_answer():
    structure = structure_of()
    assert design_weights(ArmChoice("arm"), structure) is None
    np.testing.assert_array_equal(design_weights(ArmMeans("arm"), structure), ArmMeans("arm").weights(structure))


def test_the_best_arm_is_found_with_far_fewer_rows_than_a_curve_of_all():
    def share_for(functional, level):
        tables = [table_of(functional, index) for index in range(5)]
        effects = learn_effects(tables)
        known = [knowledge_of(table.question, effects) for table in tables]
        references = reference_losses([blind_loss(t, each.blind) for t, each in zip(tables, known, strict=True)])
        reached = []
        for table, each, reference in zip(tables, known, references, strict=True):
            trace = Statistician().answer(Market(table), each, Seed.root(0))
            structure, values = table.question.structure, table.values
            skills = [float(skill(functional.loss(answer, values, structure), reference)) for answer in trace.answers]
            assert skills[-1] == pytest.approx(1.0)
            late = [place for place, found in enumerate(skills) if found < level]
            reached.append(trace.checkpoints[min(max(late, default=-1) + 1, len(skills) - 1)] / table.brute_flops)
        return float(np.exp(np.mean(np.log(reached))))

    choice, curve = share_for(ArmChoice("arm"), 0.9), share_for(ArmMeans("arm"), 0.9)
    assert choice <= 0.4
    assert choice < curve
