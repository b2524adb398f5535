"""Logit lens: stop the forward early and read the residual stream as if it were the last one.

Source: nostalgebraist, "interpreting GPT: the logit lens" (LessWrong, 2020).
"""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor

from istar.methods import Interpretation
from istar.questions import QuestionView, Run
from istar.targets import Corpus, Target

DEPTH = 0.87  # share of the blocks that run: below about 0.8 the raw lens says little


def interpret(target: Target, corpus: Corpus) -> Interpretation:
    """Learn nothing: the lens is the target's own final norm and unembedding."""
    return Interpretation()


def predict(
    question: QuestionView, runs: Sequence[Run], target: Target, interpretation: Interpretation, prepared: None
) -> Float[Tensor, "runs channels"]:
    """Read each run off the residual stream after DEPTH of the blocks."""
    streams = target.run(runs, upto=round(DEPTH * target.layers))
    return target.read(runs, streams).unsqueeze(-1)
