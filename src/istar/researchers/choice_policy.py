"""An explicit policy over the choices of a grammar: a small recurrent network, and its gradient of expected reward.

Source: REINFORCE with a baseline, Williams, "Simple Statistical Gradient-Following Algorithms for Connectionist
Reinforcement Learning" (1992); importance weights truncated at 1, Ionides, "Truncated Importance Sampling" (2008).
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from istar.errors import CorruptDataError
from istar.researchers.grammar.drawing import Chooser
from istar.researchers.grammar.primitives import PRIMITIVES
from istar.researchers.grammar.sentence import MOST_CHANNELS, draw_sentence
from istar.seeds import Seed


class ChoicePolicy:
    """pi_theta: how likely each option of a decision is, given the choices made before it in the same sentence.

    A recurrent network reads which decision is asked (its name without the slot, and the slot) and which choice was
    made last; its memory and a table give the decision's logits. Integers and categories are treated alike. The
    weights and the table begin at zero, so that the initial policy is uniform at every decision.

    Args:
        choices: the number of options of each decision, by its name without the slot.
        hidden: width of the network.

    Attributes:
        theta: the parameters in float64: `asked` [decisions, hidden], `slot` [slots, hidden] and `chosen` [options,
            hidden] embed the input, `recurrent` [hidden, hidden] carries the memory on, `weight` [options, hidden] and
            `table` [options] give the logits. The options are those of all decisions, one decision after another.
    """

    def __init__(self, choices: Mapping[str, int], hidden: int) -> None:
        """See the class docstring."""
        self.choices = dict(choices)
        self._number = {decision: number for number, decision in enumerate(choices)}
        self._first: dict[str, int] = {}
        options = 0
        for decision, count in choices.items():
            self._first[decision] = options
            options += count
        self.theta = {
            "asked": _normal("asked", len(choices), hidden),
            "slot": _normal("slot", MOST_CHANNELS + 1, hidden),
            "chosen": _normal("chosen", options, hidden),
            "recurrent": _normal("recurrent", hidden, hidden) / math.sqrt(hidden),
            "weight": torch.zeros(options, hidden, dtype=torch.float64),
            "table": torch.zeros(options, dtype=torch.float64),
        }
        for parameter in self.theta.values():
            parameter.requires_grad_()

    def begin(self) -> Float[Tensor, " hidden"]:
        """Return the memory before the first decision."""
        return torch.zeros(len(self.theta["recurrent"]), dtype=torch.float64)

    def ask(
        self, memory: Float[Tensor, " hidden"], name: str, last: int | None
    ) -> tuple[Float[Tensor, " hidden"], Float[Tensor, " options"]]:
        """Return the memory after a decision is asked, and the decision's logits.

        Args:
            memory: what is known of the choices before.
            name: the decision's name, slot included.
            last: the choice made just before as `option` numbers it, None at the beginning.
        """
        decision, slot = decision_of(name)
        heard = self.theta["asked"][self._number[decision]] + self.theta["slot"][slot]
        if last is not None:
            heard = heard + self.theta["chosen"][last]
        memory = torch.tanh(heard + self.theta["recurrent"] @ memory)
        first = self._first[decision]
        own = slice(first, first + self.choices[decision])
        return memory, self.theta["weight"][own] @ memory + self.theta["table"][own]

    def option(self, name: str, index: int) -> int:
        """Return the number of a decision's option among the options of all decisions."""
        return self._first[decision_of(name)[0]] + index

    def to_json(self) -> dict[str, Any]:
        """Return theta as lists; reading them again gives the same bits."""
        return {name: parameter.tolist() for name, parameter in self.theta.items()}

    def load(self, lists: Mapping[str, Any]) -> None:
        """Take theta from lists.

        Raises:
            CorruptDataError: they are of another grammar or width.
        """
        read = {name: torch.tensor(values, dtype=torch.float64) for name, values in lists.items()}
        shapes = {name: tuple(parameter.shape) for name, parameter in read.items()}
        expected = {name: tuple(parameter.shape) for name, parameter in self.theta.items()}
        if shapes != expected:
            raise CorruptDataError(
                f"the policy's parameters have the shapes {shapes}, not {expected}; resume with the primitives and the "
                "`hidden` that the search began with"
            )
        self.theta = {name: parameter.requires_grad_() for name, parameter in read.items()}


