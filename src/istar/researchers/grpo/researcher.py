"""The researcher that is a language model and learns on its weights: group relative policy optimisation.

It draws groups of sentences, each from the policy of its time. What of a group is new is proposed, one after the other;
what was proposed before has its reward already, and counts again. When the rewards of a whole group are there, theta
moves by one step. So most rollouts cost no recording once the policy has begun to settle, and each group is what GRPO
asks for: drawn independently from one policy, repeats and all.

Every proposal carries the groups that were drawn for it, so that theta is a function of the history. A search that goes
on after it was killed takes the adapter from the newest checkpoint of its own history, and makes the steps since then
again, to the same bits.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar

from istar.researchers.feedback import Feedback
from istar.researchers.grammar.drawing import SentenceResearcher, written
from istar.researchers.grpo.text import SentenceText, choices_of
from istar.researchers.researcher import (
    MOST,
    RESEARCHERS,
    NothingNewError,
    Proposal,
    ResearcherError,
    State,
    check_option,
    told_rewards,
)
from istar.seeds import Seed
from istar.storage import Store
from istar.targets import load_target

if TYPE_CHECKING:
    from istar.researchers.grpo.language_policy import Rollout
    from istar.researchers.grpo.learning import Learner, Step
    from istar.researchers.workbench import Workbench

SETTLED = 20
"""After so many groups without a new sentence a researcher has settled."""

PROMPT = "Channels of methods that save computation:\n"


@dataclass(frozen=True)
class Group:
    """Sentences that were drawn together.

    Attributes:
        number: of the group, from 0.
        rollouts: the sentences.
    """

    number: int
    rollouts: tuple[Rollout, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the group as JSON values."""
        return {"number": self.number, "rollouts": [each.to_json() for each in self.rollouts]}


