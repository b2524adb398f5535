"""Written methods: the fence accepts them, they run, and several channels are what each of them is alone."""

import ast

import numpy as np
import pytest

from istar.flops import Meter
from istar.methods.check_questions import sample_questions
from istar.methods.fence import check_source
from istar.methods.loading import load_method
from istar.methods.recorder import record, run_interpret
from istar.questions import nested_batches
from istar.researchers import PRIMITIVES
from istar.researchers.rendering import render_method
from istar.researchers.sentence import Sentence, SentenceError
from istar.seeds import Seed
from istar.targets import build_corpus, load_target


def at(kind, end):
    """The primitive with every constant at the first (0) or last (-1) of its choices."""
    primitive = PRIMITIVES.get(kind)
    return primitive.with_values(**{name: options[end] for name, options in primitive.choices})


@pytest.fixture(scope="module")
def target():
    return load_target("tiny-random")


@pytest.fixture(scope="module")
def questions(target):
    return sample_questions(target)


@pytest.fixture(scope="module")
def corpus(target):
    return build_corpus(target, 4, 24)


def channels(source, question, target, corpus):
    """A method's channels of all rows of a question, and what they cost."""
    method = load_method(source, "written")
    interpretation = run_interpret(method, target, corpus, Meter())
    batches = nested_batches(question.structure, Seed.root(0))
    recording = record(method, question, "question", batches, target, interpretation)
    found = np.full((len(question.runs), recording.channels), np.nan)
    for batch in recording.batches:
        found[batch.rows] = batch.channels
    return found, recording.total_flops


@pytest.mark.parametrize("end", [0, -1])
@pytest.mark.parametrize("kind", tuple(PRIMITIVES))
def test_every_word_gives_channels_at_both_ends_of_its_choices(kind, end, questions, target, corpus):
    source = render_method(Sentence((at(kind, end),)))
    assert check_source(source) == ()
    spoken = [channels(source, question, target, corpus)[0] for question in questions.values()]
    assert any(found.shape[1] for found in spoken)
    assert all(np.isfinite(found).all() for found in spoken)


def test_one_channel_is_the_file_of_its_primitive():
    channel = at("logit_lens", -1)
    assert render_method(Sentence((channel,))) == channel.source


@pytest.mark.parametrize(
    "kinds",
    [("logit_lens", "attention_gates"), ("mahalanobis", "gradient_influence", "context_student"), ("tuned_lens",) * 2],
)
def test_several_channels_are_what_each_is_alone(kinds, questions, target, corpus):
    """Side by side in one file, also two of one kind: the same numbers, and the FLOPs add up."""
    chosen = tuple(at(kind, 0 if place % 2 else -1) for place, kind in enumerate(kinds))
    source = render_method(Sentence(chosen))
    assert check_source(source) == ()
    for question in questions.values():
        alone = [channels(channel.source, question, target, corpus) for channel in chosen]
        together, flops = channels(source, question, target, corpus)
        assert np.array_equal(together, np.concatenate([found for found, _ in alone], axis=1))
        assert flops == pytest.approx(sum(each for _, each in alone), rel=1e-3)


def test_pairs_of_all_words_pass_the_fence_and_load():
    kinds = tuple(PRIMITIVES)
    for first, second in zip(kinds, (*kinds[1:], kinds[0]), strict=True):
        different = dict.fromkeys((at(first, 0), at(second, -1), at(second, 0)))
        source = render_method(Sentence(tuple(different)))
        assert check_source(source) == ()
        load_method(source, "written")


def test_a_written_method_says_what_its_channels_are():
    sentence = Sentence((at("logit_lens", -1), at("attention_knockout", 0)))
    title = ast.get_docstring(ast.parse(render_method(sentence)))
    assert "1. Logit lens" in title
    assert "2. Attention knockout" in title
    assert "depth 0.9" in title


def test_imports_stand_once_in_the_order_of_a_linter():
    source = render_method(
        Sentence((at("ekfac_influence", 0), at("integrated_gradients", 0), at("ekfac_influence", -1)))
    )
    modules = [node.module for node in ast.parse(source).body if isinstance(node, ast.ImportFrom)]
    assert len(modules) == len(set(modules))
    assert modules[0] == "__future__"
    own = [module for module in modules if module.startswith("istar")]
    assert own == sorted(own) == modules[-len(own) :]
    assert max(map(len, source[: source.index("def channel_1")].splitlines())) <= 120


def test_sentences_have_one_to_three_different_channels():
    lens = at("logit_lens", 0)
    with pytest.raises(SentenceError, match="1 to 3 channels, not 0"):
        Sentence(())
    with pytest.raises(SentenceError, match="are the same"):
        Sentence((lens, at("logit_lens", 0)))
