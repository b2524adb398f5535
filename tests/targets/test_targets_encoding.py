"""What a model reads is the text it is given, whatever kind of tokenizer writes it as tokens."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizer, PreTrainedTokenizerFast

from istar.seeds import Seed
from istar.targets.encoding import Encoding, TokenizerError, encoding_of
from istar.targets.target import wrap
from istar.targets.tiny import byte_tokenizer, tiny_llama
from istar.tasks import Encoder, TaskError
from istar.tasks.shot_shapley import ShotShapley

PIECES = ("hard", " ->", " soft", "\n", "even", " ->", " odd", "\n\n", "  two  spaces ", "day", ":", "<sep>", " night")
TEXT = "".join(PIECES)
SPECIAL = ["<s>", "</s>", "<unk>"]
LEARNED = [TEXT, "the hard way is soft and even, day and night", "hard -> soft odd -> even : > -"] * 4


def fast(backend: Tokenizer, **options: Any) -> Any:
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token="<s>", eos_token="</s>", unk_token="<unk>", **options
    )


def learned(backend: Tokenizer, alphabet: list[str] | None = None) -> Tokenizer:
    trainer = trainers.BpeTrainer(
        vocab_size=160, special_tokens=SPECIAL, initial_alphabet=alphabet or [], show_progress=False
    )
    backend.train_from_iterator(LEARNED, trainer)
    return backend


def like_llama_2() -> Any:
    """The dummy prefix by a normaliser, bytes for what the vocabulary lacks, and a decoder that strips one space."""
    backend = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True))
    backend.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    whole = json.loads(learned(backend).to_str())
    vocabulary = whole["model"]["vocab"]
    for byte in range(256):
        vocabulary.setdefault(f"<0x{byte:02X}>", len(vocabulary))
    vocabulary.pop("\n", None)
    whole["model"] |= {"byte_fallback": True, "merges": [m for m in whole["model"]["merges"] if "\n" not in "".join(m)]}
    places = sorted(token for token in vocabulary if "\n" not in token)
    whole["model"]["vocab"] = {t: i for i, t in enumerate(SPECIAL + [t for t in places if t not in SPECIAL])}
    backend = Tokenizer.from_str(json.dumps(whole))
    replaced = decoders.Replace("▁", " ")
    backend.decoder = decoders.Sequence(
        [replaced, decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", left=1, right=0)]
    )
    return fast(backend)


def metaspace(scheme: str) -> Callable[[], Any]:
    def make() -> Any:
        backend = Tokenizer(models.BPE(unk_token="<unk>"))
        backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme, split=False)
        backend.decoder = decoders.Metaspace(prepend_scheme=scheme)
        return fast(learned(backend))

    return make


def split_metaspace() -> Any:
    backend = Tokenizer(models.BPE(unk_token="<unk>"))
    inner = [pre_tokenizers.Split(Regex("\\n"), "isolated"), pre_tokenizers.Metaspace(prepend_scheme="always")]
    backend.pre_tokenizer = pre_tokenizers.Sequence(inner)
    backend.decoder = decoders.Metaspace(prepend_scheme="never")
    return fast(learned(backend))


def byte_level(prefix: bool) -> Callable[[], Any]:
    def make() -> Any:
        backend = Tokenizer(models.BPE())
        backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix)
        backend.decoder = decoders.ByteLevel()
        return fast(learned(backend, pre_tokenizers.ByteLevel.alphabet()))

    return make


def with_added_tokens(make: Callable[[], Any], **how: bool) -> Callable[[], Any]:
    def added() -> Any:
        tokenizer = make()
        tokenizer.add_tokens([AddedToken("<sep>", **how)])
        return tokenizer

    return added


PLAIN: dict[str, Callable[[], Any]] = {
    "a normaliser that prepends": like_llama_2,
    "metaspace, first": metaspace("first"),
    "metaspace, always": metaspace("always"),
    "metaspace, never": metaspace("never"),
    "metaspace in a sequence": split_metaspace,
    "byte level with a prefix": byte_level(True),
    "byte level without": byte_level(False),
    "one token a byte": byte_tokenizer,
}
STRIPPING = {"lstrip": True, "rstrip": True}
KINDS = (
    PLAIN
    | {f"{name}, with an added token": with_added_tokens(make) for name, make in PLAIN.items()}
    | {f"{name}, with one that strips": with_added_tokens(make, **STRIPPING) for name, make in PLAIN.items()}
    | {f"{name}, with a special one": with_added_tokens(make, special=True) for name, make in PLAIN.items()}
)


@pytest.mark.parametrize("kind", KINDS)
def test_pieces_encoded_apart_read_as_the_text(kind: str) -> None:
    tokenizer = KINDS[kind]()
    encode = Encoder(tokenizer)
    tokens = [encode.bos, *(token for piece in PIECES for token in encode(piece, special=True))]
    assert encoding_of(tokenizer).decode(tokens) == "<s>" + TEXT
    read = tokenizer.decode(tokens, skip_special_tokens=False)  # the tokenizer's own decoder says so too
    if "prepends" in kind and tokenizer.convert_tokens_to_ids("<sep>") in tokens and "special" not in kind:
        # tokenizers 0.23 decodes an added token that is normalised to what its normaliser makes of the content
        read = read.replace(" <sep>", "<sep>")
    assert read == "<s>" + TEXT


@pytest.mark.parametrize("make", PLAIN.values(), ids=PLAIN)
def test_a_target_encodes_as_families_do_and_gives_back_what_it_encoded(make: Callable[[], Any]) -> None:
    tokenizer = make()
    target = wrap(tiny_llama(), tokenizer, "made-up", "ab" * 32)
    assert target.bos == Encoder(tokenizer).bos
    for piece in PIECES:
        assert target.encode(piece) == Encoder(tokenizer)(piece)
        assert target.decode(target.encode(piece)) == piece
    assert target.decode([target.bos, *target.encode(" soft")]) == "<s> soft"


@pytest.mark.parametrize("name", ["byte level without", "one token a byte"])
def test_what_adds_nothing_encodes_as_it_did(name: str) -> None:
    tokenizer = PLAIN[name]()
    for piece in PIECES:
        assert encoding_of(tokenizer).encode(piece) == tuple(tokenizer.encode(piece, add_special_tokens=False))


def test_a_family_asks_its_own_text() -> None:
    """A question reads the same under a tokenizer that would prefix every piece and under one that would not."""
    family = ShotShapley(shots=3, queries=3, pool=9)
    texts = []
    for make in (byte_level(True), byte_level(False)):
        tokenizer = make()
        asked = family.question("antonyms", tokenizer, Seed.root(0), 0)
        texts.append([tokenizer.decode(run.tokens) for run in asked.runs])
    assert all(text.startswith("<s>") and "  " not in text for text in texts[0])
    assert texts[0] == texts[1]


def wordpiece(lower: bool) -> Callable[[], Any]:
    def make() -> Any:
        backend = Tokenizer(models.WordPiece(unk_token="<unk>"))
        backend.normalizer = normalizers.BertNormalizer(lowercase=lower)
        backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        backend.decoder = decoders.WordPiece(cleanup=False)
        trainer = trainers.WordPieceTrainer(vocab_size=160, special_tokens=SPECIAL, show_progress=False)
        backend.train_from_iterator(LEARNED, trainer)
        return fast(backend)

    return make


def collapsing() -> Any:
    """White space made one space, as nmt_nfkc of SentencePiece does."""
    backend = Tokenizer(models.BPE(unk_token="<unk>"))
    backend.normalizer = normalizers.Replace(Regex("\\s+"), " ")
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never", split=False)
    backend.decoder = decoders.Metaspace(prepend_scheme="never")
    return fast(learned(backend))


class Slow(PreTrainedTokenizer):
    """A tokenizer written in Python, one token a character, with or without SentencePiece's dummy prefix."""

    model_input_names = ("input_ids",)
    prefix = ""

    def __init__(self, **options: Any) -> None:
        self._characters = sorted(set(TEXT + "▁"))
        super().__init__(**options)

    @property
    def vocab_size(self) -> int:
        return len(self._characters)

    def get_vocab(self) -> dict[str, int]:
        return {c: i for i, c in enumerate(self._characters)} | self.added_tokens_encoder

    def _tokenize(self, text: str, **options: Any) -> list[str]:
        return list(self.prefix + text.replace(" ", "▁"))

    def _convert_token_to_id(self, token: str) -> int:
        return self._characters.index(token)

    def _convert_id_to_token(self, index: int) -> str:
        return self._characters[index]

    def convert_tokens_to_string(self, tokens: list[str]) -> str:
        return "".join(tokens).replace("▁", " ")

    def save_vocabulary(self, save_directory: str, filename_prefix: str | None = None) -> tuple[str, ...]:
        return ()


