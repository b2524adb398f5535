import ast
from dataclasses import fields

import pytest
from synthetic_search import deep_and_brief, search

from istar.errors import CorruptDataError
from istar.methods.fence import check_source
from istar.researchers import RESEARCHERS, GrammarResearcher, RandomResearcher, ResearcherError
from istar.researchers.primitives import load_primitives
from istar.researchers.rendering import render_method
from istar.researchers.sentence import Sentence, SentenceError


def every_primitive():
    """Each primitive at the extremes of its choices."""
    registry = load_primitives()
    for kind in registry:
        primitive = registry.get(kind)
        options = [each.metadata["choice"].options for each in fields(primitive)]
        yield from {primitive(*(each[end] for each in options)): None for end in (0, -1)}


@pytest.mark.parametrize("primitive", tuple(every_primitive()), ids=repr)
def test_every_primitive_renders_a_method_the_fence_accepts(primitive):
    source = render_method(Sentence((primitive,)))
    assert check_source(source) == ()
    assert primitive.title in ast.get_docstring(ast.parse(source))


def test_functions_shared_by_channels_are_written_once():
    registry = load_primitives()
    lens = registry.get("logit_lens")
    source = render_method(Sentence((lens(0.9), lens(0.1), registry.get("tuned_lens")(0.9))))
    names = [node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    assert len(names) == len(set(names))
    assert source.count("logit_lens(target, runs, depth=") == 2


def test_sentences_have_one_to_three_different_channels():
    lens = load_primitives().get("logit_lens")
    with pytest.raises(SentenceError, match="1 to 3 channels, not 0"):
        Sentence(())
    with pytest.raises(SentenceError, match="are the same"):
        Sentence((lens(0.9), lens(0.9)))


def test_grammar_begins_with_each_primitive_alone():
    researcher = GrammarResearcher()
    search(researcher, lambda proposal: 0.0, 9)
    sentences = [proposal.parameters["sentence"] for proposal, _ in researcher.told]
    assert {len(sentence) for sentence in sentences} == {1}
    assert {sentence[0]["kind"] for sentence in sentences} == set(load_primitives())


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
