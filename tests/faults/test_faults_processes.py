"""Several processes at one thing, lost workers, and a clock that jumps."""

import datetime
import errno
import itertools
import multiprocessing
import os
import signal
import time
from contextlib import nullcontext
from types import SimpleNamespace
from unittest import mock

import forged
import numpy as np
import pytest
from forged import ForgedArms, ForgedWorker
from kills import at_home
from reaper import Reaper, fork, labels, outcome

from istar.files import StorageError
from istar.flops import CostModel
from istar.ledger import Ledger
from istar.ledger import writer as ledgers
from istar.protocol.run_folder import RunFolder, RunFolderError
from istar.sandbox import WorkerLostError
from istar.testing.stores import same_table
from istar.truth import ParquetStore, build_table
from istar.truth import build as building
from measured import PATIENCE


@pytest.fixture
def home(fresh_home):
    with at_home(fresh_home("home")) as here:
        yield here


def test_a_run_is_one_processs_until_it_ends_however_it_ends(tmp_path):
    folder = RunFolder(tmp_path)
    holds = multiprocessing.get_context("fork").Event()

    def hold():
        with folder.alone():
            holds.set()
            signal.pause()

    child = fork(hold)
    assert holds.wait(PATIENCE)
    with pytest.raises(RunFolderError, match=f"another process \\(number {child}\\) works on the run"), folder.alone():
        pass
    os.kill(child, 9)
    outcome(child)
    with folder.alone(), pytest.raises(RunFolderError, match=f"number {os.getpid()}"), folder.alone():
        pass


def test_a_folder_without_locks_is_not_said_to_be_anothers(tmp_path):
    refusal = OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
    with (
        mock.patch("fcntl.flock", side_effect=refusal),
        pytest.raises(
            StorageError, match=r"cannot lock .*No locks available; on a file system without locks two searches"
        ),
        RunFolder(tmp_path).alone(),
    ):
        pass


def test_two_searches_of_one_run_on_one_ledger_leave_what_one_leaves(tmp_path, fresh_home, undisturbed, make_url):
    """As two machines may do it, which no lock of a folder keeps apart."""
    url = make_url()

    def search(number):
        with (
            at_home(fresh_home(f"home-{number}")),
            mock.patch.object(RunFolder, "alone", return_value=nullcontext()),
            mock.patch.object(RunFolder, "ledger", lambda _, read_only=False: Ledger(url, read_only=read_only)),
        ):
            forged.search_and_unseal(tmp_path / "runs", forged.config())

    children = [fork(lambda number=number: search(number)) for number in range(2)]
    assert [outcome(child) for child in children] == [0, 0]
    with Ledger(url) as ledger:
        assert list(ledger.export(forged.RUN)) == undisturbed


class Slow:
    """A target whose runs take their time, and which says what it ran."""

    module = SimpleNamespace(config=SimpleNamespace(model_type="llama"))
    id, name, dtype, costs = forged.TARGET, "made-up", "float32", CostModel(per_token=1000, per_pair=10, per_read=100)

    def __init__(self, log):
        self.log = log

    def iter_values(self, runs, progress=None):
        for start in range(0, len(runs), 4):
            piece = runs[start : start + 4]
            time.sleep(0.01)
            with self.log.open("a") as stream:
                stream.writelines(f"{run.tokens}\n" for run in piece)
            yield np.arange(start, start + len(piece)), np.array([float(sum(run.tokens)) for run in piece])


def build(folder, log):
    asked, store = forged.table("shot_shapley/antonyms", 0), ParquetStore(folder / "truth")
    if asked.key in store:
        return store.read(asked.key)
    with (
        mock.patch.object(building, "SECONDS_BETWEEN_PIECES", 0.0),
        mock.patch.object(building, "setup_prices", return_value={}),
    ):
        unfinished = folder / "truth-unfinished"
        return build_table(Slow(log), asked.question, folder=unfinished, keep=store.write)


