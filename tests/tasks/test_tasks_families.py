"""The families, at sizes that a byte-level tokenizer can bear, hold to the contract of families."""

from istar.tasks import Family
from istar.tasks.context_attribution import ContextAttribution
from istar.tasks.loss_quantile import LossQuantile
from istar.tasks.prompt_ceiling import PromptCeiling
from istar.tasks.shot_shapley import ShotShapley
from istar.testing.families import FamilyConformance


class TestShotShapley(FamilyConformance):
    least_ratio = 10

    def make(self) -> Family:
        return ShotShapley(shots=5, queries=4, pool=20)


class TestContextAttribution(FamilyConformance):
    least_ratio = 7

    def make(self) -> Family:
        return ContextAttribution(tokens=(400, 1200), parts=(8, 11), ratio=8, subsets=24, held_out=6)


class TestPromptCeiling(FamilyConformance):
    least_ratio = 10

    def make(self) -> Family:
        return PromptCeiling(levels=(2, 2, 2), examples=8)


class TestLossQuantile(FamilyConformance):
    least_ratio = 50

    def make(self) -> Family:
        return LossQuantile(sequences=128, tokens=(8, 24))
