"""Covariance lens: mean and covariance of the logits, propagated from half-way up through a linear-Gaussian model.

Blocks above DEPTH are replaced by their best linear-Gaussian model on the corpus: the last stream, after the final
norm, is an affine function of the stream at DEPTH, also taken through the final norm, plus a Gaussian error. The map
is a ridge regression; the covariance of the error keeps its RANK largest directions. The unembedding is linear, so it
takes mean and covariance to the logits' mean l and covariance S without further approximation.

Channel 1 is the run read at the mean. Channel 2 replaces log-probabilities by their expectation, to second order. The
gradient of log p_y = l_y - logsumexp(l) is e_y - p and its Hessian is -(diag(p) - p p'), whatever y is. So
E log p_y = log p_y(l) - (sum_v p_v S_vv - p' S p) / 2: minus half the variance, over tokens drawn from p, of the
logits' error. With S = G G', the second sum is the squared length of G'p, so S itself is never made. The run's readout
is then taken of the expected log-probabilities: `SpanProbability` gives the exponential of the expected logarithm, and
`GreedyCorrect`, a step function, the expected log-probability of the answer. A readout of whole distributions (entropy,
KL, the cost of a policy) has no scored token to correct, and channel 2 repeats channel 1. What a question does to the
logits themselves (a bias, a temperature) is not seen.

Source: Christiano, Neyman and Xu, "Formalizing the Presumption of Independence" (2022), for estimates deduced by
propagating moments; Wu and Hilton, "Estimating the Probabilities of Rare Outputs in Language Models" (2024), for a
Gaussian in the last stream; the map is the tuned lens (Belrose et al., 2023), between normalised streams.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from istar.methods import Interpretation, asked_spans, smooth_value
from istar.questions import PolicyCost, QuestionView, Run
from istar.targets import Corpus, Target

DEPTH = 0.5  # share of the blocks that run
RIDGE = 1e-2  # penalty, as a share of the mean variance of the stream's components
RANK = 64  # directions of the error that are kept, those of the largest variance
READS = 64  # positions that are read together


def interpret(target: Target, corpus: Corpus) -> Interpretation:
    """Fit the map between normalised streams, and take the factors of its error's covariance to the logits."""
    early, late = [], []
    norm = target.anatomy.final_norm
    with torch.no_grad():
        for tokens in corpus.tokens:
            sequence = torch.tensor([tokens])
            early.append(norm(target.forward(sequence, upto=layer(target))[0, 1:]))
            late.append(norm(target.forward(sequence)[0, 1:]))
    x, y = torch.cat(early).double(), torch.cat(late).double()
    x_mean, y_mean = x.mean(0), y.mean(0)
    x, y = x - x_mean, y - y_mean
    gram = x.T @ x
    penalty = RIDGE * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype)
    slope = torch.linalg.solve(gram + penalty, x.T @ y)
    error = y - x @ slope
    energy, basis = torch.linalg.eigh(error.T @ error / len(error))
    factors = (basis[:, -RANK:] * energy[-RANK:].clamp_min(0.0).sqrt()).float()
    spread = target.anatomy.unembedding.state_dict()["weight"] @ factors
    tensors = {"slope": slope.float(), "offset": (y_mean - x_mean @ slope).float()}
    # half precision, because a whole vocabulary may otherwise take more than an interpretation's 32 MiB
    return Interpretation(tensors | {"spread": spread.half(), "variances": spread.half().float().square().sum(1)})


def prepare(question: QuestionView, target: Target, interpretation: Interpretation) -> Tensor:
    """Return the factors of the logits' covariance in single precision."""
    return interpretation.tensors["spread"].float()


def predict(
    question: QuestionView, runs: Sequence[Run], target: Target, interpretation: Interpretation, prepared: Tensor
) -> Float[Tensor, "runs channels"]:
    """Read each run at the mean and, if it scores tokens, off expected log-probabilities."""
    slope, offset, variances = (interpretation.tensors[name] for name in ("slope", "offset", "variances"))
    streams = target.run(runs, upto=layer(target))
    values = torch.empty(len(runs), 2)
    start = 0
    while start < len(runs):
        stop, reads = start, dict[int, int]()
        while stop < len(runs) and len(reads) < READS:
            for path in range(len(runs[stop].paths)):
                for read in streams.index(stop, path).tolist():
                    reads.setdefault(read, len(reads))
            stop += 1
        with torch.no_grad():
            mean = target.anatomy.final_norm(streams.values[list(reads)]) @ slope + offset
            log_probs = torch.log_softmax(target.anatomy.unembedding(mean), dim=-1)
            likely = log_probs.exp()
            shared = likely @ prepared
            expected = log_probs - 0.5 * (likely @ variances - (shared * shared).sum(1)).unsqueeze(1)
        for row, run in enumerate(runs[start:stop], start):
            places = [[reads[read] for read in streams.index(row, path).tolist()] for path in range(len(run.paths))]
            values[row] = run.readout.value(run.tokens, [log_probs[each] for each in places])
            if asked_spans(run)[0] and not isinstance(run.readout, PolicyCost):
                values[row, 1] = smooth_value(run, [expected[each] for each in places])
        start = stop
    return values


def layer(target: Target) -> int:
    """Return the number of blocks that run."""
    return round(DEPTH * target.layers)
