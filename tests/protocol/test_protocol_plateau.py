"""The rule by which a search has stopped improving, and a search that ends by it."""

import hashlib
import math
from contextlib import contextmanager

import pytest
from fake_arms import FakeArms, FakeSession, table, uniform
from scipy.stats import binom
from scipy.stats import t as student
from test_protocol_search import TASKS, Listed, Spy, valid

from istar.arms.base import Evaluation
from istar.ledger import Ledger, RunConfig
from istar.protocol.book import Book
from istar.protocol.config import ConfigError, PlateauSettings, SearchConfig, configure
from istar.protocol.guard import GuardError
from istar.protocol.plateau import Scored, Watch, check_reachable, most_probable, rounds_needed
from istar.protocol.search import Search
from istar.reports import words
from istar.reports.plateau import RunPlateau, held_level, plateau_of
from istar.researchers import GrammarResearcher
from istar.rewards.formulas import REWARDS
from istar.testing.practice import SEEDS, made_up_curve

QUESTIONS = [f"q{number}" for number in range(4)]
SETTINGS = PlateauSettings(chance=0.4, error=0.1)
"""Five rounds are a plateau: 0.6 ** 5 is 0.08."""


@pytest.mark.parametrize(("chance", "error"), [(0.1, 0.05), (0.4, 0.1), (0.5, 0.25), (0.9, 0.2), (0.01, 0.001)])
def test_a_plateau_is_the_least_number_of_rounds_that_is_rare_enough(chance, error):
    needed = rounds_needed(PlateauSettings(chance=chance, error=error))
    assert binom.pmf(0, needed, chance) <= error * (1 + 1e-9)
    assert needed == 1 or binom.pmf(0, needed - 1, chance) > error


def test_the_limit_of_the_chance_is_the_exact_one():
    assert most_probable(0, 0.05) == 1
    for rounds in (1, 7, 29):
        assert binom.pmf(0, rounds, most_probable(rounds, 0.05)) == pytest.approx(0.05)
    assert most_probable(29, 0.05) <= 0.1 < most_probable(28, 0.05)


def scored(average, spread=0.1, shift=0.0):
    rewards = [average - spread, average + spread, average - spread + shift, average + spread - shift]
    return Scored(average, spread / 2, 4, dict(zip(QUESTIONS, rewards, strict=True)))


def told(average):
    return Scored(average, 0.05, 4)


def test_rounds_count_from_the_last_confirmed_improvement():
    watch = Watch(SETTINGS)
    assert watch.plateau().needed == 5
    watch.note(0, "first", told(0.2), scored(0.15))
    assert (watch.plateau().rounds, watch.plateau().method, watch.plateau().level) == (0, "first", 0.15)
    for iteration in range(1, 5):
        watch.note(iteration, "poor", None)
    assert not watch.plateau().reached
    watch.note(5, "better", told(0.4), scored(0.3))
    assert (watch.plateau().rounds, watch.plateau().since, watch.plateau().improvements) == (0, 5, 2)
    for iteration in range(6, 11):
        assert not watch.plateau().reached
        watch.note(iteration, "poor", told(0.1))
    found = watch.plateau()
    assert found.reached
    assert (found.rounds, found.claims, found.method, found.level) == (5, 2, "better", 0.3)
    assert found.by_question == scored(0.3).by_question


def test_nobody_is_better_who_was_only_lucky_in_training():
    watch = Watch(SETTINGS)
    watch.note(0, "first", told(0.2), scored(0.2))
    watch.note(1, "lucky", told(0.9), scored(0.2, shift=0.05))
    assert (watch.plateau().method, watch.plateau().rounds) == ("first", 1)
    watch.note(2, "failed", told(0.9), None)
    assert (watch.plateau().method, watch.plateau().rounds, watch.plateau().claims) == ("first", 2, 3)


