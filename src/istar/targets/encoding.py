r"""Text to tokens: whatever the tokenizer, what a model reads is the text it is given, to the last space.

Texts are encoded apart and their tokens joined, so that runs which share a text share its tokens. Tokenizers made for
whole documents put a space of their own before each text (SentencePiece's dummy prefix, `add_prefix_space` of those at
byte level) or swallow white space beside added tokens; joined, such pieces read `hard  ->  soft \n even`. So a copy of
the tokenizer encodes, with all of this turned off, and every text is decoded again between two first tokens, as it will
stand in a run: where other text comes back, the tokenizer is refused with the reason. That it cannot be turned off
(tokenizers written in Python, WordPiece, normalisers that change characters) is found out in the same way.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import Any

from istar.targets.errors import TargetError

SHOWN = 60
"""How much of a text an error shows."""


class TokenizerError(TargetError):
    """A tokenizer that cannot write a text as tokens which read as that text."""


def first_token(tokenizer: Any) -> int:
    """Return the token that every run starts with: attention needs it as a sink.

    Models without a beginning-of-sequence token (Qwen) use their end-of-sequence token in its place.

    Raises:
        TokenizerError: the tokenizer has neither.
    """
    token = tokenizer.bos_token_id
    if token is None:
        token = tokenizer.eos_token_id
    if token is None:
        raise TokenizerError(
            f"the tokenizer {type(tokenizer).__name__} has neither a beginning- nor an end-of-sequence token; every "
            "run starts with one, so set `bos_token`"
        )
    return int(token)


class Encoding:
    """A tokenizer that adds nothing and loses nothing.

    Args:
        tokenizer: a Hugging Face tokenizer, or anything with `encode`, `decode`, `bos_token_id` and `eos_token_id`.

    Raises:
        TokenizerError: it has no token to start a run with.
    """

    def __init__(self, tokenizer: Any) -> None:
        """See the class docstring."""
        self.bos = first_token(tokenizer)
        self._tokenizer = tokenizer
        self._bare = _bare(tokenizer)

    @cached_property
    def _border(self) -> str:
        """How the token that every run starts with reads."""
        return self._plain_decode([self.bos])

    def encode(self, text: str, unknown: bool = False) -> tuple[int, ...]:
        """Return the tokens of a text, without special tokens around it.

        Args:
            text: any text.
            unknown: whether characters that the vocabulary lacks may become its unknown token.

        Raises:
            TokenizerError: the tokens do not read as the text.
        """
        if self._bare is None:
            tokens = tuple(self._tokenizer.encode(text, add_special_tokens=False))
        else:
            tokens = tuple(self._bare.encode(text, add_special_tokens=False).ids)
        read = self._plain_decode([self.bos, *tokens, self.bos])
        if not self._reads_as(text, read, tokens, unknown):
            raise self._refusal(text, read.removeprefix(self._border).removesuffix(self._border))
        return tokens

    def decode(self, tokens: Sequence[int]) -> str:
        """Return the text of tokens as it reads inside a run, special tokens included."""
        if self._bare is None:
            return self._plain_decode(tokens)
        # at the beginning of a sequence decoders take away the space that encoders put there
        return self._plain_decode([self.bos, *tokens]).removeprefix(self._border)

    def _plain_decode(self, tokens: Sequence[int]) -> str:
        if self._bare is not None:  # the original shows an added token as its normaliser makes it, prefix and all
            return str(self._bare.decode(list(tokens), skip_special_tokens=False))
        options = {"skip_special_tokens": False, "clean_up_tokenization_spaces": False}
        return str(self._tokenizer.decode(list(tokens), **options))

    def _reads_as(self, text: str, read: str, tokens: Sequence[int], unknown: bool) -> bool:
        wanted = self._border + text + self._border
        if read == wanted:
            return True
        read, wanted = (unicodedata.normalize("NFC", each) for each in (read, wanted))  # the same text by Unicode
        lacking = getattr(self._tokenizer, "unk_token_id", None)
        if not unknown or lacking is None or lacking not in tokens:
            return read == wanted
        known = read.split(self._plain_decode([int(lacking)]))
        place = 0
        for part in known:
            place = wanted.find(part, place) + len(part)
            if place < len(part):
                return False
        return wanted.startswith(known[0]) and wanted.endswith(known[-1])

    def _refusal(self, text: str, read: str) -> TokenizerError:
        kind = type(self._tokenizer).__name__
        if "".join(text.split()) == "".join(read.split()):
            reason = "it adds or loses white space"
        elif text.casefold() == read.casefold():
            reason = "it changes the case of letters"
        else:
            reason = "it lacks or changes characters"
        turned = (
            ""
            if self._bare is not None or not _written_in_python(self._tokenizer)
            else ("; a tokenizer written in Python cannot be told otherwise, so save it as a fast one (tokenizer.json)")
        )
        return TokenizerError(
            f"the tokenizer {kind} writes {_shown(text)} so that the model reads {_shown(read)}: {reason}{turned}. A "
            "model must read a question's own text; ask this of a target whose tokenizer keeps it"
        )


def _shown(text: str) -> str:
    return repr(text if len(text) <= SHOWN else text[:SHOWN] + "...")


def _written_in_python(tokenizer: Any) -> bool:
    return getattr(tokenizer, "is_fast", None) is False


def encoding_of(tokenizer: Any) -> Encoding:
    """Return the encoding of a tokenizer, made once for as long as no token is added to it.

    Raises:
        TokenizerError: it has no token to start a run with.
    """
    return _encoding(tokenizer, len(tokenizer) if hasattr(tokenizer, "__len__") else 0)


@lru_cache(maxsize=8)
def _encoding(tokenizer: Any, _tokens: int) -> Encoding:
    return Encoding(tokenizer)


def _backend(tokenizer: Any) -> Any | None:
    """Return the part of a fast tokenizer that is not written in Python; None of any other tokenizer."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    return backend if hasattr(backend, "to_str") else None


