"""Tables belong to the plug-ins that computed their values: an edited one makes them stale, and no other does."""

import numpy as np
import pytest

from istar.targets import load_target
from istar.tasks import task
from istar.truth import StaleTruthError, build_truth, default_store, load_tables
from plugged import plugged

PLUGIN = """
from contextlib import contextmanager
from dataclasses import dataclass

from istar.questions import FUNCTIONALS, INTERVENTIONS, READOUTS, Intervention, Path, Question, Readout, Run
from istar.targets import APPLIERS
from istar.tasks import FAMILIES, Family, structure_of


@READOUTS.register("scaled_logprob")
@dataclass(frozen=True)
class Scaled(Readout):
    kind = "scaled_logprob"

    def paths(self, tokens):
        return (Path(tokens[:-1], (len(tokens) - 2,)),)

    def value(self, tokens, log_probs):
        return READOUT * float(log_probs[0][0, tokens[-1]])


@INTERVENTIONS.register("scaled_embedding")
@dataclass(frozen=True)
class ScaledEmbedding(Intervention):
    kind = "scaled_embedding"


@APPLIERS.register("scaled_embedding")
@contextmanager
def scaled(target, intervention):
    handle = target.anatomy.embedding.register_forward_hook(lambda module, inputs, output: APPLIER * output)
    try:
        yield
    finally:
        handle.remove()


@dataclass(frozen=True)
class Mine(Family):
    name = "scaled_rows"
    split = "use"
    data_sets = ("words",)

    def build(self, data_set, encode, generator, index):
        runs, rows = [], []
        for arm, word in enumerate((" cat", " dog")):
            for number, opening in enumerate((f"{index} the", "A")):
                tokens = (encode.bos, *encode(opening), *encode(word))
                runs.append(Run(tokens, Scaled(), ScaledEmbedding()))
                rows.append((arm, number))
        structure = structure_of([("word", "arm"), ("opening", "nuisance")], rows)
        return Question("scaled_rows/words", index, tuple(runs), structure, FUNCTIONALS.get("scaled_total")())


FAMILIES.add(Mine.name, Mine())
"""
OTHER = """
from dataclasses import dataclass

import numpy as np

from istar.questions import FUNCTIONALS, LinearFunctional


@FUNCTIONALS.register("scaled_total")
@dataclass(frozen=True)
class Total(LinearFunctional):
    kind = "scaled_total"

    def weights(self, structure):
        return np.full((1, structure.rows), FUNCTIONAL)
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ISTAR_HOME", str(tmp_path / "home"))
    return tmp_path


@pytest.fixture(scope="module")
def target():
    return load_target("tiny-random")


def written(folder, readout=1.0, applier=1.0, functional=0.5):
    """Write the plug-in with its numbers, and the one that holds its functional; return both files."""
    folder.mkdir(exist_ok=True)
    (folder / "scaled_plugin.py").write_text(f"READOUT, APPLIER = {readout}, {applier}\n{PLUGIN}")
    (folder / "other_plugin.py").write_text(f"FUNCTIONAL = {functional}\n{OTHER}")
    return folder / "scaled_plugin.py", folder / "other_plugin.py"


@pytest.mark.parametrize("edit", [{"readout": 2.0}, {"applier": 3.0}])
def test_what_an_edited_plugin_computed_is_stale_until_it_is_built_anew(home, target, edit):
    with plugged(*written(home / "plugins")):
        (before,) = build_truth([task("scaled_rows/words")], target, questions=range(1))
        assert [name for name, _ in before.provenance.plugins] == ["plug-in scaled_plugin.py"]
    with plugged(*written(home / "plugins", **edit)):
        mine = task("scaled_rows/words")
        assert mine.question(target.tokenizer, 0).hash == before.question.hash
        with pytest.raises(StaleTruthError, match="a plug-in that computes its values"):
            load_tables(mine, target)
        told = []
        (after,) = build_truth([mine], target, questions=range(1), on_stale=lambda _, index: told.append(index))
        assert told == [0]
        assert not np.allclose(after.values, before.values)
        (loaded,) = load_tables(mine, target)
        np.testing.assert_array_equal(loaded.values, after.values)


def test_unfinished_values_of_an_edited_plugin_are_not_gone_on_with(home, target, monkeypatch):
    def interrupted(*_arguments):
        raise KeyboardInterrupt

    def stopped(task):
        with monkeypatch.context() as patch:
            patch.setattr("istar.truth.build.SECONDS_BETWEEN_PIECES", 0.0)
            patch.setattr("istar.truth.build.Table", interrupted)
            with pytest.raises(KeyboardInterrupt):
                list(build_truth([task], target, questions=range(1)))

    with plugged(*written(home / "plugins")):
        stopped(task("scaled_rows/words"))
    assert list((home / "home" / "truth-unfinished").rglob("*.npz")), "nothing was kept, so nothing is tested"
    with plugged(*written(home / "plugins", readout=2.0)):
        mine = task("scaled_rows/words")
        (table,) = build_truth([mine], target, questions=range(1))
        np.testing.assert_allclose(table.values, target.slow_values(table.question.runs), atol=1e-4)


def test_a_plugin_that_computes_no_value_leaves_tables_as_they_are(home, target):
    with plugged(*written(home / "plugins")):
        (before,) = build_truth([task("scaled_rows/words")], target, questions=range(1))
    with plugged(*written(home / "plugins", functional=0.25)):
        mine = task("scaled_rows/words")
        (loaded,) = load_tables(mine, target)
        np.testing.assert_array_equal(loaded.values, before.values)
        np.testing.assert_allclose(loaded.answer, before.answer / 2)
        assert list(build_truth([mine], target, questions=range(1))) == []


def test_what_is_known_of_a_table_unread_follows_a_functional_of_ones_own(home, target):
    with plugged(*written(home / "plugins")):
        (table,) = build_truth([task("scaled_rows/words")], target, questions=range(1))
    for functional in (0.5, 0.25):
        with plugged(*written(home / "plugins", functional=functional)):
            (digest,) = [each for each in default_store().digests() if each.key.task == "scaled_rows/words"]
            np.testing.assert_allclose(digest.answer, [functional * table.values.sum()])
