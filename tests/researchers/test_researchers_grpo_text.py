import itertools

import numpy as np
import pytest

from istar.researchers import PRIMITIVES, RandomResearcher, ResearcherError, add_primitive
from istar.researchers.grammar.drawing import BlindChooser
from istar.researchers.grammar.sentence import MOST_CHANNELS, Sentence, SentenceError, draw_sentence
from istar.researchers.grpo.masks import TokenMasks, token_texts
from istar.researchers.grpo.text import Prefix, SentenceText, choices_of
from istar.seeds import Seed
from istar.targets import load_target

SMALL = ("attention_gates", "attention_knockout", "direct_logit_attribution", "low_rank_forward")
"""Words of 2, 1, 1 and 3 channels; one constant of the last has a single value."""


def channels_of(words):
    """All channels of some words."""
    for word in words:
        primitive = PRIMITIVES.get(word)
        for values in itertools.product(*(options for _, options in primitive.choices)):
            yield primitive.with_values(
                **{name: value for (name, _), value in zip(primitive.choices, values, strict=True)}
            )


def sentences_of(words):
    """All sentences of some words, made without the text: every set of one to three channels."""
    channels = list(channels_of(words))
    return [
        Sentence(chosen) for count in range(1, MOST_CHANNELS + 1) for chosen in itertools.combinations(channels, count)
    ]


def texts_of(text):
    """All texts that can be written, character by character."""
    found, begun = [], [("", Prefix())]
    while begun:
        written, prefix = begun.pop()
        following = text.characters(prefix)
        assert bool(following) != prefix.place.complete  # every beginning has an end, and an end is the end
        found += [written] * prefix.place.complete
        begun += [(written + character, after) for character, after in following.items()]
    return found


@pytest.mark.parametrize("words", [SMALL, SMALL[1:3], (SMALL[0], SMALL[1]), (SMALL[0], SMALL[3])])
def test_what_can_be_written_is_what_the_grammar_contains(words):
    text = SentenceText(words)
    sentences = sentences_of(words)
    texts = texts_of(text)
    assert len(set(texts)) == len(texts)
    # every order of every sentence's channels, once
    assert len(texts) == sum([1, 2, 6][len(each.channels) - 1] for each in sentences)
    assert {text.read(each) for each in texts} == set(sentences)
    assert {text.write(each) for each in sentences} <= set(texts)


@pytest.mark.parametrize("seed", range(50))
def test_what_is_drawn_from_the_whole_grammar_reads_as_itself(seed):
    text = SentenceText(tuple(PRIMITIVES))
    sentence = draw_sentence(BlindChooser(Seed.root(seed)))
    assert text.read(text.write(sentence)) == sentence


@pytest.mark.parametrize("seed", range(20))
def test_choices_draw_the_sentence_that_was_written(seed):
    drawn = RandomResearcher().propose(Seed.root(seed))
    text = SentenceText(tuple(PRIMITIVES))
    sentence = draw_sentence(BlindChooser(Seed.root(0), drawn.parameters["drawn"]))
    assert sentence.source == drawn.source
    again = draw_sentence(BlindChooser(Seed.root(1), choices_of(text.read(text.write(sentence)), tuple(PRIMITIVES))))
    assert again == sentence


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("gates 3\n", r"character 7 of .* is '3', where '1', '2' may stand"),
        ("gates 1", r"ends too early, where '\\n', ' ' may stand"),
        ("gates 1 + gates 1\n", r"character 17 .* is '1', where '2' may stand"),
        ("knockout + knockout\n", r"character 12 .* is 'k', where 'd', 'g', 'l' may stand"),
        ("direct + knockout + gates 1 + gates 2\n", r"character 28 .* is ' ', where '\\n' may stand"),
        ("direct\n\n", "where nothing more may stand"),
    ],
)
def test_what_is_no_sentence_is_said_where(wrong, says):
    with pytest.raises(SentenceError, match=says):
        SentenceText(SMALL).read(wrong)


def test_a_sentence_of_other_words_cannot_be_written():
    (other,) = (each for each in sentences_of(("logit_lens",)) if each.name == "lens50")
    with pytest.raises(SentenceError, match="logit_lens is none of the words"):
        SentenceText(SMALL).write(other)


