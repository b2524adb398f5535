"""Context student: the last stream, predicted from a token and the average of those before it.

A distilled bag of words, without layers: an affine map, fitted in closed form to the target's own last streams on
generic text, of a token's embedding and the mean embedding of the WINDOW tokens up to it. It costs next to nothing per
token of context, and is the cheapest thing that knows what a text is about.

Source: distillation, Hinton et al., "Distilling the Knowledge in a Neural Network" (2015); averages of embeddings as a
model of text, Iyyer et al., "Deep Unordered Composition Rivals Syntactic Methods for Text Classification" (2015).
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from istar.methods import Interpretation
from istar.questions import QuestionView, Run
from istar.targets import Corpus, Target

WINDOW = 64  # tokens that are averaged
RIDGE = 1e-1  # penalty, as a share of the mean variance of the features


def interpret(target: Target, corpus: Corpus) -> Interpretation:
    """Fit the map on every position of the corpus but the first of a sequence, whose stream is an outlier."""
    inputs, outputs = [], []
    with torch.no_grad():
        for tokens in corpus.tokens:
            inputs.append(features(tokens, target)[1:])
            outputs.append(target.forward(torch.tensor([tokens]))[0, 1:])
    x, y = torch.cat(inputs).double(), torch.cat(outputs).double()
    x_mean, y_mean = x.mean(0), y.mean(0)
    x = x - x_mean
    gram = x.T @ x
    penalty = RIDGE * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype)
    slope = torch.linalg.solve(gram + penalty, x.T @ (y - y_mean))
    return Interpretation({"slope": slope.float(), "offset": (y_mean - x_mean @ slope).float()})


def predict(
    question: QuestionView, runs: Sequence[Run], target: Target, interpretation: Interpretation, prepared: None
) -> Float[Tensor, "runs channels"]:
    """Read each run off the streams that the map predicts."""
    slope, offset = interpretation.tensors["slope"], interpretation.tensors["offset"]
    streams = target.run(runs, upto=0)
    predicted = torch.zeros(len(streams.values), slope.shape[1])
    with torch.no_grad():
        for row, run in enumerate(runs):
            for number, path in enumerate(run.paths):
                read = features(path.tokens, target)[list(path.reads)]
                predicted[streams.index(row, number).tolist()] = read @ slope + offset
    return target.read(runs, streams, lens=lambda _: predicted).unsqueeze(-1)


def features(tokens: Sequence[int], target: Target) -> Float[Tensor, "tokens features"]:
    """Return each token's embedding beside the mean embedding of the WINDOW tokens up to it."""
    table = target.anatomy.embedding.get_parameter("weight").detach()
    embedded = table[torch.tensor(list(tokens))].float()
    total = embedded.cumsum(0)
    window = torch.cat([total[:WINDOW], total[WINDOW:] - total[:-WINDOW]])
    return torch.cat([embedded, window / torch.arange(1, len(embedded) + 1).clamp(max=WINDOW).unsqueeze(1)], dim=1)
