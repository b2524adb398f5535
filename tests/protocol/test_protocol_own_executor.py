"""The page on executors: its file is the example, keeps the contract, and works through score, search and report."""

import json
import re
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from tiny_truth import build_tiny_truth

from istar.arms.replays import Replays
from istar.arms.settings import ArmSettings
from istar.arms.task_questions import TaskQuestions
from istar.cli.app import ERROR, SUCCESS, run
from istar.executors import EXECUTORS, ExecutorError, History, Market, make_executor
from istar.methods.recording import ChannelBatch, Recording
from istar.protocol.run_folder import RunFolder
from istar.questions import nested_batches
from istar.sandbox import tier_report
from istar.seeds import Seed
from istar.testing.executors import ExecutorConformance, TranscriptConformance
from istar.testing.stores import make_table
from plugged import plugged

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "my_executor.py"
TABLES = tuple(make_table(index) for index in range(4))
BLIND = np.array([0.2, -0.1])


def said(table):
    """The values of a question, nearly for nothing."""
    batches, done = [], 0
    for rows in nested_batches(table.question.structure, Seed.root(0)):
        done += len(rows)
        flops = table.brute_flops * done // (400 * len(table.values))
        batches.append(ChannelBatch(rows, table.values[rows, None].astype(np.float32), flops))
    return Recording("method", table.question.hash, table.target, "v1", tuple(batches), 0)


def history(heard):
    asked, *others = [table.question.hash for table in TABLES]
    recordings = {table.question.hash: said(table) for table in TABLES[1:]} if heard else {}
    return History(
        "made_up/numbers", TABLES[0].target, asked, tuple(others), BLIND, lambda: TABLES[1:], recordings=recordings
    )


def questions():
    hashes = [table.question.hash for table in TABLES]
    return TaskQuestions("made_up/numbers", "train", TABLES, dict.fromkeys(hashes, BLIND), dict.fromkeys(hashes, 1.0))


@pytest.fixture(scope="module", autouse=True)
def plugin():
    with plugged(EXAMPLE):
        yield


def test_the_page_shows_the_example():
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "executors.md").read_text(), re.DOTALL)
    assert code == EXAMPLE.read_text()


class TestSampleMeans(ExecutorConformance, TranscriptConformance):
    def make(self):
        return EXECUTORS.get("sample_means")()

    def market(self, number, white_box):
        return Market(TABLES[0], said(TABLES[0]) if white_box else None)

    def history(self, number, white_box):
        return history(white_box)

    def questions(self):
        return questions(), said(TABLES[0])


def test_it_listens_to_a_method_that_told_the_values_elsewhere():
    executor = make_executor("sample_means")
    table = TABLES[0]
    losses = []
    for heard in (False, True):
        market, state = Market(table, said(table) if heard else None), executor.learn(history(heard))
        assert executor.ignores_channels(market, state) != heard
        trace = executor.answer(market, state, Seed.root(0))
        functional, structure = table.question.functional, table.question.structure
        losses.append(np.mean([functional.loss(each, table.values, structure) for each in trace.answers]))
    assert losses[1] < 0.7 * losses[0]


def test_its_options_are_checked_and_decide_what_it_is():
    plain, other = make_executor("sample_means"), make_executor("sample_means", {"weight": 2.0})
    assert other.weight == 2.0
    assert plain.identity() != other.identity()
    with pytest.raises(ExecutorError, match=r"'sample_means' does.*'colour'; its options are weight, tolerance"):
        make_executor("sample_means", {"colour": "blue"})
    with pytest.raises(ExecutorError, match="weight and tolerance are 0 at least; its options are weight, tolerance"):
        make_executor("sample_means", {"weight": -1})


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"varaint": {}}, "'varaint'; its options are variant"),
        ({"variant": {"desing": "random"}}, "a variant has no desing; it has model, design"),
        ({"variant": {"design": "best"}}, "variant: design: Input should be 'greedy', 'paired' or 'random'"),
    ],
)
def test_the_statisticians_options_are_checked_too(options, fault):
    with pytest.raises(ExecutorError, match=fault):
        make_executor("statistician", options)
    assert make_executor("statistician", {"variant": {"design": "random"}}).variant.design == "random"