class PolicyWalk(Chooser):
    """A way through the grammar, with how likely a policy is to take it.

    Args:
        policy: the policy.
        temperature: what logits are divided by; above 1 the policy is softened.

    Attributes:
        log_probability: of all choices so far, in nats.
        entropies: of each decision asked, in nats.
        relative_entropies: each of them as a share of that of a uniform choice.
    """

    def __init__(self, policy: ChoicePolicy, temperature: float = 1.0) -> None:
        """See the class docstring."""
        super().__init__()
        self.policy = policy
        self.temperature = temperature
        self.log_probability = torch.zeros((), dtype=torch.float64)
        self.entropies: list[Tensor] = []
        self.relative_entropies: list[float] = []
        self._memory = policy.begin()
        self._last: int | None = None

    @abstractmethod
    def _take(self, name: str, options: Sequence[Any], log_probabilities: Float[Tensor, " options"]) -> int:
        """Return the position of the option that is taken."""

    def _pick(self, name: str, options: Sequence[Any]) -> int:
        self._memory, logits = self.policy.ask(self._memory, name, self._last)
        log_probabilities = torch.log_softmax(logits / self.temperature, dim=0)
        index = self._take(name, options, log_probabilities)
        entropy = -(log_probabilities.exp() * log_probabilities).sum()
        self.log_probability = self.log_probability + log_probabilities[index]
        self.entropies.append(entropy)
        self.relative_entropies.append(entropy.item() / math.log(len(options)))
        self._last = self.policy.option(name, index)
        return index


class PolicyDraw(PolicyWalk):
    """A way drawn from the policy, each decision from a seed of its own.

    Args:
        policy: the policy.
        seed: of the draws.
        temperature: see the base class.
    """

    def __init__(self, policy: ChoicePolicy, seed: Seed, temperature: float = 1.0) -> None:
        """See the class docstring."""
        super().__init__(policy, temperature)
        self.seed = seed

    def _take(self, name: str, options: Sequence[Any], log_probabilities: Float[Tensor, " options"]) -> int:
        gumbel = self.seed.split(name).generator().gumbel(size=len(options))
        return int(np.argmax(log_probabilities.detach().numpy() + gumbel))


class PolicyReplay(PolicyWalk):
    """A way that was drawn before.

    Args:
        policy: the policy.
        drawn: the value taken at each decision, by the decision's name.
    """

    def __init__(self, policy: ChoicePolicy, drawn: Mapping[str, Any]) -> None:
        """See the class docstring."""
        super().__init__(policy)
        self._before = drawn

    def _take(self, name: str, options: Sequence[Any], log_probabilities: Float[Tensor, " options"]) -> int:
        return options.index(self._before[name])


def surrogate(
    walk: PolicyWalk, advantage: float, drawn_log_probability: float, entropy_bonus: float
) -> Float[Tensor, ""]:
    """Return the function of theta whose gradient at the present theta is the direction of a step.

    It is w A log pi_theta(choices) + entropy_bonus * sum of the entropies of the decisions asked. The weight w is the
    ratio of the choices' probability now to that at which they were drawn, at most 1, and no gradient goes through it.

    Args:
        walk: the choices, under the present theta.
        advantage: A, how much better than expected the choices were.
        drawn_log_probability: log-probability of the choices when they were drawn, in nats.
        entropy_bonus: what a nat of entropy is worth.
    """
    weight = math.exp(min(0.0, walk.log_probability.item() - drawn_log_probability))
    return weight * advantage * walk.log_probability + entropy_bonus * torch.stack(walk.entropies).sum()


def ascend(policy: ChoicePolicy, objective: Float[Tensor, ""], learning_rate: float) -> None:
    """Move theta along the gradient of an objective: one step of plain gradient ascent."""
    parameters = list(policy.theta.values())
    gradients = torch.autograd.grad(objective, parameters, materialize_grads=True)
    with torch.no_grad():
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.add_(gradient, alpha=learning_rate)


def decision_of(name: str) -> tuple[str, int]:
    """Return a decision's name without its slot, and the slot, 0 where it has none."""
    slot, _, rest = name.partition(".")
    return (rest, int(slot)) if slot.isdigit() else (name, 0)


def grammar_decisions(words: Sequence[str] | None = None) -> dict[str, int]:
    """Return every decision that the grammar can ask, by its name without the slot, with its number of options.

    Args:
        words: the primitives that sentences are made of; None for all.
    """
    census = Census()
    draw_sentence(census, words)
    for kind in PRIMITIVES if words is None else words:
        PRIMITIVES.get(kind).draw(census, "1")
    return dict(sorted(census.counts.items()))


class Census(Chooser):
    """Takes the first option of every decision it is asked.

    Attributes:
        counts: how many options each decision has, by its name without the slot.
    """

    def __init__(self) -> None:
        """Start with nothing counted."""
        super().__init__()
        self.counts: dict[str, int] = {}

    def _pick(self, name: str, options: Sequence[Any]) -> int:
        self.counts[decision_of(name)[0]] = len(options)
        return 0


def _normal(name: str, *shape: int) -> Tensor:
    """Return numbers from a normal distribution, the same in every search."""
    generator = Seed.root(0).split("policy", name).generator()
    return torch.from_numpy(generator.normal(size=shape))
