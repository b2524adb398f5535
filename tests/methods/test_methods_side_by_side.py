"""Methods side by side: which files are made of which parts, and which recordings are put together.

That a recording put together is the one that would be made is tested with the grammar's words
(`tests/researchers/test_researchers_sentences.py`) and in a real jail (`tests/protocol/test_protocol_end_to_end.py`).
"""

from dataclasses import replace

import numpy as np
import pytest
import torch

from istar.flops import Meter
from istar.methods import Interpretation
from istar.methods.loading import load_method
from istar.methods.recorder import CHANNELS_LIMIT, run_interpret
from istar.methods.recording import ChannelBatch, Recording
from istar.methods.side_by_side import (
    Part,
    learned_side_by_side,
    made_of,
    put_side_by_side,
    recorded_side_by_side,
)
from istar.targets import build_corpus, load_target

ONE = '''"""Counts tokens."""

import math

import torch

from istar.methods import Interpretation

SCALE = 2  # of what is returned


def interpret(target, corpus):
    """Learn the size of the corpus."""
    return Interpretation({"size": torch.tensor([float(len(corpus.tokens))])}, {"root": math.sqrt(4)})


# Nothing is prepared.
def predict(question, runs, target, interpretation, prepared):
    """Return the number of tokens."""
    return torch.tensor([[SCALE * float(len(run.tokens))] for run in runs])
'''

OTHER = '''"""Says one.

Always.
"""

from dataclasses import dataclass

import torch

from istar.methods import Interpretation


@dataclass
class Kept:
    """What is said."""

    number: float


def interpret(target, corpus):
    return Interpretation({"size": torch.zeros(1)})


def prepare(question, target, interpretation):
    return Kept(1.0)


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), prepared.number)
'''


PARTS = (Part(ONE, "Counts tokens"), Part(OTHER, "Says one, and white-box " * 9))


@pytest.fixture(scope="module")
def together():
    return put_side_by_side(PARTS)


def test_a_file_is_made_of_what_it_puts_side_by_side(together):
    assert together.parts == PARTS
    assert made_of(together.source, PARTS)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("torch.cat([", "torch.cat([torch.ones(len(runs), 1), "),
        lambda text: text.replace('prepared["2"]', "None"),
        lambda text: text + "\n\ndef more():\n    return 1\n",
        lambda text: text.replace("prepared.number)", "prepared.number) + joined.number"),  # stands outside
        lambda text: text.replace("import math\n", "from __future__ import annotations\n\nimport math\n"),
        lambda text: text.replace('    """Counts tokens.\n    """\n', ""),
        lambda text: text.replace("def channel_2", "def channel_3"),
        lambda text: text[: len(text) // 2],
    ],
)
def test_a_file_that_does_anything_else_is_not(together, change):
    assert change(together.source) != together.source
    assert not made_of(change(together.source), PARTS)


@pytest.mark.parametrize("parts", [(), PARTS[:1], PARTS[::-1], (*PARTS, PARTS[0]), (PARTS[0], PARTS[0])])
def test_nor_is_one_made_of_other_parts(together, parts):
    assert not made_of(together.source, parts)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("import math\n", "from torch import sum\n\nimport math\n"),  # the other's built-in
        lambda text: text.replace("import math\n", "from itertools import chain as dataclass\n\nimport math\n"),
        lambda text: text.replace("import Interpretation", "import Interpretation, Interpretation as Tensor"),
        lambda text: text.replace("import math\n", "from __future__ import annotations\n\nimport math\n"),
        lambda text: text.replace("SCALE = 2", 'SCALE = """two\nlines""".count("i") * 2'),  # lines are indented
        lambda text: text.replace("import torch\n", "SEEN = 1\nimport torch\n"),  # only what follows imports is kept
        lambda text: text.replace("import math\n", "import statistics as math\nimport math\n"),
        lambda text: text.replace("SCALE = 2", "math = math.pi\nSCALE = 2"),  # means one thing and then another
        lambda text: text.replace("SCALE *", "len(joined) *"),  # a name that the common file alone defines
        lambda text: text.replace("def predict(", "def predict(("),
    ],
)
def test_parts_that_get_in_each_others_way_are_run_as_one_method(change):
    assert change(ONE) != ONE
    parts = (Part(change(ONE), "Counts"), Part(OTHER.replace("prepared.number)", "sum([prepared.number]))"), "Sums"))
    try:
        assert put_side_by_side(parts).parts == ()
    except SyntaxError:
        assert not made_of("anything", parts)


