"""Layer skipping: a forward without a stretch of middle blocks.

Source: the blocks of a residual network can be left out one by one with little loss, middle ones least of all (Veit
et al., "Residual Networks Behave Like Ensembles of Relatively Shallow Networks", 2016; for language models, Gromov
et al., "The Unreasonable Ineffectiveness of the Deeper Layers", 2024).
"""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor

from istar.methods import Interpretation, without_blocks
from istar.questions import QuestionView, Run
from istar.targets import Corpus, Target

FIRST = 0.4  # where the skipped stretch begins, as a share of the blocks
SHARE = 0.2  # how many blocks are skipped, as a share of all


def interpret(target: Target, corpus: Corpus) -> Interpretation:
    """Learn nothing."""
    return Interpretation()


def predict(
    question: QuestionView, runs: Sequence[Run], target: Target, interpretation: Interpretation, prepared: None
) -> Float[Tensor, "runs channels"]:
    """Read each run off the shortened forward."""
    first = round(FIRST * target.layers)
    with without_blocks(target, range(first, first + round(SHARE * target.layers))):
        streams = target.run(runs)
    return target.read(runs, streams).unsqueeze(-1)
