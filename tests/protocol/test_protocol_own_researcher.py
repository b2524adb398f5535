"""A researcher of a user's own, the one of the page, through a short search: real tables, jails and replays."""

import json
import multiprocessing
import os
import re
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from tiny_families import __file__ as tiny_families
from tiny_truth import build_tiny_truth

from istar.arms.sandboxed import SandboxArms
from istar.cli.app import ERROR, SUCCESS, run
from istar.methods.check import check_method
from istar.methods.library import library_methods
from istar.methods.loading import read_source
from istar.protocol.config import SearchConfig, StageSize
from istar.protocol.run_folder import RunFolder
from istar.protocol.setup import conduct
from istar.researchers import Proposal, Researcher, ResearcherError
from istar.sandbox import tier_report
from istar.targets import load_target
from istar.truth import load_tables
from plugged import plugged

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "my_researcher.py"
PAGE = ROOT / "docs" / "researchers.md"
LENS = read_source(library_methods()["logit_lens"])


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home of its own."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ISTAR_HOME", str(folder))
        yield folder


@pytest.fixture(scope="module")
def names(home):
    """The tiny tasks by split, with small tables."""
    with pytest.MonkeyPatch.context() as patch:
        yield build_tiny_truth(patch)


@pytest.fixture(scope="module")
def config(names):
    train = StageSize(questions=2, tasks=(names["train"],))
    return SearchConfig(
        target="tiny-random",
        methods=3,
        threads=1,
        executor_seeds=1,
        corpus_sequences=4,
        corpus_length=24,
        screen=StageSize(questions=1, tasks=train.tasks),
        screen_floor=-5.0,
        validate_above=-5.0,
        prune_level=0.0,
        train=train,
        validation=StageSize(questions=2, tasks=(names["validation"],)),
        unsafe=not tier_report().safe,
    )


def test_the_page_shows_the_file():
    assert EXAMPLE.read_text() in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)


@pytest.fixture(scope="module")
def searched(config, tmp_path_factory):
    """A search by the file, named in `ISTAR_PLUGINS`."""
    runs = tmp_path_factory.mktemp("runs")
    options = {"method": "logit_lens", "candidates": 2, "step": 0.2}
    changes = {"researcher": "tuner", "researcher_options": options, "methods": 2}
    settings = config.model_copy(update=changes)
    (runs / "settings.json").write_text(settings.model_dump_json())
    (runs / "my_researcher.py").write_text(EXAMPLE.read_text())
    with plugged(runs / "my_researcher.py"):
        arguments = ["search", "--config", str(runs / "settings.json"), "--runs", str(runs), "--run", "mine"]
        assert run(arguments) == SUCCESS
    return RunFolder(runs / "mine")


def exported(folder):
    with folder.ledger(read_only=True) as ledger:
        return list(ledger.export("mine"))


@pytest.mark.slow
def test_it_tunes_the_constants_of_a_method_by_what_its_questions_say(searched):
    with searched.ledger(read_only=True) as ledger:
        first, *others = ledger.proposals("mine")
        assert ledger.source(first.method) == LENS
        for each in others:
            changed = set(ledger.source(each.method).splitlines()) ^ set(LENS.splitlines())
            assert changed
            assert all(line.startswith("DEPTH = ") for line in changed)
            assert each.parents
            (question,) = each.parameters["worst"]
            assert question in {curve.question_hash for curve in ledger.curves("mine", stage="train")}
        uses = ledger.uses("mine")
        assert {each.kind for each in uses} == {"check", "score"}
        assert {each.phase for each in uses} == {"propose"}
        proposed = {each.method for each in others}
        assert proposed <= {each.method for each in uses if each.kind == "score"}
        assert {each.split for each in ledger.evaluations("mine", stage="train")} == {"train"}


def test_its_file_is_a_version_of_the_run(searched):
    with searched.ledger(read_only=True) as ledger:
        assert "plug-in my_researcher.py" in ledger.run("mine").versions
        assert ledger.run("mine").config.options["researcher_options"]["method"] == "logit_lens"


