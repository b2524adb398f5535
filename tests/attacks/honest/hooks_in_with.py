"""Watches the target through hooks that it removes again."""

from contextlib import ExitStack

import torch

from istar.methods import Interpretation


def first(output):
    """Return a block's stream, whether it gives it alone or first of several."""
    return output[0] if isinstance(output, tuple) else output


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    seen = []
    with ExitStack() as stack:
        for block in target.anatomy.blocks:
            stack.enter_context(
                block.register_forward_hook(lambda module, arguments, output: seen.append(first(output).norm()))
            )
        target.run(runs)
    return torch.stack(seen).mean().reshape(1, 1).expand(len(runs), 1)
