"""A disk that is full or can only be read: an error says so, nothing is half-written, and the search goes on later."""

import errno
import os
import subprocess
from pathlib import Path

import forged
import pytest
from damage import kinds
from kills import at_home
from privileges import give_up_capabilities, read_only
from reaper import fork, outcome

from istar import files
from istar.errors import IstarError
from istar.files import (
    StorageError,
    check_destination,
    sweep,
    write_whole,
)
from istar.ledger import Ledger
from istar.protocol.run_folder import RunFolder


def test_a_failed_write_leaves_the_old_file_and_names_it(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_whole(path, b"old")
    with monkeypatch.context() as patched:
        patched.setattr(files.os, "fsync", _full)
        with pytest.raises(StorageError, match=f"cannot write {path}: No space left on device; free some space"):
            write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def _full(_descriptor):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_what_a_killed_writer_left_is_swept_and_what_is_being_written_stays(tmp_path):
    (tmp_path / "deep").mkdir()
    left = tmp_path / "deep" / f".0123{files.PARTIAL}"
    left.write_bytes(b"half")
    descriptor, busy = files._locked_temporary(tmp_path / "deep" / "file")
    assert sweep(tmp_path) == 1
    assert not left.exists()
    assert busy.exists()
    os.close(descriptor)
    assert sweep(tmp_path) == 1


@pytest.mark.parametrize("number", [1, 9, 40])
def test_a_search_stops_at_a_full_disk_and_goes_on_later(tmp_path, fresh_home, monkeypatch, undisturbed, number):
    calls = []
    fsync = os.fsync

    def sometimes(descriptor):
        calls.append(descriptor)
        return _full(descriptor) if len(calls) >= number else fsync(descriptor)

    with at_home(fresh_home("home")):
        with monkeypatch.context() as patched:
            patched.setattr(files.os, "fsync", sometimes)
            with pytest.raises(StorageError, match=f"cannot write {tmp_path}.*free some space"):
                forged.search_and_unseal(tmp_path / "runs", forged.config())
        assert not list(tmp_path.rglob(f"*{files.PARTIAL}"))
        forged.search_and_unseal(tmp_path / "runs", forged.config())
        assert forged.export(tmp_path / "runs") == undisturbed


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own, of a given size; it can be made larger."""
    disk = tmp_path / "disk"
    disk.mkdir()

    def mount(size, *options):
        command = ["mount", "-t", "tmpfs", "-o", ",".join((f"size={size}k", *options)), "tmpfs", str(disk)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    if os.geteuid() or not mount(64):
        pytest.skip("file systems can be mounted by root alone, and not in every container")
    try:
        yield disk, lambda size: mount(size, "remount")
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_search_on_a_disk_that_really_fills_up(small_disk, undisturbed):
    disk, resize = small_disk
    sizes, stops = [], []
    with at_home(disk / "home"):
        for size in (100, 160, 300, 500, 20_000):
            assert resize(size)
            try:
                forged.write_tables()
                forged.search_and_unseal(disk / "runs", forged.config())
                sizes.append(size)
            except IstarError as error:
                stops.append(str(error))
        assert sizes
        assert stops
        assert all("free some space" in stop for stop in stops), stops
        assert forged.export(disk / "runs") == undisturbed


def _in_a_process_of_no_privileges(task):
    def poor():
        give_up_capabilities()
        task()

    assert outcome(fork(poor)) == 0


def test_what_is_stored_can_be_read_where_nothing_can_be_written(tmp_path):
    for kind in kinds(tmp_path):
        if kind.name == "ledger":
            continue
        expected = kind.read()

        def read(kind=kind, expected=expected):
            assert kind.read() == expected

        with read_only(tmp_path):
            _in_a_process_of_no_privileges(read)


def test_a_ledger_is_read_where_nothing_can_be_written(tmp_path):
    *_, kind = kinds(tmp_path)
    expected = kind.read()

    def read():
        with Ledger(kind.path, read_only=True) as ledger:
            assert (list(ledger.export("run")), ledger.runs()) == expected[:2]
        with pytest.raises(IstarError, match=r"ledger\.sqlite"), Ledger(kind.path) as ledger:
            ledger.finish_run("run")

    with read_only(tmp_path):
        _in_a_process_of_no_privileges(read)


def test_a_search_is_refused_before_any_work_where_nothing_can_be_kept(tmp_path, fresh_home):
    with at_home(fresh_home("home")):
        forged.search_and_unseal(tmp_path / "runs", forged.config())

        def refused(runs, where):
            with pytest.raises(StorageError, match=f"cannot (write|create).*{where}") as caught:
                forged.search_and_unseal(runs, forged.config())
            assert "choose a folder that you may write to" in str(caught.value)

        with read_only(tmp_path / "home"):
            _in_a_process_of_no_privileges(lambda: refused(tmp_path / "others", "home"))
        with read_only(tmp_path / "runs"):
            _in_a_process_of_no_privileges(lambda: refused(tmp_path / "runs", "runs"))


def test_a_place_for_a_result_is_checked_before_the_work(tmp_path):
    check_destination(tmp_path / "new" / "page.html")
    (tmp_path / "file").touch()
    wrong = {tmp_path: "it is a folder", tmp_path / "file" / "page.html": "a file where a folder should be"}
    for path, words in wrong.items():
        with pytest.raises(StorageError, match=words):
            check_destination(path)
    assert RunFolder(Path(tmp_path)).name == tmp_path.name
