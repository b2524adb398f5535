"""An episode in memory: its tools, its budget, what the ledger holds of it, and its resumption after a kill."""

import json
import threading
import tracemalloc
from contextlib import suppress

import pytest
from practice_episodes import (
    BUDGET,
    CONFIG,
    HASHES,
    SCRIPT,
    TRAINING,
    CountingArms,
    finish,
    method,
    play,
    practice,
    timeless,
)

from istar.environments import TOOLS, Budget, EpisodeError, ToolError, budget_of, schemas
from istar.ledger import Ledger
from istar.protocol.config import StageSize
from istar.testing.practice import VALIDATION, practice_check
from measured import PATIENCE

ASKED = StageSize(questions=1, tasks=tuple(TRAINING))


@pytest.fixture
def environment(tmp_path):
    with practice(tmp_path / "ledger.sqlite") as opened:
        yield opened


@pytest.fixture
def episode(environment):
    return environment.reset(ASKED, BUDGET, name="mine")


def done(episode, tool, **arguments):
    """Return the reply to a call, once it is done."""
    return finish(episode, episode.call(tool, arguments).call)


def result(episode, tool, **arguments):
    reply = done(episode, tool, **arguments)
    assert (reply.status, reply.error) == ("done", "")
    return reply.result


def refusal(episode, tool, **arguments):
    reply = done(episode, tool, **arguments)
    assert (reply.status, reply.result) == ("refused", None)
    return reply.error


# What is told and read


def test_the_statement_is_made_of_contract_tools_tasks_library_and_budget(episode):
    text = episode.statement
    assert "def predict(question, runs, target, interpretation, prepared):" in text
    assert all(f"- `{tool}`: " in text for tool in TOOLS)
    assert all(f"- `{task}`: 2 questions of about 64 rows" in text for task in TRAINING)
    assert "- `tuned_lens`: " in text
    assert "1e+09 FLOPs" in text
    assert "3 checks" in text
    assert "log10(F_black" in text


def test_every_tool_has_a_schema_that_an_endpoint_takes():
    found = {each["name"]: each for each in schemas()}
    assert set(found) == set(TOOLS)
    assert found["score"]["parameters"]["required"] == ["source"]
    assert all(each["description"] and each["parameters"]["type"] == "object" for each in found.values())
    json.dumps(schemas())


def test_every_page_of_the_documentation_is_read(episode):
    names = result(episode, "read_docs")
    for name in names:
        assert len(result(episode, "read_docs", page=name)) > 300
    assert "def align(" in result(episode, "read_docs", page="tools.alignment")
    assert "scaled_dot_product_attention" in result(episode, "read_docs", page="language")
    assert "there is no page 'truth'; there are contract" in refusal(episode, "read_docs", page="truth")


def test_methods_of_the_library_are_listed_and_read(episode):
    assert "tuned_lens" in result(episode, "list_methods")
    assert "def predict(" in result(episode, "read_method", name="tuned_lens")
    for name in ("no such", "../contract", "__init__"):
        assert "`list_methods` lists" in refusal(episode, "read_method", name=name)


def test_questions_are_read_with_their_values_a_few_rows_at_a_time(episode):
    listed = result(episode, "list_questions")
    assert [each["question"] for each in listed] == HASHES
    assert [each["rewarded"] for each in listed].count(True) == 2
    shown = result(episode, "read_question", question=HASHES[0], first=60)
    table = next(iter(TRAINING.values()))[0]
    assert [each["value"] for each in shown["rows"]] == table.values[60:].tolist()
    assert shown["answer"] == table.answer.tolist()
    assert "counted from 0" in refusal(episode, "read_question", question=HASHES[0], first=64)
    json.dumps(shown, allow_nan=False)


# What is tried and rewarded


def test_a_check_says_what_is_wrong(episode):
    assert result(episode, "check", source=method(1))["passed"]
    found = result(episode, "check", source="import os\n")
    assert not found["passed"]
    assert "import of 'os'" in found["faults"][0]


