"""Several runs side by side, read from made-up ledgers."""

import dataclasses
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from synthetic_ledger import RUN, fill

from istar.cli.app import run as command
from istar.ledger import Ledger, Tried, UseRecord
from istar.ledger.schema import EvaluationRecord
from istar.protocol.config import SearchConfig
from istar.reports.comparison import ComparisonError, by_kind, compare_runs, render_comparison
from istar.rewards import REWARDS

STRENGTHS = [0.2, -0.1, 0.4, 0.0, 0.7, 0.3, 0.8]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a function that makes the folder of a run."""
    ledgers = []

    def make(name, **options):
        folder = tmp_path_factory.mktemp(name, numbered=False) / RUN
        folder.mkdir(parents=True)
        SearchConfig().save(folder)
        ledger = Ledger(folder / "ledger.sqlite")
        ledgers.append(ledger)
        fill(ledger, **{"rounds": 7, "strengths": STRENGTHS} | options)
        return ledger

    yield make
    for ledger in ledgers:
        ledger.close()


@pytest.fixture(scope="module")
def main(made):
    return made("main")


@pytest.fixture(scope="module")
def comparison(main):
    return compared(main)


def compared(*ledgers):
    return compare_runs([(ledger, RUN) for ledger in ledgers])


def reward(ledger, stage, method):
    return REWARDS.get("log").reward(*ledger.paired_curves(RUN, stage, method))


def test_a_contender_is_what_the_ledger_says(main, comparison):
    (contender,) = comparison.contenders
    rounds = main.rounds(RUN)
    improved = [each for each in rounds if each.improved]
    assert contender.best.method == improved[-1].method
    assert contender.best.rewards["validation"].reward == pytest.approx(improved[-1].validation_reward)
    assert contender.best.rewards["test"].reward == pytest.approx(reward(main, "test", improved[-1].method))
    assert (contender.kind, contender.seed, contender.finished) == ("grammar", 0, True)
    assert contender.methods == len(rounds)
    assert contender.queries == len(main.openings(RUN, "validation"))


def test_progress_is_the_best_reward_so_far(main, comparison):
    (contender,) = comparison.contenders
    told = [each.reward if each.status == "ok" else None for each in main.rounds(RUN)]
    known = [max((r for r in told[: at + 1] if r is not None), default=None) for at in range(len(told))]
    assert [each is None for each in contender.progress] == [each is None for each in known]
    assert [each or 0.0 for each in contender.progress] == pytest.approx([each or 0.0 for each in known])
    assert contender.leader.rewards["train"].reward == pytest.approx(contender.progress[-1])


def test_without_the_guard_the_greatest_validation_reward_is_taken(main, comparison):
    (contender,) = comparison.contenders
    validated = {each.method: reward(main, "validation", each.method) for each in main.openings(RUN, "validation")}
    assert contender.unguarded.method == max(validated, key=validated.get)


def test_the_test_lists_all_that_was_shown_there(comparison):
    (tested,) = comparison.tested
    assert tested.method == comparison.contenders[0].best.method
    assert set(tested.rewards) == set(REWARDS) - {"mdl"}, "its curves say nothing of bits"
    assert tested.questions == 16
    assert len(tested.summary.families) == 1
    assert tested.families_above == int(tested.summary.families[0].multipliers[0.8].low > 1)


def test_a_method_that_was_not_asked_all_of_the_test_is_left_out(made):
    ledger = made("half", rounds=3, strengths=STRENGTHS[:3])
    tested = compared(ledger).tested
    first, *_ = ledger.evaluations(RUN, stage="test")
    ledger.add_evaluation(RUN, replace(first, method="a" * 64), _as(ledger, first))
    assert compared(ledger).tested == tested


def test_a_method_that_failed_a_task_of_the_test_is_shown_with_the_others(made):
    ledger = made("failing", rounds=3, strengths=STRENGTHS[:3])
    asked = ledger.evaluations(RUN, stage="test", method=compared(ledger).tested[0].method)
    first, second = sorted({each.task for each in asked})
    for each in asked:
        if each.task == first:
            ledger.add_evaluation(RUN, replace(each, method="b" * 64), _as(ledger, each))
    assert len(compared(ledger).tested) == 1  # not asked the second task yet
    failed = next(each for each in asked if each.task == second)
    ledger.add_evaluation(RUN, replace(failed, method="b" * 64, status="error", reason="it divided by zero"))
    (other,) = (each for each in compared(ledger).tested if each.method == "b" * 64)
    assert other.questions == 8


def _as(ledger, evaluation):
    return ledger.curves(RUN, stage="test", method=evaluation.method, question_hash=evaluation.question_hash)


def test_formulas_rank_the_methods_of_all_runs(made, main, comparison):
    other = made("ranked", rounds=5, strengths=list(np.linspace(0.9, 0.1, 5)))
    formulas = {each.name: each for each in compared(main, other).formulas}
    alone = {each.name: each for each in comparison.formulas}
    assert formulas["log"].agreement == pytest.approx(1.0)
    assert formulas["log"].methods > alone["log"].methods
    assert all(-1 <= each.agreement <= 1 for each in formulas.values())
    repriced = compared(main, other).rulebooks
    assert [each.formula.partition("at the prices of ")[2] for each in repriced] == ["v1-products", "v2", "v2-products"]
    assert {each.methods for each in repriced} == {formulas["log"].methods}


def test_a_ledger_that_did_not_keep_what_rows_cost_cannot_tell_of_other_prices(main, monkeypatch):
    monkeypatch.setattr(main, "questions", lambda run: ())
    repriced = compared(main).rulebooks[0]
    assert (repriced.methods, repriced.agreement, repriced.best) == (0, None, "")
    assert "cost by operation was not kept" in repriced.formula


def test_controls_are_told_apart(made, main):
    small = {"rounds": 3, "strengths": STRENGTHS[:3]}
    again, random = made("again", **small), made("random", researcher="random", **small)
    runs = [main, again, random, made("shuffled", shuffled=True, **small)]
    kinds = by_kind(compared(*runs).contenders)
    assert {kind: len(contenders) for kind, contenders in kinds.items()} == {
        "grammar": 2,
        "random": 1,
        "grammar, shuffled": 1,
    }


def test_runs_of_other_targets_are_refused(made, main):
    with pytest.raises(ComparisonError, match="different settings of `target`"):
        compared(main, made("other", target="77aa" * 16))
    with pytest.raises(ComparisonError, match="nothing to compare"):
        compare_runs([])


def test_a_question_that_one_arm_alone_has_answered_is_left_out(made):
    """A run that was killed between the arms can be read."""
    killed = made("killed")
    before = compared(killed).tested[0]
    best = before.method
    curve = killed.curves(RUN, stage="test", method=best)[0]
    alone = dataclasses.replace(curve, question_hash="f" * 64)
    record = EvaluationRecord("test", best, curve.task, "test", "f" * 64, 99)
    killed.add_evaluation(RUN, record, [alone])
    assert compared(killed).tested[0] == before


def test_the_page_holds_everything_and_escapes_names(made, main):
    comparison = compared(main, made("marked", researcher="random<b>"))
    page = render_comparison(comparison)
    assert comparison.contenders[0].best.name in page
    assert "random&lt;b&gt;" in page
    assert "<b>" not in page.split("<main>")[1].split("</main>")[0].replace('random<b>"', "")
    assert comparison.contenders[0].unguarded.name in page
    assert "http://" not in page.split("<main>")[1].split("</main>")[0]


def test_an_unfinished_search_is_named(made):
    ledger = made("sealed", unseal=False)
    comparison = compared(ledger)
    assert comparison.tested == ()
    assert "is sealed" in render_comparison(comparison)


@pytest.mark.slow
def test_the_command_writes_a_page_and_json(made, main, tmp_path, capsys):
    other = made("other_seed", researcher="random")
    folders = [str(Path(ledger.url.removeprefix("sqlite:///")).parent) for ledger in (main, other)]
    assert command(["compare", *folders, "--to", str(tmp_path / "page" / "c.html"), "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert [each["researcher"] for each in data["runs"]] == ["grammar", "random"]
    assert data["test"][0]["multipliers"]["overall"]["0.8"]["estimate"] > 0
    assert (tmp_path / "page" / "c.html").exists()
    assert command(["compare", *folders]) == 0
    assert "Rewards of I*" in capsys.readouterr().out
    assert command(["compare", str(tmp_path / "nowhere")]) == 1


def test_what_was_tried_before_stands_beside_the_methods(made):
    ledger = made("peeking")
    use = UseRecord(0, "propose", 0, "score", "m" * 64, "mine", {}, {}, questions=7, flops=3 * 10**9)
    ledger.add_use(RUN, use, "pass")
    comparison = compared(ledger)
    assert comparison.contenders[0].tried == Tried(checks=0, scores=1, questions=7, flops=3 * 10**9)
    assert "1 score on 7 training questions (3 GFLOP)" in render_comparison(comparison)


def test_a_ledger_of_an_older_version_says_what_bits_it_lacks(made, tmp_path_factory, capsys):
    made("older")
    runs = tmp_path_factory.getbasetemp() / "older"
    assert command(["rescore", RUN, "--reward", "mdl", "--runs", str(runs)]) == 1
    said = " ".join(capsys.readouterr().err.split())
    assert "does not hold the surprise of its rows (bits.rows): a version of istar without it wrote it" in said
    assert "search or score again under a new name" in said
