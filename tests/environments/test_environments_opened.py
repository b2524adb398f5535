"""Environments on the tiny target: real tables of all splits at hand, real jails, and the page's own example."""

import json
import re
from pathlib import Path
from unittest import mock

import pytest
from tiny_truth import build_tiny_truth

from istar.arms.sandboxed import SandboxArms
from istar.arms.sessions import SandboxSession
from istar.environments import EpisodeError, budget_of, open_environment
from istar.protocol.config import SearchConfig, StageSize
from istar.protocol.run_folder import RunFolderError
from istar.protocol.setup import TasksError
from istar.sandbox import tier_report
from istar.truth import load_tables

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home with small tables of a task of each split, and the tasks' names."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("home")
        patch.setenv("ISTAR_HOME", str(folder))
        yield folder, build_tiny_truth(patch)


@pytest.fixture(scope="module")
def config(home):
    return SearchConfig(
        target="tiny-random",
        threads=1,
        executor_seeds=1,
        corpus_sequences=4,
        corpus_length=24,
        train=StageSize(questions=2, tasks=(home[1]["train"],)),
        unsafe=not tier_report().safe,
    )


@pytest.fixture(scope="module")
def page():
    """The names that the page's example defines."""
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "environments.md").read_text(), re.DOTALL)
    names = {"__name__": "example"}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        exec(compile(code, "docs/environments.md", "exec"), names)
    return names


def test_the_page_s_agent_works_and_its_episode_is_found_again(config, home, page, tmp_path, capsys):
    folder, names = home
    loaded = mock.patch("istar.arms.task_questions.load_tables", side_effect=load_tables)
    begun = {"questions": config.train, "budget": budget_of(flops=10**14), "seed": 1, "name": "mine"}
    with loaded as load, open_environment(tmp_path / "episodes", config) as environment:
        episode = environment.reset(**begun)
        reward = page["act"](episode)
        assert (episode.done, reward) == (True, episode.reward)
        assert reward is not None
        assert "submit" in capsys.readouterr().out
        replies = [reply for _, reply in episode.transcript()]
        assert replies[2].result["passed"]
        assert len(replies[3].result["questions"]) == 1
        assert {table.question.family for table in environment.training.values()} == {"shot_shapley"}
        told = json.dumps([episode.statement, [reply.to_json() for reply in replies]])
    assert {call.args[0] for call in load.call_args_list} == {names["train"]}
    assert str(folder) not in told
    assert str(tmp_path) not in told
    assert not any(names[split] in told for split in ("validation", "test"))
    again = mock.patch.object(SandboxSession, "_recorded", side_effect=AssertionError("run again"))
    with again, open_environment(tmp_path / "episodes", config) as environment:
        episode = environment.reset(**begun)
        assert [reply for _, reply in episode.transcript()] == replies
        assert (episode.reward, episode.left) == (reward, replies[-1].left)


def test_what_was_recorded_before_a_kill_is_not_recorded_again(config, page, tmp_path):
    source = page["SOURCE"] + "# another\n"
    dies = mock.patch.object(SandboxArms, "white_box", side_effect=OSError("killed"))
    with dies, open_environment(tmp_path / "episodes", config) as environment:
        episode = environment.reset(name="mine")
        call = episode.call("score", {"source": source}).call
        with pytest.raises(EpisodeError, match=r"\(score\) could not be done \(OSError\)"):
            episode.poll(call, 300.0)
        assert episode.left.flops == episode.budget.flops
    again = mock.patch.object(SandboxSession, "_recorded", side_effect=AssertionError("run again"))
    with again, open_environment(tmp_path / "episodes", config) as environment:
        episode = environment.reset(name="mine")
        reply = episode.poll(call, 300.0)
        assert len(reply.result["questions"]) == 2
        assert reply.left.flops < episode.budget.flops


def test_what_is_held_out_cannot_be_named(config, home, tmp_path):
    _, names = home
    held_out = [load_tables(names[split], "tiny-random")[0].question.hash for split in ("validation", "test")]
    with open_environment(tmp_path / "episodes", config) as environment:
        episode = environment.reset(name="mine")
        for question in (*held_out, str(home[0] / "truth")):
            assert "is no training question" in episode.call("read_question", {"question": question}).error
            call = episode.call("score", {"source": "pass", "questions": [question]}).call
            assert "is none of them" in episode.poll(call, 60.0).error
        for split in ("validation", "test"):
            with pytest.raises(TasksError, match=f"of the {split} split"):
                environment.reset(StageSize(questions=1, tasks=(names[split],)))
    for split in ("validation", "test"):
        other = config.model_copy(update={"train": StageSize(questions=1, tasks=(names[split],))})
        with pytest.raises(TasksError, match=f"of the {split} split"), open_environment(tmp_path / split, other):
            pass
        assert not (tmp_path / split / "ledger.sqlite").exists()


def test_a_folder_is_opened_with_its_own_settings_alone(config, tmp_path):
    with open_environment(tmp_path / "episodes", config) as environment:
        environment.reset(name="mine")
        with pytest.raises(RunFolderError, match="another process"), open_environment(tmp_path / "episodes", config):
            pass
    other = config.model_copy(update={"executor_seeds": 2})
    with (
        pytest.raises(RunFolderError, match=r"has other settings \(differing: executor_seeds\)"),
        open_environment(tmp_path / "episodes", other),
    ):
        pass


def test_an_episode_that_is_closed_with_its_environment_can_be_gone_on_with(config, tmp_path):
    with open_environment(tmp_path / "episodes", config) as environment:
        episode = environment.reset(name="mine")
        episode.call("list_methods")
    with pytest.raises(EpisodeError, match="is closed"):
        episode.call("list_methods")
    with open_environment(tmp_path / "episodes", config) as environment:
        assert environment.reset(name="mine").calls == 1
