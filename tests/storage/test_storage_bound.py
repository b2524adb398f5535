"""The store keeps to its bound, and what was not used for longest goes first."""

import os

import pytest

from istar.storage import Kind, Store, json_kind
from istar.storage.bound import DEFAULT, VARIABLE, Entry, StoreError, bound, drop, entries, parse_size

BYTES = Kind("recordings", lambda value: [value], lambda parts: parts[0])
STREAMS = Kind("streams", lambda value: [value], lambda parts: parts[0])
VALUE = bytes(5000)


def put(store, name, age=None, kind=BYTES):
    key = {"name": name}
    store.put(kind, key, VALUE)
    if age is not None:
        os.utime(store.path(kind, key), (10**6 - age, 10**6 - age))


def kept(store, kind=BYTES):
    return [name for name in "abcdefgh" if store.path(kind, {"name": name}).exists()]


@pytest.fixture
def size(tmp_path):
    store = Store(tmp_path / "one")
    put(store, "a")
    return next(entries(store.folder)).bytes


def test_what_was_not_used_for_longest_goes(tmp_path, size):
    store = Store(tmp_path / "cache", most_bytes=3 * size)
    for age, name in enumerate("abc"):
        put(store, name, age)
    assert kept(store) == ["a", "b", "c"]
    store.get(BYTES, {"name": "c"})  # and so was used last
    put(store, "d")
    assert kept(store) == ["a", "c", "d"]
    put(store, "e")
    assert kept(store) == ["c", "d", "e"]


def test_a_kind_of_a_smaller_share_drives_nothing_out(tmp_path, size):
    store = Store(tmp_path / "cache", most_bytes=4 * size)
    for age, name in enumerate("ab"):
        put(store, name, 100 + age)
    for age, name in enumerate("cdef"):
        put(store, name, 50 - age, STREAMS)
    assert kept(store) == ["a", "b"]
    assert kept(store, STREAMS) == ["e", "f"]


@pytest.mark.parametrize("most_bytes", [0, 5000])
def test_what_is_larger_than_the_bound_is_not_kept_and_drives_nothing_out(tmp_path, most_bytes):
    store = Store(tmp_path / "cache", most_bytes)
    small = json_kind("costs")
    if most_bytes:
        store.put(small, {}, 1)
    put(store, "a")
    assert store.get(BYTES, {"name": "a"}) is None
    assert store.get(small, {}) == (1 if most_bytes else None)


def test_a_process_looks_when_it_has_written_enough(tmp_path, size, monkeypatch):
    looked = []
    monkeypatch.setattr("istar.storage.bound.by_kind", lambda folder: looked.append(folder) or {})
    store = Store(tmp_path / "cache", most_bytes=64 * size)
    for name in "abcdefg":
        put(store, name)
    # at the first, and after every second from then on
    assert len(looked) == 4


def test_what_is_used_between_looking_and_dropping_stays(tmp_path):
    store = Store(tmp_path)
    put(store, "a", 5)
    (entry,) = entries(tmp_path)
    store.get(BYTES, {"name": "a"})
    assert not drop(entry)
    assert kept(store) == ["a"]
    (entry,) = entries(tmp_path)
    assert drop(entry)
    assert not drop(entry)  # another process was faster
    assert not drop(Entry(tmp_path / "none", 1, 1.0))


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("1000", 1000), ("20GB", 20 * 10**9), ("1.5 GiB", 3 * 2**29), ("5mb", 5 * 10**6), ("7 B", 7)],
)
def test_sizes(text, size):
    assert parse_size(text, "--to") == size


@pytest.mark.parametrize("text", ["", "GB", "-1", "1e9", "5x", "nan", "1,5GB", "5 GB more"])
def test_what_is_no_size_is_said_with_what_one_is(text):
    with pytest.raises(StoreError, match=r"--to is .*, which is no size; give a number of bytes .*such as 20GB"):
        parse_size(text, "--to")


def test_the_environment_sets_the_bound(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert bound() == Store().most_bytes == DEFAULT
    monkeypatch.setenv(VARIABLE, "5MB")
    assert bound() == Store().most_bytes == 5 * 10**6
    monkeypatch.setenv(VARIABLE, "much")
    with pytest.raises(StoreError, match="the environment variable ISTAR_CACHE_BYTES is 'much', which is no size"):
        Store()
