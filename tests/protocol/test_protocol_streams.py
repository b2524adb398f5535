"""Standard runs on disk: computed for the second who asks, read back to the bit, dropped when there are too many."""

import os

import numpy as np
import pytest

from istar.arms.streams import QuestionShelf, StreamStore
from istar.errors import CorruptDataError
from istar.targets.standard_runs import Bill, StandardRun

BATCHES = (np.array([4]), np.array([0, 2, 7]))


def standard_run(rows):
    values = np.random.default_rng(len(rows)).normal(size=(3, len(rows), 5)).astype(np.float32)
    return StandardRun(values, tuple(Bill({"mm": layer}, layer) for layer in range(3)))


def shelf(store, *key):
    return QuestionShelf(store, BATCHES, key or ("question",))


def test_what_two_have_asked_for_is_handed_to_the_third(tmp_path):
    store, computed = StreamStore(tmp_path), []

    def compute(rows):
        computed.append(rows.tolist())
        return standard_run(rows)

    for asked in range(3):
        one = shelf(store)
        found = one.take(1, 2)
        assert (found is not None) == (asked == 2)
        one.restock(compute)
        assert computed == ([[0, 2, 7]] if asked else [])
    assert found.values.tobytes() == standard_run(BATCHES[1]).values[2].tobytes()
    assert found.bill == Bill({"mm": 2}, 2)
    assert shelf(store).take(0, 1) is None
    assert shelf(store, "another question").take(1, 2) is None
    assert shelf(store).take(5, 0) is None


def test_of_two_who_ask_at_once_one_computes(tmp_path):
    store, computed = StreamStore(tmp_path), []
    first, second, third = shelf(store), shelf(store), shelf(store)
    for one in (first, second, third):
        one.take(1, 2)
    third.restock(standard_run)  # notes that it was wanted

    def compute(rows):
        second.restock(compute)  # as another thread would, meanwhile
        computed.append(rows.tolist())
        return standard_run(rows)

    first.restock(compute)
    assert computed == [[0, 2, 7]]
    second.take(1, 2)
    late = shelf(store)
    late.missing.add(1)  # it looked before the streams were there
    late.restock(compute)
    assert computed == [[0, 2, 7]]


def test_what_was_not_used_for_longest_is_dropped(tmp_path):
    store = StreamStore(tmp_path)
    paths = [store.path((name,)) for name in "abc"]
    for age, path in enumerate(paths[:2]):
        store.save(path, standard_run(BATCHES[1]))
        os.utime(path, (1000 + age, 1000 + age))
    store.most_bytes = 2 * paths[0].stat().st_size
    assert store.take(paths[0], 0) is not None  # and so was used last
    store.save(paths[2], standard_run(BATCHES[1]))
    assert store.take(paths[1], 0) is None
    assert store.take(paths[0], 0) is not None
    assert store.take(paths[2], 0) is not None


@pytest.mark.parametrize("damage", [lambda content: content[:-8], lambda content: b"x" + content, lambda content: b""])
def test_damaged_streams_are_an_error_that_names_the_file(tmp_path, damage):
    store = StreamStore(tmp_path)
    path = store.path(("question",))
    store.save(path, standard_run(BATCHES[1]))
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(CorruptDataError, match=path.name):
        store.take(path, 1)
