from dataclasses import replace

import pytest
from ledger_records import (
    BLACK,
    CONFIG,
    DRAW,
    EVALUATION,
    INTERPRETATION,
    PARTS,
    PROPOSAL,
    QUESTION_COST,
    ROUND,
    TASK,
    USE,
    WHITE,
    fill,
)

from istar.ledger import BASELINE, DuplicateRecordError, Ledger, MissingRecordError, RunConfig, Spending


@pytest.fixture
def ledger(make_url):
    with Ledger(make_url()) as opened:
        yield opened


@pytest.fixture
def filled(ledger):
    fill(ledger)
    return ledger


def test_everything_comes_back_as_it_was_put_in(filled):
    assert filled.run("run").config == CONFIG
    assert filled.run("run").machine == {"cores": "2"}
    assert filled.tasks("run") == (TASK,)
    assert filled.questions("run") == (QUESTION_COST,)
    assert filled.proposals("run") == (PROPOSAL,)
    assert filled.source(PROPOSAL.method) == "def interpret(): ...\n"
    assert filled.parts("run") == PARTS
    assert [filled.source(part.method) for part in PARTS] == ["Says one\n", "Says two\n"]
    assert filled.interpretations("run") == (INTERPRETATION,)
    assert filled.rounds("run") == (ROUND,)
    assert filled.uses("run") == (USE,)
    assert filled.draw("run", DRAW.method, 0) == DRAW
    assert filled.state("run") == (0, {"trials": [1, 2.5, None]})
    assert filled.evaluation("run", "train", "m" * 64, "q" * 64) == EVALUATION
    assert filled.evaluations("run", method="m" * 64) == (EVALUATION,)
    assert len(filled.evaluations("run")) == 2
    assert filled.curves("run", stage="train") == WHITE


def test_an_evaluation_that_was_not_made_is_none(filled):
    assert filled.evaluation("run", "validation", "m" * 64, "q" * 64) is None
    assert filled.state("run") is not None


def test_the_state_is_that_of_the_last_iteration(filled):
    filled.add_round("run", replace(ROUND, iteration=1), {"trials": []})
    assert filled.state("run") == (1, {"trials": []})


def test_a_new_run_has_no_state(ledger):
    ledger.open_run("empty", CONFIG, versions={}, machine={})
    assert ledger.state("empty") is None


def test_an_evaluation_cannot_be_repeated(filled):
    with pytest.raises(DuplicateRecordError, match="question 3 of family/data at stage 'train'"):
        filled.add_evaluation("run", EVALUATION, WHITE)
    with pytest.raises(DuplicateRecordError):
        filled.add_evaluation("run", replace(EVALUATION, status="error", reason="changed"))
    assert filled.curves("run", stage="train") == WHITE, "the failed attempt left nothing behind"


def test_the_same_question_at_another_stage_is_another_evaluation(filled):
    filled.add_evaluation("run", replace(EVALUATION, stage="validation"), WHITE)
    assert len(filled.curves("run", method="m" * 64)) == 4


def test_two_runs_do_not_share_evaluations(filled):
    filled.open_run("other", CONFIG, versions={}, machine={})
    filled.add_evaluation("other", EVALUATION, WHITE)
    assert filled.evaluation("other", "train", "m" * 64, "q" * 64) == EVALUATION


def test_evaluation_and_curves_are_one_transaction(filled):
    torn = (WHITE[0], WHITE[0])  # the second has the first one's key
    with pytest.raises(Exception, match=r"(?i)unique"):
        filled.add_evaluation("run", replace(EVALUATION, stage="validation"), torn)
    assert filled.evaluation("run", "validation", "m" * 64, "q" * 64) is None


def test_a_curve_of_another_question_or_arm_is_refused(filled):
    with pytest.raises(DuplicateRecordError, match="was given for the evaluation of"):
        filled.add_evaluation("run", replace(EVALUATION, stage="validation"), BLACK)
    with pytest.raises(DuplicateRecordError, match="was given for the evaluation of"):
        filled.add_evaluation("run", replace(EVALUATION, question_hash="z" * 64), WHITE)


@pytest.mark.parametrize("again", ["tasks", "question", "method", "interpretation", "round"])
def test_the_same_record_again_changes_nothing(filled, again):
    before = list(filled.export("run"))
    if again == "tasks":
        filled.add_tasks("run", [TASK])
    elif again == "question":
        filled.add_question("run", QUESTION_COST)
    elif again == "method":
        filled.add_method("run", PROPOSAL, "def interpret(): ...\n")
    elif again == "interpretation":
        filled.add_interpretation("run", replace(INTERPRETATION, seconds=99.0))
    else:
        filled.add_round("run", replace(ROUND, seconds=99.0), {"trials": [1, 2.5, None]})
    assert list(filled.export("run")) == before


def test_a_record_that_contradicts_the_stored_one_is_refused(filled):
    with pytest.raises(DuplicateRecordError, match=r"tasks with task='family/data': reliability differ"):
        filled.add_tasks("run", [replace(TASK, reliability=0.5)])
    with pytest.raises(DuplicateRecordError, match=r"rounds with iteration=0: reward differ"):
        filled.add_round("run", replace(ROUND, reward=9.0), {"trials": [1, 2.5, None]})
    with pytest.raises(DuplicateRecordError, match=r"methods with hash='m+': source differ"):
        filled.add_method("run", PROPOSAL, "something else\n")


