"""Which tokens may come next: those whose text goes on with the beginning of a sentence.

A token may end within a word, or reach over several pieces. What may come next depends on the text alone, however it
was cut into tokens.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from istar.researchers.grpo.text import Prefix, SentenceText
from istar.researchers.researcher import ResearcherError


class Tokenizer(Protocol):
    """What a target offers of its tokenizer."""

    def encode(self, text: str) -> tuple[int, ...]:
        """Return the tokens of a text, without special tokens around it."""

    def decode(self, tokens: Sequence[int]) -> str:
        """Return the text of tokens."""


class TokenMasks:
    """The tokens that may come next, for every beginning of a sentence.

    Args:
        text: the sentences.
        tokens: the text of each token.

    Raises:
        ResearcherError: no token stands for a character that sentences are made of.
    """

    def __init__(self, text: SentenceText, tokens: Mapping[int, str]) -> None:
        """See the class docstring."""
        missing = sorted(text.alphabet - set(tokens.values()))
        if missing:
            raise ResearcherError(
                f"the model's tokenizer has no token for {', '.join(map(repr, missing))}, which sentences of the "
                "grammar are made of; take another model, or other `words`"
            )
        self.text, self.tokens = text, tokens
        self._trie: dict[str, Any] = {}
        for number, written in tokens.items():
            node = self._trie
            for character in written:
                node = node.setdefault(character, {})
            node.setdefault("", []).append(number)  # no character is empty
        self._allowed: dict[Prefix, dict[int, Prefix]] = {}

    def allowed(self, prefix: Prefix) -> dict[int, Prefix]:
        """Return the tokens that may come next, in ascending order, each with the beginning that it makes.

        None may once the sentence is complete; before, one can always.
        """
        if prefix not in self._allowed:
            found: dict[int, Prefix] = {}
            self._walk(self._trie, prefix, found)
            self._allowed[prefix] = dict(sorted(found.items()))
        return self._allowed[prefix]

    def _walk(self, node: Mapping[str, Any], prefix: Prefix, found: dict[int, Prefix]) -> None:
        found.update(dict.fromkeys(node.get("", ()), prefix))
        for character, after in self.text.characters(prefix).items():
            if character in node:
                self._walk(node[character], after, found)


def token_texts(tokenizer: Tokenizer, vocabulary: int, alphabet: frozenset[str]) -> dict[int, str]:
    """Return the text of each token that is made of an alphabet, as it stands behind another token.

    Args:
        tokenizer: the tokenizer.
        vocabulary: tokens are numbered below this.
        alphabet: the characters; tokens with others, special ones above all, are left out.
    """
    (*_, anchor) = tokenizer.encode("a")
    before = tokenizer.decode((anchor,))
    texts = {}
    for token in range(vocabulary):
        both = tokenizer.decode((anchor, token))  # alone, some tokenizers drop a leading blank
        text = both.removeprefix(before)
        if text and both.startswith(before) and alphabet.issuperset(text):
            texts[token] = text
    return texts
