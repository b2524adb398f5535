from istar.researchers import GrammarResearcher, RandomResearcher
from istar.testing.researchers import ResearcherConformance


class TestGrammar(ResearcherConformance):
    def make(self):
        return GrammarResearcher(warm_up=3)


class TestRandom(ResearcherConformance):
    def make(self):
        return RandomResearcher()
