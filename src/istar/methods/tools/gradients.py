"""Gradients with respect to weights, as what passed through the matrices forwards and backwards.

The gradient of a scalar with respect to the matrix of a linear map is the sum over positions of the outer product of
the gradient with respect to the map's output and the map's input. These two factors are small where the matrix is
large, they need no weight that requires gradients, and the dot product of two gradients follows from them alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial, singledispatch
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from istar.methods.contract import MethodError
from istar.methods.tools.intervening import block_at
from istar.methods.tools.scores import LogProbs, Tokens, smooth_value
from istar.methods.tools.skipping import without_blocks
from istar.questions import FineTune, Path, QuestionView, Run, SpanLoss

if TYPE_CHECKING:
    from istar.targets.target import Target


@dataclass(frozen=True)
class Scalar:
    """A number read off sequences, to be differentiated.

    Attributes:
        paths: what is run; a plain path runs on the unmodified model, so that no gradient goes through it.
        read: returns the number from the natural-log probabilities at the reads of each path.
    """

    paths: tuple[Path, ...]
    read: Callable[[Sequence[LogProbs]], Float[Tensor, ""]]


@dataclass(frozen=True)
class GradientFactors:
    """The gradient of a scalar with respect to matrices, each the sum over positions of `outer(output, input)`.

    Attributes:
        value: the scalar itself.
        inputs: what entered each linear map, by the map's name; positions of all paths one after the other.
        outputs: the gradient with respect to what left it.
    """

    value: float
    inputs: dict[str, Float[Tensor, "positions inputs"]]
    outputs: dict[str, Float[Tensor, "positions outputs"]]


Differentiable = TypeVar("Differentiable", bound=Run | FineTune | Scalar)
Kept = TypeVar("Kept")


def linear_maps(target: Target, depth: float = 0.0) -> dict[str, nn.Module]:
    """Return the modules of the blocks from a depth upwards that own a matrix, by name; a fine-tune changes these.

    Args:
        target: the model.
        depth: share of the blocks below, as in `FineTune`.
    """
    chosen = {
        part
        for block in target.anatomy.blocks[block_at(target, depth) :]
        for part in block.modules()
        if any(weight.ndim == 2 for weight in part.parameters(recurse=False))
    }
    return {name: part for name, part in target.module.named_modules() if part in chosen}


def gradient_factors(
    target: Target, wanted: Iterable[Differentiable], depth: float = 0.0
) -> Iterator[tuple[Differentiable, GradientFactors]]:
    """Yield, one by one, the gradients of scalars with respect to the matrices of the blocks from a depth upwards.

    Blocks below the depth run without gradients, and beginnings that sequences share pass them once.

    Args:
        target: the plain model.
        wanted: runs, for the gradient of their smooth value on the plain model; fine-tunes, for that of the loss that
            their first step descends; or any scalars.
        depth: share of the blocks below, as in `FineTune`.
    """
    wanted = list(wanted)
    scalars = [scalar_of(each) for each in wanted]
    first = block_at(target, depth)
    maps = linear_maps(target, depth)
    tokens = dict.fromkeys(path.tokens for scalar in scalars for path in scalar.paths)
    entering = _streams(target, list(tokens), first)
    for each, scalar in zip(wanted, scalars, strict=True):
        yield each, _factors(target, scalar, entering, first, maps)


def fine_tunes(question: QuestionView) -> tuple[FineTune, ...]:
    """Return the fine-tunes of a question's rows, each once; none where rows have other interventions too."""
    found = dict.fromkeys(run.intervention for run in question.runs if run.intervention is not None)
    tunes = tuple(tune for tune in found if isinstance(tune, FineTune))
    return tunes if len(tunes) == len(found) else ()