def test_a_score_shows_rewards_and_the_last_one_its_curves(episode):
    assert "no method was scored" in refusal(episode, "last_score")
    scored = result(episode, "score", source=method(1), questions=HASHES)
    assert scored["reward"] is not None
    assert [each["question"] for each in scored["questions"]] == HASHES
    assert {"reward", "cost", "error"} <= set(scored["questions"][0])
    last = result(episode, "last_score")
    assert {name: last[name] for name in scored} == scored
    curves = result(episode, "last_score", question=HASHES[0])
    assert len(curves["baseline"]) == len(curves["interp"]) == 2
    assert curves["interp"][0]["skill"][-1] == 1.0
    assert "did not ask" in refusal(episode, "last_score", question="0" * 64)


def test_the_reward_is_the_training_reward_of_what_is_submitted(episode, environment):
    assert (episode.reward, episode.done) == (None, False)
    scored = result(episode, "score", source=method(2))
    told = result(episode, "submit", source=method(2), name="second")
    assert told == {"reward": episode.reward, "standard_error": told["standard_error"], "status": "ok", "error": ""}
    assert episode.reward == pytest.approx(scored["reward"], abs=1e-12)
    assert episode.done
    black, white = environment.ledger.paired_curves("mine", "train", environment.ledger.proposals("mine")[0].method)
    assert environment.formula.reward(black, white) == episode.reward
    with pytest.raises(ToolError, match="the episode is over"):
        episode.call("list_methods")


def test_a_control_s_rewards_are_shuffled_as_its_scores(tmp_path):
    told = {}
    for shuffled in (True, False):
        config = CONFIG.model_copy(update={"shuffled": shuffled})
        with practice(tmp_path / f"{shuffled}.sqlite", config=config) as environment:
            episode = environment.reset(StageSize(questions=2, tasks=tuple(TRAINING)))
            scored = result(episode, "score", source=method(2))
            told[shuffled] = result(episode, "submit", source=method(2))["reward"]
            assert told[shuffled] == pytest.approx(scored["reward"], abs=1e-12)
    assert told[True] != told[False]


def test_a_method_that_fails_has_no_reward_and_the_reason_is_told(episode):
    told = result(episode, "submit", source="import os\n")
    assert (told["reward"], told["status"]) == (None, "rejected")
    assert "import of 'os'" in told["error"]
    assert (episode.done, episode.reward) == (True, None)


def test_the_seed_draws_the_questions_of_the_reward(environment):
    drawn = {environment.reset(ASKED, seed=seed)._rewarded.__repr__() for seed in range(8)}
    assert len(drawn) > 1
    one, same = (environment.reset(ASKED, seed=3, name=name) for name in ("one", "same"))
    assert one._rewarded == same._rewarded


# Budgets


@pytest.mark.parametrize("limits", [{"flops": 0}, {"seconds": 0.0}, {"checks": 0}, {"flops": -1}, {"money": 1}])
def test_a_budget_of_nothing_is_refused_before_anything_is_begun(limits):
    (name,) = limits
    with pytest.raises(EpisodeError, match=f"no episode can have this budget: {name}: .*state what it may spend"):
        budget_of(**limits)


def test_budgets_are_kept_and_only_what_is_done_is_charged(environment):
    episode = environment.reset(ASKED, Budget(flops=1, seconds=1000.0, checks=1))
    result(episode, "check", source=method(1))
    assert "those of this episode are spent" in refusal(episode, "check", source=method(2))
    scored = result(episode, "score", source=method(1))
    assert [each["task"] for each in scored["questions"]] == ["context_attribution/facts-subsets"]  # the cheapest
    assert len(scored["not_asked"]) == 1
    assert episode.left.flops < 0
    before = episode.left
    assert "the FLOPs of this episode are spent" in refusal(episode, "score", source=method(2))
    assert episode.left == before
    assert result(episode, "submit", source=method(1))["reward"] is not None  # always possible


def test_seconds_are_kept(environment):
    episode = environment.reset(ASKED, Budget(seconds=1e-9))
    result(episode, "check", source=method(1))
    assert episode.left.seconds < 0
    assert "the seconds of this episode are spent" in refusal(episode, "score", source=method(1))


