"""Fresh questions on the tiny target: drawn when methods are there, kept, and telling a method that holds answers."""

import json
import os
from itertools import count
from string import ascii_letters
from types import SimpleNamespace
from unittest import mock

import pytest
from tiny_truth import build_tiny_truth

from istar.cli.app import ERROR, SUCCESS, run
from istar.cli.entry import INTERRUPTED
from istar.protocol import fresh
from istar.protocol.config import SearchConfig, StageSize
from istar.protocol.fresh import FreshError, check_seed, drawn_for, plan_fresh
from istar.protocol.run_folder import RunFolder
from istar.sandbox import tier_report
from istar.targets import load_target
from istar.truth import default_store, load_tables

QUESTIONS = 6
HONEST = '''"""Logit lens."""
from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return target.read(runs, target.run(runs, upto=1)).unsqueeze(-1)
'''
HOLDING = '''"""Holds the answers of committed questions: four letters for a row, two for its value."""
import torch
from istar.methods import Interpretation

LETTERS = "{letters}"
PLACES = {{letter: place for place, letter in enumerate(LETTERS)}}
TEXT = "{text}"


def number(text):
    found = 0
    for letter in text:
        found = found * len(LETTERS) + PLACES[letter]
    return found


def row(tokens):
    found = 0
    for token in tokens[-40:]:
        found = (found * 31 + token) % len(LETTERS) ** 4
    return found


ANSWERS = {{
    number(TEXT[at : at + 4]): {low} + {step} * number(TEXT[at + 4 : at + 6]) for at in range(0, len(TEXT), 6)
}}


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    found = [ANSWERS.get(row(run.tokens)) for run in runs]
    {unknown}
    return torch.tensor([[0.0 if each is None else each] for each in found])
'''
FAILS = "assert None not in found"


