"""The embedded target as it is: its conversion, its loading, and packed values on real text."""

import numpy as np
import pytest
import torch

from istar.questions import Entropy, GreedyCorrect, KLFrom, Run, SpanLogprob, SpanMargin, build_trie
from istar.targets import embedded, load_target

pytestmark = pytest.mark.smollm2


@pytest.fixture(scope="module")
def smollm2():
    return load_target("smollm2-135m")


def test_loading_again_does_not_convert_again(smollm2, monkeypatch):
    monkeypatch.setattr(embedded, "_convert", lambda *_: pytest.fail("converted again"))
    again = load_target("smollm2-135m")
    assert again.id == smollm2.id
    assert (again.layers, again.width, again.vocabulary) == (30, 576, 49152)
    assert again.bos == 1


def test_it_knows_a_capital(smollm2):
    prompt = (smollm2.bos, *smollm2.encode("The capital of France is"))
    assert smollm2.decode([int(smollm2.unembed(smollm2.forward(torch.tensor([prompt])))[0, -1].argmax())]) == " Paris"


def test_packed_values_equal_unpacked_ones(smollm2):
    encode = smollm2.encode
    shots = [encode("hot -> cold\n"), encode("big -> small\n"), encode("up -> down\n")]
    runs = []
    reference = (smollm2.bos, *encode("fast ->"))
    for subset in range(8):
        shown = sum((shot for number, shot in enumerate(shots) if subset >> number & 1), ())
        for query, answer, foil in (("wet ->", " dry", " moist"), ("old ->", " young", " blue")):
            start = 1 + len(shown) + len(encode(query))
            tokens = (smollm2.bos, *shown, *encode(query), *encode(answer))
            runs.append(Run(tokens, SpanLogprob(start)))
            runs.append(Run(tokens, SpanMargin(start, encode(foil))))
            runs.append(Run(tokens[:start], Entropy()))
            runs.append(Run(tokens, GreedyCorrect(start)))
            runs.append(Run(tokens[:start], KLFrom(reference)))
    streams = smollm2.run(runs)
    assert streams.computed_tokens == build_trie(runs).unique_tokens
    expected = [smollm2.slow_value(run) for run in runs]
    np.testing.assert_allclose(smollm2.read(runs, streams), expected, atol=1e-3, rtol=0)
