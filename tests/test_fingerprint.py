"""The fingerprint under which curves, streams and priors are filed."""

import importlib
import platform
import sys

import pytest

from istar import fingerprint as fingerprints
from istar import plugins
from istar.fingerprint import fingerprint


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of one module and one data file, on the path; its fingerprint is made anew each time."""
    folder = tmp_path / "made_up_package"
    folder.mkdir()
    (folder / "__init__.py").write_text('"""A package."""\n')
    (folder / "module.py").write_text("x = 1\n")
    (folder / "data.json").write_text("[1]")
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    sys.modules.pop(folder.name, None)
    fingerprints.own_code.cache_clear()


def now(package, libraries=("numpy",)):
    fingerprints.own_code.cache_clear()
    importlib.invalidate_caches()
    return fingerprint((package.name,), libraries)


def test_it_is_stable(package):
    assert now(package) == now(package) == fingerprint((package.name,), ("numpy",))


def test_a_comment_leaves_it(package):
    before = now(package)
    (package / "module.py").write_text('"""A docstring."""\nx = 1  # a remark\n')
    assert now(package) == before


@pytest.mark.parametrize(("name", "text"), [("module.py", "x = 2\n"), ("data.json", "[1] "), ("new.py", "")])
def test_code_and_data_change_it(package, name, text):
    before = now(package)
    (package / name).write_text(text)
    assert now(package) != before


def test_versions_change_it(package, monkeypatch):
    before = now(package)
    assert now(package, ("numpy", "scipy")) != before
    with monkeypatch.context() as patch:
        patch.setattr(fingerprints, "_version", lambda name: "0.0.1")
        assert now(package) != before
    monkeypatch.setattr(platform, "python_version", lambda: "3.99.0")
    assert now(package) != before


def test_a_plug_in_changes_it(package, monkeypatch):
    before = now(package)
    monkeypatch.setitem(plugins._identities, package / "module.py", "some hash")
    changed = now(package)
    assert changed != before
    monkeypatch.setitem(plugins._identities, package / "module.py", "another hash")
    assert now(package) not in (before, changed)


def test_a_single_module_has_one():
    assert fingerprint(("istar.seeds",), ()) != fingerprint(("istar.paths",), ())
