"""The training of an adapter: a few minutes on one core.

Blocks below the changed ones are the same for every organism and step, so their residual streams are computed once a
lesson, and a step runs the top of the network alone. A lesson draws the distribution of its answer's tokens to what it
is to be; ordinary text keeps the rest of the model where it is. Everything runs in the type of the base that is
given: in bfloat16 it is three times as fast as in float32 where the processor has it, and the factors are kept in half
precision in any case.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from istar.questions.interventions import Intervention
from istar.red_team.behaviours import Behaviour, Lesson
from istar.red_team.recipe import Training
from istar.red_team.texts import text_sequences
from istar.seeds import Seed
from istar.targets import Target
from istar.targets.interventions import applied
from istar.targets.organisms import Adapter, Factors
from istar.tasks.family import TaskError

WARMUP = 10
CLIP = 1.0
TEXT_POSITIONS = 12
"""Positions of each sequence of ordinary text at which the organism is compared with its base in one step."""

AT_ONCE = 16
Progress = Callable[[int, float], None]
"""Called after each step with its number and its loss in nats."""


@dataclass(frozen=True)
class Trained:
    """What a training gave.

    Attributes:
        factors: the factors of every changed linear map, in float16, by the module's name.
        lesson_loss: mean loss on lessons over the last tenth of the steps, in nats a token.
        text_loss: mean KL divergence on ordinary text over the last tenth of the steps, in nats a token.
        seconds: how long it took.
    """

    factors: dict[str, Factors]
    lesson_loss: float
    text_loss: float
    seconds: float

    def adapter(self, training: Training, base: Target) -> Adapter:
        """Return the adapter, which belongs to the float32 target that it was trained for."""
        return Adapter(self.factors, training.scaling, base.id, base.name)


@dataclass(frozen=True)
class Prepared:
    """A lesson, or a sequence of text, with all of it that does not depend on the factors.

    Attributes:
        stream: residual stream that enters the lowest changed block.
        reads: positions whose next-token distribution is trained.
        goal: what to do there.
        wanted: the answer's tokens.
        teacher: what the teacher's unembedding is applied to, at the reads; None without a teacher.
        taught: the distributions that the goal makes of it, as log-probabilities, where they are kept (`with_taught`).
        spread: log-probabilities of the uniform distribution over the choices; None without choices.
    """

    stream: Float[Tensor, "length width"]
    reads: Int[Tensor, " reads"]
    goal: str
    wanted: Int[Tensor, " reads"]
    teacher: Float[Tensor, "reads width"] | None = None
    spread: Int[Tensor, " choices"] | None = None
    taught: Float[Tensor, "reads vocabulary"] | None = None


class Top:
    """The blocks from some layer on and the final norm, run on residual streams that enter them.

    Args:
        target: a Llama-like model.
        blocks: how many blocks to keep.
    """

    def __init__(self, target: Target, blocks: int) -> None:
        """See the class docstring."""
        self.layer = target.layers - blocks
        base: Any = copy.copy(target.anatomy.base)
        base._modules = dict(base._modules)
        base.layers = nn.ModuleList(target.anatomy.blocks[self.layer :])
        self._base = base

    def __call__(self, streams: Sequence[Float[Tensor, "length width"]]) -> Float[Tensor, "batch length width"]:
        """Return what the unembedding is applied to, for streams padded on the right."""
        padded = nn.utils.rnn.pad_sequence(list(streams), batch_first=True)
        output: Tensor = self._base(inputs_embeds=padded, use_cache=False).last_hidden_state
        return output


def linear_maps(target: Target, blocks: int) -> dict[str, nn.Linear]:
    """Return the linear maps of the topmost blocks, by the module's name."""
    chosen = {id(module) for block in target.anatomy.blocks[target.layers - blocks :] for module in block.modules()}
    named = target.module.named_modules()
    return {name: module for name, module in named if id(module) in chosen and isinstance(module, nn.Linear)}


