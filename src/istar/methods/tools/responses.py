"""What a change of one part of the model does to a run's value, to first order in what leaves that part.

An ablated head, a rounded matrix or an edited map changes what the attention or the MLP of one block adds to the
residual stream. With z the output of that part on a run of the plain model, z' its output on the same input with the
part changed, and v the run's value,

    v' ~ v + sum over positions of <dv/dz, z' - z>

which is attribution patching (Nanda, Attribution patching, 2023; Kramar et al., AtP*, 2024) of whatever the changed
part would put out. One forward and one backward pass over the texts serve all changes; of a change only its own part
runs. Texts with a common beginning run it once. The gradient at a position that several of them share is that of the
sum of their values, and each of them is given an equal share of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial, singledispatch
from typing import TYPE_CHECKING, Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from istar.methods.tools.intervening import block_at, under
from istar.methods.tools.prefixes import prefix_mask
from istar.methods.tools.scores import smooth_value
from istar.methods.tools.windows import windows_cut_out
from istar.questions import Ablate, AblateHead, ChoiceProbability, Edit, Intervention, Quantise, Run, SpanProbability

if TYPE_CHECKING:
    from istar.targets.target import Target

PACK_TOKENS = 256
"""About how many tokens run together; they are masked from one another, which is attention wasted."""

CHANNELS = 3

PROBABILITIES = (SpanProbability, ChoiceProbability)
"""Readouts whose value is a probability, which is moved in its log-odds."""

Part = tuple[int, Literal["attention", "mlp"]]
"""The number of a block, and which of its parts."""

Tokens = tuple[int, ...]


@singledispatch
def part_of(_change: Intervention | None, _target: Target) -> Part | None:
    """Return the one part of one block that an intervention changes; None if it is not of that kind."""
    return None


@part_of.register(AblateHead)
def _head(change: AblateHead, target: Target) -> Part:
    return block_at(target, change.depth), "attention"


@part_of.register(Edit)
def _edit(change: Edit, target: Target) -> Part:
    return block_at(target, change.depth), "mlp"


@part_of.register(Ablate)
@part_of.register(Quantise)
def _part(change: Ablate | Quantise, target: Target) -> Part:
    return block_at(target, change.depth), change.part


@dataclass
class Pack:
    """Some runs of the plain model that were computed together.

    Attributes:
        rows: the place of each run.
        values: of each run; of a probability its log-odds.
        share: what of the gradient at each token is each run's own.
        called: the arguments that each part was called with.
        outputs: what left it, [tokens, width].
        gradients: of the sum of the values, with respect to that.
    """

    rows: dict[Run, int]
    values: Float[Tensor, " runs"]
    share: Float[Tensor, "runs tokens"]
    called: dict[Part, tuple[tuple[Any, ...], dict[str, Any]]]
    outputs: dict[Part, Float[Tensor, "tokens width"]]
    gradients: dict[Part, Float[Tensor, "tokens width"]]


@dataclass
class PartResponses:
    """The values of runs under changes of one part each, to first order in what leaves it.

    All packs are computed with the first batch, and what edits need of their subjects when a batch first has one.

    Attributes:
        target: the plain model.
        packed: the runs of the plain model that go together, by run.
        known: the packs, by the first run of each; none before the first batch.
        keys: the mean of what enters the output map of each block's MLP where subjects of edits end, by subjects.
    """

    target: Target
    packed: dict[Run, tuple[Run, ...]]
    known: dict[Run, Pack] = field(default_factory=dict)
    keys: dict[tuple[Tokens, ...], list[Float[Tensor, " inputs"]]] = field(default_factory=dict)

    @classmethod
    def of(cls, target: Target, runs: Sequence[Run]) -> PartResponses | None:
        """Return the responses of a question's runs; None if a run is changed in another way than in one part."""
        if any(run.intervention is not None and part_of(run.intervention, target) is None for run in runs):
            return None
        if all(run.intervention is None for run in runs):
            return None
        plain = sorted({_plain(run) for run in runs}, key=lambda run: run.tokens)
        packed: dict[Run, tuple[Run, ...]] = {}
        first = 0
        while first < len(plain):
            last, met = first, set[Tokens]()
            while last < len(plain) and len(met) < PACK_TOKENS:
                met |= _prefixes(plain[last])
                last += 1
            packed.update(dict.fromkeys(plain[first:last], tuple(plain[first:last])))
            first = last
        return cls(target, packed)

    def channels(self, runs: Sequence[Run]) -> Float[Tensor, f"runs {CHANNELS}"]:
        """Return of each run its value after the change, that before it, and the size of the change.

        The size is the sum over positions of the norm of what changes times that of the gradient, which bounds what the
        change does to first order. A probability is moved in its log-odds.
        """
        found = torch.zeros(len(runs), CHANNELS)
        rows: dict[tuple[Run, Intervention | None], list[int]] = {}
        for row, run in enumerate(runs):
            rows.setdefault((self.packed[_plain(run)][0], run.intervention), []).append(row)
        if not self.known:  # all at once, so that the first batch shows what all rows cost
            self.known = {pack[0]: self._compute(pack) for pack in dict.fromkeys(self.packed.values())}
        for (first, change), here in rows.items():
            pack = self.known[first]
            places = [pack.rows[_plain(runs[row])] for row in here]
            before = pack.values[places]
            moved = size = torch.zeros(len(here))
            if change is not None:
                moved, size = (each[places] for each in self._moved(pack, change))
            found[here] = torch.stack([before + moved, before, size], dim=1)
        bounded = [row for row, run in enumerate(runs) if isinstance(run.readout, PROBABILITIES)]
        found[bounded, :2] = torch.sigmoid(found[bounded, :2])
        return found

    @torch.no_grad()
    def _moved(self, pack: Pack, change: Intervention) -> tuple[Float[Tensor, " runs"], Float[Tensor, " runs"]]:
        """Return what a change does to each run's value, and how large it is."""
        part = part_of(change, self.target)
        assert part is not None  # `of` has seen to it
        delta = self._edited(pack, change) if isinstance(change, Edit) else self._changed(pack, part, change)
        gradient = pack.gradients[part]
        return pack.share @ (delta * gradient).sum(1), pack.share @ (delta.norm(dim=1) * gradient.norm(dim=1))

    def _changed(self, pack: Pack, part: Part, change: Intervention) -> Float[Tensor, "tokens width"]:
        """Return what a part puts out under a change, less what it put out; nothing if it is left out."""
        if isinstance(change, Ablate):
            return -pack.outputs[part]
        arguments, keywords = pack.called[part]
        with under(self.target, replace(next(iter(pack.rows)), intervention=change)):
            output = _module(self.target, part)(*arguments, **keywords)
        return _tensor(output)[0].float() - pack.outputs[part]

    def _edited(self, pack: Pack, change: Edit) -> Float[Tensor, "tokens width"]:
        """Return what an edit adds to what leaves an MLP; see `Edit` for the equation."""
        if change.subjects not in self.keys:
            self.keys[change.subjects] = self._keys(change.subjects)
        block = block_at(self.target, change.depth)
        edited = self.target.anatomy.mlp_outs[block]
        key = self.keys[change.subjects][block]
        rows = self.target.anatomy.unembedding.get_parameter("weight")
        direction = nn.functional.normalize((rows[change.wanted] - rows[change.known]).float(), dim=0)
        size = change.strength * edited(key.to(self.target.dtype)).float().norm() / key.square().sum()
        entered = _entering(edited, _module(self.target, (block, "mlp")), pack.called[block, "mlp"])
        return torch.outer(entered @ key * size, direction)

    def _keys(self, subjects: tuple[Tokens, ...]) -> list[Float[Tensor, " inputs"]]:
        found: list[list[Tensor]] = [[] for _ in self.target.anatomy.mlp_outs]
        with ExitStack() as stack:
            for seen, module in zip(found, self.target.anatomy.mlp_outs, strict=True):
                keep = partial(_keep_last, seen)
                stack.callback(module.register_forward_pre_hook(keep).remove)
            for subject in subjects:
                self.target.anatomy.base(input_ids=torch.tensor([subject], device=self.target.device), use_cache=False)
        return [torch.stack(seen).mean(0) for seen in found]

    def _compute(self, runs: tuple[Run, ...]) -> Pack:
        """Run some runs of the plain model together, forwards and backwards."""
        target = self.target
        nodes: dict[Tokens, int] = {}
        for run in runs:
            for prefix in sorted(_prefixes(run), key=len):
                nodes.setdefault(prefix, len(nodes))
        positions = torch.tensor([[len(prefix) - 1 for prefix in nodes]], device=target.device)
        mask = prefix_mask({(0, prefix): place for prefix, place in nodes.items()}, target.dtype)
        mask = mask.to(target.device)[None, None]
        called: dict[Part, tuple[tuple[Any, ...], dict[str, Any]]] = {}
        left: dict[Part, Tensor] = {}
        with ExitStack() as stack:
            for part in _parts(target):
                module = _module(target, part)
                keep = partial(_keep_call, called, part)
                stack.callback(module.register_forward_pre_hook(keep, with_kwargs=True).remove)
                stack.callback(module.register_forward_hook(partial(_keep_output, left, part)).remove)
            entering = target.anatomy.embedding.register_forward_hook(_differentiable)
            stack.callback(entering.remove)
            stack.enter_context(windows_cut_out(target, mask, positions, positions))
            stack.enter_context(torch.enable_grad())
            stream = target.anatomy.base(
                input_ids=torch.tensor([[prefix[-1] for prefix in nodes]], device=target.device),
                position_ids=positions,
                attention_mask=mask,
                use_cache=False,
            ).last_hidden_state[0]
            values = torch.stack([self._value(run, stream, nodes) for run in runs])
        gradients = torch.autograd.grad(values.sum(), list(left.values()))
        share = torch.zeros(len(runs), len(nodes))
        for row, run in enumerate(runs):
            share[row, [nodes[prefix] for prefix in _prefixes(run, plain=False)]] = 1.0
        return Pack(
            {run: row for row, run in enumerate(runs)},
            values.detach().float().cpu(),
            share / share.sum(0).clamp(min=1.0),
            called,
            {part: output.detach()[0].float() for part, output in left.items()},
            {part: found[0].float() for part, found in zip(left, gradients, strict=True)},
        )

    def _value(self, run: Run, stream: Float[Tensor, "tokens width"], nodes: dict[Tokens, int]) -> Float[Tensor, ""]:
        log_probs = []
        for path in run.paths:
            places = [nodes[path.tokens[: read + 1]] for read in path.reads]
            found = torch.log_softmax(self.target.anatomy.unembedding(stream[places]).float(), dim=-1)
            log_probs.append(found.detach() if path.plain else found)  # no change reaches a plain path
        value = smooth_value(run, [each.double() for each in log_probs])
        return torch.logit(value, eps=1e-15) if isinstance(run.readout, PROBABILITIES) else value


