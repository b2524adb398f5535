from istar.researchers import EvolveResearcher, GrammarResearcher, PolicyResearcher, RandomResearcher
from istar.testing.researchers import ResearcherConformance


class TestGrammar(ResearcherConformance):
    def make(self):
        return GrammarResearcher(warm_up=3)


class TestRandom(ResearcherConformance):
    def make(self):
        return RandomResearcher()


class TestPolicy(ResearcherConformance):
    def make(self):
        return PolicyResearcher()


class TestEvolve(ResearcherConformance):
    def make(self):
        return EvolveResearcher(warm_up=2)