def test_what_it_tried_is_said_by_the_search_and_its_report(searched, capsys):
    runs = searched.path.parent
    before = exported(searched)
    resume = ["search", "--run", "mine", "--runs", str(runs), "--resume"]
    with plugged(runs / "my_researcher.py"):
        assert run([*resume, "--json"]) == SUCCESS
        tried = json.loads(capsys.readouterr().out)["tried"]
        assert run(["report", "mine", "--runs", str(runs)]) == SUCCESS
    assert tried["checks"] >= tried["scores"] == tried["questions"] > 0
    assert tried["flops"] > 0
    assert f"{tried['scores']} scores on {tried['questions']} training questions" in searched.report_path.read_text()
    assert exported(searched) == before


def test_its_search_is_not_resumed_with_an_edited_file(searched, tmp_path, capsys):
    edited = tmp_path / "my_researcher.py"
    edited.write_text(EXAMPLE.read_text().replace("ATTEMPTS = 20", "ATTEMPTS = 21"))
    with plugged(edited):
        assert run(["search", "--run", "mine", "--runs", str(searched.path.parent), "--resume"]) == ERROR
    told = " ".join(capsys.readouterr().err.split())
    assert "was begun with other plug-ins (differing: plug-in my_researcher.py); put them back" in told


class Probe(Researcher):
    """Does something with the workbench of a real search, and proposes a lens."""

    name = "probe"

    def __init__(self, act):
        super().__init__()
        self.act = act

    def begin(self, workbench):
        super().begin(workbench)
        self.found = self.act(workbench)

    def _compose(self, seed):
        return Proposal(LENS, "lens")


def probed(config, folder, act):
    """Return the researcher after a search of one method in which it did something."""
    probe = Probe(act)
    with mock.patch("istar.protocol.setup.make_researcher", return_value=probe):
        conduct(RunFolder(folder / "mine"), config.model_copy(update={"methods": 1}))
    return probe


SOURCES = {
    "sound": LENS,
    "failing": LENS.replace("    return Interpretation()", "    1 // 0\n    return Interpretation()"),
    "fenced": "import os\n" + LENS,
}


@pytest.fixture(scope="module")
def probe(config, tmp_path_factory):
    def act(workbench):
        checks = {name: workbench.check(source) for name, source in SOURCES.items()}
        (task,) = workbench.tasks
        view = workbench.target
        view.weight(next(iter(view.weights)))[:] = 7.0
        questions = workbench.questions(task)
        for each in questions:
            each.values[:] = 0.0
            each.prices.row_reads_flops[:] = 0
        return checks, workbench.questions(task), view, workbench.score(LENS), workbench.library

    return probed(config, tmp_path_factory.mktemp("probe"), act)


@pytest.mark.slow
def test_it_checks_methods_in_a_jail(probe):
    sound, failing, fenced = probe.found[0].values()
    assert sound.passed
    here = check_method(library_methods()["logit_lens"])  # as its author checks it, in this process
    assert sound.interpret_flops == here.interpret.flops
    for jailed, mine in zip(sound.questions, here.questions, strict=True):
        for what in ("question", "runs", "channels", "prepare_flops", "predict_flops", "exact_flops"):
            assert getattr(jailed, what) == getattr(mine, what)
    assert not failing.passed
    assert "ZeroDivisionError" in failing.error
    assert "import of 'os'" in fenced.faults[0]


def test_it_shows_the_training_questions_in_full(probe, config):
    """And what is done to them there changes no truth."""
    shown = probe.found[1]
    tables = load_tables(config.train.tasks[0], load_target("tiny-random"))
    assert len(shown) == len(tables) == 4
    for each, table in zip(shown, tables, strict=True):
        assert each.question.to_json() == table.question.to_json()
        np.testing.assert_array_equal(each.values, table.values)
        np.testing.assert_array_equal(each.answer, table.answer)
        np.testing.assert_array_equal(each.prices.row_flops, table.prices.row_flops)
        assert each.texts[0] == load_target("tiny-random").decode(table.question.runs[0].tokens)
    assert [each.trained for each in shown] == [True, True, False, False]


