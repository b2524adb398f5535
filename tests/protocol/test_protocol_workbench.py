"""The workbench of a search: what it shows, what it counts, and how it is found again after a kill."""

import json

import pytest
from fake_arms import FakeArms, table
from test_protocol_search import CONFIG, TASKS, run, valid

from istar.ledger import Ledger
from istar.protocol.uses import DifferentUseError
from istar.protocol.workbench import HeldOutError, Tools
from istar.researchers import BudgetSpentError, Check, Proposal, QuestionCheck, Researcher, ResearcherError
from istar.tasks.family import BarredError

HASHES = [x.question.hash for t in TASKS["train"].values() for x in t]
HELD_OUT = [x.question.hash for t in TASKS["validation"].values() for x in t]


class FakeCheck:
    """Says how long a source is, and counts."""

    def __init__(self):
        self.calls = 0

    def __call__(self, source, name):
        self.calls += 1
        return Check(interpret_flops=len(source), questions=(QuestionCheck("plain sequences", 3, channels=1),))


def tools(check=None, **more):
    return Tools(target=None, check=check or FakeCheck(), tasks={**TASKS["train"], **more})


class Tinkerer(Researcher):
    """Uses the workbench at every occasion; what it has learned by then is part of what it proposes."""

    name = "tinkerer"

    def begin(self, workbench):
        super().begin(workbench)
        workbench.check(valid(1000))

    def _compose(self, seed):
        number = len(self.told) + len(self.pending)
        scored = self.workbench.score(valid(2000 + number), HASHES[:2], name="a try")
        assert self.workbench.score(valid(2000), HASHES[:3]).questions
        known = [json.dumps(use.outcome.to_json()) for use in self.workbench.uses]
        return Proposal(valid(number), f"method {number}", parameters={"reward": scored.reward, "known": known})

    def update(self, proposal, feedback):
        super().update(proposal, feedback)
        if feedback.reward is not None:
            self.workbench.check(proposal.source)


def lines(ledger):
    return list(ledger.export("run"))


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path / "ledger.sqlite") as opened:
        yield opened


SMALL = CONFIG.model_copy(update={"methods": 4})


@pytest.mark.parametrize("side_by_side", [1, 2])
@pytest.mark.parametrize("kill_after", [1, 7, 40])
def test_a_killed_search_finds_every_use_again(ledger, tmp_path, side_by_side, kill_after):
    """It is neither made nor counted twice, and what the researcher knew at each proposal is the same."""
    config = SMALL.model_copy(update={"side_by_side": side_by_side})
    run(ledger, config, researcher=Tinkerer(), tools=tools())
    assert [use.phase for use in ledger.uses("run")].count("propose") == 8
    with Ledger(tmp_path / "other.sqlite") as other:
        with pytest.raises(KeyboardInterrupt):
            run(other, config, FakeArms(kill_after=kill_after), Tinkerer(), tools=tools())
        run(other, config, researcher=Tinkerer(), tools=tools())
        assert lines(other) == lines(ledger)
        check, arms = FakeCheck(), FakeArms(kill_after=0)
        run(other, config, arms, Tinkerer(), tools=tools(check))  # a finished search does nothing more
        assert (check.calls, arms.calls.total()) == (0, 0)
        assert lines(other) == lines(ledger)


def test_uses_are_written_with_what_they_took(ledger):
    run(ledger, SMALL, researcher=Tinkerer(), tools=tools())
    first, scored, again, *_ = ledger.uses("run")
    assert (first.number, first.phase, first.kind, first.questions, first.flops) == (0, "begin", "check", 0, 0)
    assert (scored.phase, scored.iteration, scored.kind, scored.questions) == ("propose", 0, "score", 2)
    assert again.questions == 1  # two of the three were paid for
    assert scored.flops > 0
    assert ledger.source(scored.method) == valid(2000)
    exported = [json.loads(line) for line in lines(ledger)]
    assert [each["number"] for each in exported if each["table"] == "uses"] == list(range(len(ledger.uses("run"))))
    assert valid(2000) in [each["source"] for each in exported if each["table"] == "methods"]


class Once(Researcher):
    """Does something with its workbench before it proposes the one method it has."""

    name = "once"

    def __init__(self, act):
        super().__init__()
        self.act = act
        self.found = None

    def begin(self, workbench):
        super().begin(workbench)
        self.found = self.act(workbench)

    def _compose(self, seed):
        return Proposal(valid(0), "method 0")


ONE = CONFIG.model_copy(update={"methods": 1})


def acting(ledger, act, config=ONE, arms=None, **more):
    """Return what an act with the workbench gives."""
    researcher = Once(act)
    run(ledger, config, arms, researcher, tools=tools(**more))
    return researcher.found


def test_a_score_is_what_training_says(ledger):
    """Asked the questions of training, it is the reward of training, and its questions are those of the feedback."""
    researcher = Once(lambda workbench: workbench.score(valid(0)))
    run(ledger, ONE, researcher=researcher, tools=tools())
    ((_, feedback),) = researcher.told
    assert researcher.found.reward == pytest.approx(feedback.reward, abs=1e-12)
    told = {each.question: each for each in feedback.questions}
    assert {each.question: each for each in researcher.found.questions} == told


