import pytest
from synthetic_search import deep_and_brief, search

from istar.errors import CorruptDataError
from istar.researchers import PRIMITIVES, RESEARCHERS, GrammarResearcher, RandomResearcher, ResearcherError


def test_grammar_begins_with_each_primitive_alone():
    researcher = GrammarResearcher()
    search(researcher, lambda proposal: 0.0, len(PRIMITIVES))
    sentences = [proposal.parameters["sentence"] for proposal, _ in researcher.told]
    assert {len(sentence) for sentence in sentences} == {1}
    assert {sentence[0]["kind"] for sentence in sentences} == set(PRIMITIVES)


def test_grammar_learns_faster_than_random():
    """With a reward for a deep tuned lens and for brevity, the estimator finds better sentences than chance does."""
    rounds = 40
    learned = search(GrammarResearcher(warm_up=8), deep_and_brief, rounds)
    blind = search(RandomResearcher(), deep_and_brief, rounds)
    assert sum(learned[20:]) / 20 > sum(blind[20:]) / 20 + 0.2


def test_mutations_keep_most_of_their_parent():
    researcher = GrammarResearcher(warm_up=2, mutation=1.0)
    search(researcher, lambda proposal: -len(proposal.source), 10)
    by_hash = {proposal.hash: proposal for proposal, _ in researcher.told}
    children = [proposal for proposal in by_hash.values() if proposal.parents]
    assert len(children) == 8
    for child in children:
        parent = by_hash[child.parents[0]]
        kept = parent.parameters["drawn"].items() & child.parameters["drawn"].items()
        assert kept


def test_state_of_another_researcher_is_refused():
    with pytest.raises(CorruptDataError, match="'random', not of 'grammar'"):
        GrammarResearcher().restore(RandomResearcher().state())


def test_registered():
    assert {"grammar", "random"} <= set(RESEARCHERS)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"warm_up": 1.5}, "grammar researcher's warm_up must be a whole number from 0 to 1000000, not 1.5"),
        ({"mutation": 2}, "mutation must be a number from 0.0 to 1.0, not 2"),
        ({"parents": 0}, "parents must be a whole number from 1"),
        ({"parents": True}, "not True"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(ResearcherError, match=message):
        GrammarResearcher(**options)
