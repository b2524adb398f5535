"""No way leads from a judged task, or one for direct use alone, to a reward."""

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import ClassVar

import pytest
from fake_arms import SEEDS, FakeArms, curve, table

from istar.arms.base import Evaluation
from istar.cli.app import ERROR, SUCCESS, USAGE, run
from istar.ledger import BASELINE, EvaluationRecord, Ledger, ProposalRecord, RoundRecord, RunConfig
from istar.methods.side_by_side import MethodFile
from istar.protocol.book import Book
from istar.protocol.config import SearchConfig, StageSize
from istar.protocol.rescore import rescore
from istar.protocol.run_folder import RunFolder
from istar.protocol.scoring import score
from istar.protocol.search import Search
from istar.protocol.setup import Setup, TasksError, conduct, set_up
from istar.protocol.unseal import unseal
from istar.researchers import GrammarResearcher
from istar.rewards import REWARDS, MethodFacts, Reward
from istar.targets import load_target
from istar.tasks import FAMILIES, BarredError, Task, TaskError, check_rewardable, select_tasks, tasks
from istar.tasks.bad_context import BadContext
from istar.tasks.shot_shapley import ShotShapley
from istar.truth import build_truth, task_summaries

METHOD = '''"""Nothing."""
from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return target.read(runs, target.run(runs, upto=1)).unsqueeze(-1)
'''
JUDGED = "bad_context/rude"
WHY = "is scored by a judge; a judge can be gamed, so it is barred from every reward. It is for direct use of a method"


class OnlyUsed(ShotShapley):
    """As `shot_shapley`, but for direct use."""

    name = "only_used"
    split = "use"


class JudgedTraining(BadContext):
    """What a user might write by mistake: a judged family among the training families."""

    name = "judged_training"
    split: ClassVar[str] = "train"
    data_sets = ("rude",)


BARRED = {
    JUDGED: WHY,
    "only_used/antonyms": "is of the split `use`, which is barred from every reward",
    "judged_training/rude": WHY,
}


@pytest.fixture(autouse=True)
def families(monkeypatch, tmp_path):
    """Two more barred families, and a home of one's own."""
    monkeypatch.setenv("ISTAR_HOME", str(tmp_path / "home"))
    assert JUDGED in [each.name for each in tasks()]
    monkeypatch.setitem(FAMILIES._entries, "only_used", OnlyUsed(shots=3, queries=3))
    monkeypatch.setitem(FAMILIES._entries, "judged_training", JudgedTraining(contexts=(2, 2, 1, 1), requests=4))


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path / "ledger.sqlite") as opened:
        opened.open_run("run", RunConfig("target", "tiny-random", "v1", "grammar", "statistician", "log", 0), **NOTHING)
        yield opened


NOTHING = {"versions": {}, "machine": {}}


def both_arms(name):
    """Curves of both arms on one question of a task."""
    asked = table(name, 0)
    facts = MethodFacts("a" * 64, 1, 1, 1, 1, 1, source_bits=8, interpretation_bits=8)
    return [
        [
            replace(curve(asked, seed, arm, advantage), measures={"bits.rows": 90.0 - advantage}, method=its)
            for seed in SEEDS
        ]
        for arm, advantage, its in (("black_box", 0, None), ("white_box", 1, facts))
    ]


def said(capfd):
    return " ".join(capfd.readouterr().err.split())


def stage_config(stage, name):
    return SearchConfig(target="tiny-random", corpus_sequences=2, **{stage: StageSize(questions=1, tasks=(name,))})