def test_a_lucky_incumbent_is_challenged_from_what_it_is_worth():
    """Its training reward is not the bar: a search that improves would look as if it had stopped."""
    watch = Watch(SETTINGS)
    assert watch.claims(told(0.01))
    assert not watch.claims(told(0.0))
    assert not watch.claims(None)
    watch.note(0, "lucky", told(0.9), scored(0.2))
    assert watch.claims(told(0.21))
    assert not watch.claims(told(0.2))
    watch.note(1, "better", told(0.5), scored(0.6))
    assert watch.plateau().method == "better"
    assert watch.claims(told(0.55))  # fresh questions may be easier than those of training
    assert not watch.claims(told(0.5))


def test_the_gain_is_the_greatest_upper_limit_of_a_round():
    watch = Watch(SETTINGS)
    watch.note(0, "first", told(0.3), scored(0.3))
    assert watch.plateau().gain is None
    watch.note(1, "claims", told(0.5), scored(0.31, shift=0.1))
    watch.note(2, "poor", told(0.1))
    watch.note(3, "failed", None)
    found = watch.plateau()
    assert found.chance == pytest.approx(1 - 0.1 ** (1 / 3))
    level = 0.1 / 2  # of the two rounds that are known
    paired = [0.01, 0.01, 0.11, -0.09]
    spread = math.sqrt(sum((each - 0.01) ** 2 for each in paired) / 3 / 4)
    claimed = 0.01 + student.ppf(1 - level, 3) * spread
    poor = -0.2 + student.ppf(1 - level, 3) * math.hypot(0.05, 0.05)
    assert found.gain == pytest.approx(max(claimed, poor))
    assert (found.confidence, found.gain_confidence) == pytest.approx((0.9, 0.8))


def test_fresh_questions_must_stay_the_same():
    watch = Watch(SETTINGS)
    watch.note(0, "first", told(0.3), scored(0.3))
    with pytest.raises(GuardError, match="judge every method of a search on the same questions"):
        watch.note(1, "other", told(0.5), Scored(0.4, 0.1, 2, {"x": 0.4, "y": 0.4}))


def test_a_plateau_that_cannot_be_reached_is_refused():
    with pytest.raises(
        ConfigError,
        match=r"a plateau takes 29 rounds without an improvement .* and 28 methods are tried at most; try at least 29",
    ):
        check_reachable(configure("standard", methods=28, until_plateau=True))
    check_reachable(configure("standard", methods=29, until_plateau=True))
    check_reachable(configure("standard", methods=1))


@pytest.mark.parametrize("wrong", [{"chance": 0.0}, {"chance": 1.0}, {"error": 0.0}, {"questions": 1}, {"rounds": 3}])
def test_settings_that_no_rule_can_have_are_refused(wrong):
    with pytest.raises(ConfigError, match=r"plateau\."):
        configure("standard", plateau=wrong)


# A whole search, in memory

FRESH = {name: [table(name, index) for index in range(100, 103)] for name in TASKS["train"]}
FEW = PlateauSettings(chance=0.6, error=0.1)
"""Three rounds are a plateau."""
CONFIG = SearchConfig(
    target="tiny-random", methods=16, screen_floor=-9.0, prune_level=0.0, until_plateau=True, plateau=FEW
)


class Worth(FakeArms):
    """Arms whose methods have an advantage on each question, given their source and the question's number."""

    def __init__(self, worth, **options):
        super().__init__(**options)
        self.worth = worth

    @contextmanager
    def session(self, source, name, parts=()):
        yield WorthSession(self, source)


class WorthSession(FakeSession):
    def evaluate(self, table, others=()):
        evaluation = super().evaluate(table, others)
        advantage = self.arms.worth(self.source, table.question.index)
        return Evaluation(
            tuple(made_up_curve(table, seed, "white_box", advantage) for seed in SEEDS), evaluation.spending
        )


def number_of(source):
    return int(source.split("Method ")[1].split(".")[0])


SOURCES = [valid(number) for number in range(16)]


def search(ledger, arms, config=CONFIG, researcher=None, fresh=FRESH, name="run"):
    options = config.model_dump(mode="json")
    stored = RunConfig("target", "tiny-random", "v1", "listed", "statistician", "log", config.seed, options)
    ledger.open_run(name, stored, versions={}, machine={})
    return Search(
        config,
        M1=researcher or Listed(*SOURCES),
        R=REWARDS.get(config.reward),
        T=TASKS | ({} if fresh is None else {"fresh": fresh}),
        arms=arms,
        book=Book(ledger, name),
    ).run()


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path / "ledger.sqlite") as opened:
        yield opened


