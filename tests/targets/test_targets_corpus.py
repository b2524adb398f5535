import numpy as np
import pytest
import torch

from istar.seeds import Seed
from istar.targets import TargetError, load_target
from istar.targets import corpus as corpus_module
from istar.targets.corpus import build_corpus, prose, sample_text


def test_half_is_sampled_and_half_is_prose():
    target = load_target("tiny-random")
    corpus = build_corpus(target, 6, 40)
    assert [len(sequence) for sequence in corpus.tokens] == [40] * 6
    assert {sequence[0] for sequence in corpus.tokens} == {target.bos}
    for text, tokens in zip(corpus.texts, corpus.tokens, strict=True):
        assert text == target.decode(tokens[1:])
    assert all(text.isascii() and "[" not in text for text in corpus.texts[3:])
    assert len(set(corpus.texts)) == 6


def test_a_corpus_follows_from_target_and_seed(monkeypatch, tmp_path):
    target = load_target("tiny-random")
    first = build_corpus(target, 4, 16)
    other = build_corpus(target, 4, 16, Seed.root(1))
    assert first.hash != other.hash
    monkeypatch.setenv("ISTAR_HOME", str(tmp_path))
    torch.manual_seed(5)
    again = build_corpus(target, 4, 16)
    assert again == first
    assert again.hash == first.hash


def test_a_corpus_is_kept_on_disk(monkeypatch):
    target = load_target("tiny-random")
    first = build_corpus(target, 4, 16)
    monkeypatch.setattr(corpus_module, "sample_text", lambda *_: pytest.fail("sampled again"))
    assert build_corpus(target, 4, 16) == first


def test_samples_follow_the_targets_own_distribution():
    target = load_target("tiny-random")
    sampled = sample_text(target, 600, 2, Seed.root(3))
    counts = np.bincount([tokens[1] for tokens in sampled], minlength=258)
    expected = target.unembed(target.forward(torch.tensor([[target.bos]])))[0, -1].exp().numpy() * 600
    likely = expected > 5
    assert likely.sum() >= 5
    assert ((counts - expected)[likely] ** 2 / expected[likely]).mean() < 2


def test_cached_sampling_equals_whole_forwards():
    target = load_target("tiny-random")
    (tokens,) = sample_text(target, 1, 12, Seed.root(0))
    generator = torch.Generator().manual_seed(Seed.root(0).value)
    for position in range(1, 12):
        probabilities = target.unembed(target.forward(torch.tensor([tokens[:position]])))[:, -1].exp()
        assert int(torch.multinomial(probabilities, 1, generator=generator)) == tokens[position]


def test_prose_is_long_enough_and_starts_with_a_verse():
    target = load_target("tiny-random")
    passages = prose(target, 3, 600, Seed.root(0))
    assert [len(passage) for passage in passages] == [600] * 3
    assert all(target.decode(passage[1:2]).isupper() for passage in passages)


@pytest.mark.parametrize(("sequences", "length"), [(0, 8), (2, 1)])
def test_an_empty_corpus(sequences, length):
    with pytest.raises(TargetError, match=f"a corpus of {sequences} sequences of {length} tokens is empty"):
        build_corpus(load_target("tiny-random"), sequences, length)