def _plain(run: Run) -> Run:
    return replace(run, intervention=None)


def _prefixes(run: Run, plain: bool = True) -> set[Tokens]:
    """Return what a run's paths begin with, up to where they are last read; without those of plain paths if wished."""
    paths = [path for path in run.paths if plain or not path.plain]
    return {path.tokens[: at + 1] for path in paths for at in range(max(path.reads) + 1)}


def _parts(target: Target) -> list[Part]:
    return [(block, part) for block in range(target.layers) for part in ("attention", "mlp")]


def _module(target: Target, part: Part) -> nn.Module:
    block, name = part
    return (target.anatomy.attentions if name == "attention" else target.anatomy.mlps)[block]


def _tensor(output: Tensor | tuple[Tensor, ...]) -> Tensor:
    return output[0] if isinstance(output, tuple) else output


def _keep_call(
    called: dict[Part, tuple[tuple[Any, ...], dict[str, Any]]],
    part: Part,
    _module: nn.Module,
    arguments: tuple[Any, ...],
    keywords: dict[str, Any],
) -> None:
    detached = {name: each.detach() if isinstance(each, Tensor) else each for name, each in keywords.items()}
    called[part] = tuple(each.detach() for each in arguments), detached


def _keep_output(left: dict[Part, Tensor], part: Part, _module: nn.Module, _arguments: Any, output: Any) -> None:
    left[part] = _tensor(output)


def _keep_last(seen: list[Tensor], _module: nn.Module, arguments: tuple[Any, ...]) -> None:
    seen.append(arguments[0][0, -1].detach().float())


def _differentiable(_module: nn.Module, _arguments: tuple[Any, ...], output: Tensor) -> Tensor:
    return output.detach().requires_grad_()


def _entering(
    inner: nn.Module, module: nn.Module, call: tuple[tuple[Any, ...], dict[str, Any]]
) -> Float[Tensor, "tokens inputs"]:
    """Return what enters a map of a module when the module is called once more."""
    seen: list[Tensor] = []
    handle = inner.register_forward_pre_hook(lambda _module, arguments: seen.append(arguments[0][0].float()))
    try:
        module(*call[0], **call[1])
    finally:
        handle.remove()
    return seen[-1]
