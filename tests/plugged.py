"""Plug-ins for the length of a test: what they register and import is gone afterwards."""

import os
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from istar import plugins, registrations


@contextmanager
def plugged(*files: Path):
    """Name files in `ISTAR_PLUGINS` and load them, in this process and in those that it starts."""
    known, modules, path = dict(registrations._plugins), set(sys.modules), list(sys.path)
    entered = {name: list(each) for name, each in registrations._entered.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(plugins.VARIABLE, os.pathsep.join(map(str, files)))
        try:
            plugins.load_plugins()
            yield
        finally:
            for name, each in registrations._entered.items():
                for one in each[len(entered.get(name, ())) :]:
                    one.take_out()
                del each[len(entered.get(name, ())) :]
            for file in files:
                plugins._loaded.discard(file.resolve())
                plugins._identities.pop(file.resolve(), None)
            registrations._plugins.clear()
            registrations._plugins.update(known)
            for name in set(sys.modules) - modules:
                if plugins.users_source(name) is not None:
                    del sys.modules[name]
            sys.path[:] = path
