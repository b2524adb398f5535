"""The methods that `docs/methods.md` shows run as they stand there, and do what the page says of them."""

import re
from pathlib import Path

import numpy as np
import pytest

from istar.flops.meter import Meter
from istar.methods import load_method
from istar.methods.check import check_method
from istar.methods.recorder import record, run_interpret

PAGE = Path(__file__).parents[2] / "docs" / "methods.md"
SHOWN = [code for code in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL) if "def predict" in code]
NAMES = ("lens", "learned_lens", "shared_gradients", "decomposition")
METHODS = dict(zip(NAMES, [code for code in SHOWN if "def interpret(target, corpus): ..." not in code], strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_it_keeps_the_contract(name, tmp_path, target):
    path = tmp_path / f"{name}.py"
    path.write_text(METHODS[name])
    report = check_method(path, target)
    assert report.faults == ()
    assert report.errors == ()
    silent = [each.question for each in report.questions if each.channels == 0]
    assert (silent == []) == (name != "shared_gradients")


def test_the_lens_has_ten_lines():
    assert len([line for line in METHODS["lens"].splitlines() if line]) <= 10


def channels(name, question, target, corpus):
    method = load_method(METHODS[name], name)
    interpretation = run_interpret(method, target, corpus, Meter())
    rows = [np.arange(len(question.runs))]
    return record(method, question, "question", rows, target, interpretation).batches[0]


def test_shared_gradients_follow_fine_tunes(questions, target, corpus):
    question = questions["fine-tunes times probes"]
    truth = np.array([target.slow_value(run) for run in question.runs])
    found = channels("shared_gradients", question, target, corpus).channels
    plain = np.array([run.intervention is None for run in question.runs])
    np.testing.assert_allclose(found[plain, 0], truth[plain], atol=1e-4)
    probes = np.array([row % 2 for row in range(len(truth))])
    change, expected = found[:, 0] - found[:, 1], truth - truth[plain][probes]
    assert np.corrcoef(change[~plain], expected[~plain])[0, 1] > 0.5


def test_the_decomposition_reports_what_varies_among_the_rows(questions, target, corpus):
    found = channels("decomposition", questions["plain sequences"], target, corpus).channels
    assert found.shape == (len(questions["plain sequences"].runs), 8)
    assert (found.std(0) > 0).all()
