"""Settings that hold for every test."""

import os
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, settings
from threadpoolctl import threadpool_limits

from istar import plugins
from kept_jails import end_all, kept_jails

# A slow machine is no failure: what is measured is measured in benchmarks/, side by side.
settings.register_profile("istar", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("istar")

# Nor are the plug-ins, the width of the terminal and the colours of whoever runs the tests.
for _name in ("ISTAR_PLUGINS", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR"):
    os.environ.pop(_name, None)


class _ButForTests(dict):
    """Identities of plug-ins. What a test's own file registers is none, or a test would depend on those run before."""

    def __setitem__(self, path, identity):
        if not path.is_relative_to(Path(__file__).parent):
            super().__setitem__(path, identity)


plugins._identities = _ButForTests(plugins._identities)


def pytest_collection_modifyitems(config, items):
    """Leave to `make trust` what is its alone, and begin with the files that hold slow tests.

    So no worker is left alone with a slow one at the end.
    """
    if os.environ.get("ISTAR_TRUST") != "1":
        config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("trust")])
        items[:] = [item for item in items if not item.get_closest_marker("trust")]
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Run tiny tensors and matrices on one thread; on several they spend their time waiting for one another."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session", autouse=True)
def _idle_jails_end():
    yield
    end_all()


@pytest.fixture(scope="module", autouse=True)
def _jails_are_kept(request):
    """Spare each command the start of its jail, save where jails are what is tested."""
    if request.path.parent.name in ("attacks", "faults", "sandbox"):
        yield
    else:
        with kept_jails():
            yield
