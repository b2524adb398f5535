"""Tests wait for events and state limits in measured units: what helps them to, and that nothing else comes back."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import measured
from measured import eventually, grown, processor_seconds

CLOCK = r"(?:monotonic|perf_counter|process_time|thread_time|time)(?:_ns)?\(\)"
FORBIDDEN = {
    "a limit in seconds": re.compile(rf"assert .*{CLOCK} - \w+ *[<>]|assert .*[<>]=? *{CLOCK} - "),
    "an impatient wait": re.compile(r"(?:\.wait\(|\.join\(|timeout=)[1-9]\d*(?:\.\d+)?[,)]"),
    "a fixed name in a folder of everybody's": re.compile(r"""(?:Path\(|open\(|touch |mkdir )["'](?:/var)?/tmp/"""),
}
HERE = Path(__file__).parent


def found(text):
    return [name for name, pattern in FORBIDDEN.items() if pattern.search(text)]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("assert time.monotonic() - started < 5", ["a limit in seconds"]),
        ("assert 3 > process_time() - start", ["a limit in seconds"]),
        ("worker.wait(60)", ["an impatient wait"]),
        ("subprocess.run(command, timeout=300)", ["an impatient wait"]),
        ("open('/tmp/new', 'w')", ["a fixed name in a folder of everybody's"]),
        ("assert processor_seconds(load) < 50 * unit", []),
        ("process.wait(PATIENCE)", []),
        ("thread.join(0.3)  # in neither case does the outcome depend on it", []),
    ],
)
def test_limits_are_recognised(text, names):
    assert found(text) == names


def test_no_test_depends_on_how_fast_a_machine_is():
    paths = [path for path in sorted(HERE.rglob("*.py")) if path != Path(__file__)]
    lines = [(path, line) for path in paths for line in path.read_text(encoding="utf-8").splitlines()]
    assert [(path.name, line.strip(), found(line)) for path, line in lines if found(line)] == []


def test_work_grows_until_there_is_enough_of_it_or_much():
    assert grown(lambda units: 3.0 * units, enough=10) == (4, 12.0)
    assert grown(lambda units: 0.0, enough=10, most=8) == (8, 0.0)


def test_what_never_comes_is_given_up(monkeypatch):
    counts = iter(range(5))
    assert eventually(lambda: next(counts) == 4)
    monkeypatch.setattr(measured, "PATIENCE", 0.0)
    assert not eventually(lambda: False)


def test_more_work_takes_more_processor_time():
    """A thousand times as much, so that no clock is too coarse and no neighbour too loud."""
    once, often = (processor_seconds(lambda size=size: sum(range(size))) for size in (10**4, 10**7))
    assert often > 10 * once


def test_what_is_set_where_the_tests_run_does_not_reach_them():
    """Asked of a process of its own, in an environment that would break many tests."""
    code = f"import sys; sys.path.insert(0, {str(HERE)!r}); import conftest, os; print('ISTAR_PLUGINS' in os.environ)"
    settings = {**os.environ, "ISTAR_PLUGINS": "/nowhere/plugin.py", "COLUMNS": "30"}
    told = subprocess.run([sys.executable, "-c", code], env=settings, capture_output=True, text=True, check=True)
    assert told.stdout == "False\n"
