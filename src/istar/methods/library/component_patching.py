"""Attribution patching of components: what a change of one head, part or matrix does, to first order.

Where rows are texts read by a model with one part changed (a head or a part left out, matrices rounded, an output map
edited), one forward and one backward pass over the texts of the plain model tell what any such change does to them:
the gradient with respect to what leaves the part, times what the changed part would put out there less what it did
(`istar.methods.PartResponses`). The first row pays for all texts; of a change only its own part runs, on what entered
it.

The channels are the value after the change, the value before it, and the size of the change, which bounds the first;
where the change is large, the first order is wrong, and the executor can learn by how much. Nothing else is learned.
Rows that are changed elsewhere have no channels.

Source: Nanda, "Attribution Patching" (2023); Syed et al., "Attribution Patching Outperforms Automated Circuit
Discovery" (2023); Kramar et al., "AtP*: An efficient and scalable method for localizing LLM behaviour to components"
(2024).
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from istar.methods import Interpretation, PartResponses
from istar.questions import QuestionView, Run
from istar.targets import Corpus, Target


def interpret(target: Target, corpus: Corpus) -> Interpretation:
    """Learn nothing."""
    return Interpretation()


def prepare(question: QuestionView, target: Target, interpretation: Interpretation) -> PartResponses | None:
    """Find out which texts there are; None where rows are changed in more than one part, or not at all."""
    return PartResponses.of(target, question.runs)


def predict(
    question: QuestionView,
    runs: Sequence[Run],
    target: Target,
    interpretation: Interpretation,
    prepared: PartResponses | None,
) -> Float[Tensor, "runs channels"]:
    """Follow each run's value along what its change does to one part."""
    return torch.empty(len(runs), 0) if prepared is None else prepared.channels(runs)
