"""The whole flow on the tiny target: real tables, real jails, real replays."""

import html
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from unittest import mock

import pytest
import tiny_families
from tiny_truth import build_tiny_truth

from istar.arms.sessions import SandboxSession
from istar.cli.app import ERROR, METHOD_FAULT, SUCCESS, run
from istar.cli.entry import INTERRUPTED
from istar.errors import IstarError
from istar.methods.length import TRIED, interpretation_bits, rounded, text_bits
from istar.methods.side_by_side import Part, put_side_by_side
from istar.protocol.config import SearchConfig, StageSize
from istar.protocol.rescore import rescore
from istar.protocol.run_folder import RunFolder
from istar.protocol.setup import set_up
from istar.protocol.stages import TasksError
from istar.rewards import REWARDS
from istar.sandbox import tier_report
from istar.tasks import select_tasks
from istar.truth import task_summaries
from measured import eventually

METHOD = '''"""Logit lens."""
from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return target.read(runs, target.run(runs, upto=1)).unsqueeze(-1)
'''


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home of its own with small tables."""
    folder = tmp_path_factory.mktemp("home")
    before = os.environ.get("ISTAR_HOME")
    os.environ["ISTAR_HOME"] = str(folder)
    yield folder
    if before is None:
        del os.environ["ISTAR_HOME"]
    else:
        os.environ["ISTAR_HOME"] = before


@pytest.fixture(scope="module")
def patched():
    """What small families stand in the registry by."""
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def config(home, patched):
    names = build_tiny_truth(patched)
    splits = ("train", "validation", "test")
    train, validation, test = (StageSize(questions=2, tasks=(names[split],)) for split in splits)
    return SearchConfig(
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


def command(config, runs, *arguments):
    (runs / "settings.json").write_text(config.model_dump_json())
    return ["search", "--config", str(runs / "settings.json"), "--runs", str(runs), *arguments]


def lines(folder):
    with folder.ledger(read_only=True) as ledger:
        return list(ledger.export(folder.name))


@pytest.fixture(scope="module")
def finished(config, tmp_path_factory):
    """An undisturbed search."""
    runs = tmp_path_factory.mktemp("runs")
    assert run(command(config, runs, "--run", "mine")) == SUCCESS
    return RunFolder(runs / "mine")


@pytest.fixture(scope="module")
def undisturbed(finished):
    """What the undisturbed search left in its ledger, before the test is opened."""
    return lines(finished)


def test_search_tries_its_methods_and_keeps_the_best(finished, undisturbed):
    assert undisturbed
    with finished.ledger(read_only=True) as ledger:
        assert len(ledger.rounds("mine")) == 3
        assert ledger.run("mine").status == "finished"
        best = ledger.rounds("mine")[-1].best_method
        assert finished.best_method_path.read_text() == ledger.source(best)


def test_finished_search_resumed_does_nothing(finished, undisturbed, capsys):
    assert run(["search", "--run", "mine", "--runs", str(finished.path.parent), "--resume", "--json"]) == SUCCESS
    assert lines(finished) == undisturbed
    assert json.loads(capsys.readouterr().out)["methods"] == 3


def test_it_is_rescored_under_another_rulebook(finished, undisturbed, capsys, tmp_path):
    arguments = ["rescore", "mine", "--runs", str(finished.path.parent), "--json"]
    assert run([*arguments, "--rulebook", "v2"]) == SUCCESS
    same = json.loads(capsys.readouterr().out)
    assert same["row_prices"] == {part: [1.0, 1.0] for part in ("tokens", "pairs", "reads")}
    assert all(each["reward"] == each["before"] for each in same["methods"])

    assert run(["rulebook"]) == SUCCESS
    other = json.loads(capsys.readouterr().out)
    other["version"] = "dear arithmetic"
    dearer = {
        name: [basis, 50 * each if basis == "pointwise" else each] for name, (basis, each) in other["rules"].items()
    }
    (tmp_path / "other.json").write_text(json.dumps({**other, "rules": dearer}))
    assert run([*arguments, "--rulebook", str(tmp_path / "other.json")]) == SUCCESS
    changed = json.loads(capsys.readouterr().out)
    assert (changed["rulebook"], changed["reward"]) == ("dear arithmetic", "log")
    assert changed["row_prices"]["tokens"][0] > 1
    assert {each["method"] for each in changed["methods"]} == {each["method"] for each in same["methods"]}

    with finished.ledger(read_only=True) as ledger:
        questions = ledger.questions("mine")
        brute = {curve.question_hash: curve.brute_flops for curve in ledger.curves("mine", stage="baseline")}
    counted = {each.question_hash: sum(sum(part.values()) for part in each.rows_by_op.values()) for each in questions}
    assert counted == brute


def test_unseal_notes_one_opening_however_often(finished, capsys):
    arguments = ["unseal", "mine", "--runs", str(finished.path.parent), "--json"]
    assert run(arguments) == SUCCESS
    first = json.loads(capsys.readouterr().out)
    assert run(arguments) == SUCCESS
    assert json.loads(capsys.readouterr().out) == first
    with finished.ledger(read_only=True) as ledger:
        (opening,) = ledger.openings("mine", "test")
        tested = ledger.evaluations("mine", stage="test")
    assert opening.method == tested[0].method
    assert {each.split for each in tested} == {"test"}


def test_other_methods_are_shown_beside_the_best_and_failures_named(finished, tmp_path, capsys):
    (tmp_path / "bad.py").write_text(METHOD.replace("upto=1", "upto=1 // 0"))
    arguments = ["unseal", "mine", "--runs", str(finished.path.parent), "--json"]
    assert run([*arguments, "--beside", "noise", "--beside", str(tmp_path / "bad.py")]) == SUCCESS
    _, noise, bad = json.loads(capsys.readouterr().out)["methods"]
    assert noise["method"] == "noise"
    assert noise["failures"] == {}
    assert noise["summary"]["multipliers"]["0.8"]["estimate"] > 0
    assert bad["summary"] is None
    (reason,) = bad["failures"].values()
    assert "division" in reason or "ZeroDivision" in reason


def test_the_best_of_another_run_is_shown_under_its_runs_name(finished, capsys):
    arguments = ["unseal", "mine", "--runs", str(finished.path.parent), "--json"]
    assert run([*arguments, "--beside", str(finished.path)]) == SUCCESS
    best, other = json.loads(capsys.readouterr().out)["methods"]
    assert other["method"] == "mine"
    assert (other["method_hash"], other["reward"]) == (best["method_hash"], best["reward"])


def test_a_method_of_one_channel_has_no_parts(finished, capsys):
    assert run(["unseal", "mine", "--runs", str(finished.path.parent), "--parts"]) == ERROR
    assert "has a single channel" in " ".join(capsys.readouterr().err.split())


def test_rescore_under_the_same_formula_gives_the_same_rewards(finished, capsys):
    assert run(["rescore", "mine", "--reward", "log", "--runs", str(finished.path.parent), "--json"]) == SUCCESS
    for method in json.loads(capsys.readouterr().out)["methods"]:
        assert method["reward"] == method["before"]


def test_rescored_in_bits(finished, capsys):
    folder = str(finished.path.parent)
    assert run(["rescore", "mine", "--reward", "mdl", "--runs", folder, "--json"]) == SUCCESS
    found = json.loads(capsys.readouterr().out)["methods"]
    assert found
    with finished.ledger(read_only=True) as ledger:
        for method in found:
            parts = method["parts"]
            assert parts["source"] == text_bits(ledger.source(method["method"]))
            assert parts["questions"] == 2
            assert method["reward"] == pytest.approx(parts["saved"] - (parts["source"] + parts["I(M)"]) / 2)
        curves = [
            each for method in found for arm in ledger.paired_curves("mine", "train", method["method"]) for each in arm
        ]
    assert all(each.measures["bits.rows"] > 0 for each in curves)
    assert run(["rescore", "mine", "--reward", "mdl", "--runs", folder]) == SUCCESS
    assert "pays after" in capsys.readouterr().out


def test_the_page_on_bits_runs(finished, config, tmp_path, capsys):
    page = (Path(__file__).parents[2] / "docs" / "description_length.md").read_text()
    commands = [shlex.split(line, comments=True)[1:] for line in re.findall(r"^\.venv/bin/istar .*$", page, re.M)]
    assert [each[0] for each in commands] == ["rescore", "rescore", "search"]
    (settings,) = re.findall(r"```json\n(.*?)```", page, re.S)
    small = config.model_dump(mode="json") | json.loads(settings) | {"methods": 2}
    (tmp_path / "bits.json").write_text(json.dumps(small))
    places = {"first": "mine", "bits.json": str(tmp_path / "bits.json")}
    for each in commands:
        runs = str(finished.path.parent if each[0] == "rescore" else tmp_path)
        assert run([*(places.get(word, word) for word in each), "--runs", runs]) == SUCCESS
    with RunFolder(tmp_path / "bits").ledger(read_only=True) as ledger:
        told = [each.reward for each in ledger.rounds("bits") if each.status == "ok"]
        kept = [each.reward for each in rescore(ledger, "bits", REWARDS.get("mdl"))]
    assert told
    assert sorted(told) == pytest.approx(sorted(kept))
    assert max(told) < 0, "two questions pay for no source"
    assert "pays after" in capsys.readouterr().out


def test_an_interpretation_costs_the_digits_that_channels_need(config):
    source = METHOD.replace("Interpretation()", 'Interpretation({"w": torch.rand(2000) + 1})').replace(
        ".unsqueeze(-1)", '.mul(interpretation.tensors["w"][0]).unsqueeze(-1)'
    )
    with set_up(config, ("train",)) as setup, setup.arms.session("import torch\n" + source, "numbers") as session:
        (task,) = config.train.tasks
        (curve,) = session.evaluate(setup.questions[task].tables[0]).curves
        learned = session.interpretation().interpretation
        lengths = {digits: interpretation_bits(rounded(learned, digits)) for digits in TRIED}
        assert curve.method.interpretation_bits in lengths.values()
        assert curve.method.interpretation_bits < 0.8 * interpretation_bits(learned)
        setup.arms.probe = None
        with setup.arms.session("import torch\n" + source, "numbers") as unprobed:
            (curve,) = unprobed.evaluate(setup.questions[task].tables[0]).curves
        assert curve.method.interpretation_bits == interpretation_bits(learned)


def test_report_is_one_page(finished):
    assert run(["report", "mine", "--runs", str(finished.path.parent)]) == SUCCESS
    page = finished.report_path.read_text()
    assert "<html" in page[:200].lower()
    assert "95% intervals held the truth in" in html.unescape(page)


def test_score_prints_the_promised_keys(config, tmp_path, capsys):
    (tmp_path / "lens.py").write_text(METHOD)
    arguments = ["score", str(tmp_path / "lens.py"), "--target", "tiny-random", "--questions", "2", "--json"]
    arguments += ["--executor-seeds", "2", "--threads", "1", "--task", config.train.tasks[0]]
    assert run([*arguments, *(["--unsafe"] if config.unsafe else [])]) == SUCCESS
    score = json.loads(capsys.readouterr().out)
    keys = {"method", "target", "rulebook", "caps", "interpret", "tasks", "failures", "summary"}
    assert set(score) == keys | {"asked", "left_out", "complete"}
    assert (score["asked"], score["left_out"], score["complete"]) == ({config.train.tasks[0]: 2}, {}, True)
    assert set(score["interpret"]) == {"flops", "seconds", "bytes"}
    (task,) = score["tasks"]
    assert set(task) == {
        "task",
        "family",
        "split",
        "questions",
        "predict_flops",
        "explained_cpu_share",
        "intervals",
        "believed",
        "multipliers",
        "skill_gain",
    }
    assert task["explained_cpu_share"] is None or task["explained_cpu_share"] <= 1
    assert 0 <= score["summary"]["heard"][task["task"]] <= 1
    assert task["intervals"] == score["summary"]["intervals"], "there is one task"
    assert set(task["intervals"]) == {"claimed", "with", "without"}
    for arm in ("with", "without"):
        assert set(task["intervals"][arm]) == {"coverage", "stop_coverage", "stop_width"}
        assert all(0 < each <= 1 for each in task["intervals"][arm].values())
    assert set(task["multipliers"]) == {"0.5", "0.8", "0.9"}
    assert set(task["multipliers"]["0.5"]) == {"estimate", "low", "high", "censored"}


def test_score_explains_why_channels_were_bought_or_not(config, tmp_path, capsys):
    (tmp_path / "lens.py").write_text(METHOD)
    arguments = ["score", str(tmp_path / "lens.py"), "--target", "tiny-random", "--questions", "2", "--explain"]
    arguments += ["--executor-seeds", "2", "--threads", "1", "--task", config.train.tasks[0]]
    arguments += ["--unsafe"] if config.unsafe else []
    assert run([*arguments, "--json"]) == SUCCESS
    (task,) = json.loads(capsys.readouterr().out)["tasks"]
    believed, (sentence, *_) = task["believed"], task["why"]
    assert sum(believed["reasons"].values()) == believed["answers"] == 4
    assert 0 <= believed["numbers"]["rho.answer"][0] <= 1
    assert run(arguments) == SUCCESS
    shown = " ".join(capsys.readouterr().out.split())
    assert f"{task['task']}: {sentence}" in shown
    assert "what was believed of lens" in shown


def test_score_says_what_its_figures_rest_on(config, tmp_path, capsys):
    (tmp_path / "silent.py").write_text(METHOD.replace(".unsqueeze(-1)", ".unsqueeze(-1)[:, :0]"))
    (name,) = config.train.tasks
    (summary,) = task_summaries("tiny-random", select_tasks([name]))
    arguments = ["score", str(tmp_path / "silent.py"), "--target", "tiny-random", "--questions", "80"]
    family = name.partition("/")[0]
    assert run([*arguments, "--task", family, "--executor-seeds", "1"]) == SUCCESS
    shown = capsys.readouterr()
    told = " ".join(shown.err.split())
    assert f"80 questions of each task are asked for, and there are tables of {summary.questions} of {name}" in told
    assert "--target tiny-random --questions 80` builds the rest" in told
    assert f"silent on {name}" in told
    assert "it had nothing to say here, as it gave no channel on any question" in shown.out
    assert "worth their price" not in shown.out
    (row,) = [line.split() for line in shown.out.splitlines() if line.startswith(f"{name} ")][:1]
    assert row[1] == str(summary.questions)
    if summary.status == "dropped":
        assert f"{name} is dropped, and scored because it was named: {summary.reason}" in shown.out


def lens_file(folder, text="upto=1"):
    """Write the lens, with another number of blocks or another fault, and return its path."""
    (folder / "lens.py").write_text(METHOD.replace("upto=1", text))
    return str(folder / "lens.py")


@pytest.fixture
def one_training_task(config, monkeypatch):
    """The training split holds the small task alone, as if it were sound, and a first look fits one task."""
    (name,) = config.train.tasks
    whole = task_summaries
    monkeypatch.setattr(
        "istar.truth.task_summaries",
        lambda *args, **options: tuple(
            replace(each, status="active") for each in whole(*args, **options) if each.name == name
        ),
    )
    monkeypatch.setattr("istar.protocol.first_look.first_look.__defaults__", (1,))
    return name


def test_a_first_look_says_what_it_leaves_out_and_all_asks_the_rest(config, one_training_task, tmp_path, capsys):
    name = one_training_task
    arguments = ["score", lens_file(tmp_path), "--target", "tiny-random", "--threads", "1", "--executor-seeds", "1"]
    assert run([*arguments, "--json"]) == SUCCESS
    shown = capsys.readouterr()
    look = json.loads(shown.out)
    assert (look["asked"], look["left_out"], look["complete"]) == ({name: 2}, {name: 2}, False)
    told = " ".join(shown.err.split())
    assert "a first look: the first 2 questions of 1 of the 1 train tasks" in told
    assert "2 questions of 1 tasks: less than a minute by an estimate" in told
    assert f"lens on {name} (1 of 1): " in told
    assert "The same command with `--all` asks 4 of every task, and runs nothing again" in told

    with mock.patch.object(SandboxSession, "_recorded", autospec=True, side_effect=SandboxSession._recorded) as made:
        assert run([*arguments, "--questions", "4", "--task", name, "--json"]) == SUCCESS
    whole = json.loads(capsys.readouterr().out)
    assert (whole["asked"], whole["left_out"], whole["complete"]) == ({name: 4}, {}, True)
    assert sorted(call.args[2].question.index for call in made.call_args_list) == [2, 3]


@pytest.mark.trust
def test_a_single_question_has_no_interval(config, tmp_path, capsys):
    (name,) = config.train.tasks
    arguments = ["score", lens_file(tmp_path, "upto=2"), "--target", "tiny-random", "--questions", "1", "--task", name]
    assert run([*arguments, "--executor-seeds", "2", "--threads", "1"]) == SUCCESS
    shown = capsys.readouterr()
    row = next(line for line in shown.out.splitlines() if line.startswith(f"{name} "))
    assert row.count("(1 question: no interval)") == 4
    assert "at skill 0.8, by 1 question" in " ".join(shown.err.split())
    assert run([*arguments, "--executor-seeds", "2", "--threads", "1", "--json"]) == SUCCESS
    score = json.loads(capsys.readouterr().out)
    every = [*score["tasks"][0]["multipliers"].values(), *score["summary"]["multipliers"].values()]
    assert {(each["low"], each["high"]) for each in every} == {(None, None)}
    assert all(each["estimate"] > 0 for each in every)


def test_an_interrupted_score_goes_on_where_it_was(config, tmp_path, capsys):
    source = lens_file(tmp_path, "upto=round(0.5 * target.layers)")
    arguments = ["score", source, "--target", "tiny-random", "--questions", "2", "--task", config.train.tasks[0]]
    arguments += ["--executor-seeds", "1", "--threads", "1", "--json"]
    with mock.patch.object(SandboxSession, "evaluate", autospec=True, side_effect=KeyboardInterrupt):
        assert run(arguments) == INTERRUPTED
    assert "the same command goes on from there" in " ".join(capsys.readouterr().err.split())
    with mock.patch.object(SandboxSession, "_recorded", autospec=True, side_effect=AssertionError("run again")):
        assert run(arguments) == SUCCESS
    assert json.loads(capsys.readouterr().out)["complete"]


def test_a_method_that_fails_on_a_question_is_run_there_once(config, tmp_path, capsys):
    arguments = [
        "score",
        lens_file(tmp_path, "upto=1 // 0"),
        "--target",
        "tiny-random",
        "--task",
        config.train.tasks[0],
    ]
    with mock.patch.object(SandboxSession, "_recorded", autospec=True, side_effect=SandboxSession._recorded) as made:
        assert run([*arguments, "--threads", "1"]) == METHOD_FAULT
    asked = [call.args[2].question.index for call in made.call_args_list]
    assert len(asked) == len(set(asked))
    assert "failed: question 0 of" in " ".join(capsys.readouterr().err.split())


def test_the_test_asks_a_validation_family_that_validation_leaves_out(config):
    held_out, other = config.validation, StageSize(questions=2, tasks=("memorisation/lists",))
    settings = config.model_copy(update={"validation": other, "test": held_out})
    with set_up(settings, ("test",)) as setup:
        (tables,) = setup.tables("test").values()
        assert [table.question.task for table in tables] == list(held_out.tasks) * held_out.questions
        assert setup.remarks("test") == ()
        assert {*held_out.tasks} <= {each.name for each in setup.summaries}
    with (
        pytest.raises(TasksError, match="the run's validation asks its family"),
        set_up(config.model_copy(update={"test": held_out}), ("test",)),
    ):
        pass


def test_jails_that_share_cores_have_longer(config, monkeypatch):
    seconds = []
    for count in (1, 2, 16):
        monkeypatch.setattr("istar.arms.sandboxed.cores", lambda count=count: count)
        with set_up(config.model_copy(update={"side_by_side": 2, "threads": 2}), ("train",)) as setup:
            seconds.append(setup.arms._jails[0].limits.record_seconds / config.caps.seconds)
    assert seconds == [4.0, 2.0, 1.0]


def test_too_few_tables_are_an_error_with_a_command_that_builds_them(config, capsys, monkeypatch):
    monkeypatch.setattr("istar.targets.corpus.sample_text", None)  # no long work is begun
    for task, count in (("shot_shapley/capitals", 0), (config.train.tasks[0], 4)):
        monkeypatch.setattr("istar.protocol.setup.LEAST_QUESTIONS", 4)
        assert run(["score", "noise", "--target", "tiny-random", "--task", task]) == ERROR
        told = " ".join(capsys.readouterr().err.split())
        assert f"there are tables of {count} of {task}; build more with" in told
        assert f"`istar truth build {task} --target tiny-random --questions 5`" in told


def test_methods_side_by_side_are_run_one_by_one_and_put_together(config):
    """Bit by bit what their common file gives and costs, though it is never run."""
    both = put_side_by_side([Part(METHOD, "Logit lens"), Part(METHOD.replace("upto=1", "upto=2"), "Later")])
    with set_up(config, ("train",)) as setup:
        (tables,) = setup.tables("train").values()
        with setup.arms.session(both.source, "both", both.parts) as session:
            with mock.patch.object(setup.arms, "worker", wraps=setup.arms.worker) as worker:
                made = session.record(tables[0])
                asked = {call.args[1] for call in worker.call_args_list}
            learned = session.interpret()
            run = session.record(tables[0], again=True)
    assert asked == {"both, part 1", "both, part 2"}
    assert replace(made.recording, seconds=0.0).to_bytes() == replace(run.recording, seconds=0.0).to_bytes()
    assert learned.flops == 0


def test_failing_method_exits_with_3(config, tmp_path, capsys):
    (tmp_path / "bad.py").write_text(METHOD.replace("upto=1", "upto=1 // 0"))
    arguments = ["score", str(tmp_path / "bad.py"), "--target", "tiny-random", "--task", config.train.tasks[0]]
    assert run([*arguments, *(["--unsafe"] if config.unsafe else [])]) == METHOD_FAULT
    assert "ZeroDivisionError" in capsys.readouterr().err


def evaluated(folder):
    """Return how many evaluations a run's ledger holds; none where it is not there yet, or not whole."""
    if not folder.ledger_path.exists():
        return 0
    try:
        with folder.ledger(read_only=True) as ledger:
            return len(ledger.evaluations(folder.name))
    except IstarError:
        return 0


