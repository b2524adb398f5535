import json
import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from istar.methods import Interpretation, MethodError, contract

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


class Unreadable(dict):
    """What a method's own class can be."""

    def items(self):
        raise IndexError("nothing here")


@given(data=JSON, shapes=st.lists(st.lists(st.integers(0, 3), max_size=3), max_size=3))
def test_bytes_give_back_the_interpretation(data, shapes):
    tensors = {f"tensor {number}": torch.randn(shape) for number, shape in enumerate(shapes)}
    again = Interpretation.from_bytes(Interpretation(tensors, data).to_bytes())
    assert again.data == json.loads(json.dumps(data))
    assert again.tensors.keys() == tensors.keys()
    assert all(torch.equal(again.tensors[name], tensors[name]) for name in tensors)


def test_views_and_gradients_are_stored_as_plain_tensors():
    base = torch.randn(4, 4, requires_grad=True)
    again = Interpretation.from_bytes(Interpretation({"part": base.T[:2], "same": base.T[:2]}).to_bytes())
    assert torch.equal(again.tensors["part"], base.T[:2])
    assert not again.tensors["part"].requires_grad


def test_the_hash_depends_on_tensors_and_data_but_not_on_their_order():
    one = Interpretation({"a": torch.ones(2), "b": torch.zeros(2)}, {"x": 1, "y": 2})
    other = Interpretation({"b": torch.zeros(2), "a": torch.ones(2)}, {"y": 2, "x": 1})
    assert one.hash == other.hash
    assert one.hash != Interpretation({"a": torch.ones(2), "b": torch.ones(2)}, {"x": 1, "y": 2}).hash
    assert one.hash != Interpretation(one.tensors, {"x": 1, "y": 3}).hash


@pytest.mark.parametrize(
    ("interpretation", "message"),
    [
        (Interpretation({"a": 3}), "'a' holds a int; put plain numbers and texts into `data`"),
        (Interpretation({}, {"a": torch.ones(1)}), "interpretation data must be JSON"),
        (Interpretation({}, float("nan")), "interpretation data must be JSON"),
        (Interpretation({}, {"a": {1, 2}}), "interpretation data must be JSON"),
        (Interpretation({}, Unreadable(a=1)), "interpretation data must be JSON"),
        (Interpretation([torch.ones(1)]), "dictionary of tensors by name, not a list; write Interpretation({'name'"),
        (Interpretation({"\ud800": torch.ones(1)}), r"no interpretation tensor can be called '\ud800'"),
        (Interpretation({"__metadata__": torch.ones(1)}), "no interpretation tensor can be called '__metadata__'"),
        (Interpretation({"a": torch.ones(1).cdouble()}), "tensors (torch.complex128) cannot be stored"),
        (Interpretation({"a" * 2**26: torch.ones(1)}), "the interpretation takes 64.0 MiB"),
    ],
)
def test_what_cannot_be_stored_is_named(interpretation, message):
    with pytest.raises(MethodError, match=re.escape(message)):
        interpretation.to_bytes()


def test_tensors_in_a_dictionary_of_the_methods_own_are_read_without_its_code():
    assert Interpretation.from_bytes(Interpretation(Unreadable(a=torch.ones(2))).to_bytes()).tensors["a"].sum() == 2


def test_the_size_is_capped_both_ways(monkeypatch):
    content = Interpretation({"a": torch.zeros(2**19)}).to_bytes()
    monkeypatch.setattr(contract, "INTERPRETATION_BYTES_LIMIT", 2**20)
    with pytest.raises(MethodError, match=r"takes 2\.0 MiB; the limit is 1 MiB"):
        Interpretation({"a": torch.zeros(2**19)}).to_bytes()
    with pytest.raises(MethodError, match="not a table of its outputs"):
        Interpretation({}, "x" * 2**21).to_bytes()
    monkeypatch.setattr(contract, "INTERPRETATION_BYTES_LIMIT", 2**19)
    with pytest.raises(MethodError, match="the limit is"):
        Interpretation.from_bytes(content)


@pytest.mark.parametrize("content", [b"", b"12345678", b"\xff" * 100, b"\x02\x00\x00\x00\x00\x00\x00\x00{}"])
def test_other_bytes_are_refused(content):
    with pytest.raises(MethodError, match="are not an interpretation"):
        Interpretation.from_bytes(content)
