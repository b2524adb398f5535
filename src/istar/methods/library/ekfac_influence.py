"""EK-FAC influence: the product of two gradients in the metric of the model's curvature, on late matrices.

Training moves far along directions in which the model is flat and little along those in which it is curved, which the
plain dot product of gradients ignores. `interpret` estimates the curvature, the Fisher information with labels sampled
from the model, as EK-FAC does: for each matrix, the eigenvectors of the second moments of inputs and of output
gradients, and along their products the second moments of whole gradients. So that the interpretation stays below 32
MiB and is soon made, it covers the matrices of the last blocks only, and of each basis the leading eigenvectors; along
all others the curvature is their mean. The inverse is damped, and scaled such that a direction of mean curvature
counts as in a plain dot product. What other matrices change is left out, so only the last blocks run with gradients.

The channels are the value after the step and the value before it. Questions without fine-tunes have none.

Source: Grosse et al., "Studying Large Language Model Generalization with Influence Functions" (2023); EK-FAC is George
et al., "Fast Approximate Natural Gradient Descent in a Kronecker-factored Eigenbasis" (2018).
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from istar.methods import FirstOrder, GradientFactors, Interpretation, Scalar, fine_tunes, gradient_factors, linear_maps
from istar.questions import FineTune, Path, QuestionView, Run
from istar.targets import Corpus, Target

SEQUENCES = 32  # of the corpus, at most
DEPTH = 0.9  # share of the blocks below those whose curvature is learned
RANK = 64  # leading eigenvectors kept of each factor
DAMPING = 0.1  # added to the curvature, as a share of its mean

Kept = dict[str, tuple[Tensor, Tensor, Tensor]]
"""For each matrix: inputs, output gradients, and the gradient along the leading eigenvectors."""


def interpret(target: Target, corpus: Corpus) -> Interpretation:
    """Fit the eigenbases on the corpus, then the curvature along them."""
    scalars = [sampled_loss(tokens) for tokens in corpus.tokens[:SEQUENCES]]
    examples = [factors for _, factors in gradient_factors(target, scalars, DEPTH)]
    tensors, moments, sizes, total = {}, {}, {}, {}
    for name in linear_maps(target, DEPTH):
        seen = [(example.inputs[name], example.outputs[name]) for example in examples]
        before, after = leading([entered for entered, _ in seen]), leading([left for _, left in seen])
        squares = [((left @ after).T @ (entered @ before)) ** 2 for entered, left in seen]
        moments[name] = torch.stack(squares).mean(0)
        total[name] = float(sum(((x @ x.T) * (d @ d.T)).sum() for x, d in seen)) / len(seen)
        sizes[name] = seen[0][0].shape[1] * seen[0][1].shape[1]
        tensors[f"{name}.before"], tensors[f"{name}.after"] = before, after
    mean = sum(total.values()) / sum(sizes.values())
    others = {}
    for name, moment in moments.items():
        rest = max(total[name] - float(moment.sum()), 0.0) / max(sizes[name] - moment.numel(), 1)
        others[name] = (1 + DAMPING) * mean / (rest + DAMPING * mean)
        tensors[f"{name}.extra"] = (1 + DAMPING) * mean / (moment + DAMPING * mean) - others[name]
    return Interpretation(tensors, others)


def prepare(question: QuestionView, target: Target, interpretation: Interpretation) -> FirstOrder[Kept] | None:
    """Find out which weights the fine-tunes change; None where rows have no fine-tunes or other interventions."""
    changed = {tune.depth: tuple(linear_maps(target, max(tune.depth, DEPTH))) for tune in fine_tunes(question)}
    if not changed:
        return None
    learned = interpretation.tensors

    def keep(factors: GradientFactors) -> Kept:
        kept = {}
        for name, entered in factors.inputs.items():
            left = factors.outputs[name]
            along = (left @ learned[f"{name}.after"]).T @ (entered @ learned[f"{name}.before"])
            kept[name] = entered, left, along
        return kept

    def products(tune: FineTune, loss: Kept, values: Sequence[Kept]) -> Tensor:
        return torch.stack([product(tune, loss, value) for value in values])

    def product(tune: FineTune, loss: Kept, value: Kept) -> Tensor:
        total = torch.zeros(())
        for name in changed[tune.depth]:
            (entered, left, along), (other_entered, other_left, other_along) = loss[name], value[name]
            whole = ((entered @ other_entered.T) * (left @ other_left.T)).sum()
            total += interpretation.data[name] * whole + (learned[f"{name}.extra"] * along * other_along).sum()
        return total

    return FirstOrder(target, max(min(changed), DEPTH), keep, products)


def predict(
    question: QuestionView,
    runs: Sequence[Run],
    target: Target,
    interpretation: Interpretation,
    prepared: FirstOrder[Kept] | None,
) -> Float[Tensor, "runs channels"]:
    """Follow each run's value along the preconditioned step of its fine-tune."""
    return torch.empty(len(runs), 0) if prepared is None else prepared.channels(runs)


def sampled_loss(tokens: tuple[int, ...]) -> Scalar:
    """Return the loss of a sequence on next tokens that the model itself draws."""

    def read(log_probs: Sequence[Float[Tensor, "length vocabulary"]]) -> Float[Tensor, ""]:
        drawn = torch.multinomial(log_probs[0].detach().exp(), 1)
        return -log_probs[0].gather(-1, drawn).sum()

    return Scalar((Path(tokens, tuple(range(len(tokens)))),), read)


def leading(pieces: Sequence[Float[Tensor, "positions size"]]) -> Float[Tensor, "size rank"]:
    """Return the leading eigenvectors of the second moments of some vectors."""
    moments = sum((piece.T @ piece for piece in pieces), torch.zeros(()))
    vectors: Tensor = torch.linalg.eigh(moments).eigenvectors
    return vectors[:, -RANK:]
