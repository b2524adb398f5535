"""Every command with input it cannot take: an error that says what, where and what to do, before any long work."""

import json
import shutil
from pathlib import Path

import pytest

from istar.cli.app import ERROR, METHOD_FAULT, SUCCESS, USAGE, run
from istar.ledger import Ledger
from istar.protocol.config import SearchConfig
from istar.protocol.run_folder import RunFolder

LONG = "n" * 300
COMMANDS = {
    # methods
    "check {folder}": (METHOD_FAULT, "cannot be read: Is a directory; give the path of a .py file"),
    "check {none}": (METHOD_FAULT, "No such file"),
    "check {binary}": (METHOD_FAULT, "is not UTF-8 text (byte 128); save it as UTF-8"),
    "check {file}/x.py": (METHOD_FAULT, "Not a directory"),
    "check a\0b": (METHOD_FAULT, "embedded null byte; give the path of a .py file"),
    f"check {LONG}.py": (METHOD_FAULT, "File name too long"),
    "score {folder}": (METHOD_FAULT, "give the path of a .py file"),
    "score {empty_method}": (METHOD_FAULT, "interpret"),
    # targets
    "score noise --target {folder}": (ERROR, "holds no config.json; a target's folder is what save_pretrained writes"),
    "score noise --target nope": (ERROR, "no target is called 'nope'; there are smollm2-135m"),
    "score noise --target ./nope": (ERROR, "there is no folder nope; give the folder of a Hugging Face model"),
    "score noise --target a\0b": (ERROR, "names no target; there are"),
    "score noise --target \u00fc\u00f6/": (ERROR, "cannot be loaded as a causal language model"),
    "score noise --target {weights}": (ERROR, "model.safetensors are damaged"),
    "score noise --dtype int8": (ERROR, "dtype: Input should be 'float32', 'bfloat16', 'float16' or 'float64'"),
    "truth build shot_shapley --target tiny-random --dtype int4": (ERROR, "the dtype 'int4' is unknown; give one of"),
    "truth build shot_shapley --target {folder}": (ERROR, "holds no config.json"),
    # numbers
    "score noise --questions 0": (ERROR, "train.questions: Input should be greater than 0"),
    "score noise --questions 99999999999999999999": (ERROR, "less than or equal to 1000000"),
    "score noise --questions many": (USAGE, "many"),
    "score noise --rows 0": (ERROR, "caps.rows_fraction: Input should be greater than 0"),
    "score noise --rows nan": (ERROR, "caps.rows_fraction: Input should be a finite number"),
    "score noise --flops inf": (ERROR, "caps.flops_fraction: Input should be a finite number"),
    "score noise --executor-seeds -1": (ERROR, "executor_seeds: Input should be greater than 0"),
    "score noise --threads 1000000": (ERROR, "threads: Input should be less than or equal to 1024"),
    "score noise --seed 99999999999999999999": (ERROR, "seed: Input should be less than"),
    "search --run r --methods -1": (ERROR, "methods: Input should be greater than 0"),
    "search --run r --side-by-side 1000000": (ERROR, "side_by_side: Input should be less than"),
    "truth build shot_shapley --questions 0": (ERROR, "0 questions cannot be asked for; give a number from 1"),
    "truth verify shot_shapley --questions -1": (ERROR, "-1 questions cannot be asked for"),
    "truth verify shot_shapley --fraction nan": (
        ERROR,
        "a fraction of nan of the rows cannot be checked; give a number",
    ),
    "tasks audit --executor-seeds 0": (ERROR, "executor_seeds: Input should be greater than 0"),
    "tasks audit --recompute -1": (ERROR, "a fraction of -1.0 of the rows cannot be checked"),
    # uses
    "use task {none}.py --method noise": (ERROR, "is no Python file; `istar tasks new NAME` writes a family"),
    "use task {empty_method} --method noise --questions 2": (ERROR, "give --questions from 3 to 1000"),
    "use task {none}.py --method library": (METHOD_FAULT, "one is put to use at a time"),
    "use bad-contexts --method noise --candidates 20": (ERROR, "give 4 to 14"),
    "use bad-contexts --method noise --judge nobody": (ERROR, "there is no judge 'nobody'; give one of istar's own"),
    "use bad-contexts --method noise --judge {empty_method}": (ERROR, "defines no function `judge(context, reply)`"),
    "use bad-contexts --method noise --held-out {none}.py": (ERROR, "or a Python file with a function"),
    "use bad-contexts --method noise --contexts {none}": (ERROR, "neither a kind of contexts (rude, refusing) nor a"),
    "use bad-contexts --method noise --contexts {binary} --candidates 4": (ERROR, "is not UTF-8 text"),
    "use resample --method noise --beta 1": (ERROR, "from 1 on the least sum is a model that says one thing"),
    "use resample --method noise --share 0": (ERROR, "give --share above 0 and at most 1"),
    "use resample --method noise --prompts {none}": (ERROR, "neither a kind of requests (rude, refusing) nor a file"),
    "use resample --method noise --direction sideways": (USAGE, "sideways"),
    # names
    "score noise --reward x": (ERROR, "no reward is called 'x'; there are: linear, log"),
    "score noise --task no/such": (ERROR, "no task, family or split is called 'no/such'"),
    "score noise --task shot_shapley/such": (ERROR, "the data sets of shot_shapley are antonyms"),
    "score noise --task shot_shaply": (ERROR, "did you mean 'shot_shapley'? There are the splits train, validation"),
    "score noise --task mine": (
        ERROR,
        "A family of your own is known once the environment variable ISTAR_PLUGINS names",
    ),
    "score noise --task length_cliff": (
        ERROR,
        "of the test split, and the train split is scored; only `istar unseal`",
    ),
    "score noise --task prompt_ceiling": (
        ERROR,
        "of the validation split, and the train split is scored; add `--split",
    ),
    "score noise --task bad_context": (ERROR, "barred from every reward"),
    "score noise --split validation --task shot_shapley train": (ERROR, "of the train split, and the validation split"),
    "search --run r --config {tasks}": (ERROR, "no task, family or split is called 'nope'"),
    "search --run r --config {sealed}": (ERROR, "is of the test split, and stage 'validation' asks tasks of the valid"),
    "search --run r --preset x": (ERROR, "there is no preset 'x'; there are: standard, demo"),
    "search --run r --researcher x": (ERROR, "no researcher is called 'x'; there are: evolve, grammar"),
    "search --run r --executor x": (ERROR, "no executor is called 'x'; there are: language_model, statistician"),
    "search --run r --target x": (ERROR, "no target is called 'x'"),
    "truth build nope": (ERROR, "no task, family or split is called 'nope'"),
    "truth verify nope": (ERROR, "no task, family or split is called 'nope'"),
    "tasks audit nope": (ERROR, "no task, family or split is called 'nope'"),
    "tasks --target nope": (ERROR, "there is no truth for target 'nope'; there is for"),
    "tasks new class": (ERROR, "'class' cannot be a family's name"),
    f"tasks new {LONG}": (ERROR, "cannot be a family's name; use up to 60 small letters"),
    "rescore run --reward x": (ERROR, "no reward is called 'x'"),
    "rescore run --rulebook v0": (
        ERROR,
        "'v0' is neither a rulebook of istar's own (v1, v1-products, v2, v2-products) nor a file",
    ),
    "rescore run --rulebook {list}": (ERROR, "list.json is no rulebook: give an object with `version` and `rules`"),
    "rescore run --rulebook {torn}": (ERROR, "is no JSON"),
    "rulebook {binary}": (ERROR, "nor a file that can be read"),
    "unseal run --beside nope": (METHOD_FAULT, "the method file nope cannot be read"),
    # scenarios
    "scenario run": (ERROR, "holds no interpretation, so that there is no method to judge: go on with `istar search"),
    "scenario run --priors 1,2": (ERROR, "'1,2' are no priors; give 5 numbers from 0 on"),
    "scenario run --priors many": (ERROR, "'many' are no priors; give 5 numbers, one for each scenario"),
    "scenario run --priors 1,1,1,1,-1": (ERROR, "are no priors; give 5 numbers from 0 on"),
    "scenario run --questions 0": (ERROR, "0 questions of each task cannot be run; give --questions from 1 on"),
    "scenario run --to {folder}": (ERROR, "it is a folder; give the path of a file"),
    "scenario nope": (ERROR, "there is no run 'nope' in"),
    "scenario empty": (ERROR, "there is no ledger at"),
    # runs
    f"search --run {LONG}": (ERROR, "cannot be a run's name; give up to 200 bytes"),
    "search --run ../up": (ERROR, "'../up' cannot be a run's name"),
    "search --run a\x1bb": (ERROR, "cannot be a run's name"),
    "report nope": (ERROR, "there is no run 'nope' in"),
    "report a\0b": (ERROR, "there is no run 'a\\x00b' in"),
    f"report {LONG}": (ERROR, "there is no run"),
    "compare nope": (ERROR, "there is no run 'nope' in"),
    "compare": (USAGE, "requires an argument"),
    "unseal run": (ERROR, "has not ended; finish it with `istar search --run run --resume`"),
    "report foreign": (ERROR, "is not a database; choose another path for the ledger"),
    "rescore empty --reward log": (ERROR, "there is no ledger at"),
    "report torn": (ERROR, "ledger.sqlite"),
    "search --run changed --resume": (ERROR, "not those that the run was begun with (differing: seed); put them back"),
    "search --run strange --resume": (ERROR, "config.json: nonsense: no such setting; there are executor"),
    # files of settings and scores
    "search --run r --config {folder}": (ERROR, "it is a folder; give the path of a file"),
    "search --run r --config {none}": (ERROR, "No such file or directory; check the path"),
    "search --run r --config {binary}": (ERROR, "is not UTF-8 text"),
    "search --run r --config {list}": (ERROR, "list.json: : Input should be an object"),
    "search --run r --config {deep}": (ERROR, "recursion limit exceeded"),
    "search --run r --config {torn}": (ERROR, "Invalid JSON"),
    "search --run r --config {infinite}": (ERROR, "methods: Input should be a valid integer"),
    "tasks audit --methods {binary}": (ERROR, "is not UTF-8 text"),
    "tasks audit --methods {deep}": (ERROR, "is not what `istar score --json` or `istar unseal --json` writes"),
    "tasks audit --methods {torn}": (ERROR, "is not what `istar score --json` or `istar unseal --json` writes"),
    "tasks audit --methods {none}": (ERROR, "No such file or directory; check the path"),
    # places for results
    "score noise --out {folder}": (ERROR, "it is a folder; give the path of a file"),
    "score noise --out {file}/x.json": (ERROR, "there is a file where a folder should be"),
    "tasks audit --out {folder}": (ERROR, "it is a folder; give the path of a file"),
    "tasks audit --html {folder}": (ERROR, "it is a folder; give the path of a file"),
    "tasks new x --folder {file}": (ERROR, "a file where a folder should be"),
    "report run --to {folder}": (ERROR, "it is a folder; give the path of a file"),
    "compare run --to {folder}": (ERROR, "it is a folder; give the path of a file"),
    "search --run r --target tiny-random --runs {file}": (ERROR, "one of its folders is a file"),
}


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """Files and runs that no command can do anything with, by name."""
    root = tmp_path_factory.mktemp("bad")
    found = {name: root / name for name in ("folder", "file", "none")}
    found["folder"].mkdir()
    contents = {
        "file": ("file", b"x"),
        "binary": ("binary.py", bytes(range(256))),
        "empty_method": ("empty.py", b""),
        "list": ("list.json", b"[]"),
        "deep": ("deep.json", b"[" * 100_000),
        "torn": ("torn.json", b'{"methods": [{"tasks": '),
        "tasks": ("tasks.json", b'{"train": {"questions": 1, "tasks": ["nope"]}}'),
        "sealed": ("sealed.json", b'{"validation": {"questions": 1, "tasks": ["length_cliff"]}}'),
        "infinite": ("infinite.json", b'{"methods": 1e400}'),
    }
    for name, (file, content) in contents.items():
        found[name] = root / file
        found[name].write_bytes(content)
    found["weights"] = _torn_weights(root / "weights")
    _runs(root / "runs")
    found["runs"] = root / "runs"
    return {name: str(path) for name, path in found.items()}


