"""Threads and processes that write, read and prune one store, and a process killed at every moment of it."""

import os
import threading
from functools import partial

import pytest
from reaper import fork, killed_at, labels, moments, outcome

from istar.storage import Kind, Store
from istar.storage.bound import entries

PARTS = Kind("recordings", lambda value: [value[:100], value[100:]], b"".join)
STREAMS = Kind("streams", lambda value: [value], lambda parts: parts[0])


def value(number):
    return bytes([number % 256]) * (1000 + number)


def work(store, seed, rounds=60):
    """Write, read and prune, in an order of one's own; what is read is what was written."""
    for step in range(rounds):
        number = (seed * 7 + step * 5) % 12
        store.put(PARTS, {"number": number}, value(number))
        store.put(STREAMS, {"number": number}, value(number))
        for other in range(12):
            found = store.get(PARTS, {"number": other})
            assert found in (None, value(other))
    assert store.get(PARTS, {"number": number}) in (None, value(number))


@pytest.fixture
def store(tmp_path):
    """A store with room for some of what is written, so that everybody prunes all the time."""
    return Store(tmp_path / "cache", most_bytes=9000)


def check_bound(store):
    store.put(PARTS, {"number": 99}, value(99))
    assert sum(each.bytes for each in entries(store.folder)) <= store.most_bytes
    assert store.get(PARTS, {"number": 99}) == value(99)


def test_processes_side_by_side(store):
    children = [fork(partial(work, store, seed)) for seed in range(4)]
    assert [outcome(child) for child in children] == [0] * 4
    assert not list(store.folder.rglob(".*"))
    # every process looks for itself; the last word is that of whoever writes next
    Store(store.folder, store.most_bytes).put(PARTS, {"number": 0}, value(0))
    check_bound(store)


def test_threads_side_by_side(store):
    failures = []

    def live(seed):
        try:
            work(store, seed)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=live, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    check_bound(store)


def test_one_key_written_by_all_at_once(tmp_path):
    store = Store(tmp_path / "cache")

    def live():
        for _ in range(50):
            store.put(PARTS, {}, value(7))
            assert store.get(PARTS, {}) == value(7)

    children = [fork(live) for _ in range(3)]
    assert [outcome(child) for child in children] == [0] * 3
    assert len(list(entries(store.folder))) == 1


def test_a_store_whose_user_is_killed_at_every_moment_is_used_on(tmp_path):
    root, journal = tmp_path / "home", tmp_path / "journal"

    def live():
        work(Store(root / "cache", most_bytes=5000), 1, rounds=3)

    assert killed_at(live, root, journal, lambda *_: False) == 0
    number, kinds = moments(journal), {label.split()[1] for label in labels(journal)}
    assert {"mkdir", "open", "fsync", "rename", "remove"} <= kinds
    killed = 0
    for moment in range(1, number + 1, max(1, number // 16)):
        killed += killed_at(live, root, journal, lambda _l, _n, seen, wanted=moment: seen == wanted) == -9
        live()
        assert sum(each.bytes for each in entries(root)) <= 5000
    assert killed >= 8
    assert os.path.isdir(root / "cache")