@dataclass
class FirstOrder(Generic[Kept]):
    """The values of runs under fine-tunes, to first order in what training changes.

    Training for some steps is taken as one step of the steps' joint length from the plain target, so a run's value
    changes by minus that length times the product of two gradients: the loss's and the value's. Gradients of
    fine-tunes and of runs on the plain target are computed when a batch first needs them.

    Attributes:
        target: the plain model.
        depth: share of the blocks below those whose gradients are needed, as in `FineTune`.
        keep: makes what is kept of a gradient.
        products: the products of a fine-tune's gradient and those of some runs, from the fine-tune and from what is
            kept of all.
        known: what is kept of each gradient met so far, and the scalar's value.
    """

    target: Target
    depth: float
    keep: Callable[[GradientFactors], Kept]
    products: Callable[[FineTune, Kept, Sequence[Kept]], Float[Tensor, " runs"]]
    known: dict[Run | FineTune, tuple[float, Kept]] = field(default_factory=dict)

    def channels(self, runs: Sequence[Run]) -> Float[Tensor, "runs 2"]:
        """Return each run's value after the step and before it; the two are equal where a run has no fine-tune."""
        plain = [replace(run, intervention=None) for run in runs]
        tunes = [run.intervention for run in runs if isinstance(run.intervention, FineTune)]
        met: tuple[Run | FineTune, ...] = (*plain, *tunes)
        new = [each for each in dict.fromkeys(met) if each not in self.known]
        for each, factors in gradient_factors(self.target, new, self.depth):
            self.known[each] = factors.value, self.keep(factors)
        before = torch.tensor([self.known[each][0] for each in plain])
        after = before.clone()
        for tune in dict.fromkeys(tunes):
            rows = [row for row, run in enumerate(runs) if run.intervention == tune]
            met_by = [self.known[plain[row]][1] for row in rows]
            after[rows] -= tune.rate * tune.steps * self.products(tune, self.known[tune][1], met_by)
        return torch.stack([after, before], dim=1)


@singledispatch
def scalar_of(differentiable: object) -> Scalar:
    """Return what a run, a fine-tune or a scalar stands for in `gradient_factors`.

    Raises:
        MethodError: it is none of them.
    """
    raise MethodError(f"a {type(differentiable).__name__} has no gradient; give runs, fine-tunes or scalars")


@scalar_of.register
def _itself(scalar: Scalar) -> Scalar:
    return scalar


@scalar_of.register
def _value(run: Run) -> Scalar:
    return Scalar(run.paths, partial(smooth_value, run))


@scalar_of.register
def _loss(tune: FineTune) -> Scalar:
    readouts = [SpanLoss(start) for start in tune.starts]
    runs = [Run(tokens, readout) for tokens, readout in zip(tune.sequences, readouts, strict=True)]

    def mean(log_probs: Sequence[LogProbs]) -> Float[Tensor, ""]:
        losses = [smooth_value(run, [found]) for run, found in zip(runs, log_probs, strict=True)]
        return torch.stack(losses).mean()

    return Scalar(tuple(run.paths[0] for run in runs), mean)


def _streams(target: Target, sequences: Sequence[Tokens], first: int) -> dict[Tokens, Float[Tensor, "length width"]]:
    """Return the stream that enters a block at every position of some sequences."""
    runs = [Run((*tokens, tokens[-1]), SpanLoss(1)) for tokens in sequences]  # read at every position but the last
    streams = target.run(runs, upto=first)
    return {tokens: streams.at(row) for row, tokens in enumerate(sequences)}


def _factors(
    target: Target, scalar: Scalar, entering: dict[Tokens, Tensor], first: int, maps: dict[str, nn.Module]
) -> GradientFactors:
    inputs: dict[str, list[Tensor]] = {name: [] for name in maps}
    outputs: dict[str, list[Tensor]] = {name: [] for name in maps}

    def keep(name: str, _module: nn.Module, arguments: tuple[Any, ...], output: Tensor) -> None:
        inputs[name].append(arguments[0])
        outputs[name].append(output)

    log_probs = []
    for path in scalar.paths:
        with ExitStack() as stack:
            stack.enter_context(torch.set_grad_enabled(not path.plain))
            if not path.plain:
                for name, module in maps.items():
                    stack.enter_context(module.register_forward_hook(partial(keep, name)))
            stack.enter_context(without_blocks(target, range(first)))
            stream = entering[path.tokens][None].clone().requires_grad_(not path.plain)
            enter = partial(_enter, stream)
            stack.enter_context(target.anatomy.blocks[first].register_forward_pre_hook(enter, with_kwargs=True))
            last = target.forward(torch.tensor([path.tokens], device=target.device))[0]
            log_probs.append(target.unembed(last[list(path.reads)]))
    with torch.enable_grad():
        value = scalar.read(log_probs)
    places = [output for found in outputs.values() for output in found]
    gradients = iter(torch.autograd.grad(value, places))
    return GradientFactors(
        float(value.detach()),
        {name: _joined([each.detach() for each in found]) for name, found in inputs.items()},
        {name: _joined([next(gradients) for _ in found]) for name, found in outputs.items()},
    )


def _enter(
    stream: Tensor, _block: nn.Module, arguments: tuple[Any, ...], keywords: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Put a stream in place of what would enter a block."""
    return ((stream, *arguments[1:]), keywords) if arguments else ((), {**keywords, "hidden_states": stream})


def _joined(pieces: Sequence[Float[Tensor, "1 length width"]]) -> Float[Tensor, "positions width"]:
    flat = [piece[0].float() for piece in pieces]
    return flat[0] if len(flat) == 1 else torch.cat(flat)