def test_the_same_method_is_charged_once_for_a_question(episode):
    result(episode, "score", source=method(1))
    left = episode.left.flops
    assert left < BUDGET.flops
    result(episode, "score", source=method(1))
    assert episode.left.flops == left


# Calls


@pytest.mark.parametrize(
    ("tool", "arguments", "words"),
    [
        ("open", {}, "there is no tool 'open'; there are read_docs"),
        ("score", {}, "score cannot be called so: source: Field required; it takes source, questions"),
        ("score", {"source": "x", "max_flops": 0}, "max_flops: Input should be greater than 0"),
        ("read_question", {"question": "a", "rows": 10**6}, "rows: Input should be less than or equal to 256"),
        ("list_methods", {"path": "/"}, "path: Extra inputs are not permitted; it takes no arguments"),
    ],
)
def test_what_is_no_call_is_refused_and_not_written(episode, environment, tool, arguments, words):
    with pytest.raises(ToolError, match=words):
        episode.call(tool, arguments)
    assert not environment.ledger.calls("mine")


def test_texts_that_no_ledger_holds_are_no_obstacle(episode):
    with pytest.raises(ToolError, match="unable to parse raw data as a unicode string"):
        episode.call("check", {"source": "\ud800"})
    assert not result(episode, "check", source='"""\0"""')["passed"]
    assert "`list_methods` lists" in refusal(episode, "read_method", name="\0\x1b[2J")
    assert result(episode, "submit", source=method(1), name="\0\x1b[2J")["status"] == "ok"


def test_a_job_is_polled_and_nothing_else_is_called_meanwhile(tmp_path):
    let_go = threading.Event()

    def check(source, name):
        assert let_go.wait(PATIENCE)
        return practice_check(source, name)

    with practice(tmp_path / "ledger.sqlite", check=check) as environment:
        episode = environment.reset(ASKED, name="mine")
        reply = episode.call("check", {"source": method(1)})
        assert (reply.status, reply.result) == ("running", None)
        assert episode.poll(reply.call).status == "running"
        with pytest.raises(ToolError, match=r"call 0 \(check\) is not done; poll it first"):
            episode.call("list_methods")
        let_go.set()
        assert finish(episode, reply.call).result["passed"]
        with pytest.raises(ToolError, match="there is no call 7 to poll; this episode has 1"):
            episode.poll(7)


def test_jobs_of_several_episodes_run_side_by_side(tmp_path):
    both = threading.Barrier(2, timeout=PATIENCE)

    def check(source, name):
        both.wait()  # neither comes past this alone
        return practice_check(source, name)

    config = CONFIG.model_copy(update={"side_by_side": 2})
    with practice(tmp_path / "ledger.sqlite", config=config, check=check) as environment:
        episodes = [environment.reset(ASKED) for _ in range(2)]
        calls = [episode.call("check", {"source": method(1)}).call for episode in episodes]
        assert all(finish(*each).result["passed"] for each in zip(episodes, calls, strict=True))


def test_what_fails_through_no_fault_of_the_method_is_not_charged_and_tried_again(tmp_path):
    failures = [OSError("/secret/path: disk full")]

    def check(source, name):
        if failures:
            raise failures.pop()
        return practice_check(source, name)

    with practice(tmp_path / "ledger.sqlite", check=check) as environment:
        episode = environment.reset(ASKED, name="mine")
        call = episode.call("check", {"source": method(1)}).call
        with pytest.raises(EpisodeError, match=r"call 0 \(check\) could not be done \(OSError\)") as raised:
            episode.poll(call, 60.0)
        assert "secret" not in str(raised.value)
        assert episode.left.checks == Budget().checks
        episode.poll(call)
        assert finish(episode, call).result["passed"]


