"""Substitutions reproduce every row, find few bases, and are refused where rows are something else."""

import re
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from istar.methods import Substitution, substitutions
from istar.questions import Column, Entropy, KLFrom, QuestionView, Run, SpanLogprob, SpanMargin, Structure, Temperature
from istar.seeds import Seed
from istar.tasks.adversarial_floor import AdversarialFloor
from istar.testing.families import ByteTokenizer


def view(runs):
    runs = tuple(runs)
    return QuestionView(runs, Structure((Column("row", "nuisance", tuple(map(float, range(len(runs))))),)))


def replaced(text, position, tokens):
    return (*text[:position], *tokens, *text[position + len(tokens) :])


def assert_reproduces(question, found):
    for run in question.runs:
        place = found.of(run)
        base = found.bases[place.base]
        assert replaced(base.tokens, place.position, place.tokens) == run.tokens
        assert base.readout == run.readout
        assert place.position + len(place.tokens) <= run.paths[0].reads[0] + 1


@settings(max_examples=60, deadline=None)
@given(
    length=st.integers(5, 9),
    positions=st.integers(3, 5),
    substitutes=st.integers(2, 6),
    queries=st.integers(1, 4),
    readout=st.sampled_from([SpanLogprob, lambda start: SpanMargin(start, (9,)), lambda start: Entropy()]),
)
def test_positions_times_substitutes_times_queries_have_one_base_a_query(
    length, positions, substitutes, queries, readout
):
    text = tuple(range(10, 10 + length))
    runs = [
        Run((*replaced(text, position, (50 + number,)), 3, 70 + query, 4, 5), readout(length + 3))
        for position, number, query in product(range(positions), range(substitutes), range(queries))
    ]
    question = view(runs)
    found = substitutions(question)
    assert_reproduces(question, found)
    assert {base.tokens for base in found.bases} == {(*text, 3, 70 + query, 4, 5) for query in range(queries)}
    assert len(found.bases) == queries


def test_rows_at_one_position_have_any_of_them_as_their_base():
    question = view(Run((0, 5, token, 6, 7), SpanLogprob(4)) for token in range(20, 30))
    found = substitutions(question)
    assert_reproduces(question, found)
    assert len(found.bases) == 1


def test_words_of_several_tokens_that_give_way_to_one_each_have_bases_of_their_own():
    """What is left of the context is shifted, so that the rows at each of the positions are alike."""
    parts = [(10,), (11, 12, 13), (14,), (15, 16, 17), (18,)]
    runs = []
    for place, token in product(range(5), range(40, 46)):
        words = [*parts[:place], (token,), *parts[place + 1 :]]
        runs.append(Run((0, *(each for word in words for each in word), 3, 4), SpanLogprob(2 + sum(map(len, words)))))
    question = view(runs)
    found = substitutions(question)
    assert_reproduces(question, found)
    assert len(found.bases) == 3
    assert found.bases[found.of(runs[0]).base].tokens == (0, *(each for part in parts for each in part), 3, 4)


def test_a_stretch_of_tokens_is_replaced_at_once():
    text = tuple(range(10, 30))
    runs = [
        Run((*replaced(text, at, (40 + at, 60 + at)), 4), SpanLogprob(20)) for at in range(0, 16, 3) for _ in range(2)
    ]
    found = substitutions(view([Run((*text, 4), SpanLogprob(20)), *runs]))
    assert found.bases == (Run((*text, 4), SpanLogprob(20)),)
    assert found.of(runs[2]) == Substitution(0, 3, (43, 63))
    assert found.of(Run((*text, 4), SpanLogprob(20))) == Substitution(0, 0, ())


@pytest.mark.parametrize("wide", [4, 5])
def test_a_stretch_that_is_too_long_is_none(wide):
    text = tuple(range(10, 30))
    runs = [Run((*replaced(text, at, tuple(range(40, 40 + wide))), 4), SpanLogprob(20)) for at in (0, 5, 10, 15)]
    assert (substitutions(view(runs)) is None) == (wide == 5)


def test_what_is_scored_is_not_replaced():
    runs = [Run((0, 5, 6, 7, token), SpanLogprob(4)) for token in range(20, 30)]
    assert substitutions(view(runs)) is None
    runs = [Run((0, 5, 6, token), KLFrom((0, 8, 9, 10), last=2)) for token in range(20, 30)]
    assert substitutions(view(runs)) is None
    runs = [Run((0, 5, token, 6), KLFrom((0, 8, 9, 10), last=2)) for token in range(20, 30)]
    assert len(substitutions(view(runs)).bases) == 1


def test_modified_targets_and_unrelated_rows_have_no_base():
    runs = [Run((0, 5, token, 6, 7), SpanLogprob(4)) for token in range(20, 30)]
    assert substitutions(view([*runs, Run(runs[0].tokens, runs[0].readout, Temperature(0.5))])) is None
    assert substitutions(view([*runs[:3], Run((0, 1, 2), Entropy())])) is not None
    assert substitutions(view([runs[0], *(Run((token, 5, 5, 5, token, 6), Entropy()) for token in range(5))])) is None
    assert substitutions(view(runs[:1])) is None


def test_only_one_kind_of_sample_question_has_bases(questions):
    found = {kind: substitutions(question) for kind, question in questions.items()}
    assert [kind for kind, bases in found.items() if bases is not None] == ["one token substituted"]
    assert_reproduces(questions["one token substituted"], found["one token substituted"])


class Words:
    """A tokenizer of letters that takes some words whole, by a rule of their letters, as ones of real models do."""

    bos_token_id = 0

    def __init__(self):
        self.vocabulary = {"<s>": 0}

    def encode(self, text, add_special_tokens=False):
        """Return a token for a word whose first letter comes early in the alphabet, else two."""
        known = self.vocabulary
        pieces = (part for word in re.findall(r" ?[^ ]+", text) for part in self.pieces(word))
        return [known.setdefault(piece, 10 + len(known)) for piece in pieces]

    def decode(self, tokens, **_options):
        words = {number: piece for piece, number in self.vocabulary.items()}
        return "".join(words[token] for token in tokens)

    def pieces(self, word):
        return (word,) if word.strip().lower() < "n" else (word[:3], word[3:])


@pytest.mark.parametrize("data_set", ["nationalities", "portraits"])
def test_questions_about_adversarial_words_have_a_base_for_each_word_that_changes_the_length(data_set):
    family = AdversarialFloor(positions=6, substitutes=40)
    question = family.question(data_set, Words(), Seed.root(0), 0).view
    found = substitutions(question)
    assert_reproduces(question, found)
    assert len(found.bases) <= 10


def test_questions_about_adversarial_symbols_have_a_base_for_each_query():
    question = AdversarialFloor(lines=3).question("symbols", ByteTokenizer(), Seed.root(0), 0).view
    found = substitutions(question)
    assert_reproduces(question, found)
    tails = {run.tokens[-4:] for run in question.runs}
    assert len(found.bases) <= len(tails)
    assert all(len(found.of(run).tokens) == 1 for run in question.runs)
