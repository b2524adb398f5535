"""Low-rank forward: every matrix of the feed-forward modules replaced by a product of two thin ones.

The weights of a trained matrix do not compress well, what it does to the activations it meets does. The best product
of a given rank, by the mean squared error of the outputs on generic text, is the truncated singular value
decomposition of the matrix with its input scaled by the root of the inputs' second moments. It is found here without
that root, as the projection of the outputs on their principal directions. The whole forward runs through the thin
matrices, attention and read-out as they are. What an intervention does to the replaced matrices is not seen.

Source: ASVD, Yuan et al., "Activation-aware Singular Value Decomposition for Compressing Large Language Models"
(2023), and SVD-LLM, Wang et al. (2024), for the scaling by second moments.
"""

from collections.abc import Sequence
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

RANK = 0.5  # as a share of the smaller side of a matrix
BYTES = 31 * 2**20  # of all thin matrices together; caps the rank
DTYPE = torch.float16  # the thin matrices are kept in


def interpret(target: Target, corpus: Corpus) -> Interpretation:
    """Find the principal directions of every matrix's outputs, and what the matrix does along them."""
    modules = matrix_modules(target)
    bases, moments = [], []
    with torch.no_grad(), ExitStack() as hooks:
        for module in modules:
            basis, rest = torch.linalg.qr(matrix(module))
            bases.append(basis)
            moments.append(torch.zeros(len(rest), len(rest), dtype=torch.float64))
            hooks.enter_context(module.register_forward_pre_hook(partial(add_moments, rest, moments[-1])))
        for tokens in corpus.tokens:
            target.forward(torch.tensor([tokens]))
        cap = BYTES // (torch.finfo(DTYPE).bits // 8 * sum(sum(matrix(module).shape) for module in modules))
        tensors = {}
        for number, (module, basis, moment) in enumerate(zip(modules, bases, moments, strict=True)):
            rank = max(1, min(round(RANK * len(moment)), cap))
            outward = basis @ torch.linalg.eigh(moment).eigenvectors[:, -rank:].to(basis.dtype)
            tensors[f"inward_{number}"] = (outward.T @ matrix(module)).to(DTYPE)
            tensors[f"outward_{number}"] = outward.to(DTYPE)
    return Interpretation(tensors)


def prepare(question: QuestionView, target: Target, interpretation: Interpretation) -> dict[str, Tensor]:
    """Make room for the thin matrices in the precision of the target."""
    return {}


def predict(
    question: QuestionView,
    runs: Sequence[Run],
    target: Target,
    interpretation: Interpretation,
    prepared: dict[str, Tensor],
) -> Float[Tensor, "runs channels"]:
    """Read each run off the forward through the thin matrices."""
    if not prepared:
        prepared.update({name: tensor.to(target.dtype) for name, tensor in interpretation.tensors.items()})
    thin = {
        module: partial(through, prepared[f"inward_{number}"], prepared[f"outward_{number}"], module)
        for number, module in enumerate(matrix_modules(target))
    }
    with replacing(target, thin):
        streams = target.run(runs)
    return target.read(runs, streams).unsqueeze(-1)


def matrix_modules(target: Target) -> list[Module]:
    """Return the modules inside the feed-forward modules that multiply by a matrix."""
    parts = [part for mlp in target.anatomy.mlps for part in mlp.modules()]
    return [part for part in parts if getattr(part, "weight", None) is not None and part.weight.ndim == 2]


def matrix(module: Module) -> Float[Tensor, "outputs inputs"]:
    """Return a module's matrix; all but `Linear` (GPT-2's `Conv1D`) store its transpose."""
    weight = module.get_parameter("weight")
    return weight if isinstance(module, Linear) else weight.T


def add_moments(rest: Tensor, moments: Tensor, module: Module, arguments: tuple[Tensor, ...]) -> None:
    """Add up the second moments of a module's outputs, in the basis that its matrix is `rest` in."""
    outputs = arguments[0].flatten(0, -2) @ rest.T
    moments += outputs.T @ outputs


def through(inward: Tensor, outward: Tensor, module: Module, stream: Tensor) -> Tensor:
    """Multiply by the two thin matrices, and add the module's bias."""
    return linear(linear(stream, inward), outward, getattr(module, "bias", None))