def test_every_call_is_in_the_ledger_with_what_it_took(episode, environment):
    play(episode)
    ledger = environment.ledger
    calls, answers = ledger.calls("mine"), ledger.answers("mine")
    assert [call.tool for call in calls] == [tool for tool, _ in SCRIPT]
    assert [answer.number for answer in answers] == list(range(len(SCRIPT)))
    by_tool = {}
    for call, answer in zip(calls, answers, strict=True):
        by_tool.setdefault(call.tool, []).append(answer)
    assert [answer.flops > 0 for answer in by_tool["score"]] == [True, True, False]
    assert all(answer.seconds > 0 for tool in ("check", "score", "submit") for answer in by_tool[tool])
    assert "has no method" in by_tool["read_method"][0].error
    scores = [use for use in ledger.uses("mine") if use.kind == "score"]
    assert [answer.flops for answer in by_tool["score"]] == [use.flops for use in scores]
    (sent,) = [call for call in calls if call.tool == "submit"]
    assert ledger.source(sent.method) == method(1)
    assert ledger.proposals("mine")[0].name == "the first"


# Resumption


class KilledError(BaseException):
    """The process was killed."""


def killing(after, before_commit):
    """Return a ledger that ends everything at a write, before or after it is committed."""
    writes = iter(range(10**6))

    class Mortal(Ledger):
        dead = False

        def _writing(self):
            if Mortal.dead:
                raise KilledError
            return super()._writing()

        def _strike(self, verb, *arguments, **named):
            last = next(writes) == after
            if last and before_commit:
                Mortal.dead = True
                raise KilledError
            found = verb(*arguments, **named)
            if last:
                Mortal.dead = True
                raise KilledError
            return found

        def _add(self, *arguments):
            return self._strike(super()._add, *arguments)

        def add_evaluation(self, *arguments, **named):
            return self._strike(super().add_evaluation, *arguments, **named)

        def open_run(self, *arguments, **named):
            return self._strike(super().open_run, *arguments, **named)

    return Mortal


def exported(environment):
    """Return all that the ledger holds of the episode but the machine's own."""
    return list(environment.ledger.export("mine"))


def undisturbed(tmp_path):
    with practice(tmp_path / "whole.sqlite") as environment:
        episode = environment.reset(ASKED, BUDGET, name="mine")
        return play(episode), exported(environment)


@pytest.mark.parametrize(
    "moments", [range(1, 1000, 7), pytest.param(range(1000), marks=pytest.mark.trust)], ids=["some", "all"]
)
@pytest.mark.parametrize("before_commit", [True, False])
def test_an_episode_that_was_killed_goes_on_exactly_where_it_was(tmp_path, moments, before_commit):
    """At writes to the ledger, before or after they are committed: all replies, charges and records are the same."""
    replies, records = undisturbed(tmp_path)
    kills = 0
    for moment in moments:
        path = tmp_path / f"{moment}.sqlite"
        mortal = killing(moment, before_commit)
        with suppress(KilledError), practice(path, ledger=mortal) as environment:
            play(environment.reset(ASKED, BUDGET, name="mine"))
        if not mortal.dead:
            break  # it came to its end before that
        kills += 1
        with practice(path) as environment:
            episode = environment.reset(ASKED, BUDGET, name="mine")
            assert play(episode) == replies
            assert exported(environment) == records
    assert kills >= 40 // moments.step


def test_an_episode_that_is_over_does_nothing_when_it_is_opened_again(tmp_path):
    replies, records = undisturbed(tmp_path)
    arms = CountingArms()
    with practice(tmp_path / "whole.sqlite", arms=arms, check=None) as environment:
        episode = environment.reset(ASKED, BUDGET, name="mine")
        assert (timeless(episode), exported(environment)) == (replies, records)
        assert episode.done
    assert not arms.calls


def test_a_job_that_was_running_when_it_was_killed_is_taken_up_again(tmp_path):
    with practice(tmp_path / "ledger.sqlite", ledger=killing(3, True)) as environment:
        episode = environment.reset(ASKED, BUDGET, name="mine")
        with pytest.raises(KilledError):
            finish(episode, episode.call("check", {"source": method(1)}).call)
    with practice(tmp_path / "ledger.sqlite") as environment:
        episode = environment.reset(ASKED, BUDGET, name="mine")
        assert finish(episode, 0).result["passed"]