class TestTasks:
    @pytest.mark.parametrize(("name", "why"), BARRED.items(), ids=list(BARRED))
    def test_the_check_says_why(self, name, why):
        with pytest.raises(BarredError) as error:
            check_rewardable(name)
        assert str(error.value).startswith(f"{name} {why}")
        assert isinstance(error.value, TaskError)

    def test_every_other_task_may_enter_a_reward(self):
        for each in tasks():
            if each.judged or each.split == "use":
                with pytest.raises(BarredError):
                    check_rewardable(each.name)
            else:
                assert check_rewardable(each.name) == each.split

    def test_the_list_shows_what_they_are_for(self, capsys):
        assert run(["tasks", "--json"]) == SUCCESS
        shown = {each["name"]: each for each in json.loads(capsys.readouterr().out)}
        for name in BARRED:
            assert shown[name]["status"] == "use only"
            assert shown[name]["reason"].startswith("use only: ")
            assert "barred from every reward" in shown[name]["reason"]
        assert run(["tasks"]) == SUCCESS
        assert f"{JUDGED}: use only: scored by a judge" in " ".join(capsys.readouterr().out.split())


class TestCommands:
    @pytest.mark.parametrize(("name", "why"), BARRED.items(), ids=list(BARRED))
    @pytest.mark.parametrize("split", ["train", "validation"])
    def test_score(self, tmp_path, capfd, split, name, why):
        (tmp_path / "mine.py").write_text(METHOD)
        arguments = ["score", str(tmp_path / "mine.py"), "--target", "tiny-random", "--split", split, "--task", name]
        assert run([*arguments, "--unsafe"]) == ERROR
        assert f"{name} {why}" in said(capfd)

    def test_score_has_no_such_split(self, tmp_path):
        (tmp_path / "mine.py").write_text(METHOD)
        assert run(["score", str(tmp_path / "mine.py"), "--split", "use"]) == USAGE

    @pytest.mark.parametrize(("name", "why"), BARRED.items(), ids=list(BARRED))
    @pytest.mark.parametrize("stage", ["screen", "train", "validation"])
    def test_search(self, tmp_path, capfd, monkeypatch, stage, name, why):
        # the stages before the one in question have what they need
        monkeypatch.setattr("istar.protocol.setup.task_summaries", lambda *_, **__: everything_sound())
        (tmp_path / "settings.json").write_text(stage_config(stage, name).model_dump_json())
        arguments = ["search", "--run", "mine", "--config", str(tmp_path / "settings.json"), "--runs", str(tmp_path)]
        assert run([*arguments, "--unsafe"]) == ERROR
        assert f"{name} {why}" in said(capfd)
        assert not (tmp_path / "mine" / "ledger.sqlite").exists()

    @pytest.mark.parametrize(("name", "why"), BARRED.items(), ids=list(BARRED))
    def test_unseal(self, tmp_path, capfd, name, why):
        folder = finished_run(tmp_path / "mine", stage_config("test", name))
        assert run(["unseal", "mine", "--runs", str(tmp_path)]) == ERROR
        assert f"{name} {why}" in said(capfd)
        with folder.ledger(read_only=True) as opened:
            assert not opened.openings("mine", "test")

    @pytest.mark.parametrize(("name", "why"), BARRED.items(), ids=list(BARRED))
    def test_rescore(self, tmp_path, capfd, name, why):
        folder = finished_run(tmp_path / "mine", stage_config("train", name))
        with folder.ledger() as opened:
            smuggle(opened, "mine", name)
        assert run(["rescore", "mine", "--reward", "linear", "--runs", str(tmp_path)]) == ERROR
        assert f"{name} {why}" in said(capfd)


def everything_sound():
    """Summaries as if every task that may enter a reward had good tables."""
    found = task_summaries("tiny-random")
    return [
        each if each.status == "use only" else SimpleNamespace(**{**vars(each), "status": "active"}) for each in found
    ]


