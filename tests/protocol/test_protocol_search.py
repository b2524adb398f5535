import multiprocessing
import re
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager

import pytest
from fake_arms import FakeArms, FakeSession, table, uniform

from istar.arms.jobs import Elsewhere, ElsewhereError, Workplace
from istar.errors import CorruptDataError
from istar.ledger import Ledger, RunConfig
from istar.protocol.book import Book
from istar.protocol.config import SearchConfig
from istar.protocol.search import Search
from istar.researchers import (
    EvolveResearcher,
    GrammarResearcher,
    NothingNewError,
    PolicyResearcher,
    Proposal,
    Researcher,
)
from istar.rewards.formulas import REWARDS


def tasks(family):
    return {f"{family}/{name}": [table(f"{family}/{name}", index) for index in range(2)] for name in "ab"}


TASKS = {
    "screen": {"shot_shapley/a": [table("shot_shapley/a", 0)]},
    "train": tasks("shot_shapley"),
    "validation": tasks("prompt_ceiling"),
}
CONFIG = SearchConfig(target="tiny-random", methods=12, screen_floor=0.0, validate_best=2)


class Listed(Researcher):
    """Proposes given sources in order."""

    name = "listed"

    def __init__(self, *sources):
        super().__init__()
        self.sources = sources

    def _compose(self, seed):
        number = len(self.told) + len(self.pending)
        return Proposal(self.sources[number], f"method {number}")


class Spy(GrammarResearcher):
    """Keeps the feedback in the order it was told."""

    def __init__(self):
        super().__init__(warm_up=4)

    @property
    def feedback(self):
        return [feedback for _, feedback in self.told]


def run(ledger, config=CONFIG, arms=None, researcher=None, name="run", **place):
    stored = RunConfig("target", "tiny-random", "v1", "grammar", "statistician", "log", config.seed)
    ledger.open_run(name, stored, versions={}, machine={})
    arms = arms or FakeArms()
    search = Search(
        config,
        M1=researcher or GrammarResearcher(warm_up=4),
        R=REWARDS.get(config.reward),
        T=TASKS,
        arms=arms,
        book=Book(ledger, name),
        **place,
    )
    return search.run()


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path / "ledger.sqlite") as opened:
        yield opened


def valid(number):
    return (
        f'"""Method {number}."""\n'
        "from istar.methods import Interpretation\n\n"
        "def interpret(target, corpus):\n    return Interpretation()\n\n"
        "def predict(question, runs, target, interpretation, prepared):\n    return prepared\n"
    )


def test_best_method_is_the_one_with_the_best_validation_reward(ledger):
    outcome = run(ledger)
    rounds = ledger.rounds("run")
    assert len(rounds) == 12
    validated = [each for each in rounds if each.stage == "validation"]
    assert outcome.validation_queries == len(validated) == len(ledger.openings("run", "validation"))
    revealed = [each for each in rounds if each.improved]
    assert outcome.best.hash == revealed[-1].method == rounds[-1].best_method
    assert outcome.best_reward == revealed[-1].validation_reward
    # the fakes' advantage is the same on every task, so the best in training is the best in validation
    best = max((each for each in rounds if each.reward is not None), key=lambda each: each.reward)
    assert outcome.best.hash == best.method


class UnboughtInValidation(FakeArms):
    """A method is worth its number in training, and nothing to any validation question."""

    def __init__(self):
        super().__init__(advantage=lambda source: float(re.search(r"Method (\d)", source)[1]) / 10)

    @contextmanager
    def session(self, source, name, parts=()):
        session = FakeSession(self, source)
        evaluate = session.evaluate

        def asked(table, others=()):
            advantage = self.advantage
            self.advantage = (lambda _: 0.0) if table.question.task.startswith("prompt_ceiling") else advantage
            try:
                return evaluate(table, others)
            finally:
                self.advantage = advantage

        session.evaluate = asked
        yield session


def test_of_methods_that_are_equal_in_all_of_validation_the_best_in_training_is_the_best(ledger):
    config = CONFIG.model_copy(update={"methods": 4, "validate_best": 9})
    outcome = run(ledger, config, UnboughtInValidation(), Listed(*map(valid, (1, 3, 2, 4))))
    rounds = ledger.rounds("run")
    assert outcome.validation_queries == 4
    assert [each.improved for each in rounds] == [True, True, False, True]
    assert [each.validation_reward for each in rounds] == [0.0, None, None, None], "a tie is no news of validation"
    assert outcome.best.source == valid(4)
    assert rounds[-1].best_method == outcome.best.hash


