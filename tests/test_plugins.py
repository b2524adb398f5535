"""What identifies a plug-in."""

import os
import subprocess
import sys
from importlib import import_module
from importlib.metadata import EntryPoint
from pathlib import Path
from threading import Event, Thread

import pytest

from istar import plugins, registrations
from istar.plugins import PluginError, load_plugins, note_origin, plugin_identity, plugin_versions
from istar.registry import Registry
from measured import PATIENCE
from plugged import plugged

REGISTERS = "from istar.registry import Registry\nRegistry('thing').add('mine', 1)\n"


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """Write a plug-in under a name that no other test uses, and forget it afterwards."""
    before = set(sys.modules)
    monkeypatch.setattr(plugins, "_loaded", set())
    monkeypatch.setattr(plugins, "_identities", {})
    monkeypatch.setattr(registrations, "_plugins", {})
    monkeypatch.setattr(registrations, "_entered", {})
    monkeypatch.setattr(sys, "path", list(sys.path))

    def write(source, name="plug_in_of_a_test.py"):
        path = tmp_path / name
        path.write_text(source)
        return path

    yield write
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


def test_without_plug_ins_there_is_no_identity(plugin, monkeypatch):
    monkeypatch.delenv("ISTAR_PLUGINS", raising=False)
    assert plugin_identity() == ""
    assert plugin_versions() == {}


def test_a_file_has_one_and_so_does_what_it_imports_at_run_time(plugin, monkeypatch):
    made_up = plugin("x = 1\n", "made_up_at_run_time.py")
    path = plugin(f"{REGISTERS}import importlib\nimportlib.import_module('made_up_' + 'at_run_time')\n")
    monkeypatch.setenv("ISTAR_PLUGINS", str(path))
    identity, versions = plugin_identity(), plugin_versions()
    assert len(identity) == 64
    assert list(versions) == ["plug-in plug_in_of_a_test.py"]
    for name in (path.stem, made_up.stem):
        del sys.modules[name]
    plugins._loaded.clear()
    made_up.write_text("x = 2\n")
    assert plugin_identity() != identity
    assert plugin_versions() != versions


def test_it_is_that_of_the_code_that_was_imported(plugin, monkeypatch):
    path = plugin(REGISTERS)
    monkeypatch.setenv("ISTAR_PLUGINS", str(path))
    identity = plugin_identity()
    path.write_text("x = 2\n")
    assert plugin_identity() == identity


def test_one_that_was_edited_twice_within_a_second_is_read_again(tmp_path, monkeypatch):
    """Python knows bytecode by the second and the size of the file that it is of."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    file = tmp_path / "edited_at_once.py"
    for factor in (2, 3):
        file.write_text(f"{REGISTERS}FACTOR = {factor}\n")
        os.utime(file, (10**9, 10**9))
        with plugged(file):
            assert factor == import_module("edited_at_once").FACTOR


def test_what_a_script_registers_itself_counts_too(plugin, monkeypatch):
    monkeypatch.delenv("ISTAR_PLUGINS", raising=False)
    path = plugin("class Mine:\n    pass\n", "script_of_a_test.py")
    monkeypatch.syspath_prepend(path.parent)
    registry = Registry("thing")
    registry.add("mine", import_module("script_of_a_test").Mine)
    assert list(plugin_versions()) == ["plug-in script_of_a_test.py"]
    note_origin("istar.seeds")
    note_origin("functools")
    note_origin("numpy")
    note_origin("no such module")
    assert list(plugin_versions()) == ["plug-in script_of_a_test.py"]


def test_so_does_what_is_run_by_its_files_name_with_what_it_imports(tmp_path):
    script, beside = tmp_path / "script_of_a_test.py", tmp_path / "beside_script_of_a_test.py"
    script.write_text(
        "import beside_script_of_a_test\nfrom istar.plugins import plugin_versions\n"
        "from istar.registry import Registry\n\nclass Mine:\n    pass\n\n"
        "Registry('thing').add('mine', Mine)\nprint(plugin_versions())\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "ISTAR_PLUGINS"}
    said = []
    for text in ("x = 1\n", "x = 1  # the same\n", "x = 2\n"):
        beside.write_text(text)
        ran = subprocess.run([sys.executable, str(script)], env=environment, capture_output=True, text=True, check=True)
        said.append(ran.stdout)
    assert "plug-in script_of_a_test.py" in said[0]
    assert said[0] == said[1] != said[2]


def test_an_installed_package_has_version_and_source(plugin, monkeypatch):
    monkeypatch.delenv("ISTAR_PLUGINS", raising=False)
    path = plugin("x = 1\n", "installed_of_a_test.py")
    monkeypatch.syspath_prepend(path.parent)

    class Points(dict):
        groups = ("istar.family", "other")

    def entry_points(group=None):
        points = {"istar.family": [point], "other": []}
        return Points() if group is None else points[group]

    class Distribution:
        name, version = "installed", "1.2"

    point = EntryPoint("mine", "installed_of_a_test:Mine", "istar.family")
    vars(point)["dist"] = Distribution()
    monkeypatch.setattr(plugins, "entry_points", entry_points)
    plugins._installed.cache_clear()
    first = plugin_versions()
    (name,) = first
    assert name == "plug-in package installed"
    assert first[name].startswith("1.2 ")
    plugins._installed.cache_clear()
    path.write_text("x = 2\n")
    second = plugin_versions()
    assert second[name].startswith("1.2 ")
    assert second != first
    Distribution.version = "1.3"
    plugins._installed.cache_clear()
    assert plugin_versions()[name].startswith("1.3 ")
    plugins._installed.cache_clear()


def test_a_thread_waits_for_what_another_is_importing(plugin, monkeypatch):
    """A registry that is asked while a thread still imports plug-ins knows them all when it answers."""
    path = plugin(
        "import istar.plugins as plugins\n"
        "plugins.begun.set()\n"
        f"assert plugins.go_on.wait({PATIENCE})\n"
        "plugins.of_a_test.add('late', 1)\n"
    )
    registry = Registry("thing")
    for name, value in {"begun": Event(), "go_on": Event(), "of_a_test": registry}.items():
        monkeypatch.setattr(plugins, name, value, raising=False)
    monkeypatch.setenv("ISTAR_PLUGINS", str(path))
    found = {}
    first = Thread(target=lambda: found.update(first="late" in registry))
    second = Thread(target=lambda: found.update(second="late" in registry))
    first.start()
    assert plugins.begun.wait(PATIENCE)
    second.start()
    second.join(0.2)  # it would have answered by now, or is waiting; in neither case does the outcome depend on it
    plugins.go_on.set()
    first.join()
    second.join()
    assert found == {"first": True, "second": True}


def test_a_registry_says_again_why_a_plug_in_fails(plugin, monkeypatch):
    registry = Registry("thing")
    monkeypatch.setenv("ISTAR_PLUGINS", str(plugin("1 / 0\n")))
    for _ in range(2):
        with pytest.raises(PluginError, match="ZeroDivisionError"):
            registry.get("mine")
    monkeypatch.setenv("ISTAR_PLUGINS", "")
    load_plugins()
    assert Path("mine.py") not in plugins._identities
