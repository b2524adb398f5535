"""A seat: text in, text out, a number for every end; a folder opened once; and doors whose library is not there."""

import json
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest
from practice_episodes import BUDGET, HASHES, CountingArms, method, practice

import istar.environments
from istar.environments import EpisodeError
from istar.environments.seat import NO_REWARD, Seat, read_settings, shared_environment
from istar.methods.contract import MethodError
from istar.protocol.config import SearchConfig
from istar.testing.practice import practice_check

DOORS = {"gymnasium": "gymnasium", "inspect": "inspect_ai", "openenv": "openenv", "trl": "", "verifiers": "verifiers"}
"""The library that each door imports, if it imports any."""


@pytest.fixture
def environment(tmp_path):
    with practice(tmp_path / "ledger.sqlite") as opened:
        yield opened


@pytest.fixture
def seat(environment):
    sat = Seat(environment, BUDGET)
    sat.begin(seed=1)
    return sat


def said(told):
    assert told.text.isascii()
    return json.loads(told.text)


def test_calls_wait_for_their_jobs_and_are_told_as_text(seat):
    told = seat.call("check", {"source": method(1)})
    assert said(told)["result"]["passed"]
    assert said(told)["left"]["checks"] == 2
    assert set(said(told)) == {"status", "result", "left"}
    assert said(seat.call("score", {"source": method(1), "questions": HASHES}))["status"] == told.status == "done"


@pytest.mark.parametrize(
    ("tool", "arguments", "why"),
    [
        ("unseal", {}, "there is no tool 'unseal'"),
        ("check", {"path": "/etc/passwd"}, "check cannot be called so"),
        ("read_method", {"name": "no such"}, "the library has no method 'no such'"),
    ],
)
def test_what_is_no_call_or_cannot_be_done_is_refused_in_words(seat, tool, arguments, why):
    told = seat.call(tool, arguments)
    assert (told.status, said(told)["status"]) == ("refused", "refused")
    assert why in said(told)["error"]
    assert said(told)["left"]["checks"] == 3


def test_every_end_has_a_number(environment):
    seat = Seat(environment, BUDGET, no_reward=-3.0)
    assert (seat.done, seat.reward) == (False, -3.0)
    seat.begin()
    seat.call("submit", {"source": "import os\n"})
    assert (seat.done, seat.reward) == (True, -3.0)
    seat.begin()
    assert (seat.done, seat.reward) == (False, -3.0)
    seat.call("submit", {"source": method(1)})
    assert seat.reward == seat.episode.reward != -3.0


def test_a_method_that_fails_has_no_reward_of_its_own(tmp_path):
    class Failing(CountingArms):
        def asked(self, what):
            if what.startswith("evaluate"):
                raise MethodError("it broke")

    with practice(tmp_path / "ledger.sqlite", arms=Failing()) as environment:
        seat = Seat(environment, BUDGET)
        seat.begin()
        assert said(seat.call("submit", {"source": method(1)}))["result"]["status"] == "error"
        assert seat.reward == NO_REWARD


def test_a_seat_closes_the_episode_before_it_begins_another_and_goes_on_with_one(environment):
    seat = Seat(environment, BUDGET)
    assert "nothing to poll" in seat.begin(seed=1, name="mine")
    first = seat.episode
    first.call("check", {"source": method(1)})
    seat.begin(seed=2)
    with pytest.raises(EpisodeError, match="is closed"):
        first.call("list_methods")
    seat.begin(seed=1, name="mine")
    assert (seat.episode.calls, seat.episode.left.checks) == (1, 2)
    seat.close()
    with pytest.raises(EpisodeError, match="no episode was begun here; reset first"):
        seat.call("list_methods", {})


def test_a_seat_where_jobs_are_polled_says_nothing_of_waiting_and_waits_for_none(environment):
    seat = Seat(environment, BUDGET)
    assert seat.begin(wait=False) == seat.episode.statement