def rising(until):
    """Methods that are each better than the last, up to one; then each is as good as that."""

    def advantage(source, index):
        return 0.1 * min(number_of(source), until) + 0.01 * uniform(source, index)

    return advantage


def test_a_search_ends_as_many_rounds_after_its_last_improvement_as_are_a_plateau(ledger):
    outcome = search(ledger, Worth(rising(4)))
    plateau = outcome.plateau
    assert plateau.reached
    assert plateau.rounds == plateau.needed == 3
    assert plateau.since == len(outcome.rounds) - 4 >= 4
    assert "it has stopped improving: 3 rounds without a confirmed improvement" in outcome.ended
    assert plateau.method == outcome.rounds[plateau.since].method


def test_a_search_that_improves_goes_on(ledger):
    outcome = search(ledger, Worth(rising(40)), CONFIG.model_copy(update={"methods": 8}))
    assert len(outcome.rounds) == 8
    assert outcome.ended == ""
    assert not outcome.plateau.reached


def test_a_search_without_any_worth_ends_too(ledger):
    outcome = search(ledger, Worth(lambda source, index: -0.2))
    assert len(outcome.rounds) == 3
    assert (outcome.plateau.method, outcome.plateau.level, outcome.plateau.since) == ("", 0.0, None)
    assert ledger.evaluations("run", stage="fresh") == ()


def test_without_the_setting_nothing_is_asked_on_fresh_questions(ledger):
    config = CONFIG.model_copy(update={"until_plateau": False})
    outcome = search(ledger, Worth(rising(4)), config, fresh=None)
    assert len(outcome.rounds) == 16
    assert outcome.plateau is None
    assert ledger.evaluations("run", stage="fresh") == ()


def test_only_who_claims_to_be_better_is_scored_on_fresh_questions_and_m1_is_told_nothing(ledger, tmp_path):
    told = Spy()
    outcome = search(ledger, FakeArms(), researcher=told)
    claimed = {each.method for each in ledger.evaluations("run", stage="fresh")}
    assert len(claimed) == outcome.plateau.claims
    assert 0 < len(claimed) < len(outcome.rounds)
    other = Spy()
    with Ledger(tmp_path / "other.sqlite") as beside:
        config = CONFIG.model_copy(update={"until_plateau": False, "methods": len(outcome.rounds)})
        search(beside, FakeArms(), config, other, fresh=None)
    assert other.feedback == told.feedback


def test_a_lucky_leader_does_not_end_a_search_that_improves(ledger):
    """The first method looks best in training for good, and is worth nothing elsewhere; later ones improve truly."""

    def advantage(source, index):
        if number_of(source) == 0:
            return 2.0 if index < 2 else 0.01 * uniform(source, index)
        return 0.1 * number_of(source) + 0.01 * uniform(source, index)

    outcome = search(ledger, Worth(advantage), CONFIG.model_copy(update={"methods": 10}))
    trained = [each.reward for each in outcome.rounds]
    assert max(trained) == trained[0]
    assert outcome.ended == ""
    assert outcome.plateau.improvements > 5


def test_a_method_that_fails_on_fresh_questions_is_no_improvement(ledger):
    class Failing(Worth):
        @contextmanager
        def session(self, source, name, parts=()):
            yield FailingSession(self, source)

    class FailingSession(WorthSession):
        def evaluate(self, table, others=()):
            if table.question.index >= 100:
                return Evaluation((), status="error", reason="it knows committed questions alone")
            return super().evaluate(table, others)

    outcome = search(ledger, Failing(rising(40)))
    assert len(outcome.rounds) == 3
    assert (outcome.plateau.claims, outcome.plateau.improvements) == (3, 0)
    assert {each.status for each in ledger.evaluations("run", stage="fresh")} == {"error"}
    assert plateau_of(ledger, ledger.run("run")) == outcome.plateau


