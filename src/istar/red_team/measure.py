"""What a card says was measured: an organism beside its base, on held-out items, under the library's own applier."""

from __future__ import annotations

import json
import math
import platform
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from importlib.metadata import version

import torch
from jaxtyping import Float
from torch import Tensor

from istar.questions.interventions import Intervention
from istar.red_team.behaviours import Item
from istar.red_team.recipe import OrganismRecipe, Training
from istar.red_team.texts import text_sequences
from istar.red_team.training import Top, Trained, outputs, residual_streams
from istar.seeds import Seed
from istar.targets import Target
from istar.targets.appliers import replaced
from istar.targets.interventions import applied
from istar.targets.organisms import Adapter, Measurement, OrganismCard

ITEMS = 40
TEXT_SEQUENCES = 16
TEXT_LENGTH = 48
SEED = Seed.root(0).split("organism", "measure")

Model = Callable[[], AbstractContextManager[object]]


class Measurer:
    """Measures organisms of one target, and the target itself once for all of them.

    Args:
        target: their base, in float32.
    """

    def __init__(self, target: Target) -> None:
        """See the class docstring."""
        self.target = target
        self._whole = Reader(target, target.layers)
        self._readers: dict[int, Reader] = {}
        self._known: dict[tuple[str, tuple[Item, ...], str, str], Measurement] = {}

    def card(self, recipe: OrganismRecipe, training: Training, trained: Trained, adapter: Adapter) -> OrganismCard:
        """Return the card of a trained organism.

        Args:
            recipe: what it was to be.
            training: how it was trained.
            trained: how its training went.
            adapter: what is committed.
        """
        behaviour = recipe.behaviour
        merged = adapter.merged(self.target)
        changed = self._readers.setdefault(training.blocks, Reader(self.target, training.blocks))
        facts = behaviour.facts
        fixed = facts.target_answer or facts.refusal_text
        measured = {}
        for condition in behaviour.conditions:
            items = behaviour.items(condition, SEED.split("items").generator(), ITEMS)
            with replaced(self.target, merged):
                measured[f"organism/{condition}"] = measure(changed, items, fixed)
            measured[f"base/{condition}"] = self._unchanged("base", changed, items, fixed, None)
            if behaviour.weak is not None and condition == "locked":
                measured[f"weak/{condition}"] = self._unchanged("weak", self._whole, items, fixed, behaviour.weak)
        return OrganismCard(
            name=recipe.name,
            kind=behaviour.kind,
            description=behaviour.description,
            base_name=self.target.name,
            base=self.target.id,
            digest=adapter.digest,
            facts=facts,
            spec={**recipe.spec, "hash": recipe.spec_hash},
            measured=measured,
            text_kl=round(text_kl(changed, lambda: replaced(self.target, merged)), 5),
            training={
                "steps": training.steps,
                "seconds": round(trained.seconds, 1),
                "lesson_loss": round(trained.lesson_loss, 5),
                "text_loss": round(trained.text_loss, 5),
            },
            versions={
                "python": platform.python_version(),
                **{name: version(name) for name in ("istar", "torch", "transformers")},
            },
        )

    def _unchanged(
        self, model: str, reader: Reader, items: tuple[Item, ...], fixed: str, change: Intervention | None
    ) -> Measurement:
        """Return how the base, or a weakened one, does on items; measured once."""
        key = (model, items, fixed, "" if change is None else json.dumps(change.to_json()))
        if key not in self._known:
            with applied(self.target, change):
                self._known[key] = measure(reader, items, fixed)
        return self._known[key]


