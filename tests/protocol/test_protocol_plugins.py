"""What is kept on disk belongs to the plug-ins that made it; nothing is served stale after one was edited."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from istar import plugins
from istar.arms.settings import Caps
from istar.arms.stores import RecordingKey
from istar.ledger import RunConfig
from istar.protocol.config import SearchConfig
from istar.protocol.provenance import versions
from istar.protocol.run_folder import RunFolder, RunFolderError
from istar.protocol.unseal import UnsealError, _check_settings
from istar.sandbox import INTERPRETATIONS, InterpretationKey

PLUGIN = '''"""An executor, a functional and a readout."""

from dataclasses import dataclass

import numpy as np
from numbers_of_mine import GUESS

from istar.executors import EXECUTORS, Executor
from istar.questions import FUNCTIONALS, READOUTS, LinearFunctional, Readout


@EXECUTORS.register("mine")
class Guess(Executor):
    def answer(self, market, state, seed):
        while market.next_checkpoint is not None:
            market.record(np.array([GUESS + 1.0]), np.array([np.nan]))
        return market.trace()


@FUNCTIONALS.register("mine")
@dataclass(frozen=True)
class Total(LinearFunctional):
    kind = "mine"

    def weights(self, structure):
        return np.full((1, structure.rows), 0.5)


@READOUTS.register("mine")
@dataclass(frozen=True)
class Last(Readout):
    kind = "mine"

    def paths(self, tokens):
        return ()

    def value(self, tokens, log_probs):
        return tokens[-2] / 40.0
'''
NUMBERS = "GUESS = 2.0\n"
EDITS = {
    "executor": (PLUGIN.replace("GUESS + 1.0", "GUESS + 1.5"), NUMBERS),
    "functional": (PLUGIN.replace("0.5)", "0.25)"), NUMBERS),
    "readout": (PLUGIN.replace("/ 40.0", "/ 80.0"), NUMBERS),
    "module beside it": (PLUGIN, "GUESS = 3.0\n"),
}
REMARKS = {
    "comment": (PLUGIN + "# a remark\n", NUMBERS),
    "docstring": (PLUGIN.replace("An executor", "One executor"), "# a remark\n" + NUMBERS),
}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What is replayed with the plug-in, with each edit of it, and with the plug-in once more, on one home."""
    folder = tmp_path_factory.mktemp("plugins")
    variants = {"at first": (PLUGIN, NUMBERS)} | EDITS | REMARKS | {"at last": (PLUGIN, NUMBERS)}
    for name, (plugin, numbers) in variants.items():
        (folder / name).mkdir()
        (folder / name / "mine.py").write_text(plugin)
        (folder / name / "numbers_of_mine.py").write_text(numbers)
    script, folders = Path(__file__).with_name("replay_elsewhere.py"), [folder / name for name in variants]
    command = [sys.executable, script, folder / "home", *folders]
    printed = subprocess.run(command, check=False, capture_output=True, text=True)
    assert printed.returncode == 0, printed.stderr
    return dict(zip(variants, json.loads(printed.stdout), strict=True))


@pytest.mark.parametrize("edited", EDITS)
def test_an_edited_plug_in_gets_curves_of_its_own(found, edited):
    assert found["at first"]["made"] == 1
    assert found[edited]["made"] == 1
    assert found[edited]["skill"] != found["at first"]["skill"]


@pytest.mark.parametrize("remark", [*REMARKS, "at last"])
def test_a_remark_leaves_the_curves(found, remark):
    assert found[remark] == {"made": 0, "skill": found["at first"]["skill"]}


def test_what_methods_said_belongs_to_the_plug_ins(monkeypatch):
    def names():
        recording = RecordingKey("method", "question", "target", "corpus", "v1", 0, Caps())
        return recording.name, INTERPRETATIONS.name_of(vars(InterpretationKey("method", "target", "corpus")))

    without = names()
    monkeypatch.setitem(plugins._identities, Path("mine.py"), "as it is")
    with_it = names()
    monkeypatch.setitem(plugins._identities, Path("mine.py"), "edited")
    edited = names()
    for one, two, three in zip(without, with_it, edited, strict=True):
        assert len({one, two, three}) == 3


def begun(folder, monkeypatch):
    """Begin a run with a plug-in, and edit it."""
    monkeypatch.setitem(plugins._identities, Path("mine.py"), "as it is")
    config = SearchConfig()
    folder.begin(config)
    options = config.model_dump(mode="json")
    stored = RunConfig("id", "target", "v1", "grammar", "statistician", "log", seed=0, options=options)
    with folder.ledger() as ledger:
        ledger.open_run(folder.name, stored, versions=versions(), machine={})
    with folder.removed_if_unused():
        pass
    monkeypatch.setitem(plugins._identities, Path("mine.py"), "edited")


def test_a_run_is_not_resumed_with_an_edited_plug_in(tmp_path, monkeypatch):
    folder = RunFolder(tmp_path / "run")
    begun(folder, monkeypatch)
    with (
        pytest.raises(RunFolderError, match=r"begun with other plug-ins \(differing: plug-in mine.py\); put them back"),
        folder.removed_if_unused(),
    ):
        pass


def test_the_test_is_not_opened_with_an_edited_plug_in(tmp_path, monkeypatch):
    folder = RunFolder(tmp_path / "run")
    begun(folder, monkeypatch)
    with (
        folder.ledger(read_only=True) as ledger,
        pytest.raises(UnsealError, match=r"ran with other plug-ins \(differing: plug-in mine.py\); put them back"),
    ):
        _check_settings(SimpleNamespace(config=SearchConfig()), ledger, folder.name)