def test_it_shows_a_target_that_stays_as_it_is(probe):
    view, target = probe.found[2], load_target("tiny-random")
    assert (view.id, view.layers, view.width) == (target.id, target.layers, target.width)
    assert view.decode(view.encode("lamp")) == "lamp"
    assert view.parts["blocks"] == "model.layers"
    name, weight = next(iter(target.module.named_parameters()))
    assert view.weights[name] == tuple(weight.shape)
    np.testing.assert_array_equal(view.weight(name), weight.numpy())
    with pytest.raises(ResearcherError, match="has no weight 'nonsense'"):
        view.weight("nonsense")


def test_it_scores_as_training_does(probe):
    ((_, feedback),) = probe.told
    assert probe.found[3].reward == pytest.approx(feedback.reward, abs=1e-12)
    assert probe.found[3].questions == feedback.questions
    assert probe.found[4]["logit_lens"] == LENS


def reachable(value, seen):
    """Yield everything that can be reached from a value by public names, keys and places."""
    if id(value) in seen or isinstance(value, (int, float, np.ndarray, type, type(None))):
        return
    seen[id(value)] = value
    yield value
    if isinstance(value, dict):
        inner = [*value.keys(), *value.values()]
    elif isinstance(value, (tuple, list, set, frozenset)):
        inner = list(value)
    elif type(value).__module__.partition(".")[0] != "istar":
        return
    else:
        public = (name for name in dir(value) if not name.startswith("_"))
        inner = [found for name in public if not callable(found := getattr(value, name))]
    for each in inner:
        yield from reachable(each, seen)


def test_what_is_held_out_cannot_be_reached(config, names, tmp_path):
    """Neither by what the workbench holds, nor by asking it."""
    target = load_target("tiny-random")
    held_out = {split: load_tables(names[split], target) for split in ("validation", "test")}
    hashes = {table.question.hash for tables in held_out.values() for table in tables}
    texts = {target.decode(table.question.runs[0].tokens) for tables in held_out.values() for table in tables}

    def act(workbench):
        for question in hashes:
            with pytest.raises(ResearcherError, match="is none of them"):
                workbench.score(LENS, [question])
        for split in held_out:
            with pytest.raises(ResearcherError, match="no training task"):
                workbench.questions(names[split])
        workbench.score(LENS)
        shown = [workbench, *(workbench.questions(task) for task in workbench.tasks)]
        found = {each for each in reachable(shown, {}) if isinstance(each, str)}
        assert {each.question.hash for each in workbench.questions(names["train"])} <= found
        return found

    found = probed(config, tmp_path, act).found
    assert not found & hashes
    assert not any(text in each for each in found for text in texts)
    assert not any(names[split] in each for each in found for split in held_out)


@pytest.mark.trust
def test_methods_run_in_processes_of_their_own_leave_the_same_ledger(config, tmp_path):
    """Each opens the target, the tables and a jail by their names; here none is started for methods."""
    here, elsewhere = (RunFolder(tmp_path / place / "mine") for place in ("here", "elsewhere"))
    config = config.model_copy(update={"side_by_side": 2})
    conduct(here, config)
    variables = {"ISTAR_PLUGINS": tiny_families, "ISTAR_HOME": os.environ["ISTAR_HOME"], "OMP_NUM_THREADS": "1"}
    with (
        mock.patch.dict(os.environ, variables),
        mock.patch("istar.plugins._loaded", {Path(tiny_families).resolve()}),
        ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool,
        mock.patch.object(SandboxArms, "worker", side_effect=AssertionError("a method was run here")),
    ):
        conduct(elsewhere, config, map_jobs=pool.map)
    assert exported(elsewhere) == exported(here)
