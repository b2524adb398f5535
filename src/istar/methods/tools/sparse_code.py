"""Sparse codes: vectors written with a few features each out of a large dictionary, learned from examples.

With the vectors themselves as what is decoded this is a sparse autoencoder, with something computed from them it is a
transcoder. Sparsity is by count: all but the largest features of a vector are set to zero (Gao et al., "Scaling and
evaluating sparse autoencoders", 2024).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

RIDGE = 1e-2
"""Penalty on the decoder that training starts from, as a share of the mean second moment of a feature."""


@dataclass(frozen=True)
class SparseCode:
    """A dictionary of features, and what each of them decodes to.

    Attributes:
        encoder: affine map from a vector to the features, its matrix.
        threshold: the same map's offset.
        decoder: what one unit of each feature adds to what is decoded.
        offset: what no feature at all decodes to.
    """

    encoder: Float[Tensor, "inputs features"]
    threshold: Float[Tensor, " features"]
    decoder: Float[Tensor, "features outputs"]
    offset: Float[Tensor, " outputs"]

    @property
    def tensors(self) -> dict[str, Tensor]:
        """The tensors by name, to be kept in an interpretation; `of` takes them back."""
        return {name: getattr(self, name) for name in ("encoder", "threshold", "decoder", "offset")}

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> SparseCode:
        """Return the code with these tensors."""
        return cls(*(tensors[name] for name in ("encoder", "threshold", "decoder", "offset")))

    def encode(self, vectors: Float[Tensor, "rows inputs"], active: int) -> Float[Tensor, "rows features"]:
        """Return the features of vectors, all but the `active` largest of each vector zero."""
        features = vectors @ self.encoder + self.threshold
        largest = features.topk(active, dim=-1)
        return torch.zeros_like(features).scatter(-1, largest.indices, largest.values)

    def decode(self, features: Float[Tensor, "rows features"]) -> Float[Tensor, "rows outputs"]:
        """Return what features stand for."""
        return features @ self.decoder + self.offset


def fit_sparse_code(
    inputs: Float[Tensor, "rows inputs"],
    outputs: Float[Tensor, "rows outputs"],
    features: int,
    active: int,
    steps: int,
    *,
    rate: float = 3e-3,
    batch: int = 512,
) -> SparseCode:
    """Learn features of vectors from which something else, or the vectors themselves, can be decoded.

    Components count alike, whatever their scale: the loss is the mean squared error in units of each component's
    variance, which is 1 for predicting the mean. Training starts from random directions and the best decoder for
    these (by ridge regression), so no early step can do harm, and goes on by Adam.

    Args:
        inputs: the vectors.
        outputs: what is to be decoded from each.
        features: size of the dictionary.
        active: how many features of a vector are not zero.
        steps: how many steps of Adam.
        rate: their size.
        batch: rows a step.
    """
    x_mean, x_scale = inputs.mean(0), inputs.std(0).clamp_min(1e-6)
    y_mean, y_scale = outputs.mean(0), outputs.std(0).clamp_min(1e-6)
    x, y = (inputs - x_mean) / x_scale, (outputs - y_mean) / y_scale
    directions = torch.nn.functional.normalize(torch.randn(x.shape[1], features), dim=0)
    code = SparseCode(directions, torch.zeros(features), torch.zeros(features, y.shape[1]), torch.zeros(y.shape[1]))
    first = code.encode(x, active)
    gram = first.T @ first
    penalty = RIDGE * gram.diagonal().mean() * torch.eye(features)
    code.decoder.copy_(torch.linalg.solve(gram + penalty, first.T @ y))
    weights = [tensor.requires_grad_() for tensor in code.tensors.values()]
    optimiser = torch.optim.Adam(weights, rate)
    with torch.enable_grad():
        for _ in range(steps):
            rows = torch.randint(len(x), (batch,))
            optimiser.zero_grad()
            loss = (code.decode(code.encode(x[rows], active)) - y[rows]).square().mean()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
    encoder, threshold, decoder, offset = (weight.detach() for weight in weights)
    encoder = encoder / x_scale[:, None]
    return SparseCode(encoder, threshold - x_mean @ encoder, decoder * y_scale, offset * y_scale + y_mean)