def test_average_reward_is_the_mean_of_task_rewards(ledger):
    run(ledger)
    reward = REWARDS.get("log")
    for outcome in ledger.rounds("run"):
        if outcome.status == "ok":
            black, white = ledger.paired_curves("run", "train", outcome.method)
            tasks = [
                reward.reward([c for c in black if c.task == name], [c for c in white if c.task == name])
                for name in TASKS["train"]
            ]
            assert outcome.reward == pytest.approx(sum(tasks) / 2)
            assert outcome.reward == pytest.approx(reward.reward(black, white))


def test_baselines_and_interpretations_are_made_once(ledger):
    arms = FakeArms()
    run(ledger, arms=arms)
    # but for the screen's question, which is asked again with what the executor learned of the method on another
    screened = table("shot_shapley/a", 0).question
    again = {key for key, count in arms.calls.items() if count > 1}
    assert again
    assert all(key.startswith("evaluate") and key.endswith(f"{screened.task} 0") for key in again)
    assert sum(key.startswith("baseline") for key in arms.calls) == 8


def test_cascade_spends_little_on_hopeless_methods(ledger):
    sources = [valid(number) for number in range(12)]
    arms = FakeArms(advantage=lambda source: -1.0 if source == sources[3] else 1.0)
    run(ledger, arms=arms, researcher=Listed(*sources))
    pruned = ledger.rounds("run")[3]
    assert (pruned.stage, pruned.status) == ("screen", "pruned")
    assert "below 0.0" in pruned.reason
    assert pruned.reward < 0
    assert len(ledger.evaluations("run", method=pruned.method)) == 1


def test_fence_and_failures_stop_a_method_without_a_reward(ledger):
    sources = ["import os\n", *(valid(number) for number in range(11))]
    run(ledger, arms=FakeArms(fail=lambda source: source == sources[2]), researcher=Listed(*sources))
    rejected, _, failed, *_ = ledger.rounds("run")
    assert (rejected.status, failed.status) == ("rejected", "error")
    assert "import of 'os'" in rejected.reason or "os" in rejected.reason
    assert "divided by zero" in failed.reason
    assert rejected.reward is failed.reward is None


def test_validation_is_asked_only_about_the_best_in_training(ledger):
    outcome = run(ledger, CONFIG.model_copy(update={"validate_best": 1}))
    best = float("-inf")
    for each in outcome.rounds:
        assert (each.stage == "validation") == (each.reward is not None and each.status == "ok" and each.reward > best)
        if each.status == "ok":
            best = max(best, each.reward)


def test_researcher_never_sees_a_validation_reward_that_was_not_published(ledger):
    spy = Spy()
    run(ledger, researcher=spy)
    told = spy.feedback
    published = {each.value for each in ledger.openings("run", "validation") if each.revealed} | {None}
    assert {feedback.validation for feedback in told} <= published
    trained = {each.reward for each in ledger.rounds("run")}
    assert {feedback.reward for feedback in told} == trained


def test_researcher_is_told_cost_and_families_of_training_alone(ledger, monkeypatch):
    monkeypatch.setitem(TASKS, "train", tasks("shot_shapley") | tasks("context_attribution"))
    researcher = Spy()
    run(ledger, researcher=researcher)
    reward = REWARDS.get("log")
    for outcome, feedback in zip(ledger.rounds("run"), researcher.feedback, strict=True):
        if outcome.status != "ok":
            assert (feedback.cost, feedback.families) == (None, {})
            continue
        trained = ledger.evaluations("run", stage="train", method=outcome.method)
        assert len(trained) == 8
        assert feedback.cost == pytest.approx(sum(each.spending.flops / 2**20 for each in trained) / 8)
        black, white = ledger.paired_curves("run", "train", outcome.method)
        assert set(feedback.families) == {"shot_shapley", "context_attribution"}
        for family, value in feedback.families.items():
            of_family = [[curve for curve in arm if curve.task.startswith(family)] for arm in (black, white)]
            assert value == pytest.approx(reward.reward(*of_family))
    assert any(outcome.status == "ok" for outcome in ledger.rounds("run"))


def of_validation(outcome):
    return outcome.stage == "validation" and outcome.status == "error"


