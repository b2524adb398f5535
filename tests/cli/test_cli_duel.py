"""What `istar duel` takes for blue's methods, and what it refuses before anything is loaded."""

import pytest

from istar.cli.app import ERROR, METHOD_FAULT, run
from istar.cli.duel import BLUE_METHODS, _files
from istar.methods.library import library_methods


def test_blue_has_methods_of_the_library_a_folder_s_files_or_the_grammar(tmp_path):
    assert tuple(_files(None)) == BLUE_METHODS
    for name in ("mine", "yours"):
        (tmp_path / f"{name}.py").write_text(library_methods()["answer_logits"].read_text())
    assert sorted(_files([str(tmp_path), "short_context"])) == ["mine", "short_context", "yours"]
    assert _files(["grammar"]) == {}


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--method", "grammar", "--method", "answer_logits"], ERROR, "--method grammar stands alone"),
        (["--method", "answer_logits"], ERROR, "blue has 1 methods; give two or more"),
        (["--method", "no_such_method"], METHOD_FAULT, "no_such_method"),
        (["--shown", "bribe"], ERROR, "shown_kinds: bribe is no kind of move"),
        (["--steps", "2"], ERROR, "a budget of 2 steps is too small"),
        (["--rounds", "101"], ERROR, "rounds: Input should be less than or equal to 100"),
        (["--method", "grammar", "--blue", "scripted"], ERROR, "there is no script for sentences"),
    ],
)
def test_what_cannot_be_is_said_and_leaves_nothing(options, code, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(["duel", "--run", "new", *options]) == code
    assert said in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "runs").exists()
