"""Evaluations of scripted models, and the logs they leave, where Inspect AI is installed."""

import json
from unittest import mock

import pytest
from inspect_ai import eval as evaluate
from inspect_ai.log import read_eval_log
from inspect_ai.model import ModelOutput, ModelUsage, get_model

from istar.arms.sandboxed import SandboxArms
from istar.environments import EpisodeError, open_environment, schemas
from istar.environments.inspect import GO_ON
from istar.protocol.config import ConfigError

TOKENS = 1000


def said(output):
    """Return what a model says with what it took, so that nothing is estimated."""
    output.usage = ModelUsage(input_tokens=TOKENS - 1, output_tokens=1, total_tokens=TOKENS)
    return output


def scripted(*turns):
    """Return a model that says one thing a turn, (tool, arguments) or words, in every sample, and the last for ever."""

    def turn(messages, tools, choice, config):
        assert {each.name for each in tools} == {each["name"] for each in schemas()}
        say = turns[min(sum(each.role == "assistant" for each in messages), len(turns) - 1)]
        if isinstance(say, str):
            return said(ModelOutput.from_content("mockllm/model", say))
        return said(ModelOutput.for_tool_call("mockllm/model", *say))

    return get_model("mockllm/model", custom_outputs=turn)


@pytest.fixture
def evaluated(settings, tmp_path):
    """Evaluate the task as a package's, and return its log, opened again."""
    (tmp_path / "settings.json").write_text(settings.model_dump_json())

    def run(*turns, **arguments):
        arguments = {"folder": str(tmp_path / "run"), "settings": str(tmp_path / "settings.json"), **arguments}
        (log,) = evaluate(
            "istar/method_research",
            model=scripted(*turns),
            task_args=arguments,
            log_dir=str(tmp_path / "logs"),
            display="none",
            fail_on_error=False,
        )
        return read_eval_log(log.location)

    return run


def score(sample):
    (found,) = sample.scores.values()
    return found


def answers(sample):
    return [json.loads(each.content) for each in sample.messages if each.role == "tool"]


def test_a_method_is_read_checked_scored_and_submitted(evaluated, settings, source, tmp_path):
    log = evaluated(
        ("read_docs", {"page": "contract"}),
        "Let me think.",
        ("check", {"source": source}),
        ("score", {"source": source}),
        ("submit", {"source": source, "name": "mine"}),
    )
    assert log.status == "success"
    (sample,) = log.samples
    assert sample.input == "Write a method."
    assert "def predict(question, runs, target, interpretation, prepared):" in sample.messages[0].text
    page, checked, _, submitted = answers(sample)
    assert len(page["result"]) > 1000
    assert checked["result"]["passed"]
    assert GO_ON in [each.text for each in sample.messages]
    assert (sample.limit, score(sample).value) == (None, submitted["result"]["reward"])
    assert score(sample).metadata["calls"] == 4
    with open_environment(tmp_path / "run", settings) as environment:
        (proposal,) = environment.ledger.proposals(score(sample).metadata["episode"])
        assert (proposal.name, environment.ledger.source(proposal.method)) == ("mine", source)


def test_flops_of_methods_end_a_sample_that_is_scored_all_the_same(evaluated, source):
    log = evaluated(("score", {"source": source}), ("submit", {"source": source}), flops_limit=10, no_reward=-2.0)
    (sample,) = log.samples
    assert log.status == "success"
    assert (sample.limit.type, sample.limit.limit) == ("custom", 10)
    assert "0 of them by the agent itself" in sample.limit.reason
    assert len(answers(sample)) == 1
    assert (score(sample).value, score(sample).explanation) == (-2.0, "no method was submitted; there is no reward")


def test_flops_of_the_agent_itself_end_a_sample_too(evaluated):
    log = evaluated(("list_methods", {}), flops_limit="7e6", agent_parameters=1000)
    (sample,) = log.samples
    assert sample.limit.type == "custom"
    assert len(answers(sample)) == 4  # each turn takes 2 * 1000 * 1000 FLOPs
    assert score(sample).metadata["left"]["flops"] == 10**15


def test_once_the_budget_is_spent_a_method_can_still_be_submitted(evaluated, source):
    both = [("score", {"source": source})] * 2
    log = evaluated(*both, ("submit", {"source": source}), flops=1)
    (sample,) = log.samples
    assert [each["status"] for each in answers(sample)] == ["done", "refused", "done"]
    assert score(sample).value == answers(sample)[-1]["result"]["reward"]


def test_samples_side_by_side_share_the_folder_and_are_episodes_of_their_own(evaluated, source):
    log = evaluated(("submit", {"source": source}), episodes=3, seed=5)
    assert [each.id for each in log.samples] == ["seed-5", "seed-6", "seed-7"]
    assert len({score(each).metadata["episode"] for each in log.samples}) == 3
    assert all(score(each).metadata["calls"] == 1 for each in log.samples)


def test_a_model_that_calls_nothing_is_ended_by_messages(evaluated):
    (sample,) = evaluated("I would rather not.", messages=9).samples
    assert (sample.limit.type, score(sample).value, score(sample).metadata["calls"]) == ("message", -1.0, 0)


def test_a_job_that_fails_through_no_fault_of_the_method_is_an_error_of_the_sample(evaluated, source):
    with mock.patch.object(SandboxArms, "baseline", side_effect=OSError("the disk is full")):
        (sample,) = evaluated(("score", {"source": source + "# other\n"})).samples
    assert "could not be done (OSError), through no fault of the method" in sample.error.message


@pytest.mark.parametrize(
    ("wrong", "kind", "why"),
    [
        ({"flops": 0}, EpisodeError, "no episode can have this budget: flops"),
        ({"flops_limit": "much"}, EpisodeError, "flops_limit is to be a number, 0 or more, such as 1e14, and 'much'"),
        ({"agent_parameters": -1}, EpisodeError, "agent_parameters is to be a number"),
        ({"settings": "none.json"}, EpisodeError, "there is no file of settings none.json"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_opened(evaluated, tmp_path, wrong, kind, why):
    with pytest.raises(kind, match=why):
        evaluated("nothing", **wrong)
    assert not (tmp_path / "run").exists()


def test_a_wrong_setting_is_named(evaluated, tmp_path):
    (tmp_path / "wrong.json").write_text('{"threads": 0}')
    with pytest.raises(ConfigError, match="threads"):
        evaluated("nothing", settings=str(tmp_path / "wrong.json"))
