"""Curves whose checkpoints begin at different shares of brute force: never averaged by place."""

import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from reward_curves import LONG, OCTAVES, make_curve, ramp

from istar.audit.dearness import dearness
from istar.ledger import BASELINE, Ledger
from istar.reports.findings import _task_curves, gather
from istar.rewards import REWARDS, CurveError, compare
from istar.rewards.budgets import at_shares, common_shares
from istar.rewards.crossing import crossings
from istar.rewards.curves import SERIES

PUBLISHED = Path(__file__).parents[2] / "results" / "smollm2-135m" / "ledgers" / "grammar-1.tar.xz"


def rising(half, octaves):
    """A skill that is 0 up to two octaves before `half`, 1 from two octaves after it on, and rises between."""
    return np.clip(0.5 + (octaves - half) / 4, 0.0, 1.0)


def arms(question, octaves, black, white, task="family/data"):
    common = {"question": question, "octaves": octaves, "task": task}
    return (
        make_curve(rising(black, octaves), **common),
        make_curve(rising(white, octaves), arm="white_box", **common),
    )


skills = arrays(np.float64, 17, elements=st.floats(-1, 1).map(lambda x: round(x, 3)))


@given(skills, st.sampled_from([0.5, 0.8]), st.integers(0, 9))
def test_places_without_a_budget_change_no_crossing(skill, level, missing):
    budgets, nothing = np.log(2.0) * OCTAVES, np.full(missing, np.nan)
    alone = crossings(skill, budgets, level)
    beside = crossings(np.concatenate([nothing, skill]), np.concatenate([nothing, budgets]), level)
    assert float(beside.log_cost) == pytest.approx(float(alone.log_cost), abs=1e-12)
    assert int(beside.state) == int(alone.state)


@pytest.mark.parametrize("name", sorted(set(REWARDS) - {"mdl"}))  # bits know no budgets
def test_a_question_earns_the_same_beside_one_that_begins_earlier(name):
    short, long = arms("short", OCTAVES, -3.0, -5.0), arms("long", LONG, -4.0, -9.0)
    together = REWARDS.get(name).by_question([short[0], long[0]], [short[1], long[1]])
    for one in (short, long):
        alone = REWARDS.get(name).by_question([one[0]], [one[1]])
        assert {key: together[key] for key in alone} == alone


def test_what_happens_before_a_256th_is_priced():
    black, white = arms("q", LONG, -4.0, -9.0)
    found = compare([black], [white], levels=(0.5,)).overall.multipliers[0.5]
    assert found.estimate == pytest.approx(2.0**5)
    assert found.bound == "exact"
    late = [replace(curve, **{name: getattr(curve, name)[8:] for name in SERIES}) for curve in (black, white)]
    seen = compare([late[0]], [late[1]], levels=(0.5,)).overall.multipliers[0.5]
    assert (seen.estimate, seen.bound) == (pytest.approx(2.0**4), "at_least")


def test_the_gain_is_an_area_that_does_not_depend_on_where_a_question_begins():
    """Budgets at which the arms do not differ take nothing away; those at which they do count like any others."""
    same = [compare(*map(list, zip(arms("q", each, -3.0, -4.5), strict=True))) for each in (OCTAVES, LONG)]
    gains = [each.overall.skill_gain.estimate for each in same]
    assert gains[0] == pytest.approx(1.5 / 8, rel=1e-6)
    assert gains[1] == pytest.approx(gains[0], rel=1e-9)
    black, white = arms("q", LONG, -3.0, -9.0)
    assert compare([black], [white]).overall.skill_gain.estimate == pytest.approx(6 / 8, rel=1e-6)
    both = [arms("q0", OCTAVES, -3.0, -4.5), arms("q1", LONG, -3.0, -9.0)]
    found = compare([black for black, _ in both], [white for _, white in both]).overall.skill_gain.estimate
    assert found == pytest.approx((1.5 + 6) / 16, rel=1e-6)


