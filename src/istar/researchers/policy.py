"""The researcher with explicit parameters: a policy over the grammar, updated by policy gradient.

This is the document's `theta = update_parameters(theta, reward)` to the letter: theta is a small network
(`istar.researchers.choice_policy`), and every reward moves it by one step of REINFORCE.

- The advantage of a method is its reward less the running mean of the rewards told before it, in running standard
  deviations and at most `MOST_ADVANTAGE` of them: reward formulas have different units, and a step should not. Without
  a reward to compare with, or while all are alike, it is 0. A method that failed counts as worse by 1 than any that did
  not.
- One step of plain gradient ascent, not Adam: on a few hundred rewards, one at a time, Adam's estimates of second
  moments are noise themselves, it moves every parameter as far for an advantage near 0 as for a great one, and its
  moments would belong to what a search is resumed from.
- Methods proposed side by side were drawn before the others' rewards moved theta, and sentences drawn late from a
  softened policy. The gradient is that of the log-probability under the present theta, weighted by how much less likely
  the sentence has become since it was drawn (a ratio truncated at 1, so that one method cannot weigh more than it would
  on policy). That sentences proposed before are drawn again is not corrected for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch

from istar.researchers.choice_policy import (
    ChoicePolicy,
    PolicyDraw,
    PolicyReplay,
    ascend,
    grammar_decisions,
    surrogate,
)
from istar.researchers.feedback import Feedback
from istar.researchers.grammar.drawing import LEARNED_ATTEMPTS, SentenceResearcher, written
from istar.researchers.grammar.sentence import draw_sentence
from istar.researchers.researcher import (
    RESEARCHERS,
    Proposal,
    State,
    check_option,
    told_rewards,
)
from istar.seeds import Seed

MOST_ADVANTAGE = 3.0


@RESEARCHERS.register("policy")
class PolicyResearcher(SentenceResearcher):
    """REINFORCE with a baseline and an entropy bonus on an autoregressive policy over the grammar's choices.

    A proposal's parameters hold, beside its choices, their `log_probability` when they were drawn, in nats, and the
    policy's `entropy` along them: the mean over the decisions asked, as a share of that of a uniform choice.

    Args:
        learning_rate: length of a step, for an advantage of one standard deviation; 0 to 1.
        entropy_bonus: what a nat of entropy of each decision is worth, in standard deviations of the reward; 0 to 10.
        hidden: width of the policy's network; 1 to 1024.
        words: the primitives that sentences are made of; None for all.
    """

    name: ClassVar[str] = "policy"

    def __init__(
        self,
        learning_rate: float = 0.02,
        entropy_bonus: float = 0.1,
        hidden: int = 32,
        words: Sequence[str] | None = None,
    ) -> None:
        """See the class docstring."""
        super().__init__(words)
        check_option(self, "learning_rate", learning_rate, 0.0, 1.0)
        check_option(self, "entropy_bonus", entropy_bonus, 0.0, 10.0)
        check_option(self, "hidden", hidden, 1, 1024)
        self.learning_rate = learning_rate
        self.entropy_bonus = entropy_bonus
        self.policy = ChoicePolicy(grammar_decisions(self.words), hidden)

    def _compose(self, seed: Seed) -> Proposal:
        return self._first_new(lambda attempt: self._sample(seed.split("attempt", attempt), _temperature(attempt)))

    def _sample(self, seed: Seed, temperature: float) -> Proposal:
        with torch.no_grad():
            draw = PolicyDraw(self.policy, seed, temperature)
            sentence = draw_sentence(draw, self.words)
            entropies = self._replay(draw.drawn).relative_entropies
        return written(
            sentence,
            draw.drawn,
            log_probability=draw.log_probability.item(),
            entropy=sum(entropies) / len(entropies),
        )

    def _replay(self, drawn: dict[str, int | str]) -> PolicyReplay:
        replay = PolicyReplay(self.policy, drawn)
        draw_sentence(replay, self.words)
        return replay

    def update(self, proposal: Proposal, feedback: Feedback) -> None:
        """Learn from the feedback on a pending proposal: one step of theta; errors as in the base class."""
        super().update(proposal, feedback)
        objective = surrogate(
            self._replay(proposal.parameters["drawn"]),
            advantage(told_rewards(self.told)),
            proposal.parameters["log_probability"],
            self.entropy_bonus,
        )
        ascend(self.policy, objective, self.learning_rate)

    def state(self) -> State:
        """Return what was told and theta, as JSON values."""
        return {**super().state(), "theta": self.policy.to_json()}

    def restore(self, state: State) -> None:
        """Take theta as it was, without learning it again; errors as in the base class, or theta does not fit."""
        told = self._experience(state)
        self.policy.load(state["theta"])
        self._pending, self._told = [], told


def advantage(rewards: Sequence[float]) -> float:
    """Return how much better the last reward is than the mean of those before it, in standard deviations of all.

    At most `MOST_ADVANTAGE` either way, and 0 while all are alike.
    """
    gains = np.array(rewards) - rewards[0]  # exactly 0 where all are alike
    spread = gains.std()
    if spread == 0:
        return 0.0
    return float(np.clip((gains[-1] - gains[:-1].mean()) / spread, -MOST_ADVANTAGE, MOST_ADVANTAGE))


def _temperature(attempt: int) -> float:
    """Return how far the policy is softened: not at first, then step by step, up to tenfold."""
    return 1.0 + max(0, attempt + 1 - LEARNED_ATTEMPTS) / LEARNED_ATTEMPTS