def test_a_job_that_could_not_be_done_is_taken_up_by_the_next_call(tmp_path):
    checks = iter([OSError("the disk is full"), OSError("still"), None])

    def check(source, name):
        if error := next(checks):
            raise error
        return practice_check(source, name)

    with practice(tmp_path / "ledger.sqlite", check=check) as environment:
        seat = Seat(environment, BUDGET)
        seat.begin()
        for tool, arguments in (("check", {"source": method(1)}), ("list_methods", {})):
            with pytest.raises(EpisodeError, match=r"\(check\) could not be done"):
                seat.call(tool, arguments)
        assert seat.call("list_methods", {}).status == "done"
        assert (seat.episode.calls, seat.episode.left.checks) == (2, 2)


def test_an_episode_with_a_job_that_was_killed_is_taken_up_before_anything_is_asked(tmp_path):
    with practice(tmp_path / "ledger.sqlite", check=lambda *_: (_ for _ in ()).throw(OSError("killed"))) as environment:
        seat = Seat(environment, BUDGET)
        seat.begin(name="mine")
        with pytest.raises(EpisodeError, match=r"\(check\) could not be done"):
            seat.call("check", {"source": method(1)})
    with practice(tmp_path / "ledger.sqlite") as environment:
        seat = Seat(environment, BUDGET)
        seat.begin(name="mine")
        assert seat.episode.left.checks == 2
        assert seat.call("list_methods", {}).status == "done"


# The environment of a folder


def test_a_folder_is_opened_by_the_first_and_closed_by_the_last(tmp_path):
    opened = mock.MagicMock()
    with mock.patch("istar.environments.seat.open_environment", opened):
        with shared_environment(tmp_path / "e", SearchConfig()) as one:
            with shared_environment(tmp_path / "." / "e", SearchConfig()) as other:
                assert one is other
                assert opened.call_count == 1
            with (
                pytest.raises(EpisodeError, match="is open in this process with other settings; name another folder"),
                shared_environment(tmp_path / "e", SearchConfig(threads=3)),
            ):
                pass
            assert opened.return_value.__exit__.call_count == 0
        assert opened.return_value.__exit__.call_count == 1
        with shared_environment(tmp_path / "e", SearchConfig(threads=3)):
            assert opened.call_count == 2


def test_an_environment_that_cannot_be_opened_leaves_nothing_behind(tmp_path):
    for _ in range(2):
        with pytest.raises(Exception, match="no_such_task"), shared_environment(tmp_path / "e", _named("no_such_task")):
            pass
    assert not (tmp_path / "e").exists()


def _named(task):
    return SearchConfig(train={"questions": 1, "tasks": (task,)})


def test_settings_are_read_from_a_file(tmp_path):
    (tmp_path / "settings.json").write_text('{"threads": 3}')
    assert read_settings(str(tmp_path / "settings.json")) == SearchConfig(threads=3)
    with pytest.raises(EpisodeError, match=r"there is no file of settings .*none\.json; write one"):
        read_settings(tmp_path / "none.json")


# Doors


@pytest.mark.parametrize("door", [door for door, library in DOORS.items() if library])
def test_a_door_without_its_library_says_what_to_install(door):
    code = f"import sys; sys.modules[{DOORS[door]!r}] = None; import istar.environments.{door}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    said = done.stderr.splitlines()[-1]
    assert f"istar.environments.{door} needs what the extra `{door}` brings" in said
    assert f"`pip install --constraint constraints/{door}.txt 'istar[{door}]'` installs it" in said


def test_each_door_has_a_page_constraints_and_tests():
    root = Path(__file__).parents[2]
    folder = Path(istar.environments.__file__).parent
    assert {each.stem for each in (root / "constraints").glob("*.txt")} == set(DOORS)
    assert {each.stem for each in (root / "docs" / "environments").glob("*.md")} == set(DOORS)
    for door in DOORS:
        assert (folder / f"{door}.py").exists()
        assert (root / "tests" / "environments" / "doors" / f"{door}_door.py").exists()
