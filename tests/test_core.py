"""Tests of what everything stands on: seeds, registries, paths, errors."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from istar import paths
from istar.errors import IstarError, UnknownNameError
from istar.registry import DuplicateNameError, Registry
from istar.seeds import Seed

names = st.one_of(st.text(max_size=8), st.integers(0, 99))


class TestSeed:
    @given(st.integers(0, 2**40), st.lists(names, max_size=4))
    def test_the_same_path_gives_the_same_stream(self, root, path):
        first, again = (Seed.root(root).split(*path).generator().integers(0, 2**62, 8) for _ in range(2))
        assert (first == again).all()

    @given(st.lists(st.lists(st.integers(0, 3), max_size=3).map(tuple), unique=True, min_size=2, max_size=6))
    def test_different_paths_give_different_seeds(self, several):
        assert len({Seed.root(0).split(*path).value for path in several}) == len(several)

    def test_names_do_not_run_together(self):
        root = Seed.root(0)
        assert root.split("ab", "c").value != root.split("a", "bc").value
        assert root.split("a").split("b") == root.split("a", "b")
        assert Seed.root(1).value != root.split(1).value

    def test_values_are_frozen(self):
        """Tables and searches name their seeds: a change here would give every question other contents."""
        assert Seed.root(0).value == 3456079177858693020
        assert Seed.root(0).split("shot_shapley/capitals", 3).value == 8478886198866177575
        assert 0 <= Seed.root(0).value < 2**63

    def test_streams_of_siblings_are_unrelated(self):
        draws = np.array([Seed.root(0).split("row", row).generator().normal(size=200) for row in range(30)])
        correlation = np.corrcoef(draws) - np.eye(30)
        assert np.abs(correlation).max() < 0.35


class TestRegistry:
    def registry(self):
        registry = Registry("thing")
        registry.add("beta", 2)
        registry.register("alpha")(1)
        return registry

    def test_entries_are_found_by_name_and_listed_in_order(self):
        registry = self.registry()
        assert registry.get("alpha") == 1
        assert list(registry) == ["alpha", "beta"]
        assert len(registry) == 2
        assert "beta" in registry
        assert "gamma" not in registry

    def test_our_own_modules_are_imported_before_anybody_else_adds_or_asks(self, tmp_path, monkeypatch):
        registry = Registry("thing", ours=["adds_a_thing"])
        (tmp_path / "adds_a_thing.py").write_text("import here\nhere.registry._entries['ours'] = 3\n")
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setitem(sys.modules, "here", SimpleNamespace(registry=registry))
        with pytest.raises(DuplicateNameError, match="two entries of the registry of things are called 'ours'"):
            registry.add("ours", 4)
        assert list(registry) == ["ours"]
        sys.modules.pop("adds_a_thing")

    def test_one_of_our_modules_that_fails_is_imported_again(self, tmp_path, monkeypatch):
        registry = Registry("thing", ours=["fails_at_first"])
        monkeypatch.syspath_prepend(tmp_path)
        for _ in range(2):
            with pytest.raises(ModuleNotFoundError, match="fails_at_first"):
                registry.get("any")

    def test_a_wrong_name_gets_the_closest_and_all_others(self):
        with pytest.raises(UnknownNameError, match=r"no thing is called 'alpa'; did you mean 'alpha'\? .*alpha, beta"):
            self.registry().get("alpa")
        with pytest.raises(UnknownNameError, match="there are: none"):
            Registry("other").get("x")

    def test_a_name_belongs_to_one_entry(self):
        registry = self.registry()
        assert registry.add("beta", registry.get("beta")) == 2
        with pytest.raises(DuplicateNameError, match="two entries of the registry of things are called 'beta'"):
            registry.add("beta", 3)

    def test_installed_packages_add_entries(self, monkeypatch):
        class Point:
            name, value = "plugged", "a_package:entry"

            def load(self):
                return 7

        monkeypatch.setattr("istar.registry.entry_points", lambda group: [Point()] if group == "istar.thing" else [])
        assert self.registry().get("plugged") == 7
        with pytest.raises(UnknownNameError):
            Registry("other").get("plugged")


class TestPaths:
    def test_the_environment_moves_the_data_folder(self, monkeypatch, tmp_path):
        monkeypatch.setenv("ISTAR_HOME", str(tmp_path / "here"))
        assert paths.home() == tmp_path / "here"
        assert not paths.home().exists()
        assert paths.data_folder("truth") == tmp_path / "here" / "truth"
        assert paths.data_folder("truth").is_dir()

    def test_without_it_the_platform_decides(self, monkeypatch):
        monkeypatch.delenv("ISTAR_HOME", raising=False)
        assert paths.home().name == "istar"


def test_errors_are_caught_as_one():
    for error in (UnknownNameError, DuplicateNameError):
        assert issubclass(error, IstarError)
