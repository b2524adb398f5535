"""A reward from validation: one guard for all episodes, and nothing of its questions in what an agent is told."""

import json
from contextlib import contextmanager
from threading import Thread

import pytest
from practice_episodes import BUDGET, CONFIG, CountingArms, finish, method, practice

from istar.arms.base import Evaluation
from istar.environments import EpisodeError
from istar.environments.validating import GUARDS_RUN
from istar.ledger import Ledger
from istar.protocol.guard import Ladder
from istar.rewards.formulas import REWARDS
from istar.testing.practice import TRAINING as OTHER_TRAINING
from istar.testing.practice import VALIDATION, PracticeSession

METHODS = 12
HELD_OUT = [table.question.hash for tables in VALIDATION.values() for table in tables]


class FailingSession(PracticeSession):
    def evaluate(self, table, others=()):
        if self.source == method(3) and table.question.task in VALIDATION:
            return Evaluation((), status="error", reason=f"secret {table.question.hash}")
        return super().evaluate(table, others)


class FailingArms(CountingArms):
    """Fail one method on validation, with words that tell of the question."""

    @contextmanager
    def session(self, source, name, parts=()):
        yield FailingSession(self, source)


def submitted(environment, number, name=None):
    episode = environment.reset(None, BUDGET, name=name or f"episode {number}")
    if not episode.done:
        finish(episode, episode.call("submit", {"source": method(number)}).call)
    return episode


def rewards_alone(path):
    """Return each method's validation rewards by question, as the ledger has them, in the order of the queries."""
    with Ledger(path, read_only=True) as ledger:
        found = []
        for opening in ledger.openings(GUARDS_RUN, "validation"):
            black, white = ledger.paired_curves(GUARDS_RUN, "validation", opening.method)
            score = REWARDS.get(CONFIG.reward).score(list(black), list(white))
            found.append({question: reward for (_, question), reward in score.by_question.items()})
    return found


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.sqlite"


def test_rewards_of_all_episodes_add_up_to_what_one_guard_publishes(path):
    with practice(path, validation=VALIDATION) as environment:
        rewards = [submitted(environment, number).reward for number in range(METHODS)]
    guard, expected = Ladder(), []
    for each in rewards_alone(path):
        before = guard.published or 0.0
        guard.query(each)
        expected.append((guard.published or 0.0) - before)
    assert rewards == pytest.approx(expected)
    assert guard.queries == METHODS
    assert sum(reward != 0 for reward in rewards) > 1
    assert rewards.count(0.0) > METHODS // 2
    assert sum(rewards) == pytest.approx(guard.published)


def test_the_same_method_is_rewarded_once(path):
    with practice(path, validation=VALIDATION) as environment:
        first = submitted(environment, 1)
        again = submitted(environment, 1, "another")
    assert first.reward != 0
    assert again.reward == 0


def test_an_environment_that_is_opened_again_goes_on_with_its_guard(path, tmp_path):
    with practice(path, validation=VALIDATION) as environment:
        at_once = [submitted(environment, number).reward for number in range(METHODS)]
    other = tmp_path / "other.sqlite"
    piecewise = []
    for number in range(METHODS):
        with practice(other, validation=VALIDATION) as environment:
            piecewise.append(submitted(environment, number).reward)
    assert piecewise == at_once
    with practice(other, validation=VALIDATION) as environment:
        assert [submitted(environment, number).reward for number in range(METHODS)] == at_once
    with Ledger(other) as ledger:
        assert len(ledger.openings(GUARDS_RUN, "validation")) == METHODS


def test_episodes_side_by_side_are_all_judged_by_it(path):
    with practice(path, validation=VALIDATION) as environment:
        found = {}
        threads = [
            Thread(target=lambda number=number: found.update({number: submitted(environment, number).reward}))
            for number in range(METHODS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        best = max(opening.value or 0.0 for opening in environment.ledger.openings(GUARDS_RUN, "validation"))
    assert sum(found.values()) == pytest.approx(best)


def test_nothing_that_an_agent_is_told_holds_anything_of_validation(path):
    with practice(path, arms=FailingArms(), validation=VALIDATION) as environment:
        told = [environment.reset(None, BUDGET, name="reading").statement]
        episode = environment.reset(None, BUDGET, name="looking")
        for tool, arguments in [
            ("list_questions", {}),
            *(("read_question", {"question": each}) for each in HELD_OUT),
            *(
                ("score", {"source": method(0), "questions": [x.question.hash]})
                for x in VALIDATION["prompt_ceiling/words"]
            ),
        ]:
            reply = finish(episode, episode.call(tool, arguments).call)
            told.append(json.dumps(reply.result))
        for number in range(METHODS):
            episode = submitted(environment, number)
            told += [json.dumps(reply.to_json()) for _, reply in episode.transcript()]
    for secret in (*VALIDATION, *HELD_OUT):
        assert not any(secret in each for each in told)


def test_a_method_that_fails_on_validation_looks_like_one_that_is_not_better(path):
    with practice(path, arms=FailingArms(), validation=VALIDATION) as environment:
        failed = submitted(environment, 3)
        submitted(environment, 1)
        worse = submitted(environment, 1, "again")
    (told,) = [reply.result for _, reply in failed.transcript()]
    (other,) = [reply.result for _, reply in worse.transcript()]
    assert {**told, "training_reward": None} == {**other, "training_reward": None}
    assert told["error"] == ""


def test_an_episode_is_gone_on_with_under_the_reward_that_it_was_begun_with(path):
    with practice(path) as environment:
        environment.reset(None, BUDGET, name="trained")
    with practice(path, validation=VALIDATION) as environment:
        with pytest.raises(EpisodeError, match="kind of reward"):
            environment.reset(None, BUDGET, name="trained")
        with pytest.raises(EpisodeError, match="that of the guard"):
            environment.reset(None, BUDGET, name=GUARDS_RUN)


def test_the_guard_is_one_of_the_same_questions(path):
    with practice(path, validation=VALIDATION):
        pass
    ((task, tables),) = VALIDATION.items()
    with pytest.raises(EpisodeError, match="at least 2"), practice(path, validation={task: tables[:1]}):
        pass
    with pytest.raises(EpisodeError, match="begun otherwise"), practice(path, validation={task: tables[::-1]}):
        pass
    with pytest.raises(EpisodeError, match="no validation task"), practice(path, validation=dict(OTHER_TRAINING)):
        pass
