"""What fails in a plug-in while it is used ends a command in one line that names it."""

import pytest

from istar.cli.app import run
from plugged import plugged

FAMILY = """
from dataclasses import dataclass
from typing import ClassVar

from istar.tasks import FAMILIES, Family


@dataclass(frozen=True)
class Failing(Family):
    name: ClassVar[str] = "failing"
    split: ClassVar[str] = "train"
    data_sets: ClassVar[tuple[str, ...]] = ("words",)

    def build(self, data_set, encode, generator, index):
        return {}["nothing"]


FAMILIES.add(Failing.name, Failing())
"""


def test_a_family_that_fails_is_named_with_its_line(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("ISTAR_HOME", str(tmp_path / "home"))
    path = tmp_path / "failing_family_of_a_test.py"
    path.write_text(FAMILY)
    with plugged(path):
        assert run(["truth", "build", "failing", "--target", "tiny-random", "--questions", "1"]) == 1
    line = 1 + FAMILY.splitlines().index('        return {}["nothing"]')
    assert f"error: a plug-in failed: {path}, line {line}: KeyError: 'nothing'" in capsys.readouterr().err


def test_an_error_of_ours_is_not_blamed_on_a_plug_in(tmp_path, monkeypatch):
    path = tmp_path / "innocent_family_of_a_test.py"
    path.write_text(FAMILY.replace("failing", "innocent"))
    monkeypatch.setenv("ISTAR_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("istar.truth.task_summaries", lambda *_, **__: {}["ours"])
    with plugged(path), pytest.raises(KeyError, match="ours"):
        run(["tasks", "innocent", "--target", "tiny-random"])