def test_what_the_researcher_is_told_is_the_same_after_a_resumption(ledger, tmp_path):
    """A method that fails in validation came through training, and its feedback says what it took there."""
    arms = {"fail_at": lambda source, task: task.startswith("prompt_ceiling") and uniform(source) > 0.5}
    undisturbed = Spy()
    run(ledger, arms=FakeArms(**arms), researcher=undisturbed)
    rounds = ledger.rounds("run")
    failed = [each for each, outcome in zip(undisturbed.feedback, rounds, strict=True) if of_validation(outcome)]
    # that they failed, and why, which could carry anything of validation, is in the ledger alone
    assert any("ran out of memory" in outcome.reason for outcome in rounds if outcome.stage == "validation")
    assert all(each.cost > 0 and each.families and each.reward is not None for each in failed)
    assert {(each.stage, each.error, each.best) for each in failed} == {("validation", None, False)}
    with Ledger(tmp_path / "other.sqlite") as other:
        with pytest.raises(KeyboardInterrupt):
            run(other, arms=FakeArms(**arms, kill_after=60), researcher=Spy())
        resumed = Spy()
        run(other, arms=FakeArms(**arms), researcher=resumed)
        assert resumed.feedback == undisturbed.feedback
        again = Spy()
        run(other, arms=FakeArms(**arms, kill_after=0), researcher=again)
        assert again.feedback == undisturbed.feedback


@pytest.mark.parametrize("side_by_side", [1, 3])
@pytest.mark.parametrize("kill_after", [1, 20, 60])
def test_killed_search_resumes_to_the_same_ledger(ledger, tmp_path, side_by_side, kill_after):
    config = CONFIG.model_copy(update={"side_by_side": side_by_side})
    run(ledger, config)
    undisturbed = list(ledger.export("run"))
    with Ledger(tmp_path / "other.sqlite") as other:
        with pytest.raises(KeyboardInterrupt):
            run(other, config, FakeArms(kill_after=kill_after))
        arms = FakeArms()
        run(other, config, arms)
        assert list(other.export("run")) == undisturbed
        assert arms.calls.total() > 0
        finished = FakeArms(kill_after=0)
        run(other, config, finished)  # a finished search does nothing more
        assert finished.calls.total() == 0


@pytest.mark.parametrize("make", [PolicyResearcher, lambda: EvolveResearcher(warm_up=2)], ids=["policy", "evolve"])
def test_researchers_that_learn_go_on_as_if_their_search_had_not_been_killed(ledger, tmp_path, make):
    """The ledger holds every proposal with the entropy of the policy, or the operator and the parents."""
    config = CONFIG.model_copy(update={"side_by_side": 2})
    run(ledger, config, researcher=make())
    with Ledger(tmp_path / "other.sqlite") as other:
        with pytest.raises(KeyboardInterrupt):
            run(other, config, FakeArms(kill_after=70), make())
        assert 4 < len(other.rounds("run")) < 12
        run(other, config, researcher=make())
        assert list(other.export("run")) == list(ledger.export("run"))


def test_side_by_side_methods_do_not_know_of_each_other(ledger):
    outcome = run(ledger, CONFIG.model_copy(update={"side_by_side": 4, "methods": 4}))
    assert all(each.stage in ("validation", "screen") for each in outcome.rounds)


def test_a_method_that_saved_nothing_in_training_is_not_validated(ledger):
    sources = [valid(number) for number in range(12)]
    outcome = run(ledger, arms=FakeArms(advantage=lambda source: 0.0), researcher=Listed(*sources))
    assert outcome.best is None
    assert outcome.validation_queries == 0
    assert {each.stage for each in ledger.rounds("run")} == {"train"}


@pytest.mark.parametrize("side_by_side", [1, 4])
def test_a_researcher_with_nothing_new_ends_the_search_with_what_it_has(ledger, side_by_side):
    def few():
        return GrammarResearcher(words=["attention_knockout", "direct_logit_attribution"])

    config = CONFIG.model_copy(update={"side_by_side": side_by_side, "methods": 50})
    outcome = run(ledger, config, researcher=few())
    assert "found no new sentence in 100 attempts after 3 methods" in outcome.ended
    assert [each.status for each in outcome.rounds] == [each.status for each in ledger.rounds("run")]
    assert len(outcome.rounds) == 3
    assert outcome.best is not None
    again = run(ledger, config, researcher=few())
    assert (again.best, again.best_reward, again.ended) == (outcome.best, outcome.best_reward, outcome.ended)


def test_a_researcher_with_nothing_at_all_is_an_error(ledger):
    class Mute(Researcher):
        name = "mute"

        def _compose(self, seed):
            raise NothingNewError("the mute researcher has no words")

    with pytest.raises(NothingNewError, match="has no words"):
        run(ledger, researcher=Mute())


