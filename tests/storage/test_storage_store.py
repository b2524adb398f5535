"""The store gives back what was put into it, or says that it is not what was written."""

import errno
import os
import random

import pytest

from istar import files
from istar.errors import CorruptDataError
from istar.files import StorageError, checksum
from istar.storage import Kind, Store, json_kind, kinds
from istar.storage.format import FORMAT, MAGIC, canonical, packed

NUMBERS = json_kind("corpora")
KEY = {"target": "t", "length": 3, "share": 1 / 3}


def halves(value):
    return [value[:4], value[4:]]


PARTED = Kind("streams", halves, list)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "cache")


def test_what_is_put_is_got_to_the_last_bit(store):
    assert store.get(NUMBERS, KEY) is None
    store.put(NUMBERS, KEY, [1 / 3, "é", None])
    assert store.get(NUMBERS, KEY) == [1 / 3, "é", None]
    store.put(NUMBERS, KEY, [2])
    assert store.get(NUMBERS, KEY) == [2]
    assert store.get(json_kind("costs"), KEY) is None
    assert not [path for path in store.folder.rglob("*") if path.is_file() and path != store.path(NUMBERS, KEY)]


@pytest.mark.parametrize("other", [{"target": "u"}, {"share": 0.3333}, {"more": None}])
def test_all_of_the_key_counts(store, other):
    store.put(NUMBERS, KEY, 1)
    assert store.get(NUMBERS, {**KEY, **other}) is None


@pytest.mark.parametrize("other", [{"version": 2}, {"libraries": ("numpy",)}, {"code": ("istar.seeds",)}])
def test_what_makes_a_kind_counts(store, other):
    store.put(NUMBERS, KEY, 1)
    assert store.get(json_kind("corpora", **other), KEY) is None


def test_plug_ins_count_where_their_code_may_decide(store, monkeypatch):
    ours = json_kind("questions", plugins=False)
    for kind in (NUMBERS, ours):
        store.put(kind, KEY, 1)
    monkeypatch.setattr(kinds, "plugin_identity", lambda: "edited")
    assert store.get(NUMBERS, KEY) is None
    assert store.get(ours, KEY) == 1


def test_a_part_is_read_without_the_others(store):
    store.put(PARTED, KEY, b"headtail")
    assert store.get(PARTED, KEY) == [b"head", b"tail"]
    path = store.path(PARTED, KEY)
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    assert store.get(PARTED, KEY, only=(0,)) == [b"head"]
    assert store.get(PARTED, KEY, only=()) == []
    with pytest.raises(CorruptDataError, match=f"the streams in {path} .*checksum of part 1 is wrong.*delete the file"):
        store.get(PARTED, KEY, only=(1,))
    for beyond in (2, -1, 10**30):
        assert store.get(PARTED, KEY, only=(0, beyond)) is None


def test_every_flipped_bit_is_found(store):
    store.put(PARTED, KEY, b"headtail")
    path = store.path(PARTED, KEY)
    content = path.read_bytes()
    for place in range(len(content)):
        damaged = bytearray(content)
        damaged[place] ^= 1 << random.Random(place).randrange(8)
        path.write_bytes(damaged)
        with pytest.raises(CorruptDataError, match=path.name):
            store.get(PARTED, KEY)


@pytest.mark.parametrize("cut", [0, 1, 40, 90, -4, -1])
def test_a_torn_or_longer_file_is_found(store, cut):
    store.put(PARTED, KEY, b"headtail")
    path = store.path(PARTED, KEY)
    content = path.read_bytes()
    for wrong in (content[:cut], content + b"\n"):
        path.write_bytes(wrong)
        with pytest.raises(CorruptDataError, match=r"is not what was written .*made again"):
            store.get(PARTED, KEY, only=(0,))


def test_a_file_under_anothers_name_is_found(store):
    store.put(NUMBERS, KEY, 1)
    other = store.path(NUMBERS, {})
    other.parent.mkdir(parents=True)
    store.path(NUMBERS, KEY).rename(other)
    with pytest.raises(CorruptDataError, match="it is of something else"):
        store.get(NUMBERS, {})


@pytest.mark.parametrize("parts", [[], [b"{"], [b"[" * 100_000], [b"1", b"2"], [b"\xff"]])
def test_what_cannot_be_decoded_is_damage_though_its_checksums_are_right(store, parts):
    store.put(NUMBERS, KEY, 1)
    path = store.path(NUMBERS, KEY)
    path.write_bytes(b"".join(packed(NUMBERS.facts(KEY), parts)))
    with pytest.raises(CorruptDataError, match=path.name):
        store.get(NUMBERS, KEY)


def test_a_header_that_claims_more_than_there_is_allocates_nothing(store):
    facts = PARTED.facts(KEY)
    for sizes in ([2**62, 8], [-8, 16]):
        store.put(PARTED, KEY, b"headtail")
        path = store.path(PARTED, KEY)
        header = canonical({"facts": facts, "sizes": sizes, "checksums": ["", ""]})
        path.write_bytes(MAGIC + checksum(header).encode() + b"\n" + header + b"\nheadtail")
        with pytest.raises(CorruptDataError, match="its size is wrong"):
            store.get(PARTED, KEY)


def test_a_folder_in_the_place_of_a_file_is_an_error_of_ours(store):
    store.path(NUMBERS, KEY).mkdir(parents=True)
    with pytest.raises(StorageError, match="cannot read"):
        store.get(NUMBERS, KEY)
    with pytest.raises(StorageError, match="cannot write"):
        store.put(NUMBERS, KEY, 1)


def test_what_is_obtained_is_made_once_and_kept_if_it_can_be(store, caplog, monkeypatch):
    made = []
    for _ in range(2):
        assert store.obtain(NUMBERS, KEY, lambda: made.append(1) or [7]) == [7]
    assert made == [1]

    def refuse(_descriptor):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(files.os, "fsync", refuse)
    assert store.obtain(NUMBERS, {}, lambda: [8]) == [8]
    assert "the corpus could not be kept: cannot write" in caplog.text
    with pytest.raises(StorageError, match="Read-only file system"):
        store.put(NUMBERS, {}, [8])
    assert store.get(NUMBERS, {}) is None


def test_a_kind_that_is_not_listed_is_refused():
    with pytest.raises(ValueError, match=r"'mine' is not among istar\.storage\.CACHED"):
        json_kind("mine")


def test_the_format_says_which_it_is(store):
    store.put(NUMBERS, KEY, 1)
    assert store.path(NUMBERS, KEY).read_bytes().startswith(b"istar cache %d " % FORMAT)


def test_reading_counts_as_use(store):
    store.put(NUMBERS, KEY, 1)
    path = store.path(NUMBERS, KEY)
    os.utime(path, (1000, 1000))
    store.get(NUMBERS, KEY)
    assert path.stat().st_mtime > 1e9
