"""A served environment and OpenEnv's own clients and validator, where OpenEnv is installed."""

import socket
import threading
from contextlib import contextmanager

import pytest
import uvicorn
from openenv.cli._validation import validate_running_environment
from openenv.core import GenericEnvClient

from istar.environments import budget_of, open_environment, schemas
from istar.environments.openenv import LONGEST_POLL, main, make_app
from measured import PATIENCE, eventually


@pytest.fixture(scope="module")
def environment(settings, tmp_path_factory):
    with open_environment(tmp_path_factory.mktemp("run") / "episodes", settings) as opened:
        yield opened


@contextmanager
def served(environment, **settings):
    """Serve an environment at an address that is free, and give the address."""
    app = make_app(environment, budget_of(flops=10**12, checks=3), **settings)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            assert eventually(lambda: server.started)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(PATIENCE)


@pytest.fixture(scope="module")
def address(environment):
    with served(environment) as at:
        yield at


@contextmanager
def client(address):
    with GenericEnvClient(base_url=address).sync() as opened:
        yield opened


def act(client, tool, **arguments):
    return client.step({"tool": tool, "arguments": arguments})


def finished(client, step):
    """Poll a job until it is done."""
    while step.observation["status"] == "running":
        step = act(client, "poll", call=step.observation["call"], seconds=1.0)
    return step


def test_a_running_server_is_valid(address):
    report = validate_running_environment(address, timeout_s=PATIENCE)
    assert report["passed"], report["criteria"]
    assert report["mode"] == "simulation"


def test_jobs_are_polled_and_the_reward_comes_with_the_submission(address, source):
    with client(address) as agent:
        begun = agent.reset(seed=1)
        assert (
            "def predict(question, runs, target, interpretation, prepared):" in begun.observation["result"]["statement"]
        )
        assert begun.observation["result"]["tools"] == schemas()
        assert (begun.reward, begun.done) == (None, False)
        job = act(agent, "check", source=source)
        assert job.observation["status"] in ("running", "done")
        checked = finished(agent, job)
        assert checked.observation["result"]["passed"]
        assert checked.observation["left"]["checks"] == 2
        assert (checked.reward, checked.done) == (None, False)
        submitted = finished(agent, act(agent, "submit", source=source))
        assert submitted.done
        assert submitted.reward == submitted.observation["result"]["reward"]
        assert agent.state()["step_count"] >= 2


def test_two_clients_at_once_have_episodes_of_their_own(environment, address, source):
    with client(address) as one, client(address) as other:
        one.reset(seed=1)
        other.reset(seed=1)
        jobs = [act(one, "score", source=source), act(other, "check", source=source)]
        score, check = finished(one, jobs[0]), finished(other, jobs[1])
        assert score.observation["result"]["questions"]
        assert check.observation["result"]["passed"]
        assert "no method was scored in this episode" in act(other, "last_score").observation["error"]
        ids = [each.state()["episode_id"] for each in (one, other)]
        assert len({len(each) for each in ids}) == 1
        assert len(set(ids)) == 2
        assert all(len(environment.ledger.calls(each)) >= 1 for each in ids)


@pytest.mark.parametrize(
    ("tool", "arguments", "why"),
    [
        ("unseal", {}, "there is no tool 'unseal'"),
        ("check", {"path": "/"}, "check cannot be called so"),
        ("poll", {}, "poll cannot be called so"),
        ("poll", {"call": True}, "poll cannot be called so"),
        ("poll", {"call": 0, "seconds": "1"}, "poll cannot be called so"),
        ("poll", {"call": 0, "seconds": -1}, "poll cannot be called so"),
        ("poll", {"call": 7}, "there is no call 7 to poll"),
    ],
)
def test_what_is_no_call_is_refused_in_the_observation(address, tool, arguments, why):
    with client(address) as agent:
        agent.reset()
        refused = act(agent, tool, **arguments)
        assert refused.observation["status"] == "refused"
        assert why in refused.observation["error"]
        assert (refused.reward, refused.done) == (None, False)


def test_a_client_that_was_cut_off_goes_on_where_it_was(address, source):
    with client(address) as agent:
        agent.reset(seed=1)
        name = agent.state()["episode_id"]
        job = act(agent, "check", source=source).observation["call"]
    with client(address) as agent:

        def again():
            try:
                return agent.reset(seed=1, episode_id=name)
            except RuntimeError:  # it is open already: the server notices a moment later that the other one has gone
                return None

        assert eventually(lambda: again() is not None)
        checked = finished(agent, act(agent, "poll", call=job))
        assert checked.observation["left"]["checks"] == 2


def test_idle_sessions_are_taken_away_and_others_find_room(environment):
    with served(environment, sessions=1, idle_seconds=0.1) as address, client(address) as idle:
        idle.reset()
        open_before = len(environment._open)
        assert eventually(lambda: len(environment._open) < open_before)

        def room():
            try:
                with client(address) as other:
                    other.reset()
            except (RuntimeError, ConnectionError):
                return False
            return True

        assert eventually(room)
        for asked in (lambda: act(idle, "list_methods"), idle.reset):
            with pytest.raises(RuntimeError, match=r"this seat was given up.*connect again"):
                asked()


def test_a_poll_ends_before_clients_give_up(environment):
    assert GenericEnvClient(base_url="http://localhost")._message_timeout > LONGEST_POLL


def test_what_is_wrong_is_said_before_anything_is_served(tmp_path, capsys):
    (tmp_path / "settings.json").write_text("{}")
    for wrong, why in (
        (["--settings", "none.json"], "there is no file of settings none.json"),
        (["--settings", str(tmp_path / "settings.json"), "--flops", "0"], "no episode can have this budget: flops"),
    ):
        assert main(["--folder", str(tmp_path / "run"), *wrong]) == 1
        assert why in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
