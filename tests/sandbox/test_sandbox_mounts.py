"""The mounts show what Python and the target need, by every name it has, and cover the rest."""

import itertools
import sys
from pathlib import Path

import istar
from istar.sandbox.jail import mounts
from istar.sandbox.jail.mounts import PACKAGES_IN_JAIL, import_path, jail_mounts, python_folders


def followed(path: Path, words: list[str]) -> Path:
    """Where a path leads in the jail by the links made there."""
    links = {Path(words[at + 2]): words[at + 1] for at, word in enumerate(words) if word == "--symlink"}
    for place in (path, *path.parents):
        if place in links:
            return followed(place.parent / links[place] / path.relative_to(place), words)
    return path


def shown(path: Path, words: list[str]) -> bool:
    """Whether the last mount that covers a path, by bubblewrap's rule that later ones lie on top, shows it."""
    visible, path = False, followed(path, words)
    for word, place in itertools.pairwise(words):
        if word in ("--ro-bind", "--tmpfs") and (Path(place) == path or Path(place) in path.parents):
            visible = word == "--ro-bind"
    return visible


def test_python_and_the_needed_packages_are_shown():
    words = jail_mounts(None, []).arguments()
    package = Path(istar.__file__).resolve().parent
    for path in (Path(sys.executable), Path(sys.executable).resolve(), Path(sys.prefix) / "pyvenv.cfg"):
        assert shown(path, words) or not path.exists()
    for name in PACKAGES_IN_JAIL:
        assert shown(package / name / "__init__.py", words)
    for folder in import_path():
        assert Path(folder) == package.parent or shown(Path(folder), words) or not Path(folder).exists()


def test_truth_and_every_other_package_are_covered():
    words = jail_mounts(None, []).arguments()
    package = Path(istar.__file__).resolve().parent
    others = [
        each for each in package.iterdir() if each.is_dir() and each.name not in (*PACKAGES_IN_JAIL, "__pycache__")
    ]
    assert {"truth", "tasks", "executors", "ledger"} <= {each.name for each in others}
    for each in others:
        assert not shown(each / "tables" / "x.parquet", words)


def test_what_is_covered_is_covered_under_every_name_of_its_folder(tmp_path, monkeypatch):
    real = tmp_path / "disk" / "venv"
    (real / "lib" / "istar" / "truth").mkdir(parents=True)
    (real / "lib" / "istar" / "methods").mkdir()
    (real / "lib64").symlink_to("lib")
    (tmp_path / "home").symlink_to(tmp_path / "disk")
    monkeypatch.setattr(mounts, "package_folder", lambda: real / "lib" / "istar")
    names = [root / "venv" / lib for root in (tmp_path / "disk", tmp_path / "home") for lib in ("lib", "lib64")]
    monkeypatch.setattr(mounts, "python_folders", lambda: tuple(names))
    words = jail_mounts(None, []).arguments()
    assert [word for word in words if word.startswith(str(tmp_path / "home"))] == [str(tmp_path / "home")]
    for name in names:
        assert shown(name / "istar" / "methods" / "contract.py", words)
        assert not shown(name / "istar" / "truth" / "tables", words)


def test_a_prefix_shows_only_what_python_uses(tmp_path, monkeypatch):
    for name in ("bin", "lib", "runs"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(mounts.sys, "prefix", str(tmp_path))
    folders = python_folders()
    assert tmp_path / "lib" in folders
    assert tmp_path / "runs" not in folders
    assert tmp_path not in folders


def test_each_link_to_the_interpreter_is_followed(tmp_path, monkeypatch):
    real, alias, own = tmp_path / "python-3.11.7" / "bin", tmp_path / "python-3.11", tmp_path / "venv" / "bin"
    real.mkdir(parents=True)
    own.mkdir(parents=True)
    (real / "python").touch()
    alias.symlink_to(real.parent)
    (own / "python").symlink_to(alias / "bin" / "python")
    monkeypatch.setattr(mounts.sys, "executable", str(own / "python"))
    assert {own, alias / "bin", real} <= set(python_folders())


def test_weights_behind_links_are_shown_where_the_links_point(tmp_path):
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshots" / "abc"
    blobs.mkdir()
    snapshot.mkdir(parents=True)
    (blobs / "123").write_bytes(b"weights")
    (blobs / "another model's").write_bytes(b"other weights")
    (snapshot / "model.safetensors").symlink_to("../../blobs/123")
    (tmp_path / "cache").symlink_to(tmp_path)
    words = jail_mounts(tmp_path / "cache" / "snapshots" / "abc", []).arguments()
    assert shown(snapshot / "model.safetensors", words)
    assert shown(tmp_path / "cache" / "snapshots" / "abc" / "model.safetensors", words)
    assert shown(blobs / "123", words)
    assert not shown(blobs / "another model's", words)


def test_weights_are_shown_through_every_link_of_a_chain(tmp_path):
    disk, cache, own = (tmp_path / name for name in ("disk", "cache", "own"))
    for folder in (disk / "blobs", cache, own):
        folder.mkdir(parents=True)
    (disk / "blobs" / "1").write_bytes(b"weights")
    (cache / "blobs").symlink_to(disk / "blobs")
    (cache / "model.safetensors").symlink_to("blobs/1")
    (own / "model.safetensors").symlink_to(cache / "model.safetensors")
    words = jail_mounts(own, []).arguments()
    assert followed(own / "model.safetensors", words) == own / "model.safetensors"
    assert str(cache / "model.safetensors") in words
    assert followed(cache / "model.safetensors", words) == disk / "blobs" / "1"
    assert shown(disk / "blobs" / "1", words)


def test_private_folders_are_covered_even_inside_what_is_mounted(tmp_path, monkeypatch):
    monkeypatch.setattr(mounts, "python_folders", lambda: (tmp_path,))
    home = tmp_path / "lib" / "home"
    (home / "targets").mkdir(parents=True)
    words = jail_mounts(home / "targets", [home, tmp_path.parent / "elsewhere"]).arguments()
    assert shown(home / "targets" / "model.safetensors", words)
    assert not shown(home / "truth", words)
    assert shown(tmp_path / "lib" / "python", words)
