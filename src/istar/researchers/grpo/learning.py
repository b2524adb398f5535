"""Group relative policy optimisation: how theta moves with the rewards of a group of sentences.

Source: GRPO, Shao et al., "DeepSeekMath: Pushing the Limits of Mathematical Reasoning in Open Language Models" (2024).
Tokens are summed instead of averaged over a sentence's length, as in Liu et al., "Understanding R1-Zero-Like
Training: A Critical Perspective" (2025), so that the gradient on policy is that of the expected advantage.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from safetensors.torch import load, save
from torch import Tensor

from istar.researchers.grpo.language_policy import LanguagePolicy, Rollout
from istar.storage import Kind

MOST_GRADIENT = 1.0
"""A gradient that is longer is shortened to this."""
MOMENTS = ("exp_avg", "exp_avg_sq", "step")


@dataclass(frozen=True)
class Step:
    """What theta moves by.

    Attributes:
        rollouts: a group, drawn from one policy.
        advantages: how much better each is than the group.
    """

    rollouts: tuple[Rollout, ...]
    advantages: tuple[float, ...]


ADAPTERS: Kind[Mapping[str, Tensor]] = Kind(
    "adapters",
    lambda tensors: (save(dict(tensors)),),
    lambda parts: load(parts[0]),
    code=("istar.researchers.grpo", "istar.researchers.grammar", "istar.targets"),
    libraries=("numpy", "peft", "torch", "transformers"),
)


def group_advantages(rewards: Sequence[float]) -> tuple[float, ...]:
    """Return the rewards of a group less their mean, in their standard deviations; zeros where all are alike."""
    gains = np.array(rewards) - rewards[0]  # exactly 0 where all are alike
    spread = gains.std()
    if spread == 0:
        return (0.0,) * len(rewards)
    return tuple(((gains - gains.mean()) / spread).tolist())


def clipped_surrogate(
    log_probabilities: Float[Tensor, "rollouts tokens"],
    drawn: Float[Tensor, "rollouts tokens"],
    there: Bool[Tensor, "rollouts tokens"],
    advantages: Float[Tensor, " rollouts"],
    clip: float,
) -> Float[Tensor, ""]:
    """Return GRPO's objective: the mean over rollouts of the sum over tokens of min(r A, clip(r, 1 - c, 1 + c) A).

    Args:
        log_probabilities: of each token under the present theta, in nats.
        drawn: the same when the tokens were drawn; r is the ratio of the two probabilities.
        there: where tokens are, and not behind a sentence's end.
        advantages: A.
        clip: c.
    """
    ratio = torch.exp(log_probabilities - drawn)
    gain = torch.minimum(ratio * advantages[:, None], ratio.clamp(1 - clip, 1 + clip) * advantages[:, None])
    return gain.where(there, 0.0).sum(dim=1).mean()


class Learner:
    """Moves a policy's theta, one step of Adam a group.

    Args:
        policy: the policy.
        learning_rate: Adam's; with 0 nothing is computed.
        entropy_bonus: what a nat of entropy, of each token along a sentence, is worth in standard deviations of the
            group's rewards.
        clip: how far a token's probability may move from that at which it was drawn before its gradient ends.

    Attributes:
        policy: see above.
        steps: how many steps were made.
    """

    def __init__(self, policy: LanguagePolicy, learning_rate: float, entropy_bonus: float, clip: float) -> None:
        """See the class docstring."""
        self.policy = policy
        self.steps = 0
        self._learning_rate, self._entropy_bonus, self._clip = learning_rate, entropy_bonus, clip
        self._adam = torch.optim.Adam(policy.theta.values(), lr=learning_rate)

    def learn(self, step: Step) -> None:
        """Make one step."""
        self.steps += 1
        if self._learning_rate == 0:
            return
        log_probabilities, entropies, there = self.policy.log_probabilities(step.rollouts)
        drawn = torch.zeros_like(log_probabilities)
        drawn[there] = torch.tensor(
            [each for rollout in step.rollouts for each in rollout.log_probabilities], dtype=drawn.dtype
        ).to(drawn.device)
        advantages = torch.tensor(step.advantages, dtype=drawn.dtype, device=drawn.device)
        objective = clipped_surrogate(log_probabilities, drawn, there, advantages, self._clip)
        objective = objective + self._entropy_bonus * entropies.sum(dim=1).mean()
        self._adam.zero_grad()
        (-objective).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.policy.theta.values(), MOST_GRADIENT)
        self._adam.step()

    def checkpoint(self) -> dict[str, Tensor]:
        """Return theta and Adam's moments; `resume` takes them up to the last bit."""
        tensors = {"steps": torch.tensor(self.steps)}
        for name, parameter in self.policy.theta.items():
            tensors[name] = parameter.detach().clone()
            for moment, value in self._adam.state[parameter].items():
                tensors[f"{name} {moment}"] = value.clone()
        return tensors

    def resume(self, tensors: Mapping[str, Tensor]) -> None:
        """Take theta, Adam's moments and the number of steps from a checkpoint."""
        self.steps = int(tensors["steps"])
        self._adam.state.clear()
        with torch.no_grad():
            for name, parameter in self.policy.theta.items():
                parameter.copy_(tensors[name])
                if f"{name} step" in tensors:
                    self._adam.state[parameter] = {moment: tensors[f"{name} {moment}"].clone() for moment in MOMENTS}
