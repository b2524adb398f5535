"""Tests of tokenizers by name: their digest is remembered, and it is that of the tokenizer there is now."""

from pathlib import Path

import pytest

from istar.errors import CorruptDataError
from istar.targets import tokenizer as tokenizers
from istar.targets.errors import TargetError
from istar.targets.small import weights_folder
from istar.targets.tiny import byte_tokenizer
from istar.targets.tokenizer import NamedTokenizer, load_tokenizer, tokenizer_digest


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ISTAR_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a tokenizer, and what a target's folder has besides."""
    made = tmp_path / "model"
    byte_tokenizer().save_pretrained(made)
    (made / "config.json").write_text((weights_folder("tiny-text") / "config.json").read_text())
    (made / "model.safetensors").write_bytes(b"weights")
    return made


def begun(name: str) -> None:
    raise AssertionError(f"the tokenizer of {name} was loaded")


@pytest.mark.parametrize("name", ["tiny-text", "tiny-exact", "tiny-random"])
def test_the_digest_is_the_tokenizers(name: str) -> None:
    wanted = tokenizer_digest(load_tokenizer(name))
    assert [NamedTokenizer(name).tokenizer_digest for _ in range(2)] == [wanted, wanted]


def test_a_digest_that_is_remembered_loads_no_tokenizer(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = NamedTokenizer(str(folder)).tokenizer_digest
    monkeypatch.setattr(tokenizers, "load_tokenizer", begun)
    assert NamedTokenizer(str(folder)).tokenizer_digest == wanted
    (folder / "model.safetensors").write_bytes(b"other weights")
    assert NamedTokenizer(str(folder)).tokenizer_digest == wanted


@pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer_config.json", "added_tokens.json"])
def test_it_is_found_out_again_where_a_file_is_another(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert NamedTokenizer(str(folder)).tokenizer_digest
    (folder / name).write_text((folder / name).read_text() + "\n" if (folder / name).exists() else "{}")
    monkeypatch.setattr(tokenizers, "load_tokenizer", begun)
    with pytest.raises(AssertionError, match="was loaded"):
        assert NamedTokenizer(str(folder)).tokenizer_digest


def test_it_is_found_out_again_under_another_version(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert NamedTokenizer(str(folder)).tokenizer_digest
    monkeypatch.setattr("istar.fingerprint._version", lambda name: "0.0.1")
    monkeypatch.setattr(tokenizers, "load_tokenizer", begun)
    with pytest.raises(AssertionError, match="was loaded"):
        assert NamedTokenizer(str(folder)).tokenizer_digest


def test_a_damaged_note_is_no_digest(folder: Path, home: Path) -> None:
    wanted = NamedTokenizer(str(folder)).tokenizer_digest
    (note,) = (path for path in (home / "cache").rglob("*") if path.is_file())
    note.write_bytes(b"\0" * 80)
    with pytest.raises(CorruptDataError, match="delete the file, what it holds is made again"):
        assert NamedTokenizer(str(folder)).tokenizer_digest
    note.unlink()
    assert NamedTokenizer(str(folder)).tokenizer_digest == wanted


def test_files_that_are_not_what_was_written_are_no_tokenizers(folder: Path) -> None:
    (folder / "istar.json").write_text('{"weights_hash": "", "files": {"tokenizer.json": "0"}}')
    with pytest.raises(TargetError, match="is not what was written"):
        assert NamedTokenizer(str(folder)).tokenizer_digest