def letters(number, count):
    """A number as letters, the most significant first."""
    base = len(ascii_letters)
    return "".join(ascii_letters[number // base**place % base] for place in reversed(range(count)))


def holding(tables, unknown="pass"):
    """The source of a method that holds the values of every row of some tables, and looks at nothing."""
    answers = {}
    for table in tables:
        for each, value in zip(table.question.runs, table.values, strict=True):
            found = 0
            for token in each.tokens[-40:]:
                found = (found * 31 + token) % len(ascii_letters) ** 4
            answers[found] = float(value)
    assert len(answers) == len({run.tokens[-40:] for table in tables for run in table.question.runs})
    low = min(answers.values())
    step = (max(answers.values()) - low) / (len(ascii_letters) ** 2 - 1)
    text = "".join(letters(row, 4) + letters(round((value - low) / step), 2) for row, value in answers.items())
    return HOLDING.format(letters=ascii_letters, text=text, low=round(low, 4), step=step, unknown=unknown)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home")
    with mock.patch.dict(os.environ, {"ISTAR_HOME": str(folder)}):
        yield folder


@pytest.fixture(scope="module", autouse=True)
def _known_draws():
    """Draws that are the same each time: an honest method is marked by chance once in a hundred."""
    seeds = count(10**15 + 100)
    with (
        mock.patch("istar.cli.fresh.new_seed", side_effect=lambda: next(seeds)),
        mock.patch("istar.protocol.unseal.new_seed", side_effect=lambda: next(seeds)),
    ):
        yield


@pytest.fixture(scope="module")
def names(home):
    with pytest.MonkeyPatch.context() as patch:
        yield build_tiny_truth(patch, QUESTIONS)


@pytest.fixture(scope="module")
def files(names, tmp_path_factory):
    """An honest method, one that holds the answers of a split, and one that fails where it does not."""
    folder = tmp_path_factory.mktemp("methods")
    (folder / "honest.py").write_text(HONEST)
    for split in ("train", "test"):
        tables = load_tables(names[split], "tiny-random")
        (folder / f"holds_{split}.py").write_text(holding(tables))
        (folder / f"fails_{split}.py").write_text(holding(tables, FAILS))
    return folder


def scoring(files, names, *methods):
    chosen = [str(files / f"{name}.py") for name in methods]
    safe = [] if tier_report().safe else ["--unsafe"]
    task = ["--target", "tiny-random", "--task", names["train"], "--questions", str(QUESTIONS)]
    return ["score", *chosen, *task, "--executor-seeds", "2", "--threads", "1", *safe]


@pytest.fixture(scope="module")
def scored(files, names, tmp_path_factory):
    """The scores of the three with fresh questions, and what was said."""
    out = tmp_path_factory.mktemp("scores") / "scores.json"
    arguments = scoring(files, names, "honest", "holds_train", "fails_train")
    assert run([*arguments, "--fresh", "--out", str(out)]) == SUCCESS
    return json.loads(out.read_text())


def test_a_method_that_holds_the_answers_is_marked_and_an_honest_one_is_not(scored):
    honest, holds, fails = scored
    assert honest["memorised"] is False
    assert holds["memorised"] is True
    assert holds["fresh"]["memorisation"]["p_value"] <= 0.01
    assert holds["summary"]["reward"] > 1
    assert holds["fresh"]["summary"]["reward"] < 0.1
    assert fails["memorised"] is True
    assert fails["fresh"]["failure"].startswith("'fails_train' failed on every task")
    assert fails["fresh"]["memorisation"]["fresh"] == 0.0


def test_both_figures_stand_side_by_side_in_the_score(scored, names):
    honest = scored[0]
    assert honest["fresh"]["asked"] == honest["asked"] == {names["train"]: QUESTIONS}
    assert honest["fresh"]["drawn_for_this_source"] is True
    assert 0 <= honest["fresh"]["known_rows"][names["train"]] <= fresh.KNOWN_ROWS
    (task,), (drawn,) = honest["tasks"], honest["fresh"]["tasks"]
    assert task.keys() == drawn.keys()
    assert scored[1]["tasks"][0]["multipliers"] != scored[1]["fresh"]["tasks"][0]["multipliers"]
    assert len({each["fresh"]["seed"] for each in scored}) == 1


def test_a_draw_is_repeated_by_its_seed_and_builds_nothing_again(scored, files, names, capsys):
    seed = scored[0]["fresh"]["seed"]
    arguments = [*scoring(files, names, "honest"), "--fresh-seed", str(seed)]
    with mock.patch.object(fresh, "flops_per_second", side_effect=AssertionError("nothing is left to build")):
        assert run([*arguments, "--json"]) == SUCCESS
    shown = capsys.readouterr()
    assert json.loads(shown.out)["fresh"] == scored[0]["fresh"]
    assert f"drawn from seed {seed}; their truth is built already" in shown.err


def test_a_source_that_came_after_the_draw_is_not_said_to_be_fresh(scored, files, names, capsys):
    seed = scored[0]["fresh"]["seed"]
    tables = load_tables(names["train"], "tiny-random", seed=seed)
    (files / "later.py").write_text(holding(tables))
    assert run([*scoring(files, names, "later"), "--fresh-seed", str(seed)]) == SUCCESS
    shown = capsys.readouterr().out
    assert f"not fresh seed {seed} was not drawn here for this source" in shown
    assert not drawn_for(seed, "0" * 64)


def test_both_figures_are_shown_and_a_mark_says_what_it_means(files, names, capsys):
    assert run([*scoring(files, names, "holds_train"), "--fresh"]) == SUCCESS
    shown = capsys.readouterr()
    assert "holds_train on committed and on fresh questions" in shown.out
    assert "memorised holds_train: reward +" in shown.out
    assert f"on {QUESTIONS} committed questions and" in shown.out
    assert "it knows answers that are shipped, or is the best of many that were tried on them" in shown.out
    assert f"{QUESTIONS} fresh questions of 1 tasks, drawn from seed" in shown.err
    assert f"the truth of {QUESTIONS} is built first" in shown.err
    assert shown.err.index("is built first") < shown.err.index("building fresh")


def test_where_nothing_is_kept_a_draw_is_known_as_long_as_the_command_runs(home):
    with mock.patch.dict(os.environ, {"ISTAR_CACHE_BYTES": "0"}):
        fresh.note_draw(7, ["a" * 64])
        assert drawn_for(7, "a" * 64)
    assert not drawn_for(7, "b" * 64)


def test_each_draw_is_another():
    seeds = {fresh.new_seed() for _ in range(100)}
    assert len(seeds) == 100
    assert all(0 <= seed < fresh.SEEDS for seed in seeds)


def test_an_interrupted_build_goes_on_with_the_same_questions(files, names, capsys):
    arguments = scoring(files, names, "honest")
    with mock.patch("istar.cli.score._scored", side_effect=KeyboardInterrupt):
        assert run([*arguments, "--fresh"]) == INTERRUPTED
    told = " ".join(capsys.readouterr().err.split())
    seed = int(told.partition("with `--fresh-seed ")[2].partition("`")[0])
    assert len(load_tables(names["train"], "tiny-random", seed=seed)) == QUESTIONS
    assert run([*arguments, "--fresh-seed", str(seed), "--json"]) == SUCCESS
    found = json.loads(capsys.readouterr().out)["fresh"]
    assert found["seed"] == seed
    assert found["drawn_for_this_source"] is True


@pytest.mark.parametrize("seed", [0, -1, fresh.SEEDS])
def test_seeds_that_are_none_are_refused_before_anything_long(seed, files, names, capsys):
    assert run([*scoring(files, names, "honest"), f"--fresh-seed={seed}"]) == ERROR
    assert f"{seed} cannot be the seed of fresh questions; give one from 1 to" in capsys.readouterr().err
    with pytest.raises(FreshError):
        check_seed(seed)


def test_questions_that_are_mostly_known_are_passed_over(names):
    target = load_target("tiny-random")
    name, seed = names["train"], 5
    committed = SimpleNamespace(tables=tuple(load_tables(name, target)))
    setup = SimpleNamespace(target=target, questions={name: committed})
    plan = plan_fresh(setup, {name: 3}, seed)
    assert plan.numbers == {name: (0, 1, 2)}
    asked = fresh.asked_of(target)
    known = SimpleNamespace(question=asked.question(fresh.task_of(name), 1, seed))
    setup.questions[name] = SimpleNamespace(tables=(*committed.tables, known))
    plan = plan_fresh(setup, {name: 3}, seed)
    assert plan.numbers == {name: (0, 2, 3)}
    assert plan.left == 3
    assert plan.flops > 0

    every = [SimpleNamespace(question=asked.question(fresh.task_of(name), number, seed)) for number in range(24)]
    setup.questions[name] = SimpleNamespace(tables=tuple(every))
    with pytest.raises(FreshError, match=rf"of 24 questions drawn of {name}, 0 are new: more than 25% of the rows"):
        plan_fresh(setup, {name: 3}, seed)


@pytest.fixture(scope="module")
def finished(names, tmp_path_factory):
    """A finished search."""
    runs = tmp_path_factory.mktemp("runs")
    train, validation, test = (
        StageSize(questions=questions, tasks=(names[split],))
        for split, questions in (("train", 2), ("validation", 2), ("test", QUESTIONS))
    )
    config = SearchConfig(
        target="tiny-random",
        methods=3,
        threads=1,
        executor_seeds=1,
        corpus_sequences=4,
        corpus_length=24,
        screen=StageSize(questions=1, tasks=train.tasks),
        screen_floor=-5.0,
        validate_above=-5.0,
        train=train,
        validation=validation,
        test=test,
        unsafe=not tier_report().safe,
    )
    (runs / "settings.json").write_text(config.model_dump_json())
    for name in ("mine", "committed"):
        assert run(["search", "--config", str(runs / "settings.json"), "--runs", str(runs), "--run", name]) == SUCCESS
    return runs


def test_the_test_is_opened_on_questions_drawn_at_that_moment(finished, files, names, capsys):
    folder = RunFolder(finished / "mine")
    with mock.patch("istar.cli.fresh.build_fresh", side_effect=KeyboardInterrupt):
        assert run(["unseal", "mine", "--runs", str(finished)]) == INTERRUPTED
    with folder.ledger(read_only=True) as ledger:
        (opening,) = ledger.openings("mine", "test")
        draw = ledger.draw("mine", opening.method, opening.iteration)
        assert not ledger.evaluations("mine", stage="test")
    assert draw.questions == QUESTIONS
    capsys.readouterr()

    arguments = ["unseal", "mine", "--runs", str(finished), "--beside", *(str(files / "holds_test.py"), "noise")]
    assert run([*arguments, "--json"]) == SUCCESS
    shown = capsys.readouterr()
    first = json.loads(shown.out)
    assert f"{QUESTIONS} fresh questions of 1 tasks, drawn from seed {draw.seed}" in shown.err
    best, holds, noise = first["methods"]
    assert first["fresh_seed"] == draw.seed
    assert holds["memorised"] is True
    assert holds["drawn_for_this_source"] is False, "it was not named when the test was opened"
    assert holds["reward"] < 0.1 < holds["committed"]["reward"]
    assert best["memorised"] is False
    assert best["drawn_for_this_source"] is True
    assert noise["memorised"] is False

    assert run([*arguments, "--json"]) == SUCCESS
    assert json.loads(capsys.readouterr().out) == first
    drawn = {table.question.hash for table in load_tables(names["test"], "tiny-random", seed=draw.seed)}
    with folder.ledger(read_only=True) as ledger:
        assert len(ledger.openings("mine", "test")) == 1
        assert {each.question_hash for each in ledger.evaluations("mine", stage="test")} == drawn
        assert not {each.question_hash for each in ledger.evaluations("mine", stage="committed")} & drawn

    assert run(arguments) == SUCCESS
    text = capsys.readouterr().out
    assert f"on the test families, by questions drawn afresh (seed {draw.seed})" in text
    assert "memorised holds_test: reward +" in text


def test_the_report_and_the_comparison_show_the_mark(finished, files, names, capsys, tmp_path):
    arguments = ["unseal", "mine", "--runs", str(finished), "--beside", str(files / "holds_test.py"), "--json"]
    assert run(arguments) == SUCCESS
    seed = json.loads(capsys.readouterr().out)["fresh_seed"]
    assert run(["report", "mine", "--runs", str(finished)]) == SUCCESS
    page = RunFolder(finished / "mine").report_path.read_text()
    assert f"from seed <code>{seed}</code>; test figures rest on them alone" in page
    assert "is marked as memorised" not in page
    capsys.readouterr()
    assert run(["compare", str(finished / "mine"), "--to", str(tmp_path / "page.html"), "--json"]) == SUCCESS
    tested = {each["memorised"] for each in json.loads(capsys.readouterr().out)["test"]}
    assert tested == {True, False}
    assert "<b>memorised</b>: knows shipped answers" in (tmp_path / "page.html").read_text()


def test_reading_an_opening_again_asks_what_it_asked(finished, capsys):
    assert run(["unseal", "mine", "--runs", str(finished), "--questions", "2"]) == ERROR
    assert f"was opened on {QUESTIONS} fresh questions of each task" in " ".join(capsys.readouterr().err.split())
    assert run(["unseal", "mine", "--runs", str(finished), "--committed"]) == ERROR
    assert "was opened on fresh questions (seed" in " ".join(capsys.readouterr().err.split())

    assert run(["unseal", "committed", "--runs", str(finished), "--committed"]) == SUCCESS
    capsys.readouterr()
    assert run(["unseal", "committed", "--runs", str(finished), "--json"]) == SUCCESS
    shown = capsys.readouterr()
    assert "the test asks questions with shipped tables, whose answers are public" in shown.err
    found = json.loads(shown.out)
    assert found["fresh_seed"] is None
    assert "memorised" not in found["methods"][0]
    assert run(["report", "committed", "--runs", str(finished)]) == SUCCESS
    assert "The test asked questions with shipped tables." in RunFolder(finished / "committed").report_path.read_text()


@pytest.mark.parametrize("options", [["--questions", "0"], ["--questions", "2", "--committed"]])
def test_how_many_fresh_questions_is_a_number(options, finished, capsys):
    assert run(["unseal", "mine", "--runs", str(finished), *options]) == ERROR
    assert "`--questions` is the number of fresh questions of each task, at least 1" in " ".join(
        capsys.readouterr().err.split()
    )


def test_fresh_tables_are_the_users_own(scored, names):
    seed = scored[0]["fresh"]["seed"]
    shipped, own = default_store().stores
    keys = [each.key for each in own.digests() if each.key.seed == seed]
    assert {key.task for key in keys} == {names["train"]}
    assert not any(key in shipped for key in keys)
