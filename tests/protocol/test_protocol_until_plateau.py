"""Searches that end at a plateau, on real tables and jails: by the commands of the page, repeated, killed, elsewhere.

No method saves anything on the tiny target, so here everyone who was trained is scored on the fresh questions.
"""

import json
import re
import shlex
from pathlib import Path
from unittest import mock

import pytest
from tiny_truth import build_tiny_truth

from istar.arms import jobs
from istar.cli.app import ERROR, SUCCESS, run
from istar.cli.entry import INTERRUPTED
from istar.protocol import fresh
from istar.protocol.config import PlateauSettings, SearchConfig, StageSize
from istar.protocol.plateau import Watch
from istar.protocol.run_folder import RunFolder
from istar.protocol.search import Search
from istar.protocol.setup import conduct
from istar.sandbox import tier_report

PAGE = Path(__file__).parents[2] / "docs" / "forecast.md"
COMMANDS = re.findall(r"^\.venv/bin/istar (.* long.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
WORDS = ["logit_lens", "attention_knockout", "direct_logit_attribution", "tuned_lens"]


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    """The tiny tasks by split, with small tables in a home of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ISTAR_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setattr(Watch, "claims", lambda self, trained: trained is not None)
        yield build_tiny_truth(patch)


@pytest.fixture(scope="module")
def config(names):
    """Settings under which two rounds are a plateau."""
    train = StageSize(questions=2, tasks=(names["train"],))
    return SearchConfig(
        target="tiny-random",
        researcher_options={"words": WORDS},
        threads=1,
        executor_seeds=1,
        corpus_sequences=4,
        corpus_length=24,
        screen=StageSize(questions=1, tasks=train.tasks),
        screen_floor=-5.0,
        prune_level=0.0,
        train=train,
        validation=StageSize(questions=2, tasks=(names["validation"],)),
        plateau=PlateauSettings(chance=0.6, error=0.2),
        unsafe=not tier_report().safe,
    )


@pytest.fixture(scope="module")
def searched(config, tmp_path_factory):
    """A search by the command of the page, and the JSON that it printed."""
    runs = tmp_path_factory.mktemp("runs")
    (runs / "settings.json").write_text(config.model_dump_json())
    (search,) = [shlex.split(each) for each in COMMANDS if each.startswith("search")]
    assert run([*search, "--config", str(runs / "settings.json"), "--runs", str(runs)]) == SUCCESS
    return RunFolder(runs / "long")


def exported(folder):
    with folder.ledger(read_only=True) as ledger:
        return list(ledger.export(folder.name))


@pytest.mark.slow
def test_the_search_of_the_page_ends_at_a_plateau(searched):
    with searched.ledger(read_only=True) as ledger:
        rounds = ledger.rounds("long")
        asked = ledger.evaluations("long", stage="fresh")
    assert len(rounds) == 2
    assert len(asked) == 4
    assert {each.split for each in asked} == {"train"}
    assert searched.config().until_plateau
    assert not {each.question_hash for each in asked} & {
        each.question_hash for each in _evaluations(searched, "train") + _evaluations(searched, "screen")
    }


def _evaluations(folder, stage):
    with folder.ledger(read_only=True) as ledger:
        return list(ledger.evaluations(folder.name, stage=stage))


def test_a_finished_search_says_the_same_again_and_builds_nothing(searched, capsys):
    place = ["--run", "long", "--runs", str(searched.path.parent), "--resume", "--json"]
    with mock.patch.object(fresh, "flops_per_second", side_effect=AssertionError("nothing is left to build")):
        assert run(["search", *place]) == SUCCESS
    shown = capsys.readouterr()
    found = json.loads(shown.out)
    assert found["plateau"]["reached"]
    assert found["plateau"]["basis"] == "fresh"
    assert found["plateau"]["rounds"] == found["plateau"]["needed"] == 2
    assert "it has stopped improving: 2 rounds without a confirmed improvement" in found["ended"]
    assert "their truth is built already" in shown.err


def test_the_report_and_the_comparison_of_the_page_tell_of_it(searched, capsys, tmp_path):
    place = ["--runs", str(searched.path.parent)]
    for command in COMMANDS:
        if not command.startswith("search"):
            assert run([*shlex.split(command), *place]) == SUCCESS
    said = " ".join(capsys.readouterr().out.split())
    assert "long: it has stopped improving: 2 rounds in a row without a confirmed improvement, of 2" in said
    assert "It has stopped improving: 2 rounds in a row" in searched.report_path.read_text(encoding="utf-8")
    page = tmp_path / "comparison.html"
    assert run(["compare", "long", "--to", str(page), "--json", *place]) == SUCCESS
    found = json.loads(capsys.readouterr().out)
    (contender,) = found["runs"]
    assert contender["plateau"]["reached"]
    assert found["held"]["run"] == "long"
    assert "Have they stopped improving?" in page.read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_search_that_was_killed_ends_in_the_same_round(searched, config, tmp_path):
    (tmp_path / "settings.json").write_text(config.model_dump_json())
    place = ["--run", "long", "--runs", str(tmp_path)]
    begin = ["search", "--config", str(tmp_path / "settings.json"), "--methods", "500", "--until-plateau", *place]
    whole = Search._watch

    def killed(self, watch, iteration, *rest):
        whole(self, watch, iteration, *rest)
        raise KeyboardInterrupt

    with mock.patch.object(Search, "_watch", killed):
        assert run(begin) == INTERRUPTED
    assert run(["search", *place, "--resume"]) == SUCCESS
    assert exported(RunFolder(tmp_path / "long")) == exported(searched)


@pytest.mark.slow
def test_methods_that_run_elsewhere_leave_the_same_ledger(searched, config, tmp_path):
    """Where jobs are done a workplace is opened by names and numbers, the fresh questions with it."""
    folder = RunFolder(tmp_path / "long")
    with mock.patch.object(jobs, "_opened", {}):
        conduct(
            folder,
            config.model_copy(update={"methods": 500, "until_plateau": True}),
            map_jobs=map,
        )
        for place in jobs._opened.values():
            place.arms.__exit__()
    assert exported(folder) == exported(searched)


def test_a_plateau_out_of_reach_is_refused_before_anything_is_loaded(names, tmp_path, capsys):
    arguments = ["--target", "tiny-random", "--methods", "12", "--until-plateau", "--runs", str(tmp_path / "runs")]
    assert run(["search", "--run", "short", *arguments]) == ERROR
    assert "a plateau takes 29 rounds without an improvement" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "runs").exists()
