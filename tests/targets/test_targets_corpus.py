import numpy as np
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from istar.seeds import Seed
from istar.targets import TargetError, load_target, wrap
from istar.targets import corpus as corpus_module
from istar.targets.corpus import build_corpus, prose, sample_text
from istar.targets.hashing import target_id
from istar.targets.tiny import byte_tokenizer, randomise


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


def test_no_token_is_sampled_that_the_tokenizer_does_not_know():
    config = LlamaConfig(
        vocab_size=400, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, bos_token_id=0
    )
    with torch.random.fork_rng(devices=[]):
        module = randomise(LlamaForCausalLM(config), seed=1)
    padded = wrap(module, byte_tokenizer(), "padded", target_id(module))
    assert (padded.vocabulary, len(padded.tokenizer)) == (400, 258)
    sampled = sample_text(padded, 40, 20, Seed.root(0))
    assert 200 < max(max(sequence) for sequence in sampled) < 258


def test_a_corpus_longer_than_its_books_is_refused(monkeypatch):
    monkeypatch.setattr(corpus_module, "BOOKS", (31,))  # Obadiah: 21 verses, which the passages have to come from
    target = load_target("tiny-random")
    assert [len(passage) for passage in prose(target, 3, 2000, Seed.root(0))] == [2000] * 3
    monkeypatch.setattr(corpus_module, "sample_text", lambda *_: pytest.fail("sampled before it was refused"))
    with pytest.raises(
        TargetError, match=r"sequences of 4000 tokens.*its prose is taken from hold 3\d\d\d; ask for shorter"
    ):
        build_corpus(target, 4, 4000)
