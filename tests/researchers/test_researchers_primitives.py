"""The words of the grammar: which files they are, what they choose, and what is said about those that cannot be."""

import textwrap
from pathlib import Path

import pytest

from istar.errors import UnknownNameError
from istar.methods.library import library_methods
from istar.registry import DuplicateNameError
from istar.researchers import PRIMITIVES, PrimitiveError, add_primitive
from istar.researchers.grammar.drawing import BlindChooser
from istar.researchers.grammar.primitives import Primitive
from istar.seeds import Seed

CONTROLS = {"noise", "ngram", "behavioural_student"}


def test_all_methods_of_the_library_but_the_controls_are_words():
    assert set(PRIMITIVES) == set(library_methods()) - CONTROLS
    assert all(PRIMITIVES.get(kind).path == library_methods()[kind] for kind in PRIMITIVES)


def test_words_differ():
    words = [PRIMITIVES.get(kind).word for kind in PRIMITIVES]
    assert len(words) == len(set(words))


def test_choices_of_numbers_ascend():
    for kind in PRIMITIVES:
        for _, options in PRIMITIVES.get(kind).choices:
            assert list(options) == sorted(set(options))


def test_only_the_constants_change():
    lens = PRIMITIVES.get("tuned_lens")
    before, after = lens.source.splitlines(), lens.with_values(DEPTH=0.3, RIDGE=1.0).source.splitlines()
    assert [line for line in after if line not in before] == [
        "DEPTH = 0.3  # share of the blocks that run",
        "RIDGE = 1.0  # penalty, as a share of the mean variance of the stream's components",
    ]
    assert len(before) == len(after)


def test_a_channel_says_what_was_chosen():
    channel = PRIMITIVES.get("tuned_lens").with_values(DEPTH=0.3, RIDGE=1.0)
    assert channel.short == "tuned30r1.0"
    assert channel.title.endswith("then the usual read-out (depth 0.3, ridge 1.0)")
    assert channel.to_json() == {"kind": "tuned_lens", "depth": 0.3, "ridge": 1.0}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"DEPTH": 0.3}, "'tuned_lens' chooses DEPTH, RIDGE, not DEPTH"),
        ({"DEPTH": 0.3, "RIDGE": 1.0, "RANK": 1}, "not DEPTH, RIDGE, RANK"),
        ({"DEPTH": 0.31, "RIDGE": 1.0}, "DEPTH of the primitive 'tuned_lens' is one of .*, not 0.31"),
    ],
)
def test_values_that_are_no_choices_are_refused(values, message):
    with pytest.raises(PrimitiveError, match=message):
        PRIMITIVES.get("tuned_lens").with_values(**values)


def test_samplers_are_not_asked_where_there_is_one_value():
    chooser = BlindChooser(Seed.root(0))
    channel = PRIMITIVES.get("low_rank_forward").draw(chooser, "1")
    assert set(chooser.drawn) == {"1.low_rank_forward.rank"}
    assert channel.chosen["bytes"] == 10 * 2**20


METHOD = """
'''Mine: nothing.'''

from istar.methods import Interpretation

ODD = "ä"; SHIFT = 1  # kept
BOTH = (
    1,
)


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return SHIFT
"""


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(METHOD.lstrip(), encoding="utf-8")
    return path


def test_a_users_file_becomes_a_word(mine):
    try:
        word = add_primitive("mine", mine, "mine", SHIFT=(1, 2, 3), ODD=("a", "b"))
        assert PRIMITIVES.get("mine") is word
        assert "ODD = 'b'; SHIFT = 3  # kept" in word.with_values(SHIFT=3, ODD="b").source
        with pytest.raises(DuplicateNameError, match="are called 'mine'"):
            add_primitive("mine", mine, "other")
    finally:
        PRIMITIVES._entries.pop("mine", None)
    with pytest.raises(UnknownNameError, match="no primitive is called 'mine'"):
        PRIMITIVES.get("mine")


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        (
            {"BOTH": (1, 2)},
            "'mine' chooses BOTH, which .*mine.py does not set at its top, each on one line; it sets ODD",
        ),
        ({"OTHER": (1,)}, "chooses OTHER"),
        ({"SHIFT": ()}, "has no values for SHIFT"),
    ],
)
def test_choices_that_a_file_lacks_are_refused(mine, choices, message):
    with pytest.raises(PrimitiveError, match=message):
        Primitive("mine", mine, "mine", tuple(choices.items()))


def test_files_that_are_no_methods_are_refused(tmp_path):
    with pytest.raises(PrimitiveError, match=r"cannot be read: .*none\.py"):
        Primitive("none", tmp_path / "none.py", "none")
    (tmp_path / "bad.py").write_text("x = 1\ny = (\n")
    with pytest.raises(PrimitiveError, match=r"bad.py, line 2: '\(' was never closed"):
        Primitive("bad", tmp_path / "bad.py", "bad")
    (tmp_path / "half.py").write_text(textwrap.dedent("def interpret(target, corpus): ..."))
    with pytest.raises(PrimitiveError, match=r"half\.py is no method: it does not define predict"):
        Primitive("half", Path(tmp_path / "half.py"), "half")
