"""Pruned forward: the feed-forward modules with only the hidden neurons that matter on generic text.

A neuron adds its activation times its column of the output matrix to the stream. Neurons are ranked by the mean norm
of that product on generic text, and the upper SHARE of each module's stay. The interpretation is their numbers alone;
rows and columns are cut out of the target's own matrices, once for all rows that run on the target as it is, and
afresh under interventions, which may have changed the matrices. Cutting costs about as much as one token.

Source: structured pruning by what activations times weights come to, as in Wanda (Sun et al., "A Simple and Effective
Pruning Approach for Large Language Models", 2023), and of whole units, Molchanov et al., "Pruning Convolutional Neural
Networks for Resource Efficient Inference" (2016).
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import Linear, Module
from torch.nn.functional import linear

from istar.methods import Interpretation, replacing
from istar.questions import QuestionView, Run
from istar.targets import Corpus, Target

SHARE = 0.5  # of the neurons that stay

Cut = tuple[Tensor, Tensor | None]


def interpret(target: Target, corpus: Corpus) -> Interpretation:
    """Rank the neurons of each module, and keep the numbers of the best in order."""
    outputs = [matrix_modules(mlp)[-1] for mlp in target.anatomy.mlps]
    with torch.no_grad(), ExitStack() as hooks:
        norms = [oriented(module, module.get_parameter("weight")).norm(dim=0) for module in outputs]
        totals = [torch.zeros(len(norm)) for norm in norms]
        for module, total in zip(outputs, totals, strict=True):
            hooks.enter_context(module.register_forward_pre_hook(partial(add_activations, total)))
        for tokens in corpus.tokens:
            target.forward(torch.tensor([tokens]))
        worths = [norm * total for norm, total in zip(norms, totals, strict=True)]
    kept = [worth.topk(round(SHARE * len(worth))).indices.sort().values for worth in worths]
    return Interpretation({f"kept_{block}": numbers for block, numbers in enumerate(kept)})


def prepare(question: QuestionView, target: Target, interpretation: Interpretation) -> dict[Module, Cut]:
    """Make room for what is cut out of the matrices of the target as it is."""
    return {}


def predict(
    question: QuestionView,
    runs: Sequence[Run],
    target: Target,
    interpretation: Interpretation,
    prepared: dict[Module, Cut],
) -> Float[Tensor, "runs channels"]:
    """Read each run off the forward through the neurons that stay."""
    cuts: dict[Module, Callable[[], Cut]] = {}
    for block, mlp in enumerate(target.anatomy.mlps):
        *inward, outward = matrix_modules(mlp)
        kept = interpretation.tensors[f"kept_{block}"]
        cuts.update({module: partial(cut, module, kept, True) for module in inward})
        cuts[outward] = partial(cut, outward, kept, False)
    plain = all(run.intervention is None for run in runs)
    if plain and not prepared:
        prepared.update({module: make() for module, make in cuts.items()})
    known = prepared if plain else {}
    with replacing(target, {module: partial(through, known.get(module), make) for module, make in cuts.items()}):
        streams = target.run(runs)
    return target.read(runs, streams).unsqueeze(-1)


def matrix_modules(mlp: Module) -> list[Module]:
    """Return the parts that multiply by a matrix: those into the hidden neurons first, the one out of them last."""
    return [part for part in mlp.modules() if getattr(part, "weight", None) is not None and part.weight.ndim == 2]


def oriented(module: Module, weight: Tensor) -> Float[Tensor, "outputs inputs"]:
    """Turn a weight as `Linear` has it; the others (GPT-2's `Conv1D`) store the transpose."""
    return weight if isinstance(module, Linear) else weight.T


def add_activations(total: Tensor, module: Module, arguments: tuple[Tensor, ...]) -> None:
    """Add up the magnitudes of the hidden neurons' activations."""
    total += arguments[0].flatten(0, -2).abs().sum(0)


def cut(module: Module, kept: Tensor, inward: bool) -> Cut:
    """Return the part of a module's matrix, and of its bias, that concerns the neurons that stay."""
    neurons = int(isinstance(module, Linear) != inward)
    bias = getattr(module, "bias", None)
    if inward and bias is not None:
        bias = bias[kept]
    return oriented(module, module.get_parameter("weight").index_select(neurons, kept)), bias


def through(known: Cut | None, make: Callable[[], Cut], stream: Tensor) -> Tensor:
    """Multiply by the smaller matrix, and add the smaller bias."""
    return linear(stream, *(known or make()))