def test_researcher_is_told_of_every_question(ledger):
    """Rewards and both arms' curves, as the ledger holds them; of validation there is nothing."""
    spy = Spy()
    run(ledger, researcher=spy)
    trained = [x for t in TASKS["train"].values() for x in t]
    held_out = {x.question.hash for t in TASKS["validation"].values() for x in t}
    for outcome, feedback in zip(ledger.rounds("run"), spy.feedback, strict=True):
        assert not held_out & {each.question for each in feedback.questions}
        if outcome.status == "ok":
            assert [each.question for each in feedback.questions] == [x.question.hash for x in trained]
            assert sum(each.reward for each in feedback.questions) / 4 == pytest.approx(feedback.reward)
            assert sum(each.cost for each in feedback.questions) / 4 == pytest.approx(feedback.cost)
        stage = "screen" if outcome.stage == "screen" else "train"
        for each in feedback.questions:
            (black,) = {curve.skill for curve in each.baseline if curve.seed == 1}
            (white,) = {curve.skill for curve in each.interp if curve.seed == 1}
            of = {"question_hash": each.question}
            assert black == ledger.curves("run", stage="baseline", **of)[1].skill
            assert white == ledger.curves("run", stage=stage, method=outcome.method, **of)[1].skill


def test_researcher_is_told_on_which_question_a_method_failed(ledger):
    spy = Spy()
    run(ledger, arms=FakeArms(fail_at=lambda source, task: task == "shot_shapley/b"), researcher=spy)
    failed = [each for each in spy.feedback if each.stage == "train"]
    assert failed
    for feedback in failed:
        told = [(each.task, each.index, each.reward is None, each.error) for each in feedback.questions]
        assert told == [
            ("shot_shapley/a", 0, False, ""),
            ("shot_shapley/a", 1, False, ""),
            ("shot_shapley/b", 0, True, "it ran out of memory"),
        ]
        assert not feedback.questions[2].interp
        assert feedback.questions[2].baseline


def test_a_coin_exchanges_the_curves_that_a_control_is_told(ledger):
    """Otherwise the curves would say of methods what the rewards of a control must not."""
    spy = Spy()
    run(ledger, CONFIG.model_copy(update={"shuffled": True, "screen_floor": -9.0}), researcher=spy)
    exchanged = [
        each.baseline[0].skill
        == ledger.curves("run", stage="train", method=outcome.method, question_hash=each.question)[0].skill
        for outcome, feedback in zip(ledger.rounds("run"), spy.feedback, strict=True)
        if outcome.status == "ok"
        for each in feedback.questions
    ]
    assert 0 < sum(exchanged) < len(exchanged)


def fake_workplace():
    """Opens arms in memory, in whichever process it is called."""
    stages = (*TASKS["screen"].values(), *TASKS["train"].values(), *TASKS["validation"].values())
    return Workplace(FakeArms(), {x.question.hash: x for t in stages for x in t})


@pytest.mark.parametrize("side_by_side", [1, 2])
def test_methods_run_in_a_pool_of_processes_leave_the_same_ledger(ledger, tmp_path, side_by_side):
    config = CONFIG.model_copy(update={"side_by_side": side_by_side})
    run(ledger, config)
    with (
        Ledger(tmp_path / "other.sqlite") as other,
        ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool,
    ):
        arms = FakeArms()
        run(other, config, arms, work=Elsewhere(fake_workplace), map_jobs=pool.map)
        assert list(other.export("run")) == list(ledger.export("run"))
    assert not [call for call in arms.calls if not call.startswith("baseline")]  # the methods ran elsewhere


def test_what_a_method_is_not_asked_is_not_run(ledger):
    """A map that begins with every job at once, as pools do, and the one of Python leave the same ledger."""
    asked = []

    def eager(work, jobs):
        results = [work(job) for job in jobs]
        asked.extend(results)
        return results

    fail_at = lambda source, task: task == "shot_shapley/a" and uniform(source) > 0.5  # noqa: E731
    run(ledger, arms=FakeArms(fail_at=fail_at))
    before = list(ledger.export("run"))
    run(ledger, arms=FakeArms(fail_at=fail_at), name="eager", map_jobs=eager)
    after = [line for line in ledger.export("eager") if '"table": "runs"' not in line]
    assert [line.replace('"run": "eager"', '"run": "run"') for line in after] == before[1:]
    written = ledger.evaluations("eager", stage="train") + ledger.evaluations("eager", stage="screen")
    assert sum(len(each.evaluations) for each in asked) > len(written)


def test_a_map_that_loses_jobs_is_an_error(ledger):
    with pytest.raises(ElsewhereError, match="fewer results than there are jobs"):
        run(ledger, map_jobs=lambda work, jobs: [])


def broken_workplace():
    raise CorruptDataError("the table is damaged; delete it")


def test_what_went_wrong_elsewhere_is_said_here(ledger):
    with (
        ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool,
        pytest.raises(ElsewhereError, match=r"CorruptDataError where .* was run: the table is damaged; delete it"),
    ):
        run(ledger, work=Elsewhere(broken_workplace), map_jobs=pool.map)
