import pytest
import scripts

from istar.researchers import (
    EvolveResearcher,
    GrammarResearcher,
    LanguageModelResearcher,
    PolicyResearcher,
    Proposal,
    RandomResearcher,
    Researcher,
)
from istar.testing.researchers import ResearcherConformance


def method(number):
    return (
        f'"""Method {number}."""\n'
        "from istar.methods import Interpretation\n\n"
        "def interpret(target, corpus):\n    return Interpretation()\n\n"
        "def predict(question, runs, target, interpretation, prepared):\n    return prepared\n"
    )


class Tinkerer(Researcher):
    """Tries something at every occasion; what came of it decides what it proposes."""

    name = "tinkerer"

    def begin(self, workbench):
        super().begin(workbench)
        (*_, task) = workbench.tasks
        self.question = workbench.questions(task)[0].question.hash
        workbench.check(method(1000))

    def _compose(self, seed):
        number = len(self.told) + len(self.pending)
        self.workbench.score(method(2000 + number), [self.question])
        found = sum(use.outcome.reward for use in self.workbench.uses if use.kind == "score")
        return Proposal(method(f"{number}, {found}"), f"method {number}")

    def update(self, proposal, feedback):
        super().update(proposal, feedback)
        self.workbench.check(proposal.source)


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


class TestLanguageModel(ResearcherConformance):
    """With a scripted model, whose methods are whole files and edits."""

    def make(self):
        return LanguageModelResearcher(model="counter", provider=scripts.PROVIDER)


class TestTinkerer(ResearcherConformance):
    """One that uses its workbench wherever it may, and proposes by what it found there."""

    def make(self):
        return Tinkerer()


class Forgetful(Tinkerer):
    """Asks its workbench by a count of its own, which no search brings back."""

    asked = 0

    def _compose(self, seed):
        self.asked += 1
        self.workbench.check(method(900 + self.asked))
        return super()._compose(seed)


def test_the_suite_finds_a_researcher_that_cannot_go_on(tmp_path):
    class Suite(ResearcherConformance):
        def make(self):
            return Forgetful()

    with pytest.raises(AssertionError):
        Suite().test_a_killed_search_goes_on_as_if_it_had_not_been(1, tmp_path)