def test_two_processes_build_one_table(tmp_path):
    expected = build(tmp_path / "alone", tmp_path / "log")
    children = [fork(lambda: build(tmp_path / "shared", tmp_path / "log") and None) for _ in range(2)]
    assert [outcome(child) for child in children] == [0, 0]
    assert same_table(ParquetStore(tmp_path / "shared" / "truth").read(expected.key), expected)
    assert not list((tmp_path / "shared" / "truth-unfinished").iterdir())


def test_a_table_whose_builder_is_killed_at_every_moment(tmp_path):
    expected = build(tmp_path / "alone", tmp_path / "log")
    rows = len((tmp_path / "log").read_text().splitlines())
    (tmp_path / "log").unlink()
    place, journal = tmp_path / "killed", tmp_path / "journal"

    def killed(number):
        def live():
            Reaper(place, lambda _l, _n, seen: seen == number, journal).install()
            build(place, tmp_path / "log")

        return outcome(fork(live))

    ends = [killed(number) for number in itertools.chain(range(1, 40, 3), [10**6])]
    assert ends[-1] == 0
    assert ends.count(-9) >= 6
    assert {"load: rename truth-unfinished", "load: rename truth"} <= set(labels(journal))
    assert same_table(ParquetStore(place / "truth").read(expected.key), expected)
    # a kill loses no more than the piece that was being computed or written
    assert len((tmp_path / "log").read_text().splitlines()) <= rows + 4 * ends.count(-9)


class LosingArms(ForgedArms):
    """Arms whose workers are killed by somebody else, a number of times."""

    losses = 0

    def worker(self, source, name):
        if LosingArms.losses:
            LosingArms.losses -= 1
            return nullcontext(LostWorker(source, "0" * 64))
        return super().worker(source, name)


class LostWorker(ForgedWorker):
    def interpret(self, corpus, seed=0):
        raise WorkerLostError("the whole worker died while it ran a method")

    def record(self, *_, **__):
        raise WorkerLostError("the whole worker died while it ran a method")


@pytest.mark.parametrize(("losses", "harmed"), [(1, False), (2, True)])
def test_a_lost_worker_is_replaced_once(tmp_path, home, undisturbed, losses, harmed):
    LosingArms.losses = losses
    with mock.patch.object(forged, "ForgedArms", LosingArms):
        forged.search_and_unseal(tmp_path / "runs", forged.config())
    assert LosingArms.losses == 0
    lines = forged.export(tmp_path / "runs")
    assert (lines != undisturbed) == harmed
    assert any("the whole worker died" in line for line in lines) == harmed


def test_a_clock_that_jumps_changes_nothing(tmp_path, home, undisturbed):
    jumps = itertools.cycle([0.0, 4e9, 1.0, 1.7e9])

    class Jumping(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.datetime.fromtimestamp(next(jumps), tz)

    with (
        mock.patch.object(time, "time", side_effect=lambda: next(jumps)),
        mock.patch.object(ledgers, "datetime", SimpleNamespace(datetime=Jumping, UTC=datetime.UTC)),
    ):
        forged.search_and_unseal(tmp_path / "runs", forged.config())
    assert forged.export(tmp_path / "runs") == undisturbed


@pytest.mark.slow
def test_one_worker_and_two_leave_the_same_ledger(tmp_path, fresh_home):
    """Under settings by which no method's fate depends on those evaluated before it: side by side, it cannot."""
    exports = []
    for width in (1, 2, 2):
        with at_home(fresh_home(f"home-{len(exports)}")):
            settings = forged.config(side_by_side=width, validate_best=99, prune_level=0.0)
            forged.search_and_unseal(tmp_path / str(len(exports)), settings)
        exports.append([line for line in forged.export(tmp_path / str(len(exports))) if '"table": "runs"' not in line])
    assert len(exports[0]) > 100
    assert exports[0] == exports[1] == exports[2]
