"""The idioms that are timed are methods that the fence lets through, and do what they are counted for."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from istar.methods import check_source, load_method
from python_arithmetic import FRAME, IDIOMS


@pytest.mark.parametrize("idiom", IDIOMS, ids=[idiom.name for idiom in IDIOMS])
def test_an_idiom_is_a_method_that_runs(idiom):
    source = FRAME.format(setup=idiom.setup, expression=idiom.expression)
    assert check_source(source) == ()
    method = load_method(source)
    method.predict(2, None, None, None, method.prepare(None, None, None))
    assert idiom.operations > 0


def test_the_published_idioms_are_these():
    import json

    result = json.loads((Path(__file__).parents[2] / "benchmarks" / "results" / "python_arithmetic.json").read_text())
    assert [each["name"] for each in result["idioms"]] == [idiom.name for idiom in IDIOMS]