def _bare(tokenizer: Any) -> Any | None:
    """Return a copy of a fast tokenizer's backend that adds and strips nothing; None if there is nothing to change."""
    backend = _backend(tokenizer)
    if backend is None:
        return None
    parts = {name: _state(getattr(backend, name)) for name in ("normalizer", "pre_tokenizer")}
    bare = {name: _without_prefix(part) for name, part in parts.items()}
    stripping = any(added.lstrip or added.rstrip for added in backend.get_added_tokens_decoder().values())
    if bare == parts and not stripping:
        return None
    from tokenizers import Tokenizer

    whole = json.loads(backend.to_str())
    whole |= bare | {"truncation": None, "padding": None}
    for added in whole["added_tokens"]:
        added["lstrip"] = added["rstrip"] = False
    copy = Tokenizer.from_str(json.dumps(whole))
    copy.encode_special_tokens = bool(getattr(tokenizer, "split_special_tokens", False))
    return copy


def _state(part: Any) -> Any:
    """Return a normaliser or pre-tokenizer as JSON; the whole backend's would hold the vocabulary too."""
    return None if part is None else json.loads(part.__getstate__())


def _without_prefix(part: Any) -> Any:
    """Return a normaliser or pre-tokenizer, as JSON, that puts nothing before a text."""
    if not isinstance(part, dict):
        return part
    kind = part.get("type")
    if kind == "Prepend":
        return None
    if kind == "Metaspace":
        return {**part, "prepend_scheme": "never"}
    if kind == "ByteLevel":
        return {**part, "add_prefix_space": False}
    if kind == "Sequence":
        name = "normalizers" if "normalizers" in part else "pretokenizers"
        inner = [each for each in map(_without_prefix, part[name]) if each is not None]
        return {**part, name: inner}
    return part
