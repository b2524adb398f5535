"""The rule: odds from evidence, what is missing, what would change them."""

import json
import math
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest

from istar.scenarios import rule
from istar.scenarios.errors import ScenarioError
from istar.scenarios.evidence import Evidence, missing
from istar.scenarios.rule import ASPECTS, DOUBT, MEASURES, PRIORS, SCENARIOS, Likelihoods, check_priors, judge, learn

INSIDE = {name: (each.edges[0] - 0.01, each.edges[-1] + 0.01) for name, each in MEASURES.items()}
"""A value in the lowest bin of every measure, and one in the highest."""


def at(name, value, draws=()):
    return Evidence(name, value, tuple(draws))


@pytest.fixture
def table():
    """Scenario 1 lies high on every measure, the others low; ten planted methods each."""
    high, low = ({name: at(name, INSIDE[name][side]) for name in MEASURES} for side in (1, 0))
    return learn([(scenario, high if scenario == 1 else low) for scenario in SCENARIOS for _ in range(10)])


def test_without_evidence_the_odds_are_the_document_s_priors(table):
    nothing = judge({name: missing(name, "was not run") for name in MEASURES}, table=table)
    assert list(nothing.odds.values()) == pytest.approx([0.05, 0.35, 0.25, 0.15, 0.20])
    assert all(ratio == pytest.approx(1.0) for row in nothing.ratios.values() for ratio in row.values())
    assert nothing.measures == {}
    assert judge({}, table=table).odds == nothing.odds


def test_one_measure_multiplies_the_odds_by_what_was_counted(table):
    # three edges, four bins: ten of ten planted methods of scenario 1 in the highest, none of the others
    high = DOUBT / 4 + (1 - DOUBT) * (10 + 1 / 4) / 11
    low = DOUBT / 4 + (1 - DOUBT) * (1 / 4) / 11
    found = judge({"student": at("student", 2.0)}, table=table)
    expected = 0.05 * high / (0.05 * high + 0.95 * low)
    assert found.odds[1] == pytest.approx(expected)
    assert found.measures["student"][1] / found.measures["student"][2] == pytest.approx(high / low)


def test_measures_of_one_aspect_count_as_their_geometric_mean(table):
    one = judge({"transfer": at("transfer", 2.0)}, table=table)
    both = judge({name: at(name, 2.0) for name in ASPECTS["task-specific"]}, table=table)
    assert both.odds == pytest.approx(one.odds)
    apart = judge({"transfer": at("transfer", 2.0), "evenness": at("evenness", 0.0)}, table=table)
    ratio = apart.odds[1] / apart.odds[2] / (PRIORS[0] / PRIORS[1])
    low, high = (table.of("transfer")[0, place] / table.of("transfer")[1, place] for place in (0, -1))
    assert ratio == pytest.approx(math.sqrt(low * high))


def test_a_wide_interval_says_less(table):
    sure = judge({"student": at("student", 2.0, [2.0] * 100)}, table=table)
    unsure = judge({"student": at("student", 2.0, [0.0] * 45 + [2.0] * 55)}, table=table)
    assert PRIORS[0] / 100 < unsure.odds[1] < sure.odds[1]


def test_what_would_change_the_verdict_does(table):
    found = {name: at(name, INSIDE[name][0]) for name in MEASURES}
    found["triggers"] = missing("triggers", "was not run")
    start = judge(found, priors=(30, 25, 20, 15, 10), table=table)
    assert start.changes == ()  # one measure alone does not undo all others
    found = {"student": at("student", 0.7), "triggers": missing("triggers", "was not run")}
    start = judge(found, priors=(20, 25, 20, 15, 20), table=table)
    assert start.scenario == 2
    for change in start.changes:
        inside = change.low if np.isfinite(change.low) else change.high - 1
        after = judge({**found, change.name: at(change.name, inside)}, priors=(20, 25, 20, 15, 20), table=table)
        assert after.scenario == change.scenario == 1
        assert after.odds[1] == pytest.approx(change.probability)
    by = {change.name: change.by for change in start.changes}
    assert by["student"] == pytest.approx(MEASURES["student"].edges[-1] - 0.7)
    assert by["triggers"] is None
    distances = [abs(change.by) for change in start.changes if change.by is not None]
    assert distances == sorted(distances)


def test_never_lies_in_the_last_bin():
    weights = MEASURES["length"].weights(at("length", math.inf, [math.inf, 1.0]))
    assert weights.tolist() == [0.5, 0.0, 0.0, 0.5]


@pytest.mark.parametrize("given", [(1, 1), (1, 1, 1, 1, -1), (0, 0, 0, 0, 0), (1, 1, 1, 1, math.nan)])
def test_priors_that_are_none_are_refused(given):
    with pytest.raises(ScenarioError, match=r"are no priors; give 5 numbers from 0 on.*--priors 5,35,25,15,20"):
        check_priors(given)


def test_words_are_no_priors():
    assert rule.numbers("1,2,3,4,5.5") == (1, 2, 3, 4, 5.5)
    with pytest.raises(ScenarioError, match="'a,b' are no priors"):
        rule.numbers("a,b")


def test_a_table_that_lacks_counts_is_refused(table):
    with pytest.raises(ScenarioError, match="no count of 'student' for each of 5 scenarios and 4 bins"):
        Likelihoods({**table.counts, "student": {1: (1.0,)}})
    with pytest.raises(ScenarioError, match="counts of 'student' that are none"):
        Likelihoods({**table.counts, "student": dict.fromkeys(SCENARIOS, (0.0, -1.0, 0.0, 0.0))})
    assert rule.from_json(json.loads(json.dumps(table.to_json()))) == replace(table)


def test_a_shipped_table_that_cannot_be_read_is_an_error(monkeypatch, tmp_path):
    rule.likelihoods.cache_clear()
    monkeypatch.setattr(rule, "files", lambda _: tmp_path)
    with pytest.raises(ScenarioError, match=r"cannot be read.*install istar anew"):
        rule.likelihoods()
    (tmp_path / "likelihoods.json").write_text("{}")
    with pytest.raises(ScenarioError, match="install istar anew"):
        rule.likelihoods()
    monkeypatch.undo()
    rule.likelihoods.cache_clear()


def test_every_measure_belongs_to_one_aspect_and_the_table_is_there():
    assert sorted(name for names in ASPECTS.values() for name in names) == sorted(MEASURES)
    assert (files("istar.scenarios") / "likelihoods.json").is_file()
    shares = [rule.likelihoods().of(name).sum(1) for name in MEASURES]
    assert all(each == pytest.approx(np.ones(5)) for each in shares)
