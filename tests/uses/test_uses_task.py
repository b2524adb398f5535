"""A task of one's own, answered with a method and without: answers, skill, multipliers, and what is refused."""

import json

import numpy as np
import pytest
from jailed_uses import KNOWING, SILENT

from istar.cli.app import ERROR, SUCCESS, run
from istar.cli.tasks import rendered
from istar.rewards.curves import curve_from_json
from istar.tasks import BarredError, check_rewardable, task
from istar.uses.errors import UseError
from istar.uses.task import check_questions, load_family, skills
from plugged import plugged

SMALL = ("words: int = 12", "words: int = 4"), ("lists: int = 160", "lists: int = 12")


@pytest.fixture
def family(tmp_path, monkeypatch):
    """The family that `istar tasks new` writes, smaller and for direct use alone, gone again after the test."""
    monkeypatch.setenv("ISTAR_PLUGINS", "")
    text = rendered("family.py.txt", "said_again")
    for before, after in (*SMALL, ('Split] = "train"', 'Split] = "use"'), ("tuple(WORDS)", '("plain",)')):
        assert before in text
        text = text.replace(before, after)
    path = tmp_path / "said_again.py"
    path.write_text(text)
    with plugged():
        yield path
        with plugged(path):  # which takes out what it registers
            pass


@pytest.fixture
def used(family, home, unsafe, tmp_path, capsys):
    def use(source, *options):
        method = tmp_path / "mine.py"
        method.write_text(source)
        arguments = ["use", "task", str(family), "--method", str(method), "--target", "tiny-random", "--questions", "3"]
        arguments += ["--executor-seeds", "1", "--threads", "1", *(["--unsafe"] if unsafe else []), *options]
        capsys.readouterr()
        code = run(arguments)
        return code, capsys.readouterr()

    return use


@pytest.mark.slow
def test_it_is_answered_both_ways_and_held_to_brute_force(used, random_target, tmp_path):
    code, printed = used(KNOWING, "--json", "--to", str(tmp_path / "curves.svg"))
    assert code == SUCCESS, printed.err
    found = json.loads(printed.out)
    assert [each["index"] for each in found["answers"]] == [0, 1, 2]
    assert 0 <= found["heard"] <= found["asked"] == 3
    for each in found["answers"]:
        question = task("said_again/plain").question(random_target.tokenizer, each["index"])
        truth = question.functional.answer(random_target.values(question.runs).numpy(), question.structure)
        np.testing.assert_allclose(each["truth"], truth, atol=1e-3)
        for arm in ("with_method", "without"):
            assert len(each[arm]["answer"]) == 4
            assert 0 < each[arm]["flops"] <= 1.01 * each["brute_flops"]
            assert each[arm]["skill"] > 0.5
    multiplier = found["tasks"]["said_again/plain"]["multipliers"]["0.8"]
    assert multiplier["low"] <= multiplier["estimate"] <= multiplier["high"]
    for curve in found["curves"].values():
        assert curve["share"] == sorted(curve["share"])
        assert curve["skill"][-1] == pytest.approx(1, abs=0.1)
    assert (tmp_path / "curves.svg").read_text().startswith("<svg")
    with pytest.raises(BarredError, match="of the split `use`, which is barred from every reward"):
        check_rewardable("said_again/plain")
    code, printed = used(SILENT)  # the tables are there now
    assert code == SUCCESS, printed.err
    said = " ".join(printed.out.split())
    assert "it had nothing to say on 3 questions of said_again/plain" in said
    assert "channels were bought in 0 of 3 answers" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "is no Python file; `istar tasks new NAME` writes a family to begin with"),
        ("x = 1\n", "registers nothing"),
        (
            "from istar.methods import Interpretation\nfrom istar.rewards.formulas import REWARDS\n"
            "REWARDS.add('mine_alone', REWARDS.get('log'))\n",
            "registers no family; end it with FAMILIES.add(Mine.name, Mine())",
        ),
        ("raise ValueError('no')\n", "ValueError: no"),
    ],
)
def test_a_file_that_is_no_family(text, said, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ISTAR_PLUGINS", "")
    path = tmp_path / "not_a_family.py"
    if text is not None:
        path.write_text(text)
    with plugged():
        assert run(["use", "task", str(path), "--method", "noise", "--target", "tiny-random"]) == ERROR
        assert said in " ".join(capsys.readouterr().err.split())
        if path.exists() and "REWARDS" in text:
            with plugged(path):
                pass


def test_a_family_of_the_sealed_test_is_refused(family, monkeypatch):
    family.write_text(family.read_text().replace('Split] = "use"', 'Split] = "test"'))
    with pytest.raises(UseError, match="of the test split, which `istar unseal` alone asks"):
        load_family(family)


@pytest.mark.parametrize("questions", [0, 2, 1001])
def test_the_executor_needs_questions_to_learn_from(questions, capsys):
    with pytest.raises(UseError, match="give --questions from 3 to 1000"):
        check_questions(questions)


def test_skills_are_means_over_seeds_and_then_questions():
    def curve(question, seed, checkpoints, skill):
        zeros = [0] * len(skill)
        return curve_from_json(
            {
                **{"task": "a/b", "question_hash": question, "seed": seed, "arm": "black_box", "brute_flops": 64},
                **{"total_rows": 4, "reference_loss": 1.0, "checkpoints": checkpoints, "skill": skill, "rows": zeros},
                **{"flops": zeros, "loss": [0.0] * len(skill), "channel_batches": zeros, "executor_flops": zeros},
                **{"stop_flops": 0, "stop_rows": 0, "stop_loss": 0.0, "stop_skill": 0.0},
            }
        )

    curves = [
        curve("one", 0, [8, 32, 64], [0.0, 0.4, 1.0]),
        curve("one", 1, [8, 32, 64], [0.2, 0.6, 1.0]),
        curve("two", 0, [16, 32, 64], [0.5, 0.9, 1.0]),
    ]
    found = skills(curves)
    assert found["share"] == [0.25, 0.5, 1.0]
    assert found["skill"] == pytest.approx([(0.1 + 0.5) / 2, (0.5 + 0.9) / 2, 1.0])
    assert found["standard_error"] == pytest.approx([0.2, 0.2, 0.0])