def test_mean_curves_are_taken_at_the_same_shares_of_brute_force():
    short, long = arms("short", OCTAVES, -3.0, -5.0), arms("long", LONG, -4.0, -9.0)
    (found,) = _task_curves("train", [short[0], long[0]], [short[1], long[1]])
    np.testing.assert_allclose(found.budgets, 2.0**OCTAVES)
    np.testing.assert_allclose(found.black.mean, (rising(-3.0, OCTAVES) + rising(-4.0, OCTAVES)) / 2, atol=1e-9)
    np.testing.assert_allclose(found.white.mean, (rising(-5.0, OCTAVES) + rising(-9.0, OCTAVES)) / 2, atol=1e-9)
    dear = dearness([[short[0]], [long[0]]])
    np.testing.assert_allclose(dear.budgets, 2.0**OCTAVES)
    np.testing.assert_allclose(dear.skill, found.black.mean, atol=1e-9)
    assert dear.share[0.5] == pytest.approx(2.0**-3.5)
    alone = dearness([[long[0]], [long[0]]])
    np.testing.assert_allclose(alone.budgets, 2.0**LONG)


def test_other_checkpoints_are_interpolated_in_log_flops():
    octaves = np.arange(-7.0, 1.0)
    shares = common_shares([2.0**-8, 2.0**-7])
    np.testing.assert_allclose(shares, 2.0 ** np.linspace(-7, 0, 15))
    np.testing.assert_allclose(at_shares(shares, 2.0**octaves, ramp(-3.0)[2::2]), ramp(-3.0)[2:])
    assert common_shares([2.0**-8, 0.3])[0] == pytest.approx(2.0**-1.5)
    assert common_shares([1.0]).tolist() == [1.0]


def test_seeds_of_one_question_have_the_same_budgets():
    short, long = arms("q", OCTAVES, -3.0, -5.0), arms("q", LONG, -3.0, -5.0)
    blacks, whites = ([each, replace(other, seed=1)] for each, other in zip(short, long, strict=True))
    with pytest.raises(CurveError, match=r"question q: its seeds differ in their budgets; evaluate all"):
        compare(blacks, whites)
    with pytest.raises(CurveError, match="another table or another version of istar: ask both anew"):
        compare([short[0]], [long[1]])


def test_a_published_run_is_rewarded_and_reported_as_it_was(tmp_path):
    """Its curves have seventeen checkpoints, from 1/256 on; the rewards are those that its search was told."""
    with tarfile.open(PUBLISHED) as archive:
        archive.extract("ledger.sqlite", tmp_path, filter="data")
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        told = [each for each in ledger.rounds("grammar-1") if each.status == "ok" and each.reward is not None]
        baseline = ledger.curves("grammar-1", stage="baseline", method=BASELINE)
        gained = 0
        for each in told:
            black, white = ledger.paired_curves("grammar-1", "train", each.method, baseline)
            assert {len(curve.checkpoints) for curve in (*black, *white)} == {17}
            assert REWARDS.get("log").reward(black, white) == each.reward
            gained += each.reward != 0
        assert gained >= 2
        champion = gather(ledger, "grammar-1").champion
        for stage, summary in champion.summaries.items():
            black, white = ledger.paired_curves("grammar-1", stage, champion.proposal.method)
            for task in summary.tasks:
                mine = [[each for each in arm if each.task == task.name] for arm in (black, white)]
                means = [np.mean([np.maximum(curve.skill, -1.0)[:-1] for curve in arm]) for arm in mine]
                assert task.skill_gain.estimate == pytest.approx(means[1] - means[0], abs=1e-9)
        for shown in champion.curves:
            black, _ = ledger.paired_curves("grammar-1", shown.stage, champion.proposal.method)
            mine = [np.maximum(curve.skill, -1.0) for curve in black if curve.task == shown.task]
            np.testing.assert_allclose(shown.budgets, 2.0**OCTAVES)
            np.testing.assert_allclose(shown.black.mean, np.mean(mine, axis=0), atol=1e-6)
