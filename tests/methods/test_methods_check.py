"""The checker finds each kind of fault in a user's own method, and says what a good one costs."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from istar.cli.app import SUCCESS, run
from istar.flops import RULEBOOK, Meter, Rulebook
from istar.flops.timed import TimedMeter
from istar.methods import MethodError, recorder
from istar.methods.check import check_method
from istar.questions import READOUTS

EXAMPLE = Path(__file__).parents[2] / "examples" / "my_method.py"

GOOD = """
import torch
from istar.methods import Interpretation

def interpret(target, corpus):
    return Interpretation({"x": torch.ones(2, 3)})

def predict(question, runs, target, interpretation, prepared):
    return target.values(runs).unsqueeze(-1)
"""


@pytest.fixture
def check(tmp_path, target):
    def run(source):
        path = tmp_path / "mine.py"
        path.write_text(source)
        return check_method(path, target)

    return run


def test_the_example_passes_on_the_default_target():
    report = check_method(EXAMPLE)
    assert report.passed
    assert report.target == "tiny-random"
    assert all(question.channels == 2 for question in report.questions)
    assert len(EXAMPLE.read_text().splitlines()) < 40


def test_a_good_method_is_reported_with_what_it_costs(check, target, questions):
    report = check(GOOD)
    assert report.passed
    assert report.interpret.tensors == {"x": (2, 3)}
    assert report.interpret.bytes > 24
    assert [question.question for question in report.questions] == list(questions)
    for question in report.questions:
        exact = Meter()
        with exact:
            target.values(questions[question.question].runs)
        assert question.exact_flops == exact.flops
        # exact values batch by batch share fewer prefixes than all at once, and cost at least as much
        assert question.predict_flops >= question.exact_flops
        assert (question.prepare_flops, question.channels) == (0, 1)
        assert next(iter(question.by_op.values())) == max(question.by_op.values())


def test_the_sample_questions_have_every_readout(questions):
    assert {run.readout.kind for question in questions.values() for run in question.runs} == set(READOUTS)


def test_faults_end_the_check_before_anything_runs(check):
    report = check(GOOD + "\nimport os\n")
    assert not report.passed
    assert [fault.what for fault in report.faults] == ["import of 'os'"]
    assert report.interpret is None
    assert report.questions == ()


def test_errors_name_the_question(check, questions):
    report = check(GOOD.replace(".unsqueeze(-1)", ""))
    assert len(report.errors) == len(report.faults) + len(questions)
    assert report.errors[0].startswith(
        "on parts switched on and off: `predict` of 'mine' returned shape (1,) for 1 runs"
    )
    assert not report.passed


def test_an_error_on_one_kind_of_row_leaves_the_others(check, questions):
    report = check(
        GOOD.replace("    return target.values", "    assert question.structure.of('switch')\n    return target.values")
    )
    assert [question.question for question in report.questions] == ["parts switched on and off"]
    assert len(report.errors) == len(questions) - 1
    assert "on plain sequences: `predict` of 'mine' raised AssertionError" in report.errors[2]


def test_a_wrong_interpret_is_an_error(check):
    assert "return an Interpretation" in check(GOOD.replace('Interpretation({"x": torch.ones(2, 3)})', "3")).errors[0]


def test_a_failing_definition_is_an_error(check):
    assert "fails while it is loaded: ZeroDivisionError" in check(GOOD + "\nx = 1 / 0\n").errors[0]


def test_the_report_is_json(check):
    data = json.loads(json.dumps(check(GOOD).to_json()))
    assert data["passed"] is True
    assert data["questions"][0]["channels"] == 1
    assert json.loads(json.dumps(check(GOOD + "import os").to_json()))["faults"][0]["instead"]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(MethodError, match=r"nowhere\.py cannot be read: No such file or directory; give the path"):
        check_method(tmp_path / "nowhere.py")
    (tmp_path / "latin.py").write_bytes(b"x = '\xe9'\n")
    with pytest.raises(MethodError, match=r"latin\.py is not text that Python reads"):
        check_method(tmp_path / "latin.py")


def test_what_has_no_price_is_an_error_as_it_is_in_a_jail(check, questions, monkeypatch):
    rules = {name: rule for name, rule in RULEBOOK.rules.items() if name != "sinh"}
    monkeypatch.setattr(recorder, "TimedMeter", lambda **options: TimedMeter(Rulebook("lacking", rules), **options))
    for changed in (
        GOOD.replace("    return target.values", "    torch.ones(9).sinh()\n    return target.values"),
        GOOD.replace("    return Interpretation", "    torch.ones(9).sinh()\n    return Interpretation"),
    ):
        report = check(changed)
        assert not report.passed
        assert all("lacking has no price for the operation aten.sinh" in error for error in report.errors)
        assert len(report.errors) == (1 if report.interpret is None else len(questions))
        assert torch.is_grad_enabled()


def test_a_method_that_a_score_would_cut_off_is_told_so(check, tmp_path, capsys):
    assert not any(question.too_dear for question in check(GOOD).questions)
    wasteful = GOOD.replace(
        "    return target.values", "    target.values(question.runs * 2)\n    return target.values"
    )
    assert all(question.too_dear for question in check(wasteful).questions)
    assert run(["check", str(tmp_path / "mine.py")]) == SUCCESS
    shown = capsys.readouterr().out
    assert "too dear on plain sequences: `prepare` and the first batch cost" in shown
    assert "a score cuts it off before it has said anything" in shown


def test_a_method_without_a_channel_anywhere_is_said_to_be_silent(check, tmp_path, capsys):
    silent = GOOD.replace("unsqueeze(-1)", "unsqueeze(-1)[:, :0]")
    report = check(silent)
    assert report.passed
    assert report.silent
    assert report.to_json()["silent"]
    assert run(["check", str(tmp_path / "mine.py")]) == SUCCESS
    assert "it had nothing to say here: it gave no channel on any of these questions" in capsys.readouterr().out
    assert not check(GOOD).silent
    assert run(["check", str(tmp_path / "mine.py")]) == SUCCESS
    assert "nothing to say" not in capsys.readouterr().out


def test_questions_of_ones_own_take_the_place_of_the_small_ones(tmp_path, target, questions):
    path = tmp_path / "method.py"
    path.write_text(GOOD)
    report = check_method(path, target, {"mine": next(iter(questions.values()))})
    assert report.passed
    assert [each.question for each in report.questions] == ["mine"]


def test_what_a_score_would_stop_is_named(check, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("istar.arms.settings.Caps", lambda: SimpleNamespace(seconds=0.0))
    check(GOOD)
    assert run(["check", str(tmp_path / "mine.py")]) == SUCCESS
    shown = capsys.readouterr().out
    assert "slow `interpret` took 0 seconds on a tiny model; a score stops it after 0" in shown
    assert "slow on plain sequences, it took 0 seconds" in shown