def _torn_weights(folder: Path) -> Path:
    from istar.targets.small.folders import weights_folder

    shutil.copytree(weights_folder("tiny-text"), folder)
    (weights,) = folder.glob("*.safetensors")
    weights.write_bytes(weights.read_bytes()[:100])
    return folder


def _runs(folder: Path) -> None:
    from istar.ledger import RunConfig
    from istar.protocol.provenance import versions

    def make(name: str, seed: int = 0) -> RunFolder:
        made = RunFolder(folder / name)
        made.begin(SearchConfig(target="tiny-random", seed=seed))
        return made

    def fill(made: RunFolder) -> None:
        options = SearchConfig(target="tiny-random").model_dump(mode="json")
        stored = RunConfig("id", "tiny-random", "v1", "grammar", "statistician", "log", 0, options)
        with made.ledger() as ledger:
            ledger.open_run(made.name, stored, versions=versions(), machine={})

    fill(make("run"))
    fill(make("changed", seed=7))
    make("empty")
    make("foreign").ledger_path.write_text("a text about something else, longer than a header " * 20)
    make("strange").path.joinpath("config.json").write_text(json.dumps({"nonsense": 1}))
    fill(make("torn"))
    path = folder / "torn" / "ledger.sqlite"
    Ledger(path).close()
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("command", COMMANDS)
def test_it_is_an_error_that_says_what_to_do(command, places, capsys, monkeypatch, tmp_path):
    code, words = COMMANDS[command]
    monkeypatch.setenv("ISTAR_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("istar.targets.corpus.sample_text", _too_long)
    arguments = [each.format(**places) for each in command.split(" ")]
    if arguments[0] in ("search", "report", "rescore", "scenario", "unseal", "compare") and "--runs" not in arguments:
        arguments += ["--runs", places["runs"]]
    assert run(arguments) == code
    shown = capsys.readouterr()
    told = " ".join((shown.out + shown.err).split())
    assert words.replace(" ", "") in told.replace(" ", "").replace("\u2502", "")
    assert "Traceback" not in told


def _too_long(*_):
    raise AssertionError("work was begun although the input was bad")


def test_a_slip_of_the_hand_leaves_no_run_behind(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("ISTAR_HOME", str(tmp_path / "home"))
    for wrong in (["--researcher", "x"], ["--target", "x"], ["--target", "tiny-random"]):  # the last has no tables
        assert run(["search", "--run", "mine", "--runs", str(tmp_path / "runs"), *wrong]) == ERROR
        assert not (tmp_path / "runs" / "mine").exists()


def test_the_data_folder_may_be_a_file(tmp_path, capsys, monkeypatch):
    (tmp_path / "home").touch()
    monkeypatch.setenv("ISTAR_HOME", str(tmp_path / "home"))
    assert run(["truth", "build", "shot_shapley", "--target", "tiny-random"]) == ERROR
    assert "one of its folders is a file; choose another path" in " ".join(capsys.readouterr().err.split())


def test_unicode_is_no_bad_input(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ISTAR_HOME", str(tmp_path / "\u00e4\u4f60 \U0001f600"))
    (tmp_path / "\u00fc.py").write_text(
        '"""\u65e5\u672c."""\nfrom istar.methods import Interpretation\n\n\ndef interpret(target, corpus):\n'
        "    return Interpretation()\n\n\ndef predict(question, runs, target, interpretation, prepared):\n"
        "    return target.read(runs, target.run(runs, upto=1)).unsqueeze(-1)\n"
    )
    assert run(["check", str(tmp_path / "\u00fc.py")]) == SUCCESS