def test_an_edit_changes_the_curves_and_a_comment_does_not(tmp_path, monkeypatch):
    monkeypatch.setenv("ISTAR_HOME", str(tmp_path / "home"))
    text = EXAMPLE.read_text()
    versions = {
        "first": text,
        "remark": text + "# a remark\n",
        "edit": text.replace("weight: float = 4.0", "weight: float = 400.0"),
        "again": text,
    }
    found = {}
    for name, content in versions.items():
        file = tmp_path / name / "own_executor.py"
        file.parent.mkdir()
        file.write_text(content.replace('"sample_means"', '"own_means"'))
        with plugged(file):
            arms = Replays(ArmSettings(executor="own_means", executor_seeds=1), [questions()])
            with mock.patch.object(arms, "replay_seed", wraps=arms.replay_seed) as made:
                found[name] = arms.baseline(TABLES[0]).curves, made.call_count
    assert found["first"][1] == found["edit"][1] == 1
    assert found["edit"][0] != found["first"][0]
    assert found["remark"] == found["again"] == (found["first"][0], 0)


METHOD = '''"""Logit lens."""
from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return target.read(runs, target.run(runs, upto=1)).unsqueeze(-1)
'''


def test_it_is_scored_searched_with_and_reported(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ISTAR_HOME", str(tmp_path / "home"))
    names = build_tiny_truth(monkeypatch)
    method = tmp_path / "lens.py"
    method.write_text(METHOD)
    unsafe = [] if tier_report().safe else ["--unsafe"]
    own = ["--executor", "sample_means", "--executor-option", "weight=2.0"]
    quick = ["--questions", "2", "--executor-seeds", "1", "--threads", "1", "--json", *unsafe]
    score = ["score", str(method), "--task", names["train"], "--target", "tiny-random", *quick]
    assert run([*score, *own, "--executor-option", "colour=blue"]) == ERROR
    assert "its options are weight, tolerance" in capsys.readouterr().err
    assert run([*score, *own]) == SUCCESS
    scored = json.loads(capsys.readouterr().out)
    assert [each["task"] for each in scored["tasks"]] == [names["train"]]

    stage = {"questions": 2}
    settings = {
        "target": "tiny-random",
        "methods": 2,
        "executor": "sample_means",
        "executor_options": {"weight": 2.0},
        "executor_seeds": 1,
        "threads": 1,
        "corpus_sequences": 4,
        "corpus_length": 24,
        "researcher_options": {"words": ["logit_lens", "answer_logits"]},
        "screen": {"questions": 1, "tasks": [names["train"]]},
        "screen_floor": -5.0,
        "validate_above": -5.0,
        "train": {**stage, "tasks": [names["train"]]},
        "validation": {**stage, "tasks": [names["validation"]]},
        "unsafe": bool(unsafe),
    }
    (tmp_path / "settings.json").write_text(json.dumps(settings))
    search = ["search", "--config", str(tmp_path / "settings.json"), "--runs", str(tmp_path / "runs"), "--run", "own"]
    assert run(search) == SUCCESS
    with RunFolder(tmp_path / "runs" / "own").ledger(read_only=True) as ledger:
        assert [each.status for each in ledger.rounds("own")] == ["ok", "ok"]
        assert ledger.run("own").config.executor == "sample_means"
        assert "plug-in my_executor.py" in ledger.run("own").versions
        curves = [*ledger.curves("own", stage="baseline"), *ledger.curves("own", stage="train")]
    assert {curve.arm for curve in curves} == {"black_box", "white_box"}
    for curve in curves:
        assert curve.measures["rows_of_an_arm"] > 0
        assert (curve.method is not None) == (curve.arm == "white_box")
        if curve.method is not None:
            assert len(curve.method.interpretation_hash) == 64
            assert curve.method.interpretation_bytes > 0
            assert curve.method.channels > 0
            assert curve.method.flops > 0
    assert run(["report", "own", "--runs", str(tmp_path / "runs"), "--to", str(tmp_path / "report.html")]) == SUCCESS
    assert "sample_means" in (tmp_path / "report.html").read_text()