@pytest.fixture
def prepared(config, tmp_path, home):
    """A function that prepares a search in a process of its own, with a home that holds tables and no other cache."""

    def prepare(name):
        fresh = tmp_path / name / "home"
        fresh.mkdir(parents=True)
        for kept in ("truth",):
            if (home / kept).exists():
                (fresh / kept).symlink_to(home / kept)
        runs = tmp_path / name
        arguments = [sys.executable, "-m", "istar", *command(config, runs, "--run", "mine", "--resume")]
        # sums are bit for bit the same only under the same number of threads
        own = {"ISTAR_HOME": str(fresh), "ISTAR_PLUGINS": tiny_families.__file__, "OMP_NUM_THREADS": "1"}
        return arguments, {**os.environ, **own}, RunFolder(runs / "mine")

    return prepare


def killed_and_resumed(arguments, environment, folder, moments):
    """Kill a search once there are so many evaluations, for each of some numbers, and bring it to its end."""
    for least in moments:
        process = subprocess.Popen(arguments, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        assert eventually(lambda least=least, process=process: evaluated(folder) >= least or process.poll() is not None)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    subprocess.run(arguments, env=environment, check=True, stdout=subprocess.DEVNULL)


@pytest.mark.trust  # `tests/faults` kills searches at every kind of moment in every run, with methods that are made up
def test_a_killed_search_resumes_to_the_ledger_of_one_that_was_not(prepared, finished, undisturbed):
    """SIGKILL after the first evaluation; the other was made in this process, where the families are no plug-in's."""
    arguments, environment, killed = prepared("killed")
    killed_and_resumed(arguments, environment, killed, [1])
    found, known = ([json.loads(line) for line in each] for each in (lines(killed), undisturbed))
    for first, *_ in (found, known):
        del first["versions"]
    assert found == known


@pytest.mark.trust
def test_killed_search_resumes_to_the_same_ledger(prepared):
    """SIGKILL after the first evaluation and after half of them; `benchmarks/kill_resume.py` does it twenty times."""
    arguments, environment, undisturbed = prepared("undisturbed")
    subprocess.run(arguments, env=environment, check=True, stdout=subprocess.DEVNULL)
    arguments, environment, killed = prepared("killed")
    killed_and_resumed(arguments, environment, killed, [1, evaluated(undisturbed) // 2])
    assert lines(killed) == lines(undisturbed)
