"""`istar cache` shows what there is, and drops what it is asked to and nothing else."""

import json
import os
import time

import pytest

from istar.cli.app import ERROR, SUCCESS, run
from istar.storage import CACHED, Store, json_kind
from istar.storage.survey import DATA, EARLIER, OTHER, prune, survey

DAY = 86400
COSTS, CORPORA = json_kind("costs"), json_kind("corpora")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A data folder with something of everything."""
    monkeypatch.setenv("ISTAR_HOME", str(tmp_path))
    monkeypatch.delenv("ISTAR_CACHE_BYTES", raising=False)
    store, now = Store(), time.time()
    for kind, days in ((COSTS, 1), (COSTS, 10), (CORPORA, 20)):
        key = {"days": days}
        store.put(kind, key, list(range(100)))
        os.utime(store.path(kind, key), (now - days * DAY, now - days * DAY))
    for name, age in (
        ("truth/t/task/0-000.parquet", 100),
        ("truth-unfinished/t/q/1-0.npz", 100),
        ("targets/made/model.safetensors", 100),
        ("targets/made/config.json", 100),
        ("recordings/ab/abcd.recording", 3),
        ("streams/ab/abcd.wanted", 3),
        ("costs/rows/abcd.json", 30),
        ("cache/v0/costs/ab/abcd", 30),
        ("cache/v1/of-a-later-version/ab/abcd", 30),
        ("costs/mine.txt", 30),
        ("notes.txt", 30),
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * 10)
        os.utime(path, (now - age * DAY, now - age * DAY))
    return tmp_path


def counts(usages):
    return {each.kind: each.entries for each in usages if each.entries}


ALL = {"costs": 2, "corpora": 1, "truth": 1, "truth-unfinished": 1, "targets": 1, OTHER: 5}


def test_every_kind_is_shown_with_its_size_and_use(home):
    found = {each.kind: each for each in survey()}
    assert list(found) == [*CACHED, *DATA, OTHER]
    assert counts(found.values()) == ALL
    costs = found["costs"]
    assert costs.bytes == sum(path.stat().st_size for path in (home / "cache/v1/costs").rglob("*") if path.is_file())
    assert [round((time.time() - each) / DAY) for each in (costs.oldest, costs.newest)] == [10, 1]
    assert found["targets"].bytes == 20
    assert {each.kind for each in found.values() if each.role == "data"} == set(DATA)
    assert found[OTHER].role == "left by another version"


@pytest.mark.parametrize(
    ("asked", "gone"),
    [
        ({}, {OTHER: 5}),
        ({"kinds": ["costs"]}, {"costs": 2}),
        ({"kinds": [OTHER]}, {OTHER: 5}),
        ({"unused_for": 15}, {"corpora": 1, OTHER: 3}),
        ({"unused_for": 5, "kinds": ["costs", "truth"]}, {"costs": 1, "truth": 1}),
        ({"to": 0}, {"costs": 2, "corpora": 1, OTHER: 5}),
        ({"to": 10**6}, {OTHER: 5}),
        ({"kinds": ["targets"]}, {"targets": 1}),
        ({"kinds": ["truth"], "to": 100}, {}),
        ({"kinds": ["truth-unfinished", "streams"], "unused_for": 0}, {"truth-unfinished": 1}),
    ],
    ids=str,
)
def test_what_is_asked_for_goes_and_nothing_else(home, asked, gone):
    assert counts(prune(**asked, dry_run=True)) == gone
    assert counts(survey()) == ALL
    assert counts(prune(**asked)) == gone
    left = {kind: number - gone.get(kind, 0) for kind, number in ALL.items()}
    assert counts(survey()) == {kind: number for kind, number in left.items() if number}
    assert (home / "costs/mine.txt").exists()
    assert (home / "notes.txt").exists()
    assert prune(**asked) == []


def test_longest_unused_goes_first_to_a_size(home):
    size = next(path for path in (home / "cache/v1/costs").rglob("*") if path.is_file()).stat().st_size
    assert counts(prune(to=size + 50)) == {"corpora": 1, "costs": 1, OTHER: 5}
    assert Store().get(COSTS, {"days": 1}) is not None
    assert Store().get(COSTS, {"days": 10}) is None


def test_a_store_over_a_bound_that_was_lowered_is_held_to_it(home, monkeypatch):
    size = next(path for path in (home / "cache/v1/costs").rglob("*") if path.is_file()).stat().st_size
    monkeypatch.setenv("ISTAR_CACHE_BYTES", str(size))
    assert counts(prune()) == {"corpora": 1, "costs": 1, OTHER: 5}


def test_folders_of_earlier_versions_go_when_they_are_empty(home):
    prune()
    assert not (home / "recordings").exists()
    assert not (home / "streams").exists()
    assert (home / "costs").exists()  # something of the user's is in it


def test_every_earlier_kind_of_file_is_known(home):
    prune([OTHER])
    for folder, patterns in EARLIER.items():
        for pattern in patterns:
            place = home / folder / pattern.replace("*", "abcd")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(b"1")
    assert counts(survey())[OTHER] == sum(map(len, EARLIER.values()))


def test_the_command_shows_json_and_a_table(home, capsys):
    assert run(["cache", "--json"]) == SUCCESS
    shown = json.loads(capsys.readouterr().out)
    assert shown["folder"] == str(home)
    assert shown["bound"] == 32 * 2**30
    kinds = {each["kind"]: each for each in shown["kinds"]}
    assert kinds["costs"]["entries"] == 2
    assert kinds["recordings"]["oldest"] is None
    assert kinds["costs"]["newest"].endswith("+00:00")
    assert shown["bytes"] == kinds["costs"]["bytes"] + kinds["corpora"]["bytes"]
    assert run(["cache"]) == SUCCESS
    text = capsys.readouterr().out
    assert "of at most 34.4 GB (ISTAR_CACHE_BYTES)" in text
    assert "converted targets (data)" in text
    assert "left by another version" in text


def test_the_command_prunes_and_says_what(home, capsys):
    assert run(["cache", "prune", "--kind", "costs", "--unused-for", "5", "--dry-run", "--json"]) == SUCCESS
    shown = json.loads(capsys.readouterr().out)
    assert shown["dry_run"] is True
    assert [(each["kind"], each["entries"]) for each in shown["kinds"]] == [("costs", 1)]
    assert run(["cache", "prune", "--to", "0"]) == SUCCESS
    assert "gone: 8 entries" in capsys.readouterr().out
    assert run(["cache", "prune"]) == SUCCESS
    assert "gone: 0 entries, 0 B" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--kind", "curve"], "there is no kind 'curve' in the cache; there are recordings, interpretations,"),
        (["--to", "little"], "--to is 'little', which is no size"),
        (["--unused-for", "-1"], "-1 is no number of days; give 0 or more"),
        (["--unused-for", "nan"], "nan is no number of days"),
    ],
)
def test_what_cannot_be_asked_is_refused_and_nothing_goes(home, capsys, arguments, words):
    assert run(["cache", "prune", *arguments]) == ERROR
    assert words in capsys.readouterr().err
    assert counts(survey()) == ALL


def test_a_bound_that_is_none_is_refused_before_any_command_works(home, capsys, monkeypatch):
    monkeypatch.setenv("ISTAR_CACHE_BYTES", "lots")
    for command in (["cache"], ["score", "method.py"], ["truth", "build", "shot_shapley"]):
        assert run(command) == ERROR
        assert "the environment variable ISTAR_CACHE_BYTES is 'lots', which is no size" in capsys.readouterr().err
