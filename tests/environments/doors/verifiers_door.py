"""Evaluations against an endpoint that streams, where verifiers is installed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from own_environment import PLUGIN, run

from istar.environments import EpisodeError, schemas
from istar.environments.verifiers import MethodTaskset, MethodTasksetConfig

ENDPOINT = Path(__file__).parent / "streaming_endpoint.py"
MODULE = 'from istar.environments.verifiers import MethodTaskset\n\n__all__ = ["MethodTaskset"]\n'


@pytest.fixture
def evaluated(settings, tmp_path):
    """Evaluate a script and return the traces of the rollouts and what the endpoint was asked."""
    (tmp_path / "settings.json").write_text(settings.model_dump_json())
    (tmp_path / "method_research.py").write_text(MODULE)

    def evaluate(script, *options):
        (tmp_path / "script.json").write_text(json.dumps(script))
        variables = os.environ | {"ISTAR_PLUGINS": str(PLUGIN), "PYTHONPATH": str(tmp_path), "ANY_KEY": "any"}
        with subprocess.Popen(
            [sys.executable, str(ENDPOINT), "script.json"], cwd=tmp_path, stdout=subprocess.PIPE, text=True
        ) as endpoint:
            address = endpoint.stdout.readline().strip()
            run(
                "vf-eval method_research --env.taskset.folder run --env.taskset.settings settings.json "
                "--env.agent.harness.id null --env.agent.runtime.type subprocess --no-push --no-rich --run.dir first "
                f"--model any --client.base-url {address} --client.api-key-var ANY_KEY {' '.join(options)}",
                variables,
                tmp_path,
            )
            endpoint.terminate()
            asked = [json.loads(line) for line in endpoint.stdout]
        lines = (tmp_path / "outputs" / "first" / "traces.jsonl").read_text().splitlines()
        episodes = [json.loads(line) for line in lines]
        assert all(each["ok"] for each in episodes), [each["errors"] for each in episodes]
        return [each["traces"][0] for each in episodes], asked

    return evaluate


def replies(trace):
    return [node["message"]["content"] for node in trace["nodes"] if node["message"]["role"] == "tool"]


def test_rollouts_side_by_side_have_episodes_of_their_own_and_are_rewarded(evaluated, source):
    traces, asked = evaluated(
        [["statement", {}], ["check", {"source": source}], ["submit", {"source": source}]],
        "--env.taskset.episodes 2 --num-rollouts 2",
    )
    assert len(traces) == 4
    assert len({each["info"]["episode"] for each in traces}) == 4
    assert {each["task"]["data"]["seed"] for each in traces} == {0, 1}
    for trace in traces:
        statement, checked = replies(trace)[:2]
        assert statement.startswith("# Write a method that saves computation")
        assert json.loads(checked)["result"]["passed"]
        assert trace["stop_condition"] == "is_submitted"
        assert trace["rewards"]["training_reward"]["score"] > -1.0
    assert all(each["stream"] for each in asked)
    offered = {each["name"]: each for each in asked[0]["tools"]}
    assert offered.keys() == {"statement", *(each["name"] for each in schemas())}
    for schema in schemas():
        found = offered[schema["name"]]["parameters"]
        assert found.get("required", []) == schema["parameters"].get("required", [])
        assert {name: each["description"] for name, each in found["properties"].items()} == {
            name: each["description"] for name, each in schema["parameters"]["properties"].items()
        }


def test_a_rollout_that_submits_nothing_has_the_reward_that_was_stated(evaluated):
    (trace,), _ = evaluated(
        [["read_method", {"name": "no such"}], "I would rather not."], "--env.taskset.no_reward -3.0"
    )
    assert "the library has no method 'no such'" in replies(trace)[0]
    assert trace["rewards"]["training_reward"]["score"] == -3.0


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"settings": ""}, "state `folder` and `settings`"),
        ({"settings": "none.json"}, "there is no file of settings none.json"),
        ({"budget": {"flops": 0}}, "no episode can have this budget: flops"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_run(tmp_path, wrong, why):
    (tmp_path / "settings.json").write_text("{}")
    stated = {"folder": str(tmp_path / "run"), "settings": str(tmp_path / "settings.json")}
    with pytest.raises(EpisodeError, match=why):
        MethodTaskset(MethodTasksetConfig(**stated | wrong))
