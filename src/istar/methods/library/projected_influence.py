"""Projected influence: the dot product of two gradients, taken between their random projections.

To first order a fine-tune changes a run's value by the dot product of two gradients. Here the gradient with respect to
each matrix is projected from both sides, inputs and output gradients separately, onto random subspaces. Projecting its
two factors is cheap, and each fine-tune and each run becomes one short vector: a pair costs one dot product, a
gradient a few hundred kilobytes. The projections are scaled so that the dot product is right on average, and it is
exact where they lose no dimension. They are drawn anew for each question.

The channels are the value after the step and the value before it. Questions without fine-tunes have none.

Source: TRAK, Park et al., "TRAK: Attributing Model Behavior at Scale" (2023), for random projections of gradients;
LoGra, Choe et al., "What is Your Data Worth to GPT?" (2024), for projecting the two factors separately.
"""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from istar.methods import FirstOrder, GradientFactors, Interpretation, fine_tunes, linear_maps
from istar.questions import FineTune, QuestionView, Run
from istar.targets import Corpus, Target

RANK = 32  # dimensions that inputs and output gradients of each matrix are projected onto


def interpret(target: Target, corpus: Corpus) -> Interpretation:
    """Learn nothing."""
    return Interpretation()


def prepare(question: QuestionView, target: Target, interpretation: Interpretation) -> FirstOrder[Tensor] | None:
    """Find out which weights the fine-tunes change; None where rows have no fine-tunes or other interventions."""
    sizes = {tune.depth: sketch_size(target, tune.depth) for tune in fine_tunes(question)}
    if not sizes:
        return None
    projections: dict[str, tuple[Tensor, Tensor]] = {}

    def sketch(factors: GradientFactors) -> Tensor:
        pieces = []
        for name, entered in factors.inputs.items():
            left = factors.outputs[name]
            if name not in projections:
                projections[name] = projection(entered.shape[1]), projection(left.shape[1])
            before, after = projections[name]
            pieces.append(((left @ after).T @ (entered @ before)).flatten())
        return torch.cat(pieces)

    def products(tune: FineTune, loss: Tensor, values: Sequence[Tensor]) -> Tensor:
        size = sizes[tune.depth]  # maps come in the order of blocks, so those that change are the last
        return torch.stack([value[-size:] @ loss[-size:] for value in values])

    return FirstOrder(target, min(sizes), sketch, products)


def predict(
    question: QuestionView,
    runs: Sequence[Run],
    target: Target,
    interpretation: Interpretation,
    prepared: FirstOrder[Tensor] | None,
) -> Float[Tensor, "runs channels"]:
    """Follow each run's value along the step of its fine-tune."""
    return torch.empty(len(runs), 0) if prepared is None else prepared.channels(runs)


def projection(size: int) -> Float[Tensor, "size rank"]:
    """Return an orthonormal basis of a random subspace, scaled so that dot products are kept on average."""
    rank = min(RANK, size)
    basis: Tensor = torch.linalg.qr(torch.randn(size, rank)).Q
    return basis * math.sqrt(size / rank)


def sketch_size(target: Target, depth: float) -> int:
    """Return how many numbers stand for the gradient with respect to the matrices from a depth upwards."""
    shapes = [module.state_dict()["weight"].shape for module in linear_maps(target, depth).values()]
    return sum(min(RANK, rows) * min(RANK, columns) for rows, columns in shapes)
