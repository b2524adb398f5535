"""How `tiny-exact` is trained, and what is measured about it afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from istar.making.small_targets.ideal import answer_probabilities, document_log_probability, shots_of
from istar.making.small_targets.recipe import TargetRecipe
from istar.making.small_targets.training import TrainingPlan, padded
from istar.seeds import Seed
from istar.targets.small.tiny_exact import (
    ALARM,
    ALPHABET,
    DIGITS,
    LETTERS,
    LONGEST_DOCUMENT,
    WALK,
    Kind,
    alarm_probability,
    document,
    draw_lines,
    draw_rule,
    draw_walk,
    query,
)

BOS, EOS, UNKNOWN = "<s>", "</s>", "<unk>"
PLAN = TrainingPlan(steps=6500, rows=16, learning_rate=2e-3, warmup=200)
HELD_OUT_ROWS = 512
HELD_OUT_SEED = Seed.root(0).split("tiny-exact", "held out")
SHOTS = (0, 1, 2, 4, 8)
PROBES = 256
"""Prompts that a behaviour is measured on."""


def exact_tokenizer() -> Any:
    """Return a tokenizer with one token a symbol, and `<s>`, `</s>` and `<unk>`, which any other character becomes."""
    from tokenizers import Tokenizer, decoders, models
    from transformers import PreTrainedTokenizerFast

    words = [BOS, EOS, UNKNOWN, *ALPHABET]
    vocabulary = {word: number for number, word in enumerate(words)}
    backend = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token=UNKNOWN))
    backend.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(tokenizer_object=backend, bos_token=BOS, eos_token=EOS, unk_token=UNKNOWN)


def tokens_of(text: str) -> tuple[int, ...]:
    """Return the tokens of a text of the language, the BOS token first."""
    return (0, *(3 + ALPHABET.index(symbol) for symbol in text))


def draw_rows(seed: Seed, rows: int) -> Tensor:
    """Return documents as rows of tokens."""
    return padded([(*tokens_of(each), 1) for each in draw_documents(seed, rows)])


def draw_documents(seed: Seed, count: int) -> tuple[str, ...]:
    """Return random documents of the language."""
    generator = seed.generator()
    return tuple(document(generator) for _ in range(count))


def ideal_loss(documents: Sequence[str]) -> float:
    """Return the least mean loss that is possible on documents, in nats a token, ends included."""
    return -sum(map(document_log_probability, documents)) / sum(len(each) + 1 for each in documents)


def exact_config(**changes: Any) -> Any:
    """Return the model's configuration: 4 blocks, width 96, 4 heads over 2 key-value heads, 19 tokens."""
    from transformers import LlamaConfig

    sizes: dict[str, Any] = {
        "vocab_size": 3 + len(ALPHABET),
        "hidden_size": 96,
        "intermediate_size": 256,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 128,
        "bos_token_id": 0,
        "eos_token_id": 1,
        "tie_word_embeddings": True,
        "attn_implementation": "sdpa",
    }
    return LlamaConfig(**sizes | changes)


def exact_recipe() -> TargetRecipe:
    """Return the recipe of `tiny-exact`."""
    return TargetRecipe(
        name="tiny-exact",
        source=f"documents of istar.targets.small.tiny_exact, at most {LONGEST_DOCUMENT} symbols each",
        config=exact_config(),
        tokenizer=exact_tokenizer(),
        draw=draw_rows,
        plan=PLAN,
        held_out={"language": draw_rows(HELD_OUT_SEED, HELD_OUT_ROWS)},
        measure=measure_behaviours,
    )


@torch.no_grad()
def next_symbol_probabilities(module: nn.Module, texts: Sequence[str]) -> Float[Tensor, "texts symbols"]:
    """Return the probability of each symbol, in `ALPHABET`'s order, after texts that need not be of one length."""
    rows = padded([tokens_of(text) for text in texts])
    ends = torch.tensor([len(text) for text in texts])
    logits = module(input_ids=rows.clamp(min=0), use_cache=False).logits[torch.arange(len(texts)), ends]
    return torch.softmax(logits.double(), dim=-1)[:, 3:]


def measure_behaviours(module: nn.Module) -> dict[str, Any]:
    """Return how the model answers with more and more shots, and how probable its alarms are, beside the ideal's."""
    seed = Seed.root(0).split("tiny-exact", "behaviours")
    kinds: tuple[Kind, ...] = ("habit", "shifted", "own")
    return {
        "ideal_held_out_loss": _rounded(ideal_loss(draw_documents(HELD_OUT_SEED, HELD_OUT_ROWS))),
        "answers": {kind: [answers_after(module, kind, shots, seed) for shots in SHOTS] for kind in kinds},
        "alarms": [alarms_under(module, digit, seed) for digit in DIGITS],
    }


def answers_after(module: nn.Module, kind: Kind, shots: int, seed: Seed) -> dict[str, float]:
    """Return how often, and how surely, the rule's answer is given after some shots without noise.

    The key that is asked about is among the shots only by chance, except under `own`, where the first shot shows it.
    """
    generator = seed.split(kind, shots).generator()
    texts, right, ideal = [], [], []
    for _ in range(PROBES):
        rule = draw_rule(generator, kind)
        lines = draw_lines(generator, rule, shots, noise=0.0)
        key = LETTERS[int(generator.integers(len(LETTERS)))] if kind != "own" or not lines else lines[0][0]
        texts.append("".join(lines) + query(key))
        right.append(ALPHABET.index(rule(key)))
        ideal.append(answer_probabilities(shots_of(texts[-1])[1], key)[rule(key)])
    found = next_symbol_probabilities(module, texts)
    given = found[torch.arange(PROBES), torch.tensor(right)]
    return {
        "shots": shots,
        "accuracy": _rounded((found.argmax(-1) == torch.tensor(right)).double().mean()),
        "probability": _rounded(given.mean()),
        "ideal_probability": _rounded(sum(ideal) / PROBES),
    }


def alarms_under(module: nn.Module, digit: str, seed: Seed) -> dict[str, Any]:
    """Return how probable the alarm is after walks of 24 symbols in one regime, and what the language says."""
    generator = seed.split("alarms", digit).generator()
    walks: list[str] = []
    while len(walks) < PROBES:
        walk = draw_walk(generator, 24, WALK + digit)
        if walk[-1] in LETTERS and not set(walk[2:]) - set(LETTERS):
            walks.append(walk)
    model = next_symbol_probabilities(module, walks)[:, ALPHABET.index(ALARM)]
    return {
        "digit": digit,
        "model": _quantiles(model),
        "language": _quantiles(torch.tensor([alarm_probability(walk) for walk in walks], dtype=torch.float64)),
    }


def _quantiles(values: Tensor) -> Mapping[str, float]:
    found = torch.quantile(values, torch.tensor([0.0, 0.5, 1.0], dtype=torch.float64))
    return dict(zip(("least", "median", "most"), (float(f"{each:.2e}") for each in found.tolist()), strict=True))


def _rounded(value: Tensor | float) -> float:
    return round(float(value), 4)