@pytest.mark.parametrize(
    "other",
    [{"seed": 1}, {"budget": Budget(flops=5)}, {"questions": StageSize(questions=2)}],
    ids=["seed", "budget", "questions"],
)
def test_an_episode_is_not_gone_on_with_under_another_configuration(environment, other):
    environment.reset(ASKED, BUDGET, name="mine").close()
    with pytest.raises(EpisodeError, match=r"'mine' was begun otherwise.*seed and kind of reward that it"):
        environment.reset(**{"questions": ASKED, "budget": BUDGET, "name": "mine", **other})


def test_an_episode_is_open_once_and_can_be_closed(environment):
    episode = environment.reset(ASKED, BUDGET, name="mine")
    with pytest.raises(EpisodeError, match="'mine' is open already"):
        environment.reset(ASKED, BUDGET, name="mine")
    result(episode, "check", source=method(1))
    episode.close()
    with pytest.raises(EpisodeError, match="is closed; reset"):
        episode.call("list_methods")
    again = environment.reset(ASKED, BUDGET, name="mine")
    assert (again.calls, again.left.checks) == (1, 2)


def test_new_episodes_have_names_of_their_own(environment):
    assert [environment.reset().name for _ in range(3)] == ["episode-1", "episode-2", "episode-3"]


def test_idle_episodes_are_light(environment):
    """A thousand fit into a gigabyte, whatever the environment itself takes."""
    environment.reset()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    kept = [environment.reset() for _ in range(20)]
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown / len(kept) < 2**20


# What cannot be reached


HELD_OUT = [table.question.hash for tables in VALIDATION.values() for table in tables]


@pytest.mark.parametrize("question", [*HELD_OUT, "/etc/passwd", "../truth", ""])
def test_no_held_out_question_is_read_or_scored(episode, question):
    assert "is no training question" in refusal(episode, "read_question", question=question)
    assert "is none of them" in refusal(episode, "score", source=method(1), questions=[HASHES[0], question])


@pytest.mark.parametrize("task", ["prompt_ceiling/words", "loss_quantile/kjv", "validation", "test"])
def test_no_episode_is_made_of_held_out_tasks(environment, task):
    with pytest.raises(Exception, match=r"of the (validation|test) split, and stage 'train' asks tasks of the train"):
        environment.reset(StageSize(questions=1, tasks=(task,)))


def test_no_environment_is_made_of_held_out_tasks(tmp_path, monkeypatch):
    monkeypatch.setitem(TRAINING, "prompt_ceiling/words", VALIDATION["prompt_ceiling/words"])
    with pytest.raises(EpisodeError, match="prompt_ceiling/words is no training task"), practice(tmp_path / "l.sqlite"):
        pass


def test_a_task_that_the_environment_lacks_is_named(environment):
    with pytest.raises(EpisodeError, match="was opened without shot_shapley/capitals; it has shot_shapley/antonyms"):
        environment.reset(StageSize(questions=1, tasks=("shot_shapley/capitals",)))


def test_an_agent_is_shown_nothing_of_other_episodes(environment):
    other = environment.reset(ASKED, BUDGET, name="other")
    result(other, "score", source=method(77))
    episode = environment.reset(ASKED, BUDGET, name="mine")
    assert "no method was scored in this episode" in refusal(episode, "last_score")
    play(episode, tuple(step for step in SCRIPT if step[0] != "last_score"))
    assert "Method 77" not in json.dumps([timeless(episode), episode.statement])


def test_no_reply_names_a_file_of_this_machine(tmp_path, episode):
    play(episode, SCRIPT[episode.calls :])
    told = json.dumps([timeless(episode), episode.statement])
    assert str(tmp_path) not in told
    assert "ledger.sqlite" not in told
    assert "/src/istar" not in told


def test_settings_of_a_search_hold_for_an_episode(environment):
    """It is another run of the same environment: what identifies it says so."""
    episode = environment.reset(ASKED, BUDGET, seed=5, name="mine")
    run = environment.ledger.run("mine")
    assert (run.config.researcher, run.config.seed, run.config.options["budget"]["checks"]) == ("episode", 5, 3)
    asked = run.config.options["rewarded"].values()
    assert sorted(each for questions in asked for each in questions) == sorted(episode._rewarded)
    assert run.config.options["executor_seeds"] == CONFIG.executor_seeds