def test_a_control_s_scores_are_shuffled_as_its_rewards(ledger):
    researcher = Once(lambda workbench: workbench.score(valid(0)))
    run(ledger, ONE.model_copy(update={"shuffled": True, "screen_floor": -9.0}), researcher=researcher, tools=tools())
    ((_, feedback),) = researcher.told
    assert researcher.found.reward == pytest.approx(feedback.reward, abs=1e-12)
    assert {each.question: each for each in researcher.found.questions} == {
        each.question: each for each in feedback.questions
    }


def test_budgets_are_kept(ledger):
    config = ONE.model_copy(update={"workbench": ONE.workbench.model_copy(update={"questions": 3, "checks": 1})})

    def act(workbench):
        assert (workbench.questions_left, workbench.checks_left) == (3, 1)
        workbench.score(valid(1), HASHES[:2])
        workbench.score(valid(1), HASHES[:2])  # paid for
        assert workbench.questions_left == 1
        with pytest.raises(BudgetSpentError, match="takes 2 questions, and of the 3 of this search 1 are left"):
            workbench.score(valid(2), HASHES[:2])
        workbench.check(valid(1))
        with pytest.raises(BudgetSpentError, match="the 1 checks of this search are spent"):
            workbench.check(valid(2))
        return workbench.questions_left, workbench.checks_left

    assert acting(ledger, act, config) == (1, 0)
    assert len(ledger.uses("run")) == 3


def test_no_further_task_is_asked_once_its_flops_are_spent(ledger):
    scored = acting(ledger, lambda workbench: workbench.score(valid(1), max_flops=1))
    assert {each.task for each in scored.questions} == {"shot_shapley/a"}
    assert ledger.uses("run")[0].questions == 2


def test_no_further_task_is_asked_once_its_time_is_over(ledger):
    scored = acting(ledger, lambda workbench: workbench.score(valid(1), max_seconds=0.0))
    assert {each.task for each in scored.questions} == {"shot_shapley/a"}
    assert "max_seconds" not in ledger.uses("run")[0].request


@pytest.mark.parametrize(
    ("source", "arms", "why"),
    [
        ("import os\n", {}, "import of 'os'"),
        (valid(1), {"fail": lambda source: source == valid(1)}, "divided by zero"),
        (valid(1), {"fail_at": lambda source, task: task.endswith("b")}, "shot_shapley/b, question 0: it ran out"),
    ],
    ids=["fence", "interpret", "question"],
)
def test_failures_are_data(ledger, source, arms, why):
    scored = acting(ledger, lambda workbench: workbench.score(source), arms=FakeArms(**arms))
    assert scored.reward is None
    assert why in scored.error


@pytest.mark.parametrize("question", [HELD_OUT[0], table("loss_quantile/a", 0).question.hash, "", "x" * 500])
def test_no_method_is_scored_on_what_is_held_out(ledger, question):
    with pytest.raises(ResearcherError, match="is none of them"):
        acting(ledger, lambda workbench: workbench.score(valid(1), [HASHES[0], question]))
    assert not ledger.evaluations("run")


@pytest.mark.parametrize("task", [*TASKS["validation"], "loss_quantile/kjv", "nonsense"])
def test_no_question_is_shown_that_is_held_out(ledger, task):
    with pytest.raises(ResearcherError, match="no training task that this search shows"):
        acting(ledger, lambda workbench: workbench.questions(task))


@pytest.mark.parametrize("task", ["prompt_ceiling/a", "loss_quantile/a"])
def test_a_workbench_is_never_made_of_what_is_held_out(ledger, task):
    with pytest.raises(HeldOutError, match="is no training task"):
        acting(ledger, lambda workbench: None, **{task: [table(task, 0)]})


def test_nor_of_what_is_barred_from_rewards(ledger):
    with pytest.raises(BarredError):
        acting(ledger, lambda workbench: None, **{"bad_context/rude": [table("bad_context/rude", 0)]})


def test_a_researcher_that_asks_something_else_after_a_kill_is_told_so(ledger):
    with pytest.raises(KeyboardInterrupt):
        run(ledger, ONE, FakeArms(kill_after=0), Once(lambda workbench: workbench.check(valid(1))), tools=tools())
    words = r"asked the workbench for a check of 'method' \(begin 0\), and now for a score of 'other' \(begin 0\)"
    with pytest.raises(DifferentUseError, match=words):
        acting(ledger, lambda workbench: workbench.score(valid(1), name="other"))


def test_a_workbench_is_of_no_use_beside_the_search(ledger):
    kept = []
    acting(ledger, kept.append)
    with pytest.raises(ResearcherError, match="within `begin`, `propose` and `update`"):
        kept[0].check(valid(1))


def test_a_researcher_without_a_workbench_says_so(ledger):
    with pytest.raises(ResearcherError, match="the tinkerer researcher has no workbench yet; call `begin`"):
        run(ledger, ONE, researcher=Tinkerer())
