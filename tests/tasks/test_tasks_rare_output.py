"""What `rare_output` asks, read back from its tokens."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest

from istar.questions import SpanLogprob
from istar.seeds import Seed
from istar.targets.small.tiny_exact import ALPHABET, document
from istar.tasks import Family, TaskError
from istar.tasks.data import symbols
from istar.tasks.data.frequency import log_frequency, plain_words, rarity, words_of_frequency
from istar.tasks.data.passages import MARKS
from istar.tasks.data.scripture import books
from istar.tasks.data.sentences import TEMPLATES, WORDS, draw_grammar
from istar.tasks.rare_output import FREQUENCIES, RARE_SYMBOLS, RareOutput
from istar.testing.families import ByteTokenizer, FamilyConformance

TOKENIZER = ByteTokenizer()
SMALL = RareOutput(inputs=120, words=(2, 6), tokens=(4, 36), strings=2, opening=(3, 9))


def made(data_set: str, index: int = 0, family: RareOutput = SMALL):
    return family.question(data_set, TOKENIZER, Seed.root(0), index)


def parts(question) -> list[tuple[str, str]]:
    """The input and the output of each run."""
    found = []
    for run in question.runs:
        assert isinstance(run.readout, SpanLogprob)
        start = run.readout.start
        found.append((TOKENIZER.decode(run.tokens[1:start]), TOKENIZER.decode(run.tokens[start:])))
    return found


class TestRareOutputConformance(FamilyConformance):
    least_ratio = 10

    def make(self) -> Family:
        return SMALL


def test_one_output_after_many_different_inputs() -> None:
    for name in SMALL.data_sets:
        inputs, outputs = zip(*parts(made(name)), strict=True)
        assert len(set(outputs)) == 1
        assert len(set(inputs)) == len(inputs)


def test_symbols_are_all_strings_after_one_opening() -> None:
    for index in range(4):
        inputs = [given for given, _ in parts(made("symbols", index))]
        (opening,) = {given[:-2] for given in inputs}
        assert sorted(given[-2:] for given in inputs) == sorted(map("".join, product(ALPHABET, repeat=2)))
        assert 3 <= len(opening) <= 9
        assert set(opening) <= set(ALPHABET)
    assert len(RareOutput().question("symbols", TOKENIZER, Seed.root(0), 0).runs) == 16**3


def test_opening_begins_a_document_of_the_language() -> None:
    for seed in range(20):
        begun = symbols.opening(np.random.default_rng(seed), 3, 9)
        whole = document(np.random.default_rng(seed))
        assert whole.startswith(begun)
        assert begun[0] in "#0123abcdefgh"


def test_outputs_take_turns_in_rarity() -> None:
    for index in range(len(FREQUENCIES) + 1):
        _, output = parts(made("sentences", index))[0]
        assert output[0] == " "
        assert log_frequency(output[1:]) == pytest.approx(FREQUENCIES[index % len(FREQUENCIES)], abs=0.1)
        _, rare = parts(made("symbols", index))[0]
        template = RARE_SYMBOLS[index % len(RARE_SYMBOLS)]
        assert len(rare) == len(template.format(a="a", b="b"))
        assert "{" in template or rare == template


def test_the_output_is_among_the_shortest_of_its_frequency() -> None:
    for index in range(4):
        _, output = parts(made("verses", index))[0]
        lengths = sorted(len(word) for word in words_of_frequency(FREQUENCIES[index]))
        assert len(output) - 1 <= lengths[len(lengths) // 4]


def test_inputs_are_beginnings_of_their_source() -> None:
    verses = [verse.translate(MARKS) for _, book in books() for verse in book]
    for given, _ in parts(made("verses"))[:20]:
        assert any(verse.startswith(given) for verse in verses)
        assert 2 <= len(given.split()) <= 6
    known = {word for listed in WORDS.values() for word in listed.split()} | set(" ".join(TEMPLATES).split())
    for given, _ in parts(made("sentences")):
        assert set(given.split()) <= known


def test_covariates_tell_of_the_input_alone() -> None:
    question = made("sentences")
    columns = {name: question.structure[name] for name in ("length", "mean_log_frequency", "last_log_frequency")}
    for row, (given, _) in enumerate(parts(question)):
        assert columns["length"][row] == len(given)
        assert 4 <= len(given) <= 36
        frequencies = [log_frequency(word.lower()) for word in given.split()]
        assert columns["mean_log_frequency"][row] == pytest.approx(sum(frequencies) / len(frequencies))
        assert columns["last_log_frequency"][row] == frequencies[-1]
    question = made("symbols")
    for row, (given, _) in enumerate(parts(question)):
        string = given[-2:]
        assert question.structure["letters"][row] == sum(symbol in "abcdefgh" for symbol in string)
        assert question.structure["digits"][row] == sum(symbol in "0123" for symbol in string)
        assert question.structure["repeats"][row] == (string[0] == string[1])
        assert question.structure["ends_in_letter"][row] == (string[1] in "abcdefgh")
        assert question.structure["ends_in_digit"][row] == (string[1] in "0123")


def test_answer_is_the_log_of_the_mean_probability() -> None:
    question = made("sentences")
    values = np.random.default_rng(0).normal(-12, 3, size=len(question.runs))
    total = 0.0
    for value in values:
        total += math.exp(value)
    (answer,) = question.functional.answer(values, question.structure)
    assert answer == pytest.approx(math.log(total / len(values)))
    # Itakura and Saito's distance of probabilities, p/q - log(p/q) - 1
    truth, guess = math.exp(answer), math.exp(answer - 0.7)
    expected = truth / guess - math.log(truth / guess) - 1
    loss = question.functional.loss(np.array([answer - 0.7]), values, question.structure)
    assert loss == pytest.approx(expected)


def test_grammar_draws_its_parts() -> None:
    grammar = draw_grammar(np.random.default_rng(0), templates=2, words=3)
    drawn = [grammar.draw(np.random.default_rng(seed)) for seed in range(200)]
    assert len(grammar.templates) == 2
    assert all(len(words) == 3 for words in grammar.words.values())
    fixed = [template.split("{")[0] for template in grammar.templates]
    assert all(any(text.startswith(begin) for begin in fixed) for text in drawn)
    assert not any("{" in text for text in drawn)
    assert len(set(drawn)) > 20


def test_too_many_inputs() -> None:
    with pytest.raises(TaskError, match=r"rare_output/sentences: only 0 of 200 inputs; lower `inputs` or `tokens`"):
        RareOutput(inputs=200, words=(3, 3), tokens=(1, 4)).question("sentences", TOKENIZER, Seed.root(0), 0)


def test_frequencies() -> None:
    words = plain_words()
    assert words[0] == "the"
    assert all(word.isalpha() and word.islower() and len(word) >= 3 for word in words)
    assert rarity("") == (0.0, 0.0)
    mean, least = rarity("The aardvark")
    assert least == log_frequency("aardvark") < mean < log_frequency("the")
    assert 7 < log_frequency("the") < 8