def test_a_run_is_found_again_by_its_name_and_config(filled):
    assert filled.open_run("run", CONFIG, versions={"istar": "9"}, machine={}).versions == {"istar": "0.1.0"}
    assert len(filled.runs()) == 1


def test_a_run_with_another_config_needs_another_name(filled):
    other = RunConfig(**{**CONFIG.__dict__, "seed": 8, "reward": "linear"})
    with pytest.raises(DuplicateRecordError, match=r"differing: reward, seed"):
        filled.open_run("run", other, versions={}, machine={})


def test_an_option_that_came_later_is_no_difference(filled):
    later = replace(CONFIG, options={**CONFIG.options, "new": 1})
    assert filled.open_run("run", later, versions={}, machine={}).config == CONFIG
    with pytest.raises(DuplicateRecordError, match=r"differing: options"):
        filled.open_run("run", replace(CONFIG, options={"caps": 1}), versions={}, machine={})


def test_a_finished_run_says_so(filled):
    filled.finish_run("run")
    assert filled.run("run").status == "finished"


def test_consultations_are_counted_once_each(filled):
    first = filled.add_opening("run", "validation", method="m" * 64, iteration=0, revealed=True, value=0.5)
    second = filled.add_opening("run", "validation", method="n" * 64, iteration=1, revealed=False, value=None)
    again = filled.add_opening("run", "validation", method="m" * 64, iteration=0, revealed=True, value=0.5)
    unsealed = filled.add_opening("run", "test", method="m" * 64, iteration=1, revealed=True, value=0.1)
    assert [each.number for each in (first, second, again, unsealed)] == [1, 2, 1, 1]
    assert filled.openings("run", "validation") == (first, second)
    assert filled.openings("run", "test") == (unsealed,)


def test_openings_of_the_test_are_counted_by_family_over_all_runs(filled):
    sealed = replace(EVALUATION, stage="test", status="error")
    for run in ("run", "other", "third", "interrupted"):
        if run != "run":
            filled.open_run(run, CONFIG, versions={}, machine={})
        filled.add_opening(run, "test", method="m" * 64, iteration=0, revealed=True, value=None)
        if run != "interrupted":
            filled.add_evaluation(run, replace(sealed, task="late/a" if run == "third" else "early/a"))
    filled.add_evaluation("run", replace(sealed, task="early/b", question_hash="r" * 64))
    filled.add_opening("run", "test", method="n" * 64, iteration=1, revealed=True, value=None)
    assert filled.families_opened() == {"early": 3, "late": 1}


def test_a_consultation_cannot_be_told_differently(filled):
    filled.add_opening("run", "test", method="m" * 64, iteration=0, revealed=True, value=0.5)
    with pytest.raises(DuplicateRecordError, match="value differ"):
        filled.add_opening("run", "test", method="m" * 64, iteration=0, revealed=True, value=0.6)


def test_fresh_questions_are_drawn_once_for_an_opening(filled):
    assert filled.draw("run", "n" * 64, 0) is None
    assert filled.draw("run", DRAW.method, 1) is None
    before = list(filled.export("run"))
    filled.add_draw("run", DRAW)
    assert list(filled.export("run")) == before
    with pytest.raises(DuplicateRecordError, match="seed differ"):
        filled.add_draw("run", replace(DRAW, seed=1))


def test_paired_curves_are_those_of_the_methods_questions_and_seeds(filled):
    black, white = filled.paired_curves("run", "train", "m" * 64)
    assert (black, white) == (BLACK, WHITE)
    assert filled.paired_curves("run", "validation", "m" * 64) == ((), ())
    assert filled.curves("run", stage="baseline", method=BASELINE) == BLACK
    assert filled.paired_curves("run", "train", "m" * 64, BLACK) == (BLACK, WHITE)
    assert filled.paired_curves("run", "train", "m" * 64, BLACK[1:]) == (BLACK[1:], WHITE[1:])


@pytest.mark.parametrize("verb", ["run", "tasks", "rounds", "state", "evaluations", "curves"])
def test_an_unknown_run_is_named_with_those_there_are(filled, verb):
    with pytest.raises(MissingRecordError, match=r"no run 'nope'; it holds: run"):
        getattr(filled, verb)("nope")


def test_an_unknown_method_is_an_error(filled):
    with pytest.raises(MissingRecordError, match="no method with hash 'nope'"):
        filled.source("nope")


def test_figures_that_are_not_numbers_are_refused(filled):
    with pytest.raises(Exception, match="not JSON compliant"):
        filled.add_round("run", replace(ROUND, iteration=5), {"reward": float("nan")})


@pytest.mark.parametrize(
    ("cpu_seconds", "unexplained", "share"), [(2.0, 0.5, 0.75), (2.0, None, None), (0.0, 0.0, None), (1.0, 1.0, 0.0)]
)
def test_the_share_of_the_processor_time_that_is_explained(cpu_seconds, unexplained, share):
    assert Spending(cpu_seconds=cpu_seconds, unexplained_cpu_seconds=unexplained).explained_share == share