def finished_run(path, config):
    """A run that has ended and found a best method, as far as the ledger is concerned."""
    folder = RunFolder(path)
    folder.begin(config)
    with folder.ledger() as opened:
        opened.open_run(
            folder.name, RunConfig("target", "tiny-random", "v1", "grammar", "statistician", "log", 0), **NOTHING
        )
        opened.add_method(folder.name, ProposalRecord(0, "m" * 64, "mine"), METHOD)
        opened.add_round(
            folder.name, RoundRecord(0, "m" * 64, "validation", "ok", "", 0.2, 0.1, 0.2, True, "m" * 64, 0.2, 1.0)
        )
        opened.finish_run(folder.name)
    return folder


def smuggle(opened, name_of_run, task):
    """Write curves of a task into a ledger by hand, as if it were a training task."""
    black, white = both_arms(task)
    asked = table(task, 0).question
    for method, curves in ((BASELINE, black), ("m" * 64, white)):
        stage = "baseline" if method == BASELINE else "train"
        opened.add_evaluation(
            name_of_run, EvaluationRecord(stage, method, task, "train", asked.hash, 0, "ok", ""), curves
        )


@pytest.mark.parametrize(("name", "why"), BARRED.items(), ids=list(BARRED))
class TestByHand:
    @pytest.mark.parametrize("formula", list(REWARDS))
    def test_every_formula(self, name, why, formula):
        reward = REWARDS.get(formula)
        black, white = both_arms(name)
        sound = both_arms("shot_shapley/antonyms")
        assert reward.reward(*sound)  # the same curves of another task are worth something
        for ask in (reward.reward, reward.score, reward.by_question):
            with pytest.raises(BarredError, match="barred from every reward") as error:
                ask(black, white)
            assert f"{name} {why}" in str(error.value)
            with pytest.raises(BarredError):
                ask([*sound[0], *black], [*sound[1], *white])  # hidden among others

    def test_a_formula_of_ones_own(self, name, why):
        class Generous(Reward):
            """A point for everything."""

            name: ClassVar[str] = "generous"
            formula: ClassVar[str] = "1"

            def by_question(self, baseline, interp):
                return {(curve.task, curve.question_hash): 1.0 for curve in baseline}

        assert Generous().reward(*both_arms("shot_shapley/antonyms")) == 1
        with pytest.raises(BarredError, match="barred from every reward"):
            Generous().reward(*both_arms(name))
        with pytest.raises(BarredError, match="barred from every reward"):
            Generous().by_question(*both_arms(name))

    def test_rescore(self, name, why, ledger):
        ledger.add_method("run", ProposalRecord(0, "m" * 64, "mine"), METHOD)
        ledger.add_round("run", RoundRecord(0, "m" * 64, "train", "ok", "", 0.2, 0.1, None, False, "", None, 1.0))
        smuggle(ledger, "run", name)
        with pytest.raises(BarredError, match="barred from every reward"):
            rescore(ledger, "run", REWARDS.get("log"))

    def test_book(self, name, why, ledger):
        asked = table(name, 0)
        book, arms = Book(ledger, "run"), FakeArms()
        with pytest.raises(BarredError, match="barred from every reward"):
            book.baseline(arms, asked)
        with arms.session(METHOD, "mine") as session, pytest.raises(BarredError, match="barred from every reward"):
            book.write("train", session.method, asked, session.evaluate(asked))
        assert not ledger.evaluations("run")

    @pytest.mark.parametrize("stage", ["screen", "train", "validation"])
    def test_search(self, name, why, ledger, stage):
        sound = {"shot_shapley/a": [table("shot_shapley/a", 0)]}
        stages = dict.fromkeys(("screen", "train", "validation"), sound) | {stage: {name: [table(name, 0)]}}
        search = Search(
            SearchConfig(target="tiny-random", methods=3, screen_floor=-9.0, validate_above=-9.0),
            M1=GrammarResearcher(warm_up=4),
            R=REWARDS.get("log"),
            T=stages,
            arms=FakeArms(),
            book=Book(ledger, "run"),
        )
        with pytest.raises(BarredError, match="barred from every reward"):
            search.run()
        assert not [each for each in ledger.rounds("run") if each.reward is not None]

    def test_stand(self, name, why):
        for config_of_stage in ("train", "validation", "test"):
            with (
                pytest.raises(BarredError) as error,
                set_up(stage_config(config_of_stage, name), (config_of_stage,)),
            ):
                pass
            assert f"{name} {why}" in str(error.value)
        with pytest.raises(BarredError, match="barred from every reward"):
            Setup(SearchConfig(), None, None, (), {name: None}, FakeArms())

    def test_conduct(self, name, why, tmp_path):
        with pytest.raises(BarredError, match="barred from every reward"):
            conduct(RunFolder(tmp_path / "mine"), stage_config("train", name))

    def test_score(self, name, why):
        """Even with everything a `Setup` would give put together by hand."""
        setup = SimpleNamespace(arms=FakeArms(), config=SearchConfig(), target=SimpleNamespace(name="tiny-random"))
        with pytest.raises(BarredError, match="barred from every reward"):
            score(setup, MethodFile(METHOD), "mine", {name: [table(name, 0)]}, "train")

    def test_unseal(self, name, why, tmp_path):
        folder = finished_run(tmp_path / "mine", SearchConfig())
        setup = SimpleNamespace(
            arms=FakeArms(), config=SearchConfig(), tables=lambda stage: {name: (table(name, 0),)}, target=None
        )
        with folder.ledger() as opened, pytest.raises(BarredError, match="barred from every reward"):
            unseal(setup, opened, "mine")


