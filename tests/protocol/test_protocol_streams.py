"""Standard runs on disk: computed for the second who asks, read back to the bit."""

import numpy as np

from istar.arms.streams import STREAMS, QuestionShelf
from istar.storage import Store
from istar.targets.standard_runs import StandardRun, StreamBill

BATCHES = (np.array([4]), np.array([0, 2, 7]))


def standard_run(rows):
    values = np.random.default_rng(len(rows)).normal(size=(3, len(rows), 5)).astype(np.float32)
    return StandardRun(values, tuple(StreamBill({"mm": layer}, layer) for layer in range(3)))


def shelf(store, *key):
    return QuestionShelf(store, BATCHES, {"question": key or "the question"})


def test_what_two_have_asked_for_is_handed_to_the_third(tmp_path):
    store, computed = Store(tmp_path), []

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
    assert found.bill == StreamBill({"mm": 2}, 2)
    assert shelf(store).take(0, 1) is None
    assert shelf(store, "another question").take(1, 2) is None
    assert shelf(store).take(5, 0) is None


def test_a_layer_that_there_is_not_is_not_at_hand(tmp_path):
    """Whoever runs a method's code may ask for any; that is no damage."""
    store = Store(tmp_path)
    for _ in range(2):
        one = shelf(store)
        one.take(1, 2)
        one.restock(standard_run)
    for layer in (-1, 3, 2**70):
        assert shelf(store).take(1, layer) is None
    for batch in (-1, 2, 2**70):
        assert shelf(store).take(batch, 0) is None


def test_no_more_than_the_layer_that_is_asked_for_is_read(tmp_path):
    store = Store(tmp_path)
    for _ in range(2):
        one = shelf(store)
        one.take(1, 2)
        one.restock(standard_run)
    path = store.path(STREAMS, one.keys[1])
    path.write_bytes(path.read_bytes()[:-1] + b"?")  # of the last layer
    assert shelf(store).take(1, 1).values.tobytes() == standard_run(BATCHES[1]).values[1].tobytes()


def test_of_two_who_ask_at_once_one_computes(tmp_path):
    store, computed = Store(tmp_path), []
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
