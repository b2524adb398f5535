"""Commands as processes: streams that are closed, full, read no further or narrow, and interrupts at any moment."""

import os
import subprocess
import sys

import pytest

from istar.cli.app import ERROR, METHOD_FAULT, SUCCESS, run
from istar.cli.entry import INTERRUPTED
from istar.targets.tokenizer import NamedTokenizer

METHOD = '''"""Says nothing."""
from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return runs
'''
INTERRUPT = """
import os, signal, sys

signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background starts with none

class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == os.environ.get("INTERRUPT_AT"):
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupt())
"""


def istar(*arguments, shell="", **environment):
    """Run a command, under a shell if there is something for it to do: redirections, a pipe."""
    command = [sys.executable, "-m", "istar", *map(str, arguments)]
    if shell:
        command = ["bash", "-o", "pipefail", "-c", f'"$@" {shell}', "bash", *command]
    variables = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    return subprocess.run(command, capture_output=True, text=True, env=variables, check=False)


@pytest.fixture
def method(tmp_path):
    """A method that breaks the contract, with a name that ASCII lacks."""
    path = tmp_path / "\u00e9.py"
    path.write_text(METHOD)
    return path


@pytest.fixture
def forbidden(tmp_path):
    """A method that is refused before anything of it runs, for which no model need be loaded."""
    path = tmp_path / "forbidden.py"
    path.write_text("import os, caf\u00e9\n" + METHOD, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A data folder in which the tokenizers of the small targets are known."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ISTAR_HOME", str(folder))
        for name in ("tiny-text", "tiny-exact"):
            assert NamedTokenizer(name).tokenizer_digest
    return folder


@pytest.mark.parametrize("shell", ["| head -1", ">&-", "2>&-", ">&- 2>&- <&-", "| true"])
def test_a_reader_that_is_gone_changes_no_exit_code(forbidden, shell):
    found = istar("check", forbidden, shell=shell)
    assert found.returncode == METHOD_FAULT
    assert found.stderr == ""
    assert len(found.stdout.splitlines()) <= 1 or shell == "2>&-"


@pytest.mark.parametrize("command", [["--help"], ["rulebook"], ["tasks", "--json"]])
@pytest.mark.parametrize("shell", ["| true", ">&-"])
def test_so_with_every_way_to_print(command, shell, home):
    found = istar(*command, shell=shell, ISTAR_HOME=str(home))
    assert (found.returncode, found.stderr) == (SUCCESS, "")


def test_so_with_what_this_machine_can_do(tmp_path):
    found = istar("doctor", "--no-attacks", shell="| head -1", ISTAR_HOME=str(tmp_path))
    assert found.returncode == istar("doctor", "--no-attacks", "--json", ISTAR_HOME=str(tmp_path)).returncode
    assert found.stderr == ""


@pytest.mark.parametrize("command", [["--help"], ["rulebook"], ["--version"]])
def test_a_full_disk_is_an_error(command):
    found = istar(*command, shell="> /dev/full")
    assert found.returncode == ERROR
    assert "No space left on device" in found.stderr
    assert "Traceback" not in found.stderr


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C"},
        {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    ],
    ids=["streams", "locale", "locale-held"],
)
def test_a_narrow_stream_shows_what_it_can(method, forbidden, tmp_path, environment):
    refused = istar("check", forbidden, **environment)
    assert (refused.returncode, refused.stderr) == (METHOD_FAULT, "")
    assert any(name in refused.stdout for name in ("caf\u00e9", "caf\\xe9"))
    if "PYTHONUTF8" in environment:  # the narrowest; the others would show the same of a whole report
        method.write_text("import torch\n" + METHOD.replace("return runs", "return torch.zeros(len(runs), 1)"))
        found = istar("check", method, **environment)
        assert found.returncode == SUCCESS, found.stdout + found.stderr
        assert found.stderr == ""
        assert any(name in found.stdout for name in ("\u00e9 on", "\\xe9 on", "\\ufffd\\ufffd on"))
    missing = istar("check", tmp_path / "\u00fc.py", **environment)
    assert missing.returncode == METHOD_FAULT
    assert "cannot be read" in missing.stderr
    assert "Traceback" not in missing.stderr
    made = istar("tasks", "new", "narrow", "--folder", tmp_path, **environment)
    assert made.returncode == SUCCESS, made.stderr


@pytest.mark.parametrize(
    "module",
    ["istar.cli.app", "cyclopts", "rich.console", "istar.cli.tasks", "numpy", "torch._C", "istar.methods.check"],
)
def test_an_interrupt_while_modules_are_imported_ends_it_quietly(method, tmp_path, module):
    (tmp_path / "sitecustomize.py").write_text(INTERRUPT)
    found = istar("check", method, PYTHONPATH=str(tmp_path), INTERRUPT_AT=module)
    assert (found.returncode, found.stdout, found.stderr) == (INTERRUPTED, "", "interrupted\n")


def interrupt(*_, **__):
    raise KeyboardInterrupt


def test_what_an_interrupted_command_says_is_true_of_it(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("ISTAR_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("istar.truth.build_truth", interrupt)
    assert run(["truth", "build", "shot_shapley/antonyms", "--target", "tiny-random"]) == INTERRUPTED
    assert capsys.readouterr().err.endswith(
        "interrupted; what was finished is kept, and the same command goes on from there\n"
    )
    monkeypatch.setattr("istar.methods.check.check_method", interrupt)
    assert run(["check", "mine.py"]) == INTERRUPTED
    assert capsys.readouterr().err == "interrupted\n"


def test_a_search_goes_on_where_there_is_one(tmp_path, capsys, monkeypatch):
    def begin(folder, config, **_):
        config.save(folder.path)
        raise KeyboardInterrupt

    search = ["search", "--run", "my run", "--runs", str(tmp_path / "runs"), "--target", "tiny-random"]
    monkeypatch.setattr("istar.protocol.setup.conduct", interrupt)
    assert run(search) == INTERRUPTED
    assert capsys.readouterr().err == "loading\ninterrupted\n"
    monkeypatch.setattr("istar.protocol.setup.conduct", begin)
    assert run(search) == INTERRUPTED
    command = f"istar search --run 'my run' --runs {tmp_path / 'runs'} --resume"
    assert f"go on with `{command}`" in capsys.readouterr().err