def test_with_good_tables_they_are_still_not_asked(capsys, monkeypatch):
    small = BadContext(contexts=(2, 2, 1, 1), requests=4)
    monkeypatch.setitem(FAMILIES._entries, small.name, small)
    chosen = (*select_tasks(["judged_training"]), Task(small, "rude"))
    list(build_truth(chosen, load_target("tiny-random"), questions=range(3)))
    summaries = {each.name: each for each in task_summaries("tiny-random")}
    for name in (JUDGED, "judged_training/rude"):
        assert summaries[name].questions == 3
        assert summaries[name].status == "use only"
    # there is no other training task, and the search does not help itself to these
    for stage, split in (("train", "train"), ("validation", "validation"), ("test", "test")):
        with (
            pytest.raises(TasksError, match=f"no task of the {split} split that is asked for has sound tables"),
            set_up(SearchConfig(target="tiny-random"), (stage,)),
        ):
            pass


def test_a_fake_evaluation_cannot_be_filed_either(ledger):
    """An arm that gives curves for a task without asking leaves no trace in the book."""

    class Willing(FakeArms):
        def baseline(self, asked):
            return Evaluation(tuple(both_arms(asked.question.task)[0]))

    with pytest.raises(BarredError):
        Book(ledger, "run").baseline(Willing(), table(JUDGED, 0))
    assert not ledger.evaluations("run")


def test_a_screen_of_one_task_says_nothing_of_the_others():
    """The screen asks the cheapest of the training tasks; that it leaves the others out is no lack of tables."""
    names, tables = ("shot_shapley/antonyms", "shot_shapley/capitals"), {}
    for number, name in enumerate(names):
        theirs = tuple(SimpleNamespace(brute_flops=100 + number) for _ in range(3))
        tables[name] = SimpleNamespace(tables=theirs, first=lambda count, theirs=theirs: theirs[:count])
    config = SearchConfig(train=StageSize(questions=3, tasks=names))
    setup = Setup(config, None, None, (), tables, FakeArms())
    assert list(setup.tables("screen")) == [names[0]]
    assert setup.remarks("screen") == setup.remarks("train") == ()
    config = SearchConfig(train=StageSize(questions=3, tasks=(*names, "shot_shapley/symbols")))
    (remark,) = Setup(config, None, None, (), tables, FakeArms()).remarks("train")
    assert "there are tables of 0 of shot_shapley/symbols;" in remark