@pytest.fixture
def own_words(monkeypatch):
    """The registry, to be added to for one test."""
    monkeypatch.setattr(PRIMITIVES, "_entries", dict(PRIMITIVES._entries))


@pytest.mark.usefixtures("own_words")
def test_words_that_cannot_be_told_apart_are_refused():
    add_primitive("mine", PRIMITIVES.get("logit_lens").path, "lens", DEPTH=(0.2,))
    with pytest.raises(ResearcherError, match=r"'logit_lens' and 'mine' are both called 'lens'.*another word"):
        SentenceText(("logit_lens", "mine"))


@pytest.mark.usefixtures("own_words")
@pytest.mark.parametrize("word", ["two words", "", "Gitterschärfe"])
def test_a_word_that_cannot_be_written_is_refused(word):
    add_primitive("mine", PRIMITIVES.get("logit_lens").path, word)
    with pytest.raises(ResearcherError, match=r"the word of the primitive 'mine' is .* no plain text"):
        SentenceText(("logit_lens", "mine"))


@pytest.mark.usefixtures("own_words")
def test_values_that_are_written_the_same_are_refused():
    add_primitive("mine", PRIMITIVES.get("logit_lens").path, "mine", DEPTH=("a b", "ab"))
    with pytest.raises(ResearcherError, match="two values of DEPTH of the primitive 'mine' are written the same"):
        SentenceText(("logit_lens", "mine"))


PIECES = {0: "g", 1: "gat", 2: "es ", 3: "k", 4: "knockout", 5: " +", 6: " + kn", 7: "1\n", 8: "\n\n", 9: "s 2"}


def masks_of(words, *tokens):
    text = SentenceText(words)
    characters = sorted(text.alphabet)
    return TokenMasks(text, dict(enumerate([*tokens, *characters])))


def test_what_tokens_can_make_is_what_the_grammar_contains():
    """Whatever tokens reach over: all ways of cutting all sentences, and nothing else."""
    words = SMALL[:2]
    masks = masks_of(words, *PIECES.values())
    cuts, begun = {}, [("", Prefix())]
    while begun:
        written, prefix = begun.pop()
        if prefix.place.complete:
            assert masks.allowed(prefix) == {}
            cuts[written] = cuts.get(written, 0) + 1
        else:
            assert masks.allowed(prefix)
        begun += [(written + masks.tokens[token], after) for token, after in masks.allowed(prefix).items()]
    assert set(cuts) == set(texts_of(SentenceText(words)))
    every = list(masks.tokens.values())
    for written, count in cuts.items():  # the number of ways, counted without the grammar
        ways = [1, *[0] * len(written)]
        for end in range(1, len(written) + 1):
            ways[end] = sum(ways[end - len(each)] for each in every if written[:end].endswith(each))
        assert count == ways[-1], written


def test_a_mask_depends_on_the_text_alone():
    masks = masks_of(SMALL[:2], *PIECES.values())

    def after(*tokens):
        prefix = Prefix()
        for token in tokens:
            prefix = masks.allowed(prefix)[next(each for each, text in masks.tokens.items() if text == token)]
        return prefix

    assert after("gat", "es ") == after("g", "a", "t", "e", "s", " ")
    assert after("knockout", " +") == after("k", "n", "o", "c", "k", "o", "u", "t", " ", "+")


def test_tokens_that_lack_a_character_are_refused():
    text = SentenceText(SMALL)
    with pytest.raises(ResearcherError, match=r"no token for '\\n', '\+', which sentences"):
        TokenMasks(text, dict(enumerate(sorted(text.alphabet - {"+", "\n"}))))


@pytest.mark.parametrize("name", ["tiny-random"])
def test_texts_of_tokens_join_to_what_the_model_reads(name):
    target = load_target(name)
    text = SentenceText(tuple(PRIMITIVES))
    texts = token_texts(target, target.vocabulary, text.alphabet)
    generator = np.random.default_rng(0)
    masks = TokenMasks(text, texts)
    for _ in range(20):
        prefix, tokens = Prefix(), []
        while not prefix.place.complete:
            allowed = masks.allowed(prefix)
            tokens.append(int(generator.choice(list(allowed))))
            prefix = allowed[tokens[-1]]
        assert target.decode((*target.encode("a"), *tokens)) == "a" + "".join(texts[each] for each in tokens)
        text.read("".join(texts[each] for each in tokens))
