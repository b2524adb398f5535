"""The door for TRL: a plain class whose public methods are an episode's tools, as TRL wants it."""

import json

import pytest
from practice_episodes import BUDGET, method, practice
from transformers.utils.chat_template_utils import get_json_schema

from istar.environments import schemas
from istar.environments.trl import MethodEnvironment


@pytest.fixture
def environment(tmp_path):
    with practice(tmp_path / "ledger.sqlite") as opened:
        yield opened


def test_tools_have_the_schemas_of_an_episode(environment):
    made = MethodEnvironment(environment)
    for schema in schemas():
        found = get_json_schema(getattr(made, schema["name"]))["function"]
        wanted = schema["parameters"]
        assert found["name"] == schema["name"]
        assert found["description"] == schema["description"]
        assert found["parameters"].get("required", []) == wanted.get("required", [])
        assert found["parameters"]["properties"].keys() == wanted["properties"].keys()
        for name, argument in found["parameters"]["properties"].items():
            assert argument["description"] == wanted["properties"][name]["description"]
    public = {name for name in dir(made) if not name.startswith("_")}
    assert public == {"reset", "get_reward", *(each["name"] for each in schemas())}


def test_a_seed_of_the_row_draws_the_questions_and_the_rest_of_it_is_nothing(environment):
    one, other = MethodEnvironment(environment), MethodEnvironment(environment)
    assert one.reset(seed=3, prompt=[], anything=1) == other.reset(seed=3)
    assert one._seat.episode.name != other._seat.episode.name
    assert one._seat.episode._rewarded == other._seat.episode._rewarded


def test_a_rollout_that_submits_nothing_has_the_reward_that_was_stated(environment):
    made = MethodEnvironment(environment, BUDGET.model_copy(update={"checks": 1}), no_reward=-4.0)
    made.reset()
    assert json.loads(made.check(source=method(1)))["left"]["checks"] == 0
    assert json.loads(made.check(source=method(1)))["status"] == "refused"
    assert made.get_reward() == -4.0
    made.submit(source=method(1))
    assert made.get_reward() != -4.0
    made.reset()
    assert made.get_reward() == -4.0
