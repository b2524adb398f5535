"""Methods that are each scenario by construction are taken for what they are, by a table that they had no part in."""

import json

import pytest

import exact_language
import planted_scenarios
from istar.scenarios.rule import judge, likelihoods
from istar.seeds import Seed
from planted_scenarios import RESULTS, SCENARIO, TABLE, counted, judged, read

FOUND = json.loads(RESULTS.read_text(encoding="utf-8"))


def test_the_shipped_table_is_counted_on_what_is_published():
    every = {seed: {kind: read(each) for kind, each in kinds.items()} for seed, kinds in FOUND["cases"].items()}
    assert counted(every) == likelihoods()
    assert json.loads(TABLE.read_text(encoding="utf-8"))["seeds"] == len(FOUND["cases"])


def test_each_is_named_rightly_by_the_table_of_other_seeds():
    left_out = judged(FOUND["cases"])
    for kind, each in left_out.items():
        assert each["named"] == FOUND["left_out"][kind]["named"]
        assert each["named"][SCENARIO[kind] - 1] == max(each["named"]) > len(FOUND["cases"]) / 2, kind


def test_without_priors_the_right_scenario_has_the_greatest_mean_probability():
    for kind, scenario in SCENARIO.items():
        odds = [judge(read(kinds[kind]), (1, 1, 1, 1, 1)).odds for kinds in FOUND["cases"].values()]
        means = {each: sum(row[each] for row in odds) / len(odds) for each in odds[0]}
        assert max(means, key=means.get) == scenario, kind


def test_the_language_written_down_was_taken_for_full_decompilation():
    exact = FOUND["exact_language"]
    assert judge(read(exact["evidence"])).scenario == exact["scenario"] == 1


@pytest.mark.slow
def test_the_rules_of_the_language_explain_a_target_that_is_this_language():
    found = exact_language.evidence_of()
    assert found["explained"].value == pytest.approx(1.0, abs=0.01)
    assert found["triggers"].value == 1.0
    assert judge(found).scenario == 1


def test_what_a_planted_method_s_tasks_use_is_what_its_kind_says():
    seen = [True, False, True, False]
    generator = Seed.root(0).generator()
    heads = planted_scenarios.effects_of("heads", seen, generator)
    assert not heads[1].any()
    assert not heads[3].any()
    assert not ((heads[0] > 0) & (heads[2] > 0)).any()
    student = planted_scenarios.effects_of("student", seen, generator)
    assert (student > 0).all()
