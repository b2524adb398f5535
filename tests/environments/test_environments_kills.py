"""An episode whose process is killed, whatever it is at, by the operating system."""

import multiprocessing
import random
import time

import pytest
from practice_episodes import BUDGET, TRAINING, play, practice

from istar.protocol.config import StageSize
from istar.testing.practice import VALIDATION

ASKED = StageSize(questions=1, tasks=tuple(TRAINING))


def played(path):
    """Play the episode to its end, and return its replies and all that the ledger holds of it and of the guard."""
    with practice(path, validation=VALIDATION) as environment:
        replies = play(environment.reset(ASKED, BUDGET, name="mine"))
        return replies, {run.name: list(environment.ledger.export(run.name)) for run in environment.ledger.runs()}


def killed(path, seconds):
    """Play it in a process that is killed after so many seconds; return whether it had come to its end."""
    process = multiprocessing.get_context("fork").Process(target=played, args=(path,))
    process.start()
    process.join(seconds)
    process.kill()
    process.join()
    return process.exitcode == 0


@pytest.mark.parametrize("kills", [4, pytest.param(50, marks=pytest.mark.trust)])
def test_nothing_is_lost_or_charged_twice(tmp_path, kills):
    start = time.monotonic()
    whole = played(tmp_path / "whole.sqlite")
    span, moments = time.monotonic() - start, random.Random(0)
    done = episodes = 0
    while done < kills:
        path, episodes = tmp_path / f"{episodes}.sqlite", episodes + 1
        while not killed(path, moments.uniform(0, span)):
            done += 1
            span *= 1.02  # a machine that has become busier lets it come to its end all the same
        assert played(path) == whole
