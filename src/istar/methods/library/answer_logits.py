"""Answer logits: the logits of the scored tokens alone, without a softmax over the vocabulary.

The dot product of a normed residual stream with the unembedding of the right token is the logit that the stream gives
it. Without the normaliser that is no log-probability, but within a question the normaliser often moves little, and a
read costs one row of the unembedding instead of all. `score_asked` says how the logits of spans are put together. Where
some run scores no given token there is no channel.

Source: the direct logit attribution of a whole stream, Elhage et al., "A Mathematical Framework for Transformer
Circuits" (2021).
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from istar.methods import Interpretation, asked_tokens, score_asked
from istar.questions import QuestionView, Run
from istar.targets import Corpus, Target

DEPTH = 0.8  # share of the blocks that run


def interpret(target: Target, corpus: Corpus) -> Interpretation:
    """Learn nothing: the final norm and the unembedding are the target's own."""
    return Interpretation()


def prepare(question: QuestionView, target: Target, interpretation: Interpretation) -> bool:
    """Find out whether all runs score tokens."""
    return all(asked_tokens(run) for run in question.runs)


def predict(
    question: QuestionView, runs: Sequence[Run], target: Target, interpretation: Interpretation, prepared: bool
) -> Float[Tensor, "runs channels"]:
    """Return what the scored tokens' logits come to."""
    if not prepared:
        return torch.empty(len(runs), 0)
    weight = target.anatomy.unembedding.get_parameter("weight")

    def score(reads: Tensor, places: Tensor, tokens: Tensor) -> Tensor:
        logits: Tensor = (target.anatomy.final_norm(reads)[places] * weight[tokens]).sum(1, keepdim=True)
        return logits

    with torch.no_grad():
        return score_asked(runs, target.run(runs, upto=round(DEPTH * target.layers)), score)
