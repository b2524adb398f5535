"""Importing plug-ins: what goes wrong is told by file and line, and leaves nothing behind."""

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from istar import plugins, registrations
from istar.plugins import PluginError, load_plugins
from istar.questions import READOUTS
from istar.registrations import loaded_plugins
from istar.registry import Registry

REGISTERS = "from istar.registry import Registry\nThings = Registry('thing')\nThings.add('mine', 1)\n"


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write files of a user's, forgotten afterwards, and name the first of them as a plug-in."""
    before = set(sys.modules)
    for module, name, value in (
        (plugins, "_loaded", set()),
        (plugins, "_identities", {}),
        (registrations, "_plugins", {}),
        (registrations, "_entered", {}),
        (sys, "path", list(sys.path)),
    ):
        monkeypatch.setattr(module, name, value)

    def write(**files):
        paths = []
        for name, text in files.items():
            path = tmp_path / f"{name.replace('__', '/')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            paths.append(path)
        monkeypatch.setenv("ISTAR_PLUGINS", str(paths[0]))
        return paths[0]

    yield write
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


def refusal():
    with pytest.raises(PluginError) as caught:
        load_plugins()
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (
            "import os\n\nimport nothing_of_this_name\n",
            3,
            "ModuleNotFoundError: No module named 'nothing_of_this_name'",
        ),
        ("def broken(:\n    pass\n", 1, "SyntaxError: invalid syntax"),
        ("x = 1\nimport sys\nsys.exit(3)\n", 3, "SystemExit: 3"),
        ("def outer():\n    return {}['key']\n\n\nouter()\n", 2, "KeyError: 'key'"),
        ("from istar.questions import SpanLogprob\nSpanLogprob(1, 2, 3)\n", 2, "TypeError"),
        ("import json\njson.loads('{')\n", 2, "JSONDecodeError"),
        ("raise ValueError\n", 1, "ValueError"),
        (
            "from istar.questions import READOUTS, Entropy\nREADOUTS.add('entropy', object())\n",
            2,
            "DuplicateNameError: two",
        ),
    ],
)
def test_an_error_names_the_innermost_line_of_the_users(write, text, line, said):
    path = write(plug_in_with_an_error=text)
    message = refusal()
    assert message.startswith(f"{path}, named in ISTAR_PLUGINS, cannot be imported: {path}, line {line}: {said}")
    assert "Traceback" not in message


def test_the_line_may_be_in_a_module_that_the_plug_in_imports(write):
    path = write(
        plug_in_with_a_helper="from helpers_of_a_test.numbers import x\n",
        helpers_of_a_test__numbers="\n\nx = 1 / 0\n",
    )
    assert f"{path.parent}/helpers_of_a_test/numbers.py, line 3: ZeroDivisionError" in refusal()


def test_a_plug_in_that_registers_nothing_is_told_what_to_do(write):
    path = write(plug_in_without_entries="class Mine:\n    pass\n")
    assert refusal() == (
        f"{path}, named in ISTAR_PLUGINS, registers nothing; add what it defines to a registry, such as "
        "FAMILIES.add(Mine.name, Mine())"
    )


def test_what_another_registers_for_it_is_enough(write):
    write(
        plug_in_that_imports="import registering_of_a_test\n",
        registering_of_a_test=REGISTERS,
    )
    load_plugins()
    assert [each.entries for each in loaded_plugins()] == [(("thing", "mine"),)]


def test_a_module_that_was_imported_before_is_a_plug_in_too(write, monkeypatch):
    path = write(plug_in_imported_before=REGISTERS)
    monkeypatch.syspath_prepend(path.parent)
    import plug_in_imported_before  # noqa: F401

    assert loaded_plugins() == ()
    load_plugins()
    (plugin,) = loaded_plugins()
    assert plugin.entries == (("thing", "mine"),)
    assert plugin.sources["plug_in_imported_before"].text == REGISTERS


def test_two_of_one_name_are_refused(write, monkeypatch, tmp_path):
    first = write(plug_in_of_one_name=REGISTERS)
    second = write(another__plug_in_of_one_name=REGISTERS)
    monkeypatch.setenv("ISTAR_PLUGINS", f"{first}:{second}")
    for _ in range(2):
        message = refusal()
        assert message.startswith(f"{second}, named in ISTAR_PLUGINS, has the name of another module, {first}")
        assert message.endswith("rename it")


@pytest.mark.parametrize("name", ["json", "sys", "time"])
def test_a_name_of_pythons_own_is_refused(write, name):
    path = write(**{name: REGISTERS})
    assert refusal().startswith(f"{path}, named in ISTAR_PLUGINS, has the name of another module, ")
    assert sys.modules[name].__name__ == name


def test_a_name_with_a_dot_is_refused(write, tmp_path, monkeypatch):
    (tmp_path / "my.family.py").write_text(REGISTERS)
    monkeypatch.setenv("ISTAR_PLUGINS", str(tmp_path / "my.family.py"))
    assert "has a dot in its name, which no module can have; rename it" in refusal()


