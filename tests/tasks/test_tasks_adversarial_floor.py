"""What `adversarial_floor` asks, read back from its tokens."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import pytest

from istar.questions import Question, SpanLogprob
from istar.seeds import Seed
from istar.targets.small.tiny_exact import ALPHABET, DIGITS, LETTERS
from istar.tasks import Encoder, Family, TaskError
from istar.tasks.adversarial_floor import AdversarialFloor
from istar.tasks.data.frequency import log_frequency
from istar.tasks.data.statements import PORTRAITS, QUERIES, WORDS, nationalities, nationality_examples, portrait
from istar.testing.families import ByteTokenizer, FamilyConformance

TOKENIZER = ByteTokenizer()
SMALL = AdversarialFloor(positions=6, substitutes=20, lines=3)


def made(data_set: str, index: int = 0, family: AdversarialFloor = SMALL) -> Question:
    return family.question(data_set, TOKENIZER, Seed.root(0), index)


def prompt(run) -> str:
    assert isinstance(run.readout, SpanLogprob)
    return TOKENIZER.decode(run.tokens[1 : run.readout.start])


def answer(run) -> str:
    return TOKENIZER.decode(run.tokens[run.readout.start :])


class TestAdversarialFloorConformance(FamilyConformance):
    least_ratio = 20

    def make(self) -> Family:
        return SMALL


@pytest.mark.parametrize("name", ["nationalities", "portraits"])
def test_rows_are_positions_times_substitutes(name: str) -> None:
    question = made(name)
    places = zip(question.structure["position"], question.structure["substitute"], strict=True)
    assert sorted(places) == [(p, s) for p in range(6) for s in range(20)]
    assert len({answer(run) for run in question.runs}) == 1


@pytest.mark.parametrize("index", range(4))
def test_exactly_one_word_of_the_examples_is_replaced(index: int) -> None:
    question = made("nationalities", index)
    known = dict(nationalities())
    position, substitute = question.structure.levels("position"), question.structure.levels("substitute")
    words: dict[int, set[str]] = defaultdict(set)
    for run, place, number in zip(question.runs, position, substitute, strict=True):
        *examples, query = prompt(run).split("\n")
        shown = [line.split(" -> ") for line in examples]
        assert query.removesuffix(" ->") in known
        assert answer(run) == f" {known[query.removesuffix(' ->')]}"
        right = [
            [word in known and known[word] == other, word in known or other in known.values()] for word, other in shown
        ]
        assert sum(not whole for whole, _ in right) <= 1  # only the line with the substitute may be wrong
        line, side = divmod(int(place), 2)
        words[number].add(shown[line][side])
        rest = [pair for i, pair in enumerate(shown) if i != line]
        assert all(known[word] == other for word, other in rest)
    assert all(len(each) == 1 for each in words.values()), "a substitute is the same word everywhere"
    assert len(set.union(*words.values())) == 20


@pytest.mark.parametrize("index", range(6))
def test_portraits_say_what_is_asked(index: int) -> None:
    drawn = portrait(np.random.default_rng(index))
    text = "".join(part.text for part in drawn.parts)
    said = text.replace(",", " ").replace(".", " ").split()
    assert drawn.answer.strip() in said
    assert any(len(template.split()) == len(drawn.parts) for template in PORTRAITS)
    assert all(word not in said for words in drawn.classes for word in words)
    for part in drawn.parts:
        if part.kind >= 0:
            listed = list(WORDS.values())[part.kind].split()
            assert part.kind == list(WORDS).index("") or part.text.strip() in listed
    assert set(QUERIES) <= set(WORDS)


def test_covariates_tell_of_the_substitute() -> None:
    question = made("portraits", 1)
    structure = question.structure
    words = {}
    for index, run in enumerate(question.runs):
        words[int(structure["position"][index]), int(structure["substitute"][index])] = prompt(run).split()
    original = [max(set(column), key=column.count) for column in zip(*(words[p, 0] for p in range(6)), strict=True)]
    kinds = set()
    for row in range(len(question.runs)):
        place = int(structure["position"][row]), int(structure["substitute"][row])
        (changed,) = (w.strip(".,") for w, o in zip(words[place], original, strict=True) if w != o)
        assert structure["log_frequency"][row] == log_frequency(changed.lower())
        listed = list(WORDS.values())[int(structure["class"][row])].split()
        assert structure["own_class"][row] == (changed in listed)
        kinds.add(structure["own_class"][row])
    assert kinds == {0, 1}


def test_substitutes_are_the_shortest_and_partly_related() -> None:
    class Letters:
        """One token for words of four letters, else one a letter."""

        bos_token_id = 0

        def __init__(self) -> None:
            self.words = [""]

        def encode(self, text: str, add_special_tokens: bool = False) -> list[int]:
            parts = [text] if len(text.strip()) == 4 else list(text)
            self.words += [part for part in parts if part not in self.words]
            return [self.words.index(part) for part in parts]

        def decode(self, tokens: Sequence[int], **_options: bool) -> str:
            return "".join(self.words[token] for token in tokens)

    encode = Encoder(Letters())
    statement = nationality_examples(encode, np.random.default_rng(0), 3)
    words = SMALL._substitutes(statement, encode, np.random.default_rng(0))
    related = {word for listed in statement.classes for word in listed}
    assert len(words) == len(set(words)) == 20
    assert sum(word in related for word in words) == 5
    assert all(len(word) == 4 for word in words if word not in related)
    said = {part.text.strip() for part in statement.parts}
    assert not set(words) & said


def test_all_symbols_at_all_positions() -> None:
    for index in range(6):
        question = made("symbols", index)
        structure = question.structure
        seen: dict[tuple[str, int], set[str]] = defaultdict(set)
        for row, run in enumerate(question.runs):
            text = prompt(run)
            assert text[-1] == ">"
            place = int(structure["position"][row])
            assert text[place] == ALPHABET[int(structure["substitute"][row])]
            assert LETTERS[int(structure["query"][row])] == text[-2]
            seen[text[-2], place].add(text[:-2])
        keys = {key for key, _ in seen}
        assert len(keys) in (8, 3)
        assert {place for _, place in seen} == set(range(2 + 3 * 4))
        for (_, place), texts in seen.items():
            assert len(texts) == len(ALPHABET) - 1
            assert len({text[:place] + text[place + 1 :] for text in texts}) == 1
        answers = {(prompt(run)[-2], answer(run)) for run in question.runs}
        assert len(answers) == len(keys)


def test_symbols_have_a_clean_context_and_right_answers() -> None:
    question = made("symbols", 1, AdversarialFloor(lines=8))
    structure = question.structure
    # every position but the first is untouched in the rows of the first
    run = question.runs[int(np.flatnonzero(structure["position"] == 0)[0])]
    assert prompt(run)[1] == "\n"
    lines = prompt(run)[2:].split("\n")[:-1]
    rule = dict(line.split(">") for line in lines)
    assert len(rule) == 8
    assert all(answer(run) == rule[prompt(run)[-2]] for run in question.runs)
    for row in range(0, len(question.runs), 97):
        symbol = ALPHABET[int(structure["substitute"][row])]
        kind = 0 if symbol in LETTERS else 1 if symbol in DIGITS else 2
        assert structure["own_class"][row] == (kind == structure["class"][row])


def test_answer_is_the_least_of_all_and_of_each_position() -> None:
    question = made("portraits")
    values = np.random.default_rng(0).normal(-3, 1, size=len(question.runs))
    least = [
        min(v for v, p in zip(values, question.structure["position"], strict=True) if p == place) for place in range(6)
    ]
    found = question.functional.answer(values, question.structure)
    np.testing.assert_allclose(found, [min(least), *least])
    # half the error of the depth, half the regret of looking at another position
    guess = np.array([found[0] + 0.5, *found[1:]])
    guess[1 + int(np.argsort(least)[1])] = -100.0
    expected = (0.5 + sorted(least)[1] - min(least)) / 2
    assert question.functional.loss(guess, values, question.structure) == pytest.approx(expected)


def test_too_few_words_to_replace() -> None:
    with pytest.raises(TaskError, match=r"a context has .* words to replace, not 60"):
        made("portraits", 0, AdversarialFloor(positions=60))
