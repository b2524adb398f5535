"""Readouts: which scalar is read off a model's output.

A readout is pure data with two halves. `paths` says what has to be fed to the model and at which positions its
next-token distribution is needed; that is all a cost model or a packing engine has to know. `value` turns the
log-probabilities found there into the scalar, in the unit its docstring states. Neither runs a model.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from jaxtyping import Float

from istar.errors import IstarError
from istar.questions.jsonable import describes, frozen
from istar.registry import Registry

if TYPE_CHECKING:
    from torch import Tensor

READOUTS: Registry[type[Readout]] = Registry("readout")

Unit = Literal["nats", "probability", "verdict"]
"""What a value is in: nats, a probability, or a verdict, which is 0 or 1."""


class ReadoutError(IstarError):
    """A readout that does not fit the tokens of its run."""


@dataclass(frozen=True)
class Path:
    """One token sequence that a readout needs the model to process.

    Attributes:
        tokens: the input, the beginning-of-sequence token first.
        reads: positions in `tokens` whose next-token distribution is read, ascending.
        plain: the sequence runs on the unmodified model even where the run has an intervention.
    """

    tokens: tuple[int, ...]
    reads: tuple[int, ...]
    plain: bool = False


class Readout(ABC):
    """Base class of all readouts; a subclass is a frozen dataclass of JSON values, registered under `kind`.

    Attributes:
        kind: the registry name.
        unit: what values are in, and so how near two computations of one must be: a thousandth of a nat, a thousandth
            of a probability, and verdicts alike.
    """

    kind: ClassVar[str]
    unit: ClassVar[Unit] = "nats"

    @abstractmethod
    def paths(self, tokens: tuple[int, ...]) -> tuple[Path, ...]:
        """Return what the model must process.

        Args:
            tokens: the run's tokens.

        Raises:
            ReadoutError: the readout does not fit these tokens.
        """

    @abstractmethod
    def value(self, tokens: tuple[int, ...], log_probs: Sequence[Float[Tensor, "reads vocabulary"]]) -> float:
        """Return the scalar.

        Args:
            tokens: the run's tokens.
            log_probs: for each path, in order, the natural-log probabilities at its reads.
        """

    def scored(self, tokens: tuple[int, ...]) -> tuple[int, ...]:
        """Return all tokens whose log-probability `value` may look up; the run's own, unless a readout says more.

        Args:
            tokens: the run's tokens.
        """
        return tokens

    def to_json(self) -> dict[str, Any]:
        """Return the readout as JSON values."""
        return {"kind": self.kind, **asdict(self)}  # type: ignore[call-overload]


@describes("readout")
def readout_from_json(data: dict[str, Any]) -> Readout:
    """Return the readout that `to_json` described.

    Raises:
        MalformedError: the values fit none.
        UnknownNameError: no readout of that kind is registered.
    """
    return READOUTS.get(data["kind"])(**{key: frozen(value) for key, value in data.items() if key != "kind"})


def _span(tokens: tuple[int, ...], start: int) -> Path:
    if not 1 <= start < len(tokens):
        raise ReadoutError(
            f"the scored span starts at position {start} of {len(tokens)} tokens; it must start at 1 or later (a token "
            "is scored from those before it) and hold at least one token"
        )
    return Path(tokens[:-1], tuple(range(start - 1, len(tokens) - 1)))


def _span_log_probs(span: tuple[int, ...], log_probs: Float[Tensor, "reads vocabulary"]) -> Float[Tensor, " reads"]:
    import torch

    picked = torch.tensor(span, device=log_probs.device).unsqueeze(-1)
    return log_probs.gather(-1, picked).squeeze(-1)


@READOUTS.register("span_logprob")
@dataclass(frozen=True)
class SpanLogprob(Readout):
    """Log-probability of the tokens from `start` to the end, in nats.

    Attributes:
        start: position of the first scored token.
        mean: divide by the number of scored tokens (nats per token).
    """

    kind: ClassVar[str] = "span_logprob"
    start: int
    mean: bool = False

    def paths(self, tokens: tuple[int, ...]) -> tuple[Path, ...]:
        """See the base class."""
        return (_span(tokens, self.start),)

    def value(self, tokens: tuple[int, ...], log_probs: Sequence[Float[Tensor, "reads vocabulary"]]) -> float:
        """See the base class."""
        scored = _span_log_probs(tokens[self.start :], log_probs[0])
        return float(scored.mean() if self.mean else scored.sum())


@READOUTS.register("span_loss")
@dataclass(frozen=True)
class SpanLoss(Readout):
    """Mean negative log-probability of the tokens from `start` to the end, in nats per token.

    Attributes:
        start: position of the first scored token; 1 for the loss of the whole sequence.
    """

    kind: ClassVar[str] = "span_loss"
    start: int = 1

    def paths(self, tokens: tuple[int, ...]) -> tuple[Path, ...]:
        """See the base class."""
        return (_span(tokens, self.start),)

    def value(self, tokens: tuple[int, ...], log_probs: Sequence[Float[Tensor, "reads vocabulary"]]) -> float:
        """See the base class."""
        return float(-_span_log_probs(tokens[self.start :], log_probs[0]).mean())


@READOUTS.register("span_margin")
@dataclass(frozen=True)
class SpanMargin(Readout):
    """Log-probability of the span minus that of a foil in its place, in nats.

    Attributes:
        start: position of the first scored token.
        foil: the tokens that are scored instead of `tokens[start:]`.
    """

    kind: ClassVar[str] = "span_margin"
    start: int
    foil: tuple[int, ...]

    def paths(self, tokens: tuple[int, ...]) -> tuple[Path, ...]:
        """See the base class."""
        return _span(tokens, self.start), _span(tokens[: self.start] + self.foil, self.start)

    def scored(self, tokens: tuple[int, ...]) -> tuple[int, ...]:
        """See the base class."""
        return tokens + self.foil

    def value(self, tokens: tuple[int, ...], log_probs: Sequence[Float[Tensor, "reads vocabulary"]]) -> float:
        """See the base class."""
        span = _span_log_probs(tokens[self.start :], log_probs[0]).sum()
        return float(span - _span_log_probs(self.foil, log_probs[1]).sum())


@READOUTS.register("entropy")
@dataclass(frozen=True)
class Entropy(Readout):
    """Entropy of the next-token distribution after the whole run, in nats."""

    kind: ClassVar[str] = "entropy"

    def paths(self, tokens: tuple[int, ...]) -> tuple[Path, ...]:
        """See the base class."""
        return (Path(tokens, (len(tokens) - 1,)),)

    def value(self, tokens: tuple[int, ...], log_probs: Sequence[Float[Tensor, "reads vocabulary"]]) -> float:
        """See the base class."""
        import torch

        return float(torch.special.entr(log_probs[0][0].exp()).sum())


@READOUTS.register("greedy_correct")
@dataclass(frozen=True)
class GreedyCorrect(Readout):
    """1.0 if greedy decoding from `tokens[:start]` gives exactly the answer `tokens[start:]`, else 0.0.

    Teacher forcing decides it in one pass: greedy decoding reproduces the answer if and only if every answer token
    is the arg max after the tokens before it.

    Attributes:
        start: position of the answer's first token.
    """

    kind: ClassVar[str] = "greedy_correct"
    unit: ClassVar[Unit] = "verdict"
    start: int

    def paths(self, tokens: tuple[int, ...]) -> tuple[Path, ...]:
        """See the base class."""
        return (_span(tokens, self.start),)

    def value(self, tokens: tuple[int, ...], log_probs: Sequence[Float[Tensor, "reads vocabulary"]]) -> float:
        """See the base class."""
        import torch

        answer = torch.tensor(tokens[self.start :], device=log_probs[0].device)
        return float((log_probs[0].argmax(-1) == answer).all())


@READOUTS.register("kl_from")
@dataclass(frozen=True)
class KLFrom(Readout):
    """Mean KL divergence of this run's next-token distributions from a reference run's, KL(reference || run), in nats.

    Attributes:
        reference: the reference run's tokens; it runs on the unmodified model.
        last: how many positions at the end of both are compared.
    """

    kind: ClassVar[str] = "kl_from"
    reference: tuple[int, ...]
    last: int = 1

    def paths(self, tokens: tuple[int, ...]) -> tuple[Path, ...]:
        """See the base class."""
        if not 1 <= self.last <= min(len(tokens), len(self.reference)):
            raise ReadoutError(
                f"KL over the last {self.last} positions of runs of {len(tokens)} and {len(self.reference)} tokens"
            )
        run = Path(tokens, tuple(range(len(tokens) - self.last, len(tokens))))
        length = len(self.reference)
        return run, Path(self.reference, tuple(range(length - self.last, length)), plain=True)

    def value(self, tokens: tuple[int, ...], log_probs: Sequence[Float[Tensor, "reads vocabulary"]]) -> float:
        """See the base class."""
        run, reference = log_probs
        return float((reference.exp() * (reference - run)).sum(-1).mean())


@READOUTS.register("span_probability")
@dataclass(frozen=True)
class SpanProbability(Readout):
    """Probability of the tokens from `start` to the end, between 0 and 1.

    Attributes:
        start: position of the first scored token.
    """

    kind: ClassVar[str] = "span_probability"
    unit: ClassVar[Unit] = "probability"
    start: int

    def paths(self, tokens: tuple[int, ...]) -> tuple[Path, ...]:
        """See the base class."""
        return (_span(tokens, self.start),)

    def value(self, tokens: tuple[int, ...], log_probs: Sequence[Float[Tensor, "reads vocabulary"]]) -> float:
        """See the base class."""
        return float(_span_log_probs(tokens[self.start :], log_probs[0]).double().sum().exp())


@READOUTS.register("choice_probability")
@dataclass(frozen=True)
class ChoiceProbability(Readout):
    """Probability of the span among a few spans in its place, between 0 and 1.

    Attributes:
        start: position of the span's first token.
        others: the tokens of each other choice, none of them equal to `tokens[start:]`.
    """

    kind: ClassVar[str] = "choice_probability"
    unit: ClassVar[Unit] = "probability"
    start: int
    others: tuple[tuple[int, ...], ...]

    def paths(self, tokens: tuple[int, ...]) -> tuple[Path, ...]:
        """See the base class."""
        if not self.others or tokens[self.start :] in self.others:
            raise ReadoutError("a choice needs others to choose from, all different from the span itself")
        return tuple(_span(tokens[: self.start] + span, self.start) for span in (tokens[self.start :], *self.others))

    def scored(self, tokens: tuple[int, ...]) -> tuple[int, ...]:
        """See the base class."""
        return sum(self.others, tokens)

    def value(self, tokens: tuple[int, ...], log_probs: Sequence[Float[Tensor, "reads vocabulary"]]) -> float:
        """See the base class."""
        import torch

        spans = (tokens[self.start :], *self.others)
        totals = [_span_log_probs(span, found).double().sum() for span, found in zip(spans, log_probs, strict=True)]
        return float(torch.softmax(torch.stack(totals), dim=0)[0])


@READOUTS.register("policy_cost")
@dataclass(frozen=True)
class PolicyCost(Readout):
    """What a changed policy costs on one context: KL(M || M') + beta H(M') + a penalty for lost reward, in nats.

    M is the plain model on the reference run and M' this run. Divergence and entropy are means over the next-token
    distributions at the positions of the answer, `tokens[start:]`. The reward of either is its mean log-probability of
    the answer; the penalty is `penalty` times what M' falls short of M's reward by more than `tolerance`.

    Attributes:
        start: position of the answer's first token.
        reference: the tokens before the answer in the reference run.
        beta: weight of the entropy.
        tolerance: how much reward may be lost for nothing, in nats per token.
        penalty: weight of what is lost beyond it.
    """

    kind: ClassVar[str] = "policy_cost"
    start: int
    reference: tuple[int, ...]
    beta: float = 0.2
    tolerance: float = 0.1
    penalty: float = 1.0

    def paths(self, tokens: tuple[int, ...]) -> tuple[Path, ...]:
        """See the base class."""
        plain = _span(self.reference + tokens[self.start :], len(self.reference))
        return _span(tokens, self.start), Path(plain.tokens, plain.reads, plain=True)

    def value(self, tokens: tuple[int, ...], log_probs: Sequence[Float[Tensor, "reads vocabulary"]]) -> float:
        """See the base class."""
        import torch

        policy, reference = (found.double() for found in log_probs)
        divergence = (reference.exp() * (reference - policy)).sum(-1).mean()
        entropy = torch.special.entr(policy.exp()).sum(-1).mean()
        answer = tokens[self.start :]
        lost = _span_log_probs(answer, reference).mean() - _span_log_probs(answer, policy).mean() - self.tolerance
        return float(divergence + self.beta * entropy + self.penalty * lost.clamp(min=0.0))
