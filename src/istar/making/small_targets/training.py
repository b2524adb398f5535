"""The training loop that both small targets share.

A plan and a seed decide everything: the first weights, and each step's rows, so that two trainings on one thread of
one machine agree bit for bit. Another number of threads, another processor or another version of torch sums in another
order, and the weights drift apart; therefore the committed weights, and not the plan, are what the targets are.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from istar.seeds import Seed

IGNORED = -100
"""Stands in rows where no token is; nothing is learnt there."""

Draw = Callable[[Seed, int], Int[Tensor, "rows length"]]
"""Gives so many rows of tokens, each a document from its BOS token on, padded with `IGNORED`."""

Progress = Callable[[int, float], None]
"""Called after each step with its number and its loss in nats a token."""


@dataclass(frozen=True)
class TrainingPlan:
    """How a model is trained: AdamW, a linear warm-up, then a cosine down to a tenth of the learning rate.

    Attributes:
        steps: how many there are.
        rows: rows of tokens in a step.
        learning_rate: the highest.
        warmup: steps until it is reached.
        weight_decay: of matrices; vectors have none.
        clip: greatest norm of a gradient.
        bfloat16: compute in bfloat16 where autocast would; the weights stay in float32.
    """

    steps: int
    rows: int
    learning_rate: float
    warmup: int
    weight_decay: float = 0.1
    clip: float = 1.0
    bfloat16: bool = False

    def rate(self, step: int) -> float:
        """Return the learning rate of a step."""
        if step < self.warmup:
            return self.learning_rate * (step + 1) / self.warmup
        done = (step - self.warmup) / max(1, self.steps - self.warmup)
        return self.learning_rate * (0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * done)))


def fresh_llama(config: Any, seed: Seed) -> nn.Module:
    """Return a Llama whose first weights depend on the seed alone."""
    from transformers import LlamaForCausalLM

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed.split("weights").value)
        module: nn.Module = LlamaForCausalLM(config)
    return module


def next_token_losses(module: nn.Module, tokens: Int[Tensor, "rows length"]) -> Float[Tensor, " predictions"]:
    """Return the loss of every token but each row's first, in nats; ignored places are left out."""
    logits = module(input_ids=tokens.clamp(min=0), use_cache=False).logits[:, :-1]
    following = tokens[:, 1:]
    kept = following != IGNORED
    return nn.functional.cross_entropy(logits[kept].float(), following[kept], reduction="none")


def train(module: nn.Module, draw: Draw, plan: TrainingPlan, seed: Seed, progress: Progress | None = None) -> int:
    """Train a model in place; return how many tokens it has learnt to predict.

    Args:
        module: the model, in float32.
        draw: gives the rows of a step.
        plan: how to train.
        seed: decides the rows.
        progress: called after each step.
    """
    matrices = [weight for weight in module.parameters() if weight.ndim > 1]
    vectors = [weight for weight in module.parameters() if weight.ndim == 1]
    groups = [{"params": matrices, "weight_decay": plan.weight_decay}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=plan.learning_rate, betas=(0.9, 0.98))
    seen = 0
    module.train()
    for step in range(plan.steps):
        for group in optimizer.param_groups:
            group["lr"] = plan.rate(step)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=plan.bfloat16):
            losses = next_token_losses(module, draw(seed.split("step", step), plan.rows))
        loss = losses.mean()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(module.parameters(), plan.clip)
        optimizer.step()
        optimizer.zero_grad()
        seen += len(losses)
        if progress is not None:
            progress(step + 1, float(loss.detach()))
    module.eval()
    return seen


@torch.no_grad()
def mean_loss(module: nn.Module, tokens: Int[Tensor, "rows length"], at_once: int = 16) -> float:
    """Return the mean loss over all predictions of some rows, in nats a token."""
    losses = [next_token_losses(module, piece).to(torch.float64) for piece in torch.split(tokens, at_once)]
    return float(torch.cat(losses).mean())


def padded(rows: list[tuple[int, ...]]) -> Int[Tensor, "rows length"]:
    """Return rows of different lengths as one tensor, padded with `IGNORED`."""
    length = max(len(row) for row in rows)
    return torch.tensor([[*row, *[IGNORED] * (length - len(row))] for row in rows])
