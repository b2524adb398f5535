"""Written methods: the fence accepts them, they run, and several channels are what each of them is alone."""

import ast
from dataclasses import replace

import pytest

from istar.flops import Meter
from istar.methods.check_questions import sample_questions
from istar.methods.fence import check_source
from istar.methods.loading import load_method, source_hash
from istar.methods.recorder import record, run_interpret
from istar.methods.side_by_side import MethodFile, recorded_side_by_side
from istar.questions import nested_batches
from istar.researchers import PRIMITIVES
from istar.researchers.grammar.sentence import Sentence, SentenceError
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
def recorded(target):
    """What a method says of a question, after its own `interpret`, which is run once a method."""
    corpus, learned = build_corpus(target, 4, 24), {}

    def of(source, question, **limits):
        method = load_method(source, "written")
        if source not in learned:
            learned[source] = run_interpret(method, target, corpus, Meter())
        batches = nested_batches(question.structure, Seed.root(0))
        return record(method, question, "question", batches, target, learned[source], **limits)

    return of


@pytest.mark.parametrize("end", [0, -1])
@pytest.mark.parametrize("kind", tuple(PRIMITIVES))
def test_every_word_gives_channels_at_both_ends_of_its_choices(kind, end, questions, recorded):
    source = Sentence((at(kind, end),)).source
    assert check_source(source) == ()
    spoken = [recorded(source, question) for question in questions.values()]
    assert all(each.complete for each in spoken)  # a channel that is not finite is an error
    assert any(each.channels for each in spoken)


def test_one_channel_is_the_file_of_its_primitive():
    channel = at("logit_lens", -1)
    assert Sentence((channel,)).file == MethodFile(channel.source)


@pytest.mark.parametrize(
    "kinds",
    [("attention_gates", "logit_lens"), ("context_student", "gradient_influence", "mahalanobis"), ("tuned_lens",) * 2],
)
@pytest.mark.slow
@pytest.mark.parametrize("share", [None, 0.3, 0.02])
def test_several_channels_are_what_each_is_alone(kinds, share, questions, recorded):
    """Side by side in one file, also two of one kind: the same numbers and FLOPs, batch by batch, until cut."""
    chosen = Sentence(tuple(at(kind, 0 if place % 2 else -1) for place, kind in enumerate(kinds))).channels
    source = Sentence(chosen).source
    assert check_source(source) == ()
    told = 0
    for question in questions.values():
        whole = sum(recorded(channel.source, question).total_flops for channel in chosen)
        limits = {"max_flops": None if share is None else int(share * whole), "max_rows_fraction": 1.0}
        alone = [recorded(channel.source, question, **limits) for channel in chosen]
        made = recorded_side_by_side(source_hash(source), alone, rows=len(question.runs), **limits)
        if made is not None:
            together = recorded(source, question, **limits)
            assert replace(made, seconds=0.0).to_bytes() == replace(together, seconds=0.0).to_bytes()
            told += 1
    assert told == len(questions) if share is None else told > 0


def test_pairs_of_all_words_pass_the_fence_and_load():
    kinds = tuple(PRIMITIVES)
    for first, second in zip(kinds, (*kinds[1:], kinds[0]), strict=True):
        different = dict.fromkeys((at(first, 0), at(second, -1), at(second, 0)))
        sentence = Sentence(tuple(different))
        assert check_source(sentence.source) == ()
        assert [part.source for part in sentence.file.parts] == [channel.source for channel in sentence.channels]
        load_method(sentence.source, "written")


def test_a_written_method_says_what_its_channels_are():
    sentence = Sentence((at("logit_lens", -1), at("attention_knockout", 0)))
    title = ast.get_docstring(ast.parse(sentence.source))
    assert "1. Attention knockout" in title
    assert "2. Logit lens" in title
    assert "depth 0.9" in title


def test_the_order_in_which_channels_are_named_does_not_matter():
    one, other = at("logit_lens", -1), at("attention_knockout", 0)
    assert Sentence((one, other)) == Sentence((other, one))
    assert Sentence((one, other)).name == "knockout+lens90"


def test_imports_stand_once_in_the_order_of_a_linter():
    source = Sentence((at("ekfac_influence", 0), at("integrated_gradients", 0), at("ekfac_influence", -1))).source
    modules = [node.module for node in ast.parse(source).body if isinstance(node, ast.ImportFrom)]
    assert len(modules) == len(set(modules))
    assert "__future__" not in modules
    own = [module for module in modules if module.startswith("istar")]
    assert own == sorted(own) == modules[-len(own) :]
    assert max(map(len, source[: source.index("def channel_1")].splitlines())) <= 120


def test_sentences_have_one_to_three_different_channels():
    lens = at("logit_lens", 0)
    with pytest.raises(SentenceError, match="1 to 3 channels, not 0"):
        Sentence(())
    with pytest.raises(SentenceError, match="are the same"):
        Sentence((lens, at("logit_lens", 0)))