def test_what_fails_leaves_nothing_behind_and_may_be_mended(write):
    """In a notebook the file is corrected and loaded again; what it registered before it failed is gone by then."""
    text = (
        "from dataclasses import dataclass\nfrom helper_to_mend import RATE\n"
        "from istar.questions import READOUTS, Entropy\nREADOUTS.add('mended', object())\n"
    )
    write(plug_in_to_mend=text + "1 / 0\n", helper_to_mend="RATE = 1\n")
    assert "line 5: ZeroDivisionError" in refusal()
    assert "mended" not in READOUTS._entries
    assert "line 5: ZeroDivisionError" in refusal()
    write(plug_in_to_mend=text + "FOUND = RATE\n", helper_to_mend="RATE = 22\n")
    load_plugins()
    try:
        assert "mended" in READOUTS._entries
        assert sys.modules["plug_in_to_mend"].FOUND == 22
    finally:
        del READOUTS._entries["mended"]


def test_functions_may_import_what_lies_beside_the_file(write):
    write(
        plug_in_that_imports_late=REGISTERS + "def late():\n    import late_of_a_test\n    return late_of_a_test.x\n",
        late_of_a_test="x = 5\n",
    )
    load_plugins()
    assert sys.modules["plug_in_that_imports_late"].late() == 5
    (plugin,) = loaded_plugins()
    assert set(plugin.sources) == {"plug_in_that_imports_late", "late_of_a_test"}


def test_its_sources_are_those_of_the_user_and_no_others(write):
    write(
        plug_in_with_sources=(
            REGISTERS + "from __future__ import annotations\n".join([""]) + "import json, torch\n"
            "from typing import TYPE_CHECKING\nimport importlib\nfrom package_of_a_test import part\n"
            "if TYPE_CHECKING:\n    import for_annotations_of_a_test\n"
            "importlib.import_module('unnamed_of' + '_a_test')\n"
        ),
        package_of_a_test____init__="from . import relative\n",
        package_of_a_test__part="from .relative import x\n",
        package_of_a_test__relative="x = 1\n",
        package_of_a_test__unused="x = 1\n",
        for_annotations_of_a_test="x = 1\n",
        unnamed_of_a_test="import imported_by_unnamed_of_a_test\n",
        imported_by_unnamed_of_a_test="x = 1\n",
    )
    load_plugins()
    (plugin,) = loaded_plugins()
    package = "package_of_a_test"
    unnamed = {"unnamed_of_a_test", "imported_by_unnamed_of_a_test"}
    named = {"plug_in_with_sources", package, f"{package}.part", f"{package}.relative"}
    assert set(plugin.sources) == named | unnamed
    assert set(plugin.unnamed) == unnamed
    assert plugin.sources[package].package
    assert not plugin.sources[f"{package}.part"].package


class TestEntryPoints:
    def points(self, monkeypatch, registry, *points):
        monkeypatch.setattr(
            "istar.registry.entry_points", lambda group: list(points) if group == registry.group else []
        )

    def test_one_that_fails_is_named_with_the_line(self, write, monkeypatch):
        path = write(announced_of_a_test="import os\n1 / 0\n")
        monkeypatch.delenv("ISTAR_PLUGINS")
        monkeypatch.syspath_prepend(path.parent)
        registry = Registry("thing")
        self.points(monkeypatch, registry, EntryPoint("mine", "announced_of_a_test:Mine", registry.group))
        for _ in range(2):
            with pytest.raises(PluginError) as caught:
                registry.get("mine")
            assert str(caught.value) == (
                "'mine' of the entry points 'istar.thing', in announced_of_a_test, cannot be imported: "
                f"{path}, line 2: ZeroDivisionError: division by zero"
            )

    def test_one_without_its_object_is_told_so(self, write, monkeypatch):
        path = write(announced_in_vain="x = 1\n")
        monkeypatch.delenv("ISTAR_PLUGINS")
        monkeypatch.syspath_prepend(path.parent)
        registry = Registry("thing")
        self.points(monkeypatch, registry, EntryPoint("mine", "announced_in_vain:Mine", registry.group))
        with pytest.raises(PluginError, match="has no attribute 'Mine'"):
            registry.get("mine")

    def test_every_kind_has_a_group_that_packages_can_announce(self):
        """Names of groups are letters, digits, underscores and dots, by the specification of entry points."""
        from istar.targets import APPLIERS

        assert APPLIERS.group == "istar.intervention_applier"
        assert all(letter.isalnum() or letter in "._" for letter in APPLIERS.group)

    def test_what_it_registers_is_known(self, write, monkeypatch):
        path = write(announced_well="class Mine:\n    pass\n")
        monkeypatch.delenv("ISTAR_PLUGINS")
        monkeypatch.syspath_prepend(path.parent)
        registry = Registry("thing")
        self.points(monkeypatch, registry, EntryPoint("mine", "announced_well:Mine", registry.group))
        assert registry.get("mine").__module__ == "announced_well"
        (plugin,) = loaded_plugins()
        assert (plugin.module, plugin.entries) == ("announced_well", (("thing", "mine"),))
        assert plugin.sources["announced_well"].file == Path(path)
