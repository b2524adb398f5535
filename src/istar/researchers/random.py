"""The control of the grammar's researchers: the same sentences, drawn blindly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import optuna
from optuna.samplers import BaseSampler

from istar.researchers.grammar.parzen import GrammarResearcher, blind, empty_study
from istar.researchers.researcher import RESEARCHERS
from istar.seeds import Seed


@RESEARCHERS.register("random")
class RandomResearcher(GrammarResearcher):
    """The control of `grammar`: the same sentences, drawn blindly."""

    name: ClassVar[str] = "random"

    def __init__(self, words: Sequence[str] | None = None) -> None:
        """Take no other options: there is nothing to learn."""
        super().__init__(mutation=0.0, words=words)

    def _study(self) -> optuna.Study:
        """Return a study without anything that was told: blind draws do not depend on it."""
        return empty_study()

    def _begin(self, seed: Seed) -> dict[str, Any]:
        return {}

    def _sampler(self, seed: Seed) -> BaseSampler:
        return blind(seed)
