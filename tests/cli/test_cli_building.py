"""`istar truth build`: what is skipped is named, what it costs is said beforehand, and what is advised works."""

from __future__ import annotations

import ast
import json
import re
import shlex
from contextlib import suppress
from functools import cache
from pathlib import Path

import pytest
from cyclopts import MissingArgumentError

from istar.cli.app import ERROR, PARTIAL, SUCCESS, app, register_commands, run
from istar.targets import load_target
from istar.truth import user_folder
from istar.truth.advice import build_command, name_of

SOURCES = Path(__file__).parents[2] / "src" / "istar"
SMALL = ["--target", "tiny-random", "--questions", "1"]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ISTAR_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """Two families of one's own in one file: one builds anywhere, one on no target."""
    from istar.cli.tasks import rendered
    from istar.plugins import load_plugins
    from istar.tasks import FAMILIES

    text = rendered("family.py.txt", "echoing_words")
    text += '''

@dataclass(frozen=True)
class Never(EchoingWords):
    """A family that cannot be built."""

    name: ClassVar[str] = "never_built"

    def build(self, data_set, encode, generator, index):
        raise TaskError("it needs organisms of smollm2-135m")


FAMILIES.add(Never.name, Never())
'''
    (tmp_path / "echoing_words_plugin.py").write_text(text)
    monkeypatch.setenv("ISTAR_PLUGINS", str(tmp_path / "echoing_words_plugin.py"))
    load_plugins()
    yield
    for name in ("echoing_words", "never_built"):
        FAMILIES._entries.pop(name)
    import sys

    from istar import plugins

    plugins._loaded.clear()
    plugins._identities.clear()
    sys.modules.pop("echoing_words_plugin")


@pytest.mark.usefixtures("plugin")
class TestSkipping:
    def test_the_rest_is_built_and_the_exit_code_says_that_it_is_a_part(self, capsys):
        assert run(["truth", "build", "never_built", "echoing_words", *SMALL, "--json"]) == PARTIAL
        found = json.loads(capsys.readouterr().out)
        assert {each["task"].partition("/")[0] for each in found["built"]} == {"echoing_words"}
        assert {(each["target"], each["reason"]) for each in found["skipped"]} == {
            ("tiny-random", "it needs organisms of smollm2-135m")
        }
        assert run(["truth", "build", "never_built", "echoing_words", *SMALL]) == PARTIAL
        told = " ".join(capsys.readouterr().err.split())
        assert f"skipped: {found['skipped'][0]['task']} on tiny-random: it needs organisms of smollm2-135m" in told

    def test_a_task_asked_for_alone_is_an_error(self, capsys):
        assert run(["truth", "build", "never_built/plain", *SMALL]) == ERROR
        assert "it needs organisms of smollm2-135m" in capsys.readouterr().err

    def test_a_dry_run_skips_likewise_and_builds_nothing(self, capsys):
        assert run(["truth", "build", "never_built", "echoing_words/plain", *SMALL, "--dry-run", "--json"]) == PARTIAL
        found = json.loads(capsys.readouterr().out)
        (table,), (price,) = found["planned"], found["tasks"]
        assert table["task"] == price["task"] == "echoing_words/plain"
        for name in ("rows", "unique_tokens", "flops", "size_bytes", "estimated_minutes"):
            assert table[name] == price[name] == found["total"][name] > 0
        assert {each["task"].partition("/")[0] for each in found["skipped"]} == {"never_built"}
        assert not list(user_folder().rglob("*.parquet"))

    def test_it_says_where_tables_go(self, capsys, home):
        assert run(["truth", "build", "echoing_words/plain", *SMALL]) == SUCCESS
        assert f"tables are written to {home / 'truth'}; ISTAR_HOME moves it" in " ".join(
            capsys.readouterr().err.split()
        )
        assert run(["truth", "build", "echoing_words/plain", *SMALL, "--dry-run"]) == SUCCESS
        assert "every table asked for is there already" in capsys.readouterr().out
        assert run(["truth", "build", "echoing_words/plain", *SMALL, "--force", "--json"]) == SUCCESS
        assert len(json.loads(capsys.readouterr().out)["built"]) == 1


def test_a_target_that_cannot_be_loaded_stops_no_other(monkeypatch, capsys):
    import istar.targets

    def load(name, *_):
        if name == "smollm2-135m":
            raise istar.targets.TargetError("its package is not installed")
        return load_target(name)

    monkeypatch.setattr(istar.targets, "load_target", load)
    arguments = ["shot_shapley/antonyms", "shot_shapley/symbols", "--questions", "1", "--json"]
    assert run(["truth", "build", *arguments]) == PARTIAL
    found = json.loads(capsys.readouterr().out)
    assert [each["task"] for each in found["skipped"]] == ["shot_shapley/antonyms"]
    assert found["skipped"][0]["reason"] == "its package is not installed"


@pytest.mark.parametrize(
    ("target", "options", "command"),
    [
        ("tiny-random", {}, "istar truth build a/b --target tiny-random"),
        ("a folder/it's", {"questions": 3}, "istar truth build a/b --target 'a folder/it'\"'\"'s' --questions 3"),
        ("ab" * 32, {"seed": 2}, "istar truth build a/b --target NAME --seed 2"),
        ("ab" * 32, {"known": "tiny-random"}, "istar truth build a/b --target tiny-random"),
        (None, {}, "istar truth build a/b"),
    ],
)
def test_what_is_advised_names_the_target_as_a_command_finds_it(target, options, command):
    assert build_command(["a/b"], target, **options) == command


def test_the_dtype_is_a_part_of_what_is_advised():
    target = load_target("tiny-random", "bfloat16")
    assert build_command(["a/b"], target) == "istar truth build a/b --target tiny-random --dtype bfloat16"
    assert name_of(target) == "tiny-random"


@cache
def advised() -> dict[str, str]:
    """Every command that a message of the package advises, its gaps filled, by where it stands."""
    found = {}
    for path in sorted(SOURCES.rglob("*.py")):
        source = path.read_text()
        for node in ast.walk(ast.parse(source)) if "`istar" in source else ():
            text = _text(node)
            for command in re.findall(r"`(istar [^`]*)`", " ".join(text.split())):
                found[f"{path.relative_to(SOURCES)}:{node.lineno} {command}"] = command
    return found


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "tiny-random" for part in node.values)
    return ""


def test_there_is_advice_to_check():
    assert sum("truth build" in each for each in advised().values()) >= 3


@pytest.mark.parametrize("command", advised().values(), ids=advised())
def test_every_command_that_is_advised_parses(command):
    """Commands and options exist; one that is only named, as `istar score` is, may lack its arguments."""
    register_commands()
    words = ["3" if word == "N" else word for word in shlex.split(command)[1:] if word != "COMMAND"]
    with suppress(MissingArgumentError):
        app.parse_args(words, exit_on_error=False, print_error=False)
