"""Which components the channels of each task use, on methods of which that is known."""

import numpy as np
import pytest
import torch

from istar.methods import Interpretation, MethodError
from istar.methods.recording import ChannelBatch, Recording
from istar.scenarios.components import BLOCKS, MOST, Uses, ablated, components_of, sharing, uses_of

ROWS = np.random.default_rng(0).standard_normal((64, 3))
LEARNED = Interpretation({"w": torch.tensor([[1.0, -1.0], [2.0, 0.5], [0.0, 3.0]]), "place": torch.arange(4)})


def says(components):
    """Record a channel that is a sum over rows of the tensor, so that it uses only those."""

    def record(interpretation):
        used = interpretation.tensors["w"][list(components), 0].numpy()
        channels = (ROWS[:, list(components)] @ used)[:, None].astype(np.float32)
        return Recording("", "", "", "", (ChannelBatch(np.arange(64), channels, 1),), 0)

    return record


def test_components_are_blocks_of_numbers_and_places_are_none():
    assert [str(each) for each in components_of(LEARNED)] == ["w[0:1]", "w[1:2]", "w[2:3]"]
    many = Interpretation({f"w{number}": torch.zeros(100, 2) for number in range(9)})
    assert len(components_of(many)) == MOST
    assert len([each for each in components_of(many) if each.tensor == "w0"]) == BLOCKS
    assert len(components_of(Interpretation({"scalar": torch.tensor(3.0)}))) == 1


def test_ablated_numbers_are_their_mean_and_others_stay():
    first, second, third = components_of(LEARNED)
    assert ablated(LEARNED, second).tensors["w"].tolist() == [[1.0, -1.0], [1.25, 1.25], [0.0, 3.0]]
    alike = Interpretation({"w": torch.full((3, 2), 2.0)})
    assert ablated(alike, third).tensors["w"].tolist() == [[2.0, 2.0], [2.0, 2.0], [0.0, 0.0]]
    assert LEARNED.tensors["w"][1].tolist() == [2.0, 0.5]
    assert ablated(LEARNED, first).tensors["w"][0].tolist() == [0.0, 0.0]


def test_only_components_that_are_used_change_channels():
    found = uses_of(LEARNED, {"a/x": says([0]), "b/y": says([1]), "silent/z": silent})
    assert found.tasks == ("a/x", "b/y")
    assert (found.effects > 0).tolist() == [[True, False, False], [False, True, False]]
    assert sharing(found).value == 0.0


def silent(_):
    return Recording("", "", "", "", (), 0)


def test_a_component_without_which_a_method_fails_decides_all():
    def needs_it(interpretation):
        if not torch.equal(interpretation.tensors["w"][2], LEARNED.tensors["w"][2]):
            raise MethodError("it is broken")
        return says([0])(interpretation)

    assert uses_of(LEARNED, {"a/x": needs_it}).effects[0, 2] == 1.0


def test_sharing_is_one_on_the_same_components_and_less_on_others():
    def of(*rows):
        return Uses(("x", "y", "z"), tuple(f"t{row}" for row in range(len(rows))), np.array(rows))

    assert sharing(of([0.2, 0.4, 0.0], [0.1, 0.2, 0.0])).value == pytest.approx(1.0)
    half = sharing(of([1.0, 1.0, 0.0], [0.0, 1.0, 1.0]))
    assert half.value == pytest.approx(0.5)
    assert half.about["components_used_by_several_tasks"] == pytest.approx(1 / 3)
    assert "1 of its tasks use 1 of 3 components" in sharing(of([1.0, 0.0, 0.0], [0.001, 0.0, 0.0])).missing