@RESEARCHERS.register("grpo")
class GrpoResearcher(SentenceResearcher):
    """GRPO on a LoRA adapter of a local language model, whose every text is a sentence of the grammar.

    A proposal's parameters hold, beside its choices, its `text`, its `log_probability` when it was drawn, in nats, the
    policy's `entropy` along it, as a share of that of a uniform choice, and the `groups` that were drawn since the
    proposal before.

    Args:
        model: name, path or hub id of the language model; as of a target.
        group: how many sentences are drawn together; 2 to 1024.
        learning_rate: Adam's; 0 to 1. With 0 the model stays as it is: the control.
        entropy_bonus: what a nat of entropy along a sentence is worth, in standard deviations of a group's rewards; 0
            to 10.
        clip: how far a token's probability may move before its gradient ends; 0 to 1.
        rank: of the adapter; 1 to 256.
        prompt: the text that stands before every sentence.
        checkpoint: after how many steps the adapter is kept.
        words: the primitives that sentences are made of; None for all.
    """

    name: ClassVar[str] = "grpo"

    def __init__(
        self,
        model: str = "smollm2-135m",
        group: int = 8,
        learning_rate: float = 3e-4,
        entropy_bonus: float = 0.05,
        clip: float = 0.2,
        rank: int = 4,
        prompt: str = PROMPT,
        checkpoint: int = 10,
        words: Sequence[str] | None = None,
    ) -> None:
        """See the class docstring."""
        super().__init__(words)
        check_option(self, "group", group, 2, 1024)
        check_option(self, "learning_rate", learning_rate, 0.0, 1.0)
        check_option(self, "entropy_bonus", entropy_bonus, 0.0, 10.0)
        check_option(self, "clip", clip, 0.0, 1.0)
        check_option(self, "rank", rank, 1, 256)
        check_option(self, "checkpoint", checkpoint, 1, MOST)
        for option, value in (("model", model), ("prompt", prompt)):
            if not isinstance(value, str):
                raise ResearcherError(f"the {self.name} researcher's {option} must be a text, not {value!r}")
        if find_spec("peft") is None:
            raise ResearcherError(
                f"the {self.name} researcher learns with peft, which is not installed: pip install 'istar[grpo]'"
            )
        self.text = SentenceText(self.words)
        self.store = Store()
        self._model, self._prompt, self._rank = model, prompt, rank
        self._group, self._every = group, checkpoint
        self._learning = {"learning_rate": learning_rate, "entropy_bonus": entropy_bonus, "clip": clip}
        self._forget()

    def _forget(self) -> None:
        self._open: list[Group] = []  # drawn, and not learned from
        self._drawn = 0  # groups
        self._steps: list[Step] = []
        self._histories = [""]  # hashes of what theta was learned from, before each step
        self._rollouts: list[tuple[str, float]] = []

    @property
    def rollouts(self) -> tuple[tuple[str, float], ...]:
        """The text and the reward of every sentence that was learned from, in the order drawn, repeats and all."""
        return tuple(self._rollouts)

    def begin(self, workbench: Workbench) -> None:
        """Take the workbench, and load the model."""
        super().begin(workbench)
        self._learner  # noqa: B018 - what is wrong with it is said before anything is proposed

    @cached_property
    def _learner(self) -> Learner:
        from istar.researchers.grpo.language_policy import LanguagePolicy
        from istar.researchers.grpo.learning import Learner

        policy = LanguagePolicy(load_target(self._model), self.text, self._prompt, self._rank)
        return Learner(policy, **self._learning)

    def _compose(self, seed: Seed) -> Proposal:
        fresh: list[Group] = []
        for attempt in range(SETTLED):
            if (found := self._untold()) is not None:
                return self._put_forward(found, fresh)
            rollouts = self._caught_up().policy.draw(self._group, seed.split("group", attempt))
            group = Group(self._drawn, rollouts)
            fresh.append(group)
            self._take([group])
        raise NothingNewError(
            f"the {self.name} researcher drew no new sentence in {SETTLED} groups of {self._group} after "
            f"{len(self.made)} methods; give it a greater `entropy_bonus` or more words to go on for longer"
        )

    def _untold(self) -> Rollout | None:
        """Return the first sentence of the open groups that was not proposed."""
        known = {proposal.parameters["text"] for proposal in self.made}
        return next((each for group in self._open for each in group.rollouts if each.text not in known), None)

    def _put_forward(self, rollout: Rollout, fresh: Sequence[Group]) -> Proposal:
        sentence = self.text.read(rollout.text)
        return written(
            sentence,
            choices_of(sentence, self.words),
            text=rollout.text,
            log_probability=sum(rollout.log_probabilities),
            entropy=rollout.entropy,
            groups=[group.to_json() for group in fresh],
        )

    def remember(self, proposal: Proposal) -> None:
        """Take back a proposal, and the groups that were drawn for it."""
        super().remember(proposal)
        self._take(_groups_of(proposal))

    def update(self, proposal: Proposal, feedback: Feedback) -> None:
        """Learn from the feedback on a pending proposal, a step for each group that is whole now."""
        super().update(proposal, feedback)
        self._settle()

    def restore(self, state: State) -> None:
        """Learn again everything that `state` described; groups are taken in the order in which they were drawn."""
        told = self._experience(state)
        self._pending, self._told = [], []
        self._forget()
        if "_learner" in self.__dict__:
            del self._learner
        self._take(
            sorted((each for proposal, _ in told for each in _groups_of(proposal)), key=lambda each: each.number)
        )
        for proposal, feedback in told:
            super().remember(proposal)
            self.update(proposal, feedback)

    def _take(self, groups: Sequence[Group]) -> None:
        for group in groups:
            self._open.append(group)
            self._drawn = group.number + 1
        self._settle()

    def _settle(self) -> None:
        """Turn the groups all of whose rewards are there into steps, in the order in which they were drawn."""
        from istar.researchers.grpo.learning import Step, group_advantages

        rewards = {
            proposal.parameters["text"]: reward
            for (proposal, _), reward in zip(self.told, told_rewards(self.told), strict=True)
        }
        while self._open and all(each.text in rewards for each in self._open[0].rollouts):
            group = self._open.pop(0)
            theirs = [rewards[each.text] for each in group.rollouts]
            self._rollouts += [(each.text, reward) for each, reward in zip(group.rollouts, theirs, strict=True)]
            step = Step(group.rollouts, group_advantages(theirs))
            self._steps.append(step)
            learned = json.dumps([self._histories[-1], group.to_json(), step.advantages])
            self._histories.append(hashlib.sha256(learned.encode()).hexdigest())

    def _caught_up(self) -> Learner:
        """Return the learner after all steps: from the newest checkpoint of this very history, where there is one."""
        from istar.researchers.grpo.learning import ADAPTERS

        learner = self._learner
        for count in range(len(self._steps), learner.steps, -1):
            if count % self._every == 0 and (kept := self.store.get(ADAPTERS, self._key(count))) is not None:
                learner.resume(kept)
                break
        for step in self._steps[learner.steps :]:
            learner.learn(step)
            if learner.steps % self._every == 0:
                self.store.keep(ADAPTERS, self._key(learner.steps), learner.checkpoint())
                if learner.steps > self._every:  # one is enough, and they are large
                    self.store.path(ADAPTERS, self._key(learner.steps - self._every)).unlink(missing_ok=True)
        return learner

    def _key(self, steps: int) -> dict[str, Any]:
        """Return what decides theta after some steps."""
        options = {**self._learning, "rank": self._rank, "prompt": self._prompt, "words": self.words}
        return {"model": self._learner.policy.id, "options": options, "history": self._histories[steps]}


def _groups_of(proposal: Proposal) -> list[Group]:
    from istar.researchers.grpo.language_policy import Rollout

    return [
        Group(each["number"], tuple(Rollout.from_json(rollout) for rollout in each["rollouts"]))
        for each in proposal.parameters["groups"]
    ]
