"""A researcher of sentences may be given some of the grammar's words."""

import pytest
from synthetic_search import search

from istar.errors import UnknownNameError
from istar.researchers import (
    EvolveResearcher,
    GrammarResearcher,
    PolicyResearcher,
    RandomResearcher,
    ResearcherError,
)

WORDS = ["tuned_lens", "attention_gates", "short_context"]
EVERY = [GrammarResearcher, RandomResearcher, PolicyResearcher, EvolveResearcher]


@pytest.mark.parametrize("make", EVERY)
def test_sentences_are_made_of_the_words_given(make):
    researcher = make(words=WORDS)
    search(researcher, lambda proposal: float(len(proposal.source) % 7), 25)
    kinds = {channel["kind"] for proposal, _ in researcher.told for channel in proposal.parameters["sentence"]}
    assert kinds == set(WORDS)


@pytest.mark.parametrize("make", [GrammarResearcher, EvolveResearcher])
def test_each_of_them_comes_alone_first(make):
    researcher = make(words=WORDS)
    search(researcher, lambda proposal: 0.0, 3)
    assert sorted(proposal.parameters["sentence"][0]["kind"] for proposal in researcher.made) == sorted(WORDS)
    assert all(len(proposal.parameters["sentence"]) == 1 for proposal in researcher.made)


@pytest.mark.parametrize("make", EVERY)
def test_a_small_grammar_comes_to_an_end(make):
    """Two words without choices make three methods: each alone, and both."""
    researcher = make(words=["attention_knockout", "direct_logit_attribution"])
    with pytest.raises(ResearcherError, match="found no new sentence in 100 attempts after 3 methods"):
        search(researcher, lambda proposal: 0.0, 10)


@pytest.mark.parametrize("make", EVERY)
def test_words_that_cannot_be_are_refused(make):
    with pytest.raises(UnknownNameError, match="no primitive is called 'tuned_lense'; did you mean 'tuned_lens'"):
        make(words=["tuned_lense", "logit_lens"])
    for wrong in ("tuned_lens", ["tuned_lens"], ["tuned_lens", "tuned_lens"], []):
        with pytest.raises(ResearcherError, match="must be a list of two or more different primitives"):
            make(words=wrong)
