"""Gymnasium's own checker and clients, run where Gymnasium is installed."""

import json

import gymnasium
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import SyncVectorEnv

from istar.environments import EpisodeError
from istar.environments.gymnasium import ID, MethodEnv
from istar.protocol.config import ConfigError


@pytest.fixture
def env(settings, tmp_path):
    with gymnasium.make(ID, folder=tmp_path / "episodes", settings=settings) as made:
        yield made


def step(env, tool, **arguments):
    said, *others = env.step(json.dumps({"tool": tool, "arguments": arguments}))
    assert said in env.observation_space
    return json.loads(said), *others


@pytest.mark.filterwarnings("error::UserWarning")
def test_gymnasium_finds_nothing_to_complain_of(env):
    check_env(env.unwrapped)


def test_nor_in_what_it_leaves_out_where_seconds_are_measured(settings, tmp_path):
    with MethodEnv(tmp_path / "episodes", settings) as env:
        assert env.spec is None
        check_env(env, skip_render_check=True)
        assert env.reset(seed=5) == env.reset(seed=5)


def test_a_method_is_checked_scored_and_submitted(env, source):
    statement, info = env.reset(seed=1)
    assert statement in env.observation_space
    assert '"name": "submit"' in statement
    for tool in ("check", "score"):
        said, reward, terminated, truncated, _ = step(env, tool, source=source)
        assert (said["status"], reward, terminated, truncated) == ("done", 0.0, False, False)
    said, reward, terminated, truncated, after = step(env, "submit", source=source)
    assert (reward, terminated, truncated) == (said["result"]["reward"], True, False)
    assert after["left"]["flops"] < info["left"]["flops"]


def test_a_method_that_fails_has_the_reward_that_was_stated(settings, tmp_path):
    with gymnasium.make(ID, folder=tmp_path / "e", settings=settings, no_reward=-7.0) as env:
        env.reset(seed=1)
        said, reward, terminated, *_ = step(env, "submit", source="import os\n")
        assert (said["result"]["status"], reward, terminated) == ("rejected", -7.0, True)


@pytest.mark.parametrize(
    ("action", "why"),
    [
        ("check it", "this is no JSON"),
        ("[" * 10**5, "this is no JSON"),
        ("[]", "this is no call; an action is JSON, such as"),
        ('{"tool": "check", "reward": 1}', "this is no call"),
        ('{"tool": "check", "arguments": 1}', "an action is JSON"),
        ('{"tool": "open_test"}', "there is no tool 'open_test'"),
        ('{"tool": "check", "arguments": {"path": "/"}}', "check cannot be called so"),
    ],
)
def test_what_is_no_call_is_refused_in_the_observation(env, action, why):
    env.reset(seed=1)
    said, reward, terminated, truncated, _ = env.step(action)
    assert why in json.loads(said)["error"]
    assert (reward, terminated, truncated) == (0.0, False, False)
    assert env.unwrapped._seat.episode.calls == 0


def test_an_episode_with_a_name_goes_on_where_it_was(settings, tmp_path):
    for calls in (0, 1):
        with gymnasium.make(ID, folder=tmp_path / "episodes", settings=settings) as env:
            env.reset(seed=1, options={"name": "mine"})
            assert env.unwrapped._seat.episode.calls == calls
            step(env, "list_methods")
    with (
        gymnasium.make(ID, folder=tmp_path / "episodes", settings=settings) as env,
        pytest.raises(EpisodeError, match="'mine' was begun otherwise"),
    ):
        env.reset(seed=2, options={"name": "mine"})


def test_environments_of_a_process_share_the_folder(settings, tmp_path):
    envs = SyncVectorEnv([lambda: gymnasium.make(ID, folder=tmp_path / "e", settings=settings)] * 2)
    envs.reset(seed=1)
    said = envs.step([json.dumps({"tool": "list_methods"})] * 2)[0]
    assert [json.loads(each)["status"] for each in said] == ["done", "done"]
    names = [each.unwrapped._seat.episode.name for each in envs.envs]
    assert len(set(names)) == 2
    other = gymnasium.make(ID, folder=tmp_path / "e", settings=settings.model_copy(update={"executor_seeds": 2}))
    with pytest.raises(EpisodeError, match="is open in this process with other settings"):
        other.reset()
    envs.close()


def test_what_is_wrong_is_said_before_anything_is_opened(settings, tmp_path):
    with pytest.raises(EpisodeError, match="no episode can have this budget: flops"):
        gymnasium.make(ID, folder=tmp_path / "e", settings=settings, budget={"flops": 0})
    with pytest.raises(EpisodeError, match="there is no file of settings"):
        gymnasium.make(ID, folder=tmp_path / "e", settings=tmp_path / "none.json")
    (tmp_path / "wrong.json").write_text('{"questions": 1}')
    with pytest.raises(ConfigError, match="no such setting"):
        gymnasium.make(ID, folder=tmp_path / "e", settings=tmp_path / "wrong.json")
    with pytest.raises(gymnasium.error.ResetNeeded):
        gymnasium.make(ID, folder=tmp_path / "e", settings=settings).unwrapped.step("{}")
    assert not (tmp_path / "e").exists()