class SlowWithPrefix(Slow):
    prefix = "▁"

    def convert_tokens_to_string(self, tokens: list[str]) -> str:
        return super().convert_tokens_to_string(tokens).strip()


def test_a_tokenizer_written_in_python_that_keeps_text_serves() -> None:
    tokenizer = Slow(bos_token="<s>", eos_token="</s>")
    encode = Encoder(tokenizer)
    tokens = [encode.bos, *(token for piece in PIECES for token in encode(piece))]
    assert tokenizer.decode(tokens) == "<s>" + TEXT


@pytest.mark.parametrize(
    ("make", "text", "reason"),
    [
        (wordpiece(False), "hard soft", "it adds or loses white space"),
        (wordpiece(True), "hard\nsoft", "it adds or loses white space"),
        (
            collapsing,
            "hard\nsoft",
            r"writes 'hard\\nsoft' so that the model reads 'hard soft': it adds or loses white sp",
        ),
        (lambda: SlowWithPrefix(bos_token="<s>"), "hard", "written in Python .* save it as a fast one"),
    ],
    ids=["wordpiece", "wordpiece, lower case", "collapsing", "slow, with a prefix"],
)
def test_what_would_read_otherwise_is_refused(make: Callable[[], Any], text: str, reason: str) -> None:
    with pytest.raises(TaskError, match=reason):
        Encoder(make())(text)


