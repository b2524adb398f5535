"""The length of sources and interpretations in bits."""

import bz2

import numpy as np
import pytest
import torch

from istar.methods import Interpretation, MethodError
from istar.methods.length import digits_needed, interpretation_bits, rounded, text_bits
from istar.methods.recording import ChannelBatch, Recording


def test_a_source_is_as_long_as_bzip2_makes_it():
    source = "def predict(question, runs, target, interpretation, prepared):\n    return target.read(runs)\n"
    assert text_bits(source) == 8 * len(bz2.compress(source.encode(), 9))
    assert text_bits(source * 50) < 3 * text_bits(source), "what repeats is said once"


def test_an_interpretation_of_nothing_costs_nothing():
    assert interpretation_bits(Interpretation()) == 0
    assert interpretation_bits(Interpretation(data={"layer": 3})) > 0


@pytest.mark.parametrize(
    "dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int32, torch.bool]
)
@pytest.mark.parametrize("shape", [(), (0,), (3, 5)])
def test_tensors_of_every_kind_have_a_length(dtype, shape):
    assert interpretation_bits(Interpretation({"kept": torch.ones(shape, dtype=dtype)})) > 0


def test_random_numbers_are_not_compressed_below_their_digits():
    numbers = torch.randn(20_000, generator=torch.Generator().manual_seed(0))
    whole = interpretation_bits(Interpretation({"w": numbers}))
    assert 24 * 20_000 < whole < 33 * 20_000
    lengths = {
        digits: interpretation_bits(rounded(Interpretation({"w": numbers}), digits)) / 20_000 for digits in (2, 6, 12)
    }
    # a digit more is about a bit more
    assert 3 < lengths[6] - lengths[2] < 5
    assert 5 < lengths[12] - lengths[6] < 7.5


def test_rounding_keeps_so_many_digits_and_leaves_what_has_no_more():
    kept = Interpretation(
        {"w": torch.tensor([1.0, 1.3, -1000.7, 0.0, 1e-30]), "n": torch.tensor([12345])}, {"layer": 3}
    )
    few = rounded(kept, 3)
    assert few.tensors["w"].tolist() == pytest.approx([1.0, 1.25, -1024.0, 0.0, 1e-30], rel=0.125)
    assert few.tensors["w"][:4].tolist() == [1.0, 1.25, -1024.0, 0.0]
    assert few.tensors["n"].item() == 12345
    assert few.data == {"layer": 3}
    assert torch.equal(rounded(kept, 24).tensors["w"], kept.tensors["w"])
    error = (rounded(kept, 8).tensors["w"] - kept.tensors["w"]).abs() / kept.tensors["w"].abs().clamp(min=1e-38)
    assert error.max() <= 2.0**-8


@pytest.mark.parametrize(("spread", "needed"), [(0.5, 8), (0.005, 16)])
def test_channels_need_as_many_digits_as_they_show(spread, needed):
    # d digits of a number between 1 and 2 are wrong by 2^(1 - d) / sqrt(12): a 64th of the deviation of what varies
    numbers = 1.5 + spread * (2 * torch.rand(4000, generator=torch.Generator().manual_seed(1), dtype=torch.float64) - 1)

    def record(interpretation):
        said = interpretation.tensors["w"].numpy()[:, None] - 1.5
        return Recording("m", "q", "t", "v2", (ChannelBatch(np.arange(4000), said.astype(np.float32), 1),), 0)

    assert digits_needed(Interpretation({"w": numbers}), record) == needed


@pytest.mark.parametrize("batches", [(), (ChannelBatch(np.arange(2), np.zeros((2, 0), dtype=np.float32), 1),)])
def test_of_a_method_that_says_nothing_nothing_can_be_told(batches):
    assert (
        digits_needed(Interpretation({"w": torch.ones(3)}), lambda _: Recording("m", "q", "t", "v2", batches, 0))
        is None
    )


def test_numbers_that_a_method_cannot_work_with_are_not_enough():
    def record(interpretation):
        if interpretation.tensors["w"][0] == 1.0:
            raise MethodError("singular")
        said = interpretation.tensors["w"][:, None].float().numpy()
        return Recording("m", "q", "t", "v2", (ChannelBatch(np.arange(2), said, 1),), 0)

    assert digits_needed(Interpretation({"w": torch.tensor([1.01, 100.0])}), record) == 8
    assert (
        digits_needed(Interpretation({"w": torch.tensor([1 + 2.0**-40, 100.0], dtype=torch.float64)}), record) is None
    )
