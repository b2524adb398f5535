"""Tests of packages whose names are imported when they are asked for."""

import subprocess
import sys
from importlib import import_module

import pytest

DEFERRING = ["istar.flops", "istar.targets", "istar.targets.organisms", "istar.truth"]


@pytest.mark.parametrize("package", DEFERRING)
def test_every_name_is_what_its_module_holds(package):
    module = import_module(package)
    for name in module.__all__:
        found = getattr(module, name)
        home = getattr(found, "__module__", package)
        assert found is getattr(import_module(home), name, found)
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'nonsense'"):
        module.nonsense  # noqa: B018


@pytest.mark.parametrize("package", DEFERRING)
def test_nothing_is_imported_before_it_is_asked_for(package):
    code = f"import sys; import {package}; assert 'torch' not in sys.modules; from {package} import *; "
    code += f"import {package} as there; assert set(there.__all__) <= set(globals()) & set(vars(there))"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_whoever_asks_for_an_applier_finds_the_librarys():
    """Also where the modules that register them have not been imported, whichever is asked for first."""
    code = "from istar.targets.interventions import APPLIERS; "
    known = code + "print(*APPLIERS)"
    shown = subprocess.run([sys.executable, "-c", known], capture_output=True, text=True, check=True).stdout.split()
    assert {"steer", "organism", "prune"} <= set(shown)
    taken = code + "APPLIERS.add('steer', print)"
    refused = subprocess.run([sys.executable, "-c", taken], capture_output=True, text=True, check=False)
    assert "two entries of the registry of intervention appliers are called 'steer'" in refused.stderr
