"""A language model in M2's chair works through score: the same question in both arms, kept, told of the method."""

import json

import pytest
from tiny_truth import build_tiny_truth

from istar.cli.app import ERROR, SUCCESS, run
from istar.sandbox import tier_report

METHOD = '''"""Logit lens."""
from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation({}, {"summary": "The last layer says it all."})


def predict(question, runs, target, interpretation, prepared):
    return target.read(runs, target.run(runs, upto=1)).unsqueeze(-1)
'''
SCRIPT = [
    {"calls": [{"name": "describe"}, {"name": "predict"}]},
    {"calls": [{"name": "predict", "arguments": {"rows": [0]}}, {"name": "buy", "arguments": {"rows": [0, 1]}}]},
    {"calls": [{"name": "statistician"}, {"name": "answer", "arguments": {"values": "statistician", "final": True}}]},
]


@pytest.mark.slow
def test_it_is_scored_with_and_what_it_said_is_kept_and_not_asked_again(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ISTAR_HOME", str(tmp_path / "home"))
    names = build_tiny_truth(monkeypatch)
    method, script = tmp_path / "lens.py", tmp_path / "script.json"
    method.write_text(METHOD)
    script.write_text(json.dumps(SCRIPT))
    unsafe = [] if tier_report().safe else ["--unsafe"]
    quick = ["--questions", "2", "--executor-seeds", "1", "--threads", "1", "--json", *unsafe]
    score = ["score", str(method), "--task", names["train"], "--target", "tiny-random", *quick]
    own = ["--executor", "language_model", "--executor-option", f"model=scripted:{script}"]
    assert run([*score, *own, "--executor-option", "parameters=0"]) == ERROR
    assert "parameters is 0; it must be a whole number from 1" in capsys.readouterr().err
    kept = tmp_path / "transcripts"
    own += ["--executor-option", "parameters=1", "--executor-option", f"transcripts={kept}"]
    assert run([*score, *own]) == SUCCESS
    first = json.loads(capsys.readouterr().out)
    arms = [json.loads(file.read_text()) for file in kept.iterdir()]
    assert sorted(each["arm"] for each in arms) == ["black_box"] * 2 + ["white_box"] * 2
    assert {each["end"] for each in arms} == {"FINAL"}
    for each in arms:
        told = [json.loads(message["content"]) for message in each["messages"] if message["role"] == "tool"]
        assert told[0]["shown_rows"][0]["text"]
        if each["arm"] == "white_box":
            assert told[1]["channels"] == 1
            assert told[1]["on_other_questions"]["heard"] == 1
            assert told[1]["summary_in_its_own_words"] == "The last layer says it all."
            assert len(told[2]["channels"]) == 1
        else:
            assert "there is no tool 'predict'" in told[1]["error"]
            assert "there is no tool 'predict'" in told[2]["error"]
        assert len(told[3]["values"]) == 2

    for file in kept.iterdir():
        file.unlink()
    assert run([*score, *own]) == SUCCESS
    assert json.loads(capsys.readouterr().out)["tasks"] == first["tasks"]
    assert not list(kept.iterdir())  # what was answered under a key is what counts
