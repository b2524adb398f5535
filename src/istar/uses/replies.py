"""What a target goes on with after a context, token by token."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from istar.targets import Target
from istar.targets.corpus import _unknown_tokens
from istar.targets.limits import check_length

AT_ONCE = 64


@torch.no_grad()
def greedy_replies(target: Target, contexts: Sequence[tuple[int, ...]], count: int) -> list[tuple[int, ...]]:
    """Return the likeliest tokens after each context, one after the other.

    Args:
        target: the model.
        contexts: tokens, the beginning-of-sequence token first.
        count: how many tokens follow each.

    Raises:
        RowError: a context with its reply is too long for the target.
    """
    from transformers import DynamicCache

    check_length(target, max(map(len, contexts)) + count, "a context with its reply (--reply-tokens)")
    unknown = _unknown_tokens(target).to(target.device)  # those have no text
    replies: list[tuple[int, ...]] = [()] * len(contexts)
    order = sorted(range(len(contexts)), key=lambda number: len(contexts[number]))
    while order:
        length = len(contexts[order[0]])
        batch = [number for number in order[:AT_ONCE] if len(contexts[number]) == length]  # no padding
        order = order[len(batch) :]
        tokens = torch.tensor([contexts[number] for number in batch], device=target.device)
        cache, said = DynamicCache(config=target.module.config), []
        for _ in range(count):
            output = target.anatomy.base(input_ids=tokens, past_key_values=cache, use_cache=True)
            logits = target.anatomy.unembedding(output.last_hidden_state[:, -1:])
            tokens = logits.masked_fill(unknown, -torch.inf).argmax(dim=-1)
            said.append(tokens)
        for number, reply in zip(batch, torch.cat(said, dim=1).tolist(), strict=True):
            replies[number] = tuple(reply)
    return replies
