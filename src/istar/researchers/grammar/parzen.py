"""The embedded researcher: composes methods from a typed grammar and learns with Optuna's tree of Parzen estimators.

Every proposal is sampled by a sampler seeded for it alone, on a study rebuilt from what was told. So a proposal is a
function of the history and its seed, and a killed search is resumed by telling the same again.

It begins with each primitive alone, in random order: a method is charged for all its channels, so that a cheap one is
hidden by a dear one beside it. Half of the proposals, once there is something to build on, keep all of a good sentence
but one part (a mutation, with a parent); the others are drawn afresh from the estimator.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, ClassVar

import optuna
from optuna.samplers import BaseSampler, PartialFixedSampler, RandomSampler, TPESampler
from optuna.trial import TrialState, create_trial

from istar.researchers.grammar.drawing import LEARNED_ATTEMPTS, SentenceResearcher, all_but_one, written
from istar.researchers.grammar.sentence import draw_sentence
from istar.researchers.researcher import MOST, RESEARCHERS, Proposal, check_option, told_rewards
from istar.seeds import Seed


@RESEARCHERS.register("grammar")
class GrammarResearcher(SentenceResearcher):
    """Tree of Parzen estimators over sentences of the grammar (Bergstra et al., 2011; Optuna's implementation).

    Args:
        warm_up: how many proposals are random before the estimator is used; the first of them are the primitives, each
            alone. By default just these.
        mutation: share of later proposals that vary one of the best sentences.
        parents: from how many of the best a parent is drawn.
        words: the primitives that sentences are made of; None for all.
    """

    name: ClassVar[str] = "grammar"

    def __init__(
        self,
        warm_up: int | None = None,
        mutation: float = 0.5,
        parents: int = 3,
        words: Sequence[str] | None = None,
    ) -> None:
        """See the class docstring."""
        super().__init__(words)
        warm_up = len(self.words) if warm_up is None else warm_up
        check_option(self, "warm_up", warm_up, 0, MOST)
        check_option(self, "mutation", mutation, 0.0, 1.0)
        check_option(self, "parents", parents, 1, MOST)
        self.warm_up = warm_up
        self.mutation = mutation
        self.parents = parents

    def _compose(self, seed: Seed) -> Proposal:
        study = self._study()
        return self._first_new(
            lambda attempt: self._sample(study, seed.split("attempt", attempt), learned=attempt < LEARNED_ATTEMPTS),
        )

    def _study(self) -> optuna.Study:
        """Return a study that holds all that was told; awaited proposals count as running trials."""
        study = empty_study()
        for (proposal, _), reward in zip(self.told, told_rewards(self.told), strict=True):
            study.add_trial(self._trial(proposal, reward))
        for proposal in self.pending:
            study.add_trial(self._trial(proposal, None))
        return study

    def _trial(self, proposal: Proposal, reward: float | None) -> optuna.trial.FrozenTrial:
        drawn = optuna.trial.FixedTrial(proposal.parameters["drawn"])
        draw_sentence(drawn, self.words)
        return create_trial(
            params=drawn.params,
            distributions=drawn.distributions,
            value=reward,
            state=TrialState.RUNNING if reward is None else TrialState.COMPLETE,
        )

    def _sample(self, study: optuna.Study, seed: Seed, learned: bool) -> Proposal:
        parent = self._parent(seed) if learned else None
        sampler = self._sampler(seed) if learned else blind(seed)
        fixed = self._begin(seed) if learned else {}
        if parent is not None:
            fixed = all_but_one(parent, seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            study.sampler = PartialFixedSampler(fixed, sampler) if fixed else sampler
            trial = study.ask()
            sentence = draw_sentence(trial, self.words)
        study.tell(trial, state=TrialState.FAIL)
        return written(sentence, trial.params, () if parent is None else (parent,))

    def _sampler(self, seed: Seed) -> BaseSampler:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return TPESampler(
                n_startup_trials=self.warm_up,
                multivariate=True,
                group=True,
                constant_liar=True,
                seed=seed.split("sampler").value % 2**32,
            )

    def _begin(self, seed: Seed) -> dict[str, Any]:
        """Return the choices of a primitive not tried alone; nothing once all have been, or the warm-up is over."""
        return self._alone(seed) if len(self.made) < self.warm_up else {}

    def _parent(self, seed: Seed) -> Proposal | None:
        """Return a proposal to vary, or None for one drawn afresh."""
        generator = seed.split("parent").generator()
        scored = [(feedback.reward, proposal) for proposal, feedback in self.told if feedback.reward is not None]
        good = sorted(scored, key=lambda each: -each[0])
        if len(self.told) < self.warm_up or not good or generator.random() >= self.mutation:
            return None
        return good[int(generator.integers(min(self.parents, len(good))))][1]


def empty_study() -> optuna.Study:
    """Return a study to which nothing was told."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna.create_study(direction="maximize")


def blind(seed: Seed) -> BaseSampler:
    """Return a sampler that draws without looking at what was told."""
    return RandomSampler(seed=seed.split("sampler").value % 2**32)
