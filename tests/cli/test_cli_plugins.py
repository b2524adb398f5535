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


FAMILY_OF_A_TEST = """
from dataclasses import dataclass
from typing import ClassVar

from istar.questions import READOUTS, ArmMeans, Path, Question, Readout, Run
from istar.tasks import FAMILIES, Family, structure_of


@READOUTS.register("sound_readout")
@dataclass(frozen=True)
class Sound(Readout):
    kind: ClassVar[str] = "sound_readout"

    def paths(self, tokens):
        return (Path(tokens, (len(tokens) - 1,)),)

    def value(self, tokens, log_probs):
        return float(log_probs[0][0, 0])


@dataclass(frozen=True)
class Made(Family):
    name: ClassVar[str] = "made"
    split: ClassVar[str] = "train"
    data_sets: ClassVar[tuple[str, ...]] = ("words",)

    def build(self, data_set, encode, generator, index):
        rows = [(arm, number) for arm in range(2) for number in range(2)]
        runs = tuple(Run((encode.bos, *encode("word " * (1 + arm + number))), Sound()) for arm, number in rows)
        structure = structure_of([("arm", "arm"), ("number", "nuisance")], rows)
        return Question(f"made/{data_set}", index, runs, structure, ArmMeans("arm"))


FAMILIES.add(Made.name, Made())
"""
FAULTS = {
    "reads beyond the end": (
        "(len(tokens) - 1,)",
        "(len(tokens),)",
        "the readout 'sound_readout' reads the positions [6] of a sequence of 6 tokens; they count from 0",
    ),
    "several numbers": (
        "float(log_probs[0][0, 0])",
        "log_probs[0][0, :3]",
        "`value` of the readout 'sound_readout' returned a Tensor, not one number:",
    ),
    "a text": ("float(log_probs[0][0, 0])", "'high'", "returned a str, not one number"),
    "nothing made": (
        "return Question",
        "Question",
        "`build` of the family made returned a NoneType; return",
    ),
    "another name": (
        'f"made/{data_set}"',
        '"made"',
        "returned question 0 of 'made' where question 0 of",
    ),
    "a class": ("FAMILIES.add(Made.name, Made())", "FAMILIES.add(Made.name, Made)", "register an instance of it"),
    "two names": ("FAMILIES.add(Made.name,", "FAMILIES.add('mode',", "the family 'made' is registered as 'mode'"),
    "no split": ('"train"', '"training"', "the family 'made' has the split 'training'; give one of train, validation"),
    "one text": ('("words",)', '"words"', "`data_sets` of the family 'made' is a text; write ('words',)"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_slip_in_a_family_or_a_readout_is_said_in_words(fault, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("ISTAR_HOME", str(tmp_path / "home"))
    right, wrong, message = FAULTS[fault]
    assert right in FAMILY_OF_A_TEST
    path = tmp_path / "family_with_slips_of_a_test.py"
    path.write_text(FAMILY_OF_A_TEST.replace(right, wrong))
    with plugged(path):
        assert run(["truth", "build", "made/words", "--target", "tiny-random", "--questions", "1"]) == 1
    assert message in " ".join(capsys.readouterr().err.split())


def test_without_a_slip_it_is_built(tmp_path, monkeypatch):
    monkeypatch.setenv("ISTAR_HOME", str(tmp_path / "home"))
    path = tmp_path / "family_without_slips_of_a_test.py"
    path.write_text(FAMILY_OF_A_TEST)
    with plugged(path):
        assert run(["truth", "build", "made/words", "--target", "tiny-random", "--questions", "1"]) == 0