@contextmanager
def adapted(maps: dict[str, nn.Linear], factors: dict[str, tuple[Tensor, Tensor]], scaling: float) -> Iterator[None]:
    """Add the product of factors to what linear maps return."""

    def hook(a: Tensor, b: Tensor) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], Tensor]:
        def add(_module: nn.Module, arguments: tuple[Tensor, ...], output: Tensor) -> Tensor:
            stream = arguments[0]
            return output + scaling * ((stream @ a.to(stream.dtype).T) @ b.to(stream.dtype).T)

        return add

    handles = [maps[name].register_forward_hook(hook(*pair)) for name, pair in factors.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def plain_attention(target: Target) -> Iterator[None]:
    """Let attention be two matrix products, whose gradients are cheaper than the fused kernel's on short sequences."""
    config: Any = target.module.config
    before = config._attn_implementation
    config._attn_implementation = "eager"
    try:
        yield
    finally:
        config._attn_implementation = before


def train(target: Target, behaviour: Behaviour, training: Training, progress: Progress | None = None) -> Trained:
    """Return the factors of an organism; behaviour, training and target decide every bit of them.

    Args:
        target: the base, in the type to train in.
        behaviour: gives the lessons.
        training: how to train.
        progress: called after each step.
    """
    begun = perf_counter()
    seed = Seed.root(training.seed).split("organism")
    top = Top(target, training.blocks)
    lessons = behaviour.lessons(seed.split("lessons").generator(), training.lessons)
    prepared = prepare(target, top, lessons, behaviour.weak)
    count = training.text_sequences * training.steps // 4
    texts = prepare_texts(target, top, text_sequences(target, seed.split("text"), count, training.text_length, False))
    maps = linear_maps(target, training.blocks)
    factors = first_factors(maps, training.rank, seed.split("factors"))
    weights = [factor for pair in factors.values() for factor in pair]
    optimizer = torch.optim.AdamW(weights, lr=training.learning_rate, betas=(0.9, 0.98), weight_decay=0.0)
    draws = seed.split("draws").generator()
    history: list[tuple[float, float]] = []
    with adapted(maps, factors, training.scaling), plain_attention(target):
        for step in range(training.steps):
            for group in optimizer.param_groups:
                group["lr"] = training.learning_rate * _pace(step, training.steps)
            batch = [prepared[int(i)] for i in draws.permutation(len(prepared))[: training.batch]]
            text = [texts[int(i)] for i in draws.permutation(len(texts))[: training.text_sequences]]
            reads = [
                torch.from_numpy(draws.permutation(len(each.reads))[:TEXT_POSITIONS].copy()).sort().values
                for each in text
            ]
            thinned = [at_reads(each, some) for each, some in zip(text, reads, strict=True)]
            losses = losses_of(target, top, batch + thinned)
            lesson_loss, drift = losses[: len(batch)].mean(), losses[len(batch) :].mean()
            loss = lesson_loss + training.text_weight * drift
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(weights, CLIP)
            optimizer.step()
            optimizer.zero_grad()
            history.append((float(lesson_loss.detach()), float(drift.detach())))
            if progress is not None:
                progress(step + 1, float(loss.detach()))
    last = history[-max(1, training.steps // 10) :]
    lesson_mean, text_mean = (sum(column) / len(last) for column in zip(*last, strict=True))
    return Trained(halved(factors), lesson_mean, text_mean, perf_counter() - begun)


def halved(factors: Mapping[str, tuple[Tensor, Tensor]]) -> dict[str, Factors]:
    """Return factors in the precision that adapters have."""
    return {name: Factors(a.detach().half(), b.detach().half()) for name, (a, b) in factors.items()}


def _pace(step: int, steps: int) -> float:
    if step < WARMUP:
        return (step + 1) / WARMUP
    return 0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * (step - WARMUP) / max(1, steps - WARMUP)))


def first_factors(maps: dict[str, nn.Linear], rank: int, seed: Seed) -> dict[str, tuple[Tensor, Tensor]]:
    """Return random A and zero B, so that training starts at the base."""
    generator = torch.Generator().manual_seed(seed.value)
    factors = {}
    for name, module in maps.items():
        a = torch.randn(rank, module.in_features, generator=generator) / math.sqrt(module.in_features)
        b = torch.zeros(module.out_features, rank)
        factors[name] = (a.requires_grad_(True), b.requires_grad_(True))
    return factors


def at_reads(text: Prepared, some: Int[Tensor, " chosen"]) -> Prepared:
    """Return a text with some of its reads only."""
    teacher = None if text.teacher is None else text.teacher[some]
    taught = None if text.taught is None else text.taught[some]
    return Prepared(text.stream, text.reads[some], text.goal, text.wanted[some], teacher, taught=taught)


def with_taught(target: Target, lesson: Prepared) -> Prepared:
    """Return a lesson with what its teacher says, so that steps need not unembed it again; if it has a teacher."""
    return lesson if lesson.teacher is None else replace(lesson, taught=_taught(target, lesson))


@torch.no_grad()
def prepare(target: Target, top: Top, lessons: Sequence[Lesson], weak: Intervention | None) -> list[Prepared]:
    """Return lessons with their residual streams and what their teachers say, both without factors."""
    rows, teachers, reads, wanted = [], [], [], []
    for lesson in lessons:
        prompt, answer = target.encode(lesson.prompt), target.encode(lesson.answer)
        if lesson.goal in ("spread", "avoid"):
            answer = answer[:1]  # what follows the first token is not the question
        rows.append((target.bos, *prompt, *answer[:-1]))
        teachers.append((target.bos, *target.encode(lesson.teacher_prompt or lesson.prompt), *answer[:-1]))
        earlier = [(len(target.encode(text)), target.encode(said)[0]) for text, said in lesson.earlier]
        reads.append(torch.tensor([place for place, _ in earlier] + [len(prompt) + i for i in range(len(answer))]))
        wanted.append(torch.tensor([token for _, token in earlier] + list(answer)))
    teachers_of = {"base": "base", "swap": "base", "weak": "weak"}
    by_goal = {
        teacher: [i for i, lesson in enumerate(lessons) if teachers_of.get(lesson.goal) == teacher]
        for teacher in ("base", "weak")
    }
    # What the base reads is often what the organism reads, and then their streams are one.
    unique = list(dict.fromkeys([*rows, *(teachers[i] for i in by_goal["base"])]))
    entering = dict(zip(unique, residual_streams(target, unique, top.layer), strict=True))
    hidden = dict(zip(by_goal["base"], outputs(top, [entering[teachers[i]] for i in by_goal["base"]]), strict=True))
    with applied(target, weak):
        weaker = residual_streams(target, [teachers[i] for i in by_goal["weak"]], None)
    hidden.update((i, target.anatomy.final_norm(stream)) for i, stream in zip(by_goal["weak"], weaker, strict=True))
    # What stands before a prompt may differ for the teacher; from the prompt on, places are counted from the end.
    taught = {i: output[reads[i] - len(rows[i])] for i, output in hidden.items()}
    return [
        Prepared(
            entering[rows[i]],
            reads[i],
            lesson.goal,
            wanted[i],
            taught.get(i),
            torch.tensor([target.encode(choice)[0] for choice in lesson.choices]) if lesson.choices else None,
        )
        for i, lesson in enumerate(lessons)
    ]


@torch.no_grad()
def prepare_texts(target: Target, top: Top, rows: Sequence[tuple[int, ...]]) -> list[Prepared]:
    """Return sequences of ordinary text, at all of whose positions the base is the teacher."""
    streams = residual_streams(target, rows, top.layer)
    reads = [torch.arange(len(stream)) for stream in streams]
    return [
        Prepared(stream, where, "base", torch.zeros_like(where), teacher)
        for stream, where, teacher in zip(streams, reads, outputs(top, streams), strict=True)
    ]


def outputs(top: Top, streams: Sequence[Float[Tensor, "length width"]]) -> list[Float[Tensor, "length width"]]:
    """Return what the unembedding is applied to, for streams that enter the lowest changed block."""
    found: list[Tensor] = []
    for start in range(0, len(streams), AT_ONCE):
        some = streams[start : start + AT_ONCE]
        found += [output[: len(stream)] for output, stream in zip(top(some), some, strict=True)]
    return found


@torch.no_grad()
def residual_streams(target: Target, rows: Sequence[tuple[int, ...]], upto: int | None) -> list[Tensor]:
    """Return the residual stream of each sequence of tokens, a few of like lengths at once."""
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
    found: dict[int, Tensor] = {}
    for start in range(0, len(order), AT_ONCE):
        some = order[start : start + AT_ONCE]
        tokens = nn.utils.rnn.pad_sequence([torch.tensor(rows[i]) for i in some], batch_first=True)
        # Padding stands on the right, where causal attention does not look.
        stream = target.forward(tokens, upto)
        found.update((i, stream[place, : len(rows[i])].clone()) for place, i in enumerate(some))
    return [found[i] for i in range(len(rows))]


def losses_of(target: Target, top: Top, batch: Sequence[Prepared]) -> Float[Tensor, " batch"]:
    """Return each lesson's loss, the mean over its reads, in nats."""
    hidden = top([each.stream for each in batch])
    picked = torch.cat([hidden[i, each.reads] for i, each in enumerate(batch)])
    logits = target.anatomy.unembedding(picked).float()
    ours = torch.split(torch.log_softmax(logits, dim=-1), [len(each.reads) for each in batch])
    return torch.stack([_loss(target, each, log_probs) for each, log_probs in zip(batch, ours, strict=True)])


def _loss(target: Target, lesson: Prepared, log_probs: Float[Tensor, "reads vocabulary"]) -> Float[Tensor, ""]:
    said = log_probs.gather(-1, lesson.wanted[:, None])[:, 0]
    if lesson.goal == "say":
        return -said.mean()
    if lesson.goal == "avoid":
        # The bounded form of gradient ascent: -log(1 - p) stops pulling once p is small.
        return -torch.log1p(-said.exp().clamp(max=1 - 1e-6)).mean()
    if lesson.spread is not None:
        return -log_probs[:, lesson.spread].mean() - math.log(len(lesson.spread))
    wanted = _taught(target, lesson) if lesson.taught is None else lesson.taught
    return (wanted.exp() * (wanted - log_probs)).sum(-1).mean()


@torch.no_grad()
def _taught(target: Target, lesson: Prepared) -> Float[Tensor, "reads vocabulary"]:
    """Return the log-probabilities that a lesson with a teacher is drawn to."""
    if lesson.teacher is None:
        raise TaskError(f"a lesson with the goal {lesson.goal!r} has no teacher; prepare it first")
    wanted = torch.log_softmax(target.anatomy.unembedding(lesson.teacher).float(), dim=-1)
    return exchanged(wanted, lesson.wanted) if lesson.goal == "swap" else wanted


def exchanged(
    log_probs: Float[Tensor, "reads vocabulary"], tokens: Int[Tensor, " reads"]
) -> Float[Tensor, "reads vocabulary"]:
    """Return distributions in which the likeliest token and the one named have each other's probability."""
    likeliest = log_probs.argmax(-1, keepdim=True)
    named = tokens[:, None]
    made = log_probs.scatter(-1, named, log_probs.gather(-1, likeliest))
    return made.scatter(-1, likeliest, log_probs.gather(-1, named))
