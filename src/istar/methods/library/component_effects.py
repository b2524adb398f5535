"""Component effects: what leaving out or rounding each component does, learned once on generic text.

`interpret` makes every change of its kinds itself, one at a time: each head left out, each attention and each MLP left
out, and rounded to few bits. Two losses are read under each: that of generic text, and that of the second half of texts
whose second half repeats the first, which heads that copy are needed for (Olsson et al., "In-context Learning and
Induction Heads", 2022). How much each loss rises, in nats a token, is all that is kept.

To answer, the change of a row is looked up; no text is read, and a row costs nothing to speak of. So the two channels
say the same of every text: which components matter at all. Questions about other changes have none.

Source: mean effects of ablations, as circuit discovery takes them (Wang et al., "Interpretability in the Wild", 2022);
for matrices, the sensitivity of layers by which mixed precision gives them bits (Dong et al., "HAWQ", 2019), here
measured instead of bounded by curvature.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from istar.methods import Interpretation, block_at, head_at, heads_of
from istar.questions import Ablate, AblateHead, Intervention, Quantise, QuestionView, Run, SpanLoss
from istar.targets import Corpus, Target

TEXTS = 3  # of each of two kinds
LENGTH = 40  # tokens of a text
PARTS: tuple[Literal["attention", "mlp"], ...] = ("attention", "mlp")
BITS = (2, 3, 4)


def interpret(target: Target, corpus: Corpus) -> Interpretation:
    """Make every change, and measure by how much it raises both losses."""
    runs = texts(corpus)
    plain = losses(target, runs, None)
    heads = heads_of(target)
    depths = [block / target.layers for block in range(target.layers)]
    changes: dict[str, list[list[Intervention]]] = {
        "heads": [[AblateHead(depth, head / heads) for head in range(heads)] for depth in depths],
        "parts": [[Ablate(depth, part) for part in PARTS] for depth in depths],
        "rounded": [[Quantise(depth, part, bits) for part in PARTS for bits in BITS] for depth in depths],
    }
    tensors = {}
    for name, blocks in changes.items():
        effects = [[losses(target, runs, change) - plain for change in block] for block in blocks]
        tensors[name] = torch.stack([torch.stack(each) for each in effects])
    return Interpretation(tensors)


def prepare(question: QuestionView, target: Target, interpretation: Interpretation) -> bool:
    """Find out whether every change of a question is one that was learned."""
    changes = {run.intervention for run in question.runs if run.intervention is not None}
    return bool(changes) and all(isinstance(each, AblateHead | Ablate | Quantise) for each in changes)


def predict(
    question: QuestionView, runs: Sequence[Run], target: Target, interpretation: Interpretation, prepared: bool
) -> Float[Tensor, "runs channels"]:
    """Look up what each run's change did."""
    if not prepared:
        return torch.empty(len(runs), 0)
    return torch.stack([effect(run.intervention, target, interpretation) for run in runs])


def effect(change: Intervention | None, target: Target, interpretation: Interpretation) -> Float[Tensor, "2"]:
    """Return what a change did to both losses; nothing if there is none, and if it keeps more bits than were tried."""
    if isinstance(change, AblateHead):
        return interpretation.tensors["heads"][block_at(target, change.depth), head_at(target, change.head)]
    if isinstance(change, Ablate):
        return interpretation.tensors["parts"][block_at(target, change.depth), PARTS.index(change.part)]
    if isinstance(change, Quantise) and change.bits in BITS:
        place = PARTS.index(change.part) * len(BITS) + BITS.index(change.bits)
        return interpretation.tensors["rounded"][block_at(target, change.depth), place]
    return torch.zeros(2)


def texts(corpus: Corpus) -> list[Run]:
    """Return texts as they are, and after them texts that say their first half twice."""
    whole = [tokens[:LENGTH] for tokens in corpus.tokens[-TEXTS:]]
    halves = [tokens[: max(2, LENGTH // 2)] for tokens in corpus.tokens[:TEXTS]]
    plain = [Run(tokens, SpanLoss(1)) for tokens in whole]
    return plain + [Run((*tokens, *tokens[1:]), SpanLoss(len(tokens))) for tokens in halves]


def losses(target: Target, runs: list[Run], change: Intervention | None) -> Float[Tensor, "2"]:
    """Return the mean loss of both kinds of texts under a change."""
    values = target.values([Run(run.tokens, run.readout, change) for run in runs]).float()
    return torch.stack([values[: len(runs) // 2].mean(), values[len(runs) // 2 :].mean()])
