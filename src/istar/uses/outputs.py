"""What is resampled: prompts, and the likeliest next tokens of each under M."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float

from istar.files import read_text
from istar.flops import Meter
from istar.targets.corpus import _unknown_tokens
from istar.tasks.data.provocations import misbehaviours
from istar.uses.errors import UseError

if TYPE_CHECKING:
    from istar.targets import Target


@dataclass(frozen=True)
class Outputs:
    """The likeliest next tokens of each prompt.

    Attributes:
        tokens: token numbers, likeliest first.
        probabilities: under M, given that it is one of them.
        covered: the probability that it is.
        flops: what finding them took.
    """

    tokens: tuple[tuple[int, ...], ...]
    probabilities: Float[np.ndarray, "prompts outputs"]
    covered: Float[np.ndarray, " prompts"]
    flops: int


def find_prompts(source: str) -> list[str]:
    """Return prompts: those to which istar's own requests lead, or the lines of a file.

    Raises:
        UseError: the source is no kind of requests and no file, or has no line.
    """
    kinds = misbehaviours()
    if source in kinds:
        return [f"User: {request.text}\nAssistant:" for request in kinds[source].requests]
    path = Path(source).expanduser()
    if not path.is_file():
        raise UseError(
            f"{source[:200]!r} is neither a kind of requests ({', '.join(kinds)}) nor a file, one prompt a line"
        )
    lines = [line.rstrip() for line in read_text(path).splitlines() if line.strip()]
    if not lines:
        raise UseError(f"{source} has no line; write one prompt a line")
    return list(dict.fromkeys(lines))


@torch.no_grad()
def likeliest_outputs(target: Target, prompts: Sequence[tuple[int, ...]], count: int) -> Outputs:
    """Return the likeliest next tokens of each prompt with their probabilities; one forward a prompt, metered."""
    known = ~_unknown_tokens(target)
    if not 2 <= count <= int(known.sum()):
        raise UseError(f"{count} outputs a prompt cannot be listed; give --outputs from 2 to {int(known.sum())}")
    tokens: list[tuple[int, ...]] = []
    rows, covered = [], []
    with Meter() as meter:
        for prompt in prompts:
            hidden = target.forward(torch.tensor([prompt]))[0, -1]
            likely = target.unembed(hidden).double().cpu().masked_fill(~known, -torch.inf).topk(count)
            tokens.append(tuple(likely.indices.tolist()))
            covered.append(float(likely.values.exp().sum()))
            rows.append(torch.softmax(likely.values, dim=0).numpy())
    return Outputs(tuple(tokens), np.stack(rows), np.array(covered), meter.flops)
