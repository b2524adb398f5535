"""Reduced vocabulary: an affine lens that unembeds only the tokens a question asks about and the likeliest others.

Unembedding a position into a vocabulary of tens of thousands can cost a quarter of computing it. Most of the
probability is on few tokens, so distributions are read over the question's own answer tokens and the tokens that are
likeliest in generic text; what the others hold is left out, which shifts all log-probabilities alike. What a question
does to the logits themselves (a bias, a temperature) is not seen.

Source: the affine map is the tuned lens (Belrose et al., 2023), fitted by ridge regression on the normalised last
stream; estimating a softmax on a subset of words is Jean et al., "On Using Very Large Target Vocabulary for Neural
Machine Translation" (2015).
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from istar.methods import Interpretation, asked_tokens, renumbered
from istar.questions import QuestionView, Run
from istar.targets import Corpus, Target

DEPTH = 0.6  # share of the blocks that run
RIDGE = 1e-2  # penalty, as a share of the mean variance of the stream's components
FREQUENT = 1024  # how many tokens besides the question's own


def interpret(target: Target, corpus: Corpus) -> Interpretation:
    """Fit the map to the last stream, and find the tokens that are likeliest on average."""
    early, late = [], []
    likely = torch.zeros(target.vocabulary)
    with torch.no_grad():
        for tokens in corpus.tokens:
            sequence = torch.tensor([tokens])
            early.append(target.forward(sequence, upto=layer(target))[0, 1:])
            late.append(target.forward(sequence)[0, 1:])
            likely += target.unembed(late[-1]).exp().sum(0)
        x, y = torch.cat(early).double(), torch.cat(late).double()
    x_mean, y_mean = x.mean(0), y.mean(0)
    x = x - x_mean
    gram = x.T @ x
    penalty = RIDGE * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype)
    slope = torch.linalg.solve(gram + penalty, x.T @ (y - y_mean))
    frequent = likely.topk(min(FREQUENT, target.vocabulary)).indices
    tensors = {"slope": slope.float(), "offset": (y_mean - x_mean @ slope).float(), "frequent": frequent}
    return Interpretation(tensors)


def prepare(question: QuestionView, target: Target, interpretation: Interpretation) -> tuple[dict[int, int], Tensor]:
    """Number the tokens that are read, and take their rows out of the unembedding."""
    asked = {token for run in question.runs for token in asked_tokens(run)}
    chosen = sorted(asked | set(interpretation.tensors["frequent"].tolist()))
    numbers = {token: number for number, token in enumerate(chosen)}
    return numbers, target.anatomy.unembedding.state_dict()["weight"][chosen]


def predict(
    question: QuestionView,
    runs: Sequence[Run],
    target: Target,
    interpretation: Interpretation,
    prepared: tuple[dict[int, int], Tensor],
) -> Float[Tensor, "runs channels"]:
    """Read each run, its tokens renumbered, over the reduced vocabulary."""
    numbers, rows = prepared
    streams = target.run(runs, upto=layer(target))
    with torch.no_grad():
        mapped = streams.values @ interpretation.tensors["slope"] + interpretation.tensors["offset"]
        log_probs = torch.log_softmax(target.anatomy.final_norm(mapped) @ rows.T, dim=-1)
        values = []
        for row, run in enumerate(runs):
            paths = [log_probs[torch.as_tensor(streams.index(row, path))] for path in range(len(run.paths))]
            there = renumbered(run, numbers)
            values.append(there.readout.value(there.tokens, paths))
    return torch.tensor(values).unsqueeze(-1)


def layer(target: Target) -> int:
    """Return the number of blocks that run."""
    return round(DEPTH * target.layers)