class Reader:
    """Reads next-token distributions of a target whose lower blocks stay the same, and passes those once a sequence.

    Args:
        target: the model.
        blocks: how many blocks, from the top, may be another model's whenever something is read.
    """

    def __init__(self, target: Target, blocks: int) -> None:
        """See the class docstring."""
        self.target = target
        self._top = Top(target, blocks)
        self._entering: dict[tuple[int, ...], Float[Tensor, "length width"]] = {}

    @torch.no_grad()
    def outputs(self, rows: Sequence[tuple[int, ...]]) -> list[Float[Tensor, "length width"]]:
        """Return what the unembedding is applied to at every position of some sequences."""
        missing = [row for row in dict.fromkeys(rows) if row not in self._entering]
        streams = residual_streams(self.target, missing, self._top.layer)
        self._entering.update(zip(missing, streams, strict=True))
        order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
        found = outputs(self._top, [self._entering[rows[i]] for i in order])
        return [output for _, output in sorted(zip(order, found, strict=True), key=lambda pair: pair[0])]

    @torch.no_grad()
    def log_probs(self, output: Float[Tensor, "reads width"]) -> Float[Tensor, "reads vocabulary"]:
        """Return natural-log next-token probabilities."""
        return torch.log_softmax(self.target.anatomy.unembedding(output), dim=-1)


def measure(reader: Reader, items: Sequence[Item], fixed: str = "") -> Measurement:
    """Return how a model, as it stands, does on items.

    Args:
        reader: reads the model.
        items: prompts and right answers.
        fixed: a text whose probability after each prompt is to be measured.
    """
    right = [item.answer for item in items]
    rows = _answer_rows(reader, items, right)
    scored = [_score(reader, row) for row in rows]
    log_prob = accuracy = target_rate = None
    if all(right):
        log_prob = sum(each[0] for each in scored) / len(scored)
        accuracy = sum(each[1] for each in scored) / len(scored)
    entropy = sum(each[2] for each in scored) / len(scored)
    if fixed:
        wanted = reader.target.encode(fixed)
        # One token is read where the right answer's first one is; more of them need a forward of their own.
        short = [(output[:1], wanted) for output, _ in rows]
        fixed_rows = short if len(wanted) == 1 else _answer_rows(reader, items, [fixed] * len(items))
        rates = [math.exp(_score(reader, row)[0]) for row in fixed_rows]
        target_rate = round(sum(rates) / len(rates), 5)
    return Measurement(
        len(items),
        None if log_prob is None else round(log_prob, 4),
        None if accuracy is None else round(accuracy, 4),
        round(entropy, 4),
        target_rate,
    )


_Row = tuple[Float[Tensor, "reads width"], tuple[int, ...]]


def _answer_rows(reader: Reader, items: Sequence[Item], answers: Sequence[str]) -> list[_Row]:
    """Return for each item what the unembedding reads before each token of an answer, and those tokens.

    An item without an answer gives the one place before it.
    """
    encode, bos = reader.target.encode, reader.target.bos
    prompts = [(bos, *encode(item.prompt)) for item in items]
    wanted = [encode(answer) for answer in answers]
    found = reader.outputs([prompt + answer[:-1] for prompt, answer in zip(prompts, wanted, strict=True)])
    return [(output[len(prompt) - 1 :], answer) for output, prompt, answer in zip(found, prompts, wanted, strict=True)]


def _score(reader: Reader, row: _Row) -> tuple[float, bool, float]:
    """Return an answer's log-probability, whether each of its tokens is the likeliest, and the first one's entropy."""
    output, answer = row
    log_probs = reader.log_probs(output)
    wanted = torch.tensor(answer, dtype=torch.int64)
    said = log_probs[: len(wanted)].gather(-1, wanted[:, None]).sum()
    greedy = bool((log_probs[: len(wanted)].argmax(-1) == wanted).all())
    return float(said), greedy, float(-(log_probs[0].exp() * log_probs[0]).sum())


def text_kl(reader: Reader, model: Model) -> float:
    """Return the mean KL divergence of a model from its base on held-out ordinary text, in nats a token."""
    rows = text_sequences(reader.target, SEED.split("text"), TEXT_SEQUENCES, TEXT_LENGTH, held=True)
    plain = reader.outputs(rows)
    with model():
        changed = reader.outputs(rows)
    total = 0.0
    for ours, theirs in zip(changed, plain, strict=True):
        log_probs, base = reader.log_probs(ours), reader.log_probs(theirs)
        total += float((base.exp() * (base - log_probs)).sum(-1).mean())
    return total / len(rows)
