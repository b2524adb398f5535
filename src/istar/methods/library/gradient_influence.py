"""Gradient influence: what a training step changes about a value, as the dot product of two gradients.

A small step down the loss of a fine-tune changes a run's value by minus the rate times the dot product of the loss's
gradient and the value's, both on the target as it is. The gradient with respect to a matrix is a sum over positions of
outer products of output gradient and input, so the dot product of two gradients is a sum over pairs of positions of
the products of two small dot products, and no gradient is ever written out. Each fine-tune and each run on the plain
target costs one forward and one backward pass through the blocks that change, however many rows they meet in; their
factors take about 35 kB a token and block in a model of width 576. Several steps are taken for one, as long.

The channels are the value after the step and the value before it. Questions without fine-tunes have none.

Source: TracIn, Pruthi et al., "Estimating Training Data Influence by Tracing Gradient Descent" (2020), at the one
checkpoint that there is; the factored dot product follows from the gradient of a linear layer.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from istar.methods import FirstOrder, GradientFactors, Interpretation, fine_tunes, linear_maps
from istar.questions import FineTune, QuestionView, Run
from istar.targets import Corpus, Target

Gradients = FirstOrder[GradientFactors]


def interpret(target: Target, corpus: Corpus) -> Interpretation:
    """Learn nothing."""
    return Interpretation()


def prepare(question: QuestionView, target: Target, interpretation: Interpretation) -> Gradients | None:
    """Find out which weights the fine-tunes change; None where rows have no fine-tunes or other interventions."""
    changed = {tune.depth: tuple(linear_maps(target, tune.depth)) for tune in fine_tunes(question)}
    if not changed:
        return None

    def products(tune: FineTune, loss: GradientFactors, values: Sequence[GradientFactors]) -> Tensor:
        return dots(loss, values, changed[tune.depth])

    return FirstOrder(target, min(changed), lambda factors: factors, products)


def predict(
    question: QuestionView,
    runs: Sequence[Run],
    target: Target,
    interpretation: Interpretation,
    prepared: Gradients | None,
) -> Float[Tensor, "runs channels"]:
    """Follow each run's value along the step of its fine-tune."""
    return torch.empty(len(runs), 0) if prepared is None else prepared.channels(runs)


def dots(one: GradientFactors, others: Sequence[GradientFactors], names: Sequence[str]) -> Float[Tensor, " others"]:
    """Return the dot products of a gradient with others, with respect to the matrices of some maps."""
    by_position = torch.zeros(())
    for name in names:
        inputs = torch.cat([other.inputs[name] for other in others])
        outputs = torch.cat([other.outputs[name] for other in others])
        by_position = by_position + ((one.inputs[name] @ inputs.T) * (one.outputs[name] @ outputs.T)).sum(0)
    lengths = [len(other.inputs[names[0]]) for other in others]
    return torch.stack([part.sum() for part in torch.split(by_position, lengths)])