def test_a_family_is_refused_with_the_reason() -> None:
    with pytest.raises(
        TaskError,
        match=r"the tokenizer \w+ writes .* so that the model reads .*: it [a-z ]+\. A model must read",
    ):
        ShotShapley(shots=3, queries=3, pool=9).question("antonyms", collapsing(), Seed.root(0), 0)


def test_unknown_characters_are_refused_for_questions_only() -> None:
    tokenizer = metaspace("never")()
    with pytest.raises(TaskError, match="so that the model reads '<unk> hard': it lacks or changes characters"):
        Encoder(tokenizer)("é hard")
    target = wrap(tiny_llama(), tokenizer, "made-up", "ab" * 32)
    assert target.decode(target.encode("é hard é")) == "<unk> hard <unk>"
    collapsed = wrap(tiny_llama(), collapsing(), "made-up", "ab" * 32)
    with pytest.raises(TokenizerError, match="reads '<unk> hard soft <unk>'"):
        collapsed.encode("é hard\n\nsoft é")


def test_canonically_equal_text_is_the_same_text() -> None:
    backend = Tokenizer(models.BPE())
    backend.normalizer = normalizers.NFC()
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    tokenizer = fast(learned(backend, pre_tokenizers.ByteLevel.alphabet()))
    assert Encoder(tokenizer)("e\u0301ven") == Encoder(tokenizer)("\u00e9ven")


def test_an_added_token_is_seen_after_the_first_use() -> None:
    tokenizer = byte_level(True)()
    before = encoding_of(tokenizer).encode(" <sep>")
    tokenizer.add_tokens(["<sep>"])
    assert encoding_of(tokenizer).encode(" <sep>")[-1] == tokenizer.convert_tokens_to_ids("<sep>")
    assert encoding_of(tokenizer).encode(" <sep>") != before
    assert encoding_of(tokenizer) is encoding_of(tokenizer)


def test_needs_a_first_token() -> None:
    with pytest.raises(TokenizerError, match="set `bos_token`"):
        Encoding(PreTrainedTokenizerFast(tokenizer_object=byte_level(False)().backend_tokenizer))
