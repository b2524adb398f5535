"""`istar scenario` on real runs: a search on a tiny target, with real tables, jails and replays."""

import json
import re
import shlex
from pathlib import Path

import pytest
from tiny_truth import build_tiny_truth

from istar.cli.app import ERROR, SUCCESS, run
from istar.methods import Interpretation
from istar.protocol.config import SearchConfig, StageSize
from istar.protocol.run_folder import RunFolder
from istar.sandbox import tier_report
from istar.scenarios import recorded
from istar.scenarios.rule import ASPECTS, MEASURES

METHOD = '''"""Logit lens with a learned scale: half of it is never used."""
import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation({"scale": torch.tensor([2.0, 5.0]), "idle": torch.tensor([1.0, 4.0])})


def predict(question, runs, target, interpretation, prepared):
    read = target.read(runs, target.run(runs, upto=1)).unsqueeze(-1)
    scale = interpretation.tensors["scale"]
    return torch.cat([read * scale[0], read * read * scale[1]], dim=1)
'''


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A folder of runs, with a finished search whose test was opened for a method of one's own as well."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ISTAR_HOME", str(tmp_path_factory.mktemp("home")))
        names = build_tiny_truth(patch)
        sizes = {split: StageSize(questions=2, tasks=(names[split],)) for split in ("train", "validation", "test")}
        config = SearchConfig(
            **{"target": "tiny-random", "methods": 2, "threads": 1, "executor_seeds": 1, "corpus_sequences": 4},
            **{"corpus_length": 24, "screen_floor": -5.0, "validate_above": -5.0},
            **{"screen": StageSize(questions=1, tasks=sizes["train"].tasks), **sizes},
            unsafe=not tier_report().safe,
        )
        folder = tmp_path_factory.mktemp("work") / "runs"
        folder.mkdir()
        (folder / "settings.json").write_text(config.model_dump_json())
        (folder / "mine.py").write_text(METHOD)
        search = ["search", "--config", str(folder / "settings.json"), "--runs", str(folder), "--run", "first"]
        assert run(search) == SUCCESS
        beside = ["--beside", str(folder / "mine.py"), "--beside", "behavioural_student"]
        assert run(["unseal", "first", "--runs", str(folder), *beside]) == SUCCESS
        yield folder


PAGE = (Path(__file__).parents[2] / "docs" / "scenarios.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^istar (scenario .*)$", PAGE, re.MULTILINE)


def asked(runs, capsys, *arguments, code=SUCCESS):
    capsys.readouterr()
    assert run(["scenario", *arguments, "--runs", str(runs)]) == code
    return capsys.readouterr()


@pytest.mark.slow
def test_what_is_stored_tells_odds_and_names_what_is_missing(runs, capsys, tmp_path):
    found = json.loads(asked(runs, capsys, "first", "--json").out)
    assert set(found["evidence"]) == set(MEASURES)
    assert set(found["ratios"]) == set(ASPECTS)
    assert sum(found["odds"].values()) == pytest.approx(1.0)
    assert "--record` runs it" in found["evidence"]["triggers"]["missing"]
    missing = [name for name, each in found["evidence"].items() if each["missing"]]
    assert set(found["ratios_by_measure"]) == set(MEASURES) - set(missing)
    shown = asked(runs, capsys, "first", "--to", str(tmp_path / "first.svg"))
    told = " ".join(shown.out.split())
    assert "the most probable is scenario" in told
    for name in missing:
        assert f"not measured, and counts for nothing: {name}:" in told
    assert (tmp_path / "first.svg").read_text().startswith("<svg")


@pytest.mark.slow
def test_what_is_missing_is_run_once_in_the_jail(runs, capsys, monkeypatch):
    mine = str(runs / "mine.py")
    found = json.loads(asked(runs, capsys, "first", "--method", mine, "--record", "--json").out)
    uses = found["evidence"]["sharing"]["about"]
    assert uses["components"] == ["idle[0:1]", "idle[1:2]", "scale[0:1]", "scale[1:2]"]
    assert len(uses["effects"]) == len(uses["tasks"]) == 1
    assert [effect > 0 for effect in uses["effects"][0]] == [False, False, True, True]
    assert "it takes two of each" in found["evidence"]["sharing"]["missing"]
    assert "no organisms with tables" in found["evidence"]["triggers"]["missing"]

    def fail(*_, **__):
        raise AssertionError("it was run before")

    monkeypatch.setattr(recorded, "run", fail)
    again = json.loads(asked(runs, capsys, "first", "--method", mine, "--json").out)
    assert again == found


@pytest.mark.slow
def test_the_page_s_commands_run(runs, monkeypatch, capsys):
    monkeypatch.chdir(runs.parent)
    assert {flag for command in COMMANDS for flag in re.findall(r"--\w+", command)} >= {"--record", "--to", "--priors"}
    for command in COMMANDS:
        assert run(shlex.split(command)) == SUCCESS, capsys.readouterr().err
        shown = capsys.readouterr().out
        assert ("odds" in json.loads(shown)) if "--json" in command else ("the most probable is scenario" in shown)
    assert Path("scenario.svg").read_text(encoding="utf-8").startswith("<svg")


def test_priors_decide_where_nothing_is_known(runs, capsys):
    sure = json.loads(asked(runs, capsys, "first", "--priors", "0,0,1,0,0", "--json").out)
    assert sure["odds"]["3"] == 1.0
    assert sure["would_change"] == []


def test_methods_shown_the_test_beside_i_star_are_named_by_the_library_or_their_file(runs, capsys):
    for method, name in (("behavioural_student", "behavioural_student"), (str(runs / "mine.py"), "mine")):
        found = json.loads(asked(runs, capsys, "first", "--method", method, "--json").out)
        assert found["method"] == name
        assert "none was asked" in found["evidence"]["transfer"]["missing"]


def test_a_method_that_was_not_asked_is_an_error_that_names_those_that_were(runs, capsys):
    told = " ".join(asked(runs, capsys, "first", "--method", "nobody", code=ERROR).err.split())
    assert "has asked no method 'nobody'; it has asked" in told
    assert "`istar unseal first --beside nobody`" in told


def test_a_run_without_interpretations_is_an_error_that_says_what_to_do(runs, capsys):
    begun = RunFolder(runs / "begun")
    begun.begin(RunFolder(runs / "first").config())
    with RunFolder(runs / "first").ledger(read_only=True) as ledger:
        of = ledger.run("first")
    with begun.ledger() as ledger:
        ledger.open_run("begun", of.config, versions=of.versions, machine={})
    told = " ".join(asked(runs, capsys, "begun", code=ERROR).err.split())
    assert "holds no interpretation, so that there is no method to judge" in told
    assert "`istar search --run begun --resume`" in told


def test_an_empty_interpretation_is_said_to_be_one(runs, capsys):
    with RunFolder(runs / "first").ledger(read_only=True) as ledger:
        empty = {each.method for each in ledger.interpretations("first") if each.sha256 == Interpretation().hash}
        best = ledger.rounds("first")[-1].best_method
    found = json.loads(asked(runs, capsys, "first", "--json").out)
    told = found["evidence"]["sharing"]["missing"]
    assert ("its interpretation is empty" in told) == (best in empty)