def test_names_that_imports_give_are_kept():
    renamed = ONE.replace("import math\n", "import math as maths\n").replace("math.sqrt", "maths.sqrt")
    parts = (Part(renamed, "Counts"), Part(OTHER.replace("self", "part"), "Says one"))
    both = put_side_by_side(parts)
    assert both.parts == parts
    load_method(both.source, "both")


def test_what_is_learned_is_put_together(together):
    target = load_target("tiny-random")
    corpus = build_corpus(target, 4, 24)
    one, other, both = (
        run_interpret(load_method(source, "written"), target, corpus, Meter())
        for source in (ONE, OTHER, together.source)
    )
    assert learned_side_by_side([one, other]).to_bytes() == both.to_bytes()
    assert both.data == {"1": {"root": 2.0}, "2": None}


def recording(*flops, channels=1, prepare=0, batches=3):
    """A recording of batches of two rows each, with their FLOPs in matrix products."""
    return Recording(
        "m" * 64,
        "q" * 64,
        "t" * 64,
        "v1",
        tuple(
            ChannelBatch(np.arange(2 * k, 2 * k + 2), np.full((2, channels), k, np.float32), each, {"mm": each}, each)
            for k, each in enumerate(flops)
        ),
        prepare,
        total_flops=flops[-1] if flops else prepare,
        complete=len(flops) == batches,
    )


def joined(*parts, max_flops=None, max_rows_fraction=1.0):
    return recorded_side_by_side("b" * 64, parts, rows=6, max_flops=max_flops, max_rows_fraction=max_rows_fraction)


def test_batches_add_up_with_a_flop_a_number_on_top():
    made = joined(recording(10, 20, 30, prepare=5), recording(1, 2, 3, channels=2))
    assert [batch.flops for batch in made.batches] == [11 + 6, 22 + 12, 33 + 18]
    assert made.batches[-1].by_op == made.by_op == {"mm": 33, "cat": 18}
    assert made.by_region == {"prepare": 5, "predict": 46}
    assert (made.complete, made.total_flops, made.matmul_flops, made.channels) == (True, 51, 33, 3)


def test_a_budget_ends_it_after_the_batch_that_exceeds_it():
    made = joined(recording(10, 20, 30), recording(10, 20, 30), max_flops=30)
    assert (len(made.batches), made.complete, made.total_flops) == (2, False, 48)
    made = joined(recording(10, 20, 30), recording(10, 20, 30), max_rows_fraction=0.5)
    assert (len(made.batches), made.complete) == (2, False)


@pytest.mark.parametrize(
    ("parts", "limits"),
    [
        ((recording(10, 20, 30), recording(10, 90, 95)), {"max_flops": 50}),  # a call is cut off at twice the budget
        ((recording(10, 20, 30), recording(10)), {"max_flops": 100}),  # one was cut off there itself
        ((recording(10, 20, 30), recording(prepare=300)), {"max_flops": 100}),  # or while it prepared
        ((recording(1, 2, 3), recording(1, 2, 3, channels=CHANNELS_LIMIT)), {}),
        ((recording(1, 2, 3), replace(recording(1, 2, 3), unknown={"strange": 1})), {}),
    ],
)
def test_what_the_parts_do_not_tell_is_not_made_up(parts, limits):
    assert joined(*parts, **limits) is None


def test_recordings_that_do_not_say_by_operation_what_batches_cost_are_not_put_together():
    old = recording(1, 2, 3)
    old = replace(old, batches=tuple(replace(batch, by_op={}) for batch in old.batches))
    assert joined(recording(1, 2, 3), old) is None


def test_a_learned_tensor_of_each_part_keeps_its_name():
    made = learned_side_by_side([Interpretation({"a": torch.ones(1)}), Interpretation({"a": torch.zeros(1)})])
    assert {name: float(tensor) for name, tensor in made.tensors.items()} == {"1.a": 1.0, "2.a": 0.0}