@pytest.mark.parametrize(("side_by_side", "kill_after"), [(1, 30), (1, 90), (3, 60)])
def test_a_killed_search_stops_in_the_same_round(ledger, tmp_path, side_by_side, kill_after):
    config = CONFIG.model_copy(update={"side_by_side": side_by_side, "validate_best": 1})
    whole = search(ledger, Worth(rising(4)), config)
    with Ledger(tmp_path / "other.sqlite") as other:
        with pytest.raises(KeyboardInterrupt):
            search(other, Worth(rising(4), kill_after=kill_after), config)
        again = search(other, Worth(rising(4)), config)
        assert list(other.export("run")) == list(ledger.export("run"))
        assert (again.plateau, again.ended) == (whole.plateau, whole.ended)
        finished = Worth(rising(4), kill_after=0)
        assert search(other, finished, config).plateau == whole.plateau
        assert finished.calls.total() == 0


@pytest.mark.parametrize("shuffled", [False, True])
def test_what_is_read_from_the_ledger_is_what_the_search_knew(ledger, shuffled):
    config = CONFIG.model_copy(update={"shuffled": shuffled})
    outcome = search(ledger, FakeArms(), config, GrammarResearcher(warm_up=4))
    read = plateau_of(ledger, ledger.run("run"))
    assert read == outcome.plateau
    assert read.claims > 0


def test_of_a_run_without_fresh_questions_it_is_not_known_and_what_the_guard_published_is_told(ledger):
    config = CONFIG.model_copy(update={"until_plateau": False})
    outcome = search(ledger, Worth(rising(4)), config, fresh=None)
    found = plateau_of(ledger, ledger.run("run"))
    improved = [each.iteration for each in outcome.rounds if each.improved]
    assert found.basis == "validation"
    assert (found.since, found.level) == (improved[-1], outcome.best_reward)
    assert found.rounds == 15 - improved[-1] >= found.needed
    assert not found.reached
    assert found.gain is None
    assert f"the guard published its last improvement {found.rounds} rounds ago" in words.plateau(found)


# Several runs


def opened(ledger, name, arms, day, seed=0):
    outcome = search(ledger, arms, CONFIG.model_copy(update={"seed": seed}), name=name)
    return RunPlateau(name, f"2026-03-{day:02}T00:00:00+00:00", outcome.plateau, outcome.rounds)


def test_a_level_holds_until_a_run_is_better(ledger):
    poor = opened(ledger, "poor", Worth(rising(2)), 1)
    good = opened(ledger, "good", Worth(rising(5)), 4)
    same = opened(ledger, "same", Worth(lambda source, index: rising(2)(source, index) / 2), 14)
    found = held_level([same, good, poor])
    assert (found.run, found.level, found.runs) == ("good", good.plateau.level, 2)
    assert found.rounds == good.plateau.rounds + len(same.rounds)
    assert found.days == pytest.approx(10)
    said = words.held(found)
    assert said.startswith(f"the level {found.level:+.3f} ± {found.standard_error:.3f} of good has held for ")
    assert f"{found.rounds} rounds of 2 runs" in said
    assert "10.0 days lie between" in said
    assert held_level([poor]).rounds == 3
    assert held_level([]) is None
    none = opened(ledger, "none", Worth(lambda source, index: -0.2), 2)
    assert held_level([none]).method == ""
    assert "no run has found a method that is worth anything on fresh questions, in 3 rounds" in words.held(
        held_level([none])
    )
    assert held_level([none, good]).run == "good"
    assert held_level([poor, none]).run == "poor"


def test_levels_on_other_questions_are_compared_by_their_own_errors(ledger):
    good = opened(ledger, "good", Worth(rising(5)), 4)
    elsewhere = {hashlib.sha256(name.encode()).hexdigest(): reward for name, reward in good.plateau.by_question.items()}

    def shifted(by):
        plateau = good.plateau
        moved = type(plateau)(**{**vars(plateau), "level": plateau.level + by, "by_question": elsewhere})
        return RunPlateau("other", "2026-03-09T00:00:00+00:00", moved, good.rounds)

    error = math.hypot(good.plateau.standard_error, good.plateau.standard_error)
    assert held_level([good, shifted(0.9 * error)]).run == "good"
    assert held_level([good, shifted(1.1 * error)]).run == "other"
