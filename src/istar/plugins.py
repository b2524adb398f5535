"""A user's own Python files: families, organisms, rewards and whatever else registers itself when imported.

Installed packages announce their entries by entry points. A single file is enough for a start: name it, or several
separated as in PATH, in the environment variable `ISTAR_PLUGINS`.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

from istar.errors import IstarError

VARIABLE = "ISTAR_PLUGINS"

_loaded: set[Path] = set()


class PluginError(IstarError):
    """A user's file that cannot be imported."""


def load_plugins() -> None:
    """Import the files that `ISTAR_PLUGINS` names, each once, under its own name.

    Raises:
        PluginError: there is no such file, it clashes with a module's name, or importing it fails.
    """
    for name in filter(None, os.environ.get(VARIABLE, "").split(os.pathsep)):
        path = Path(name).expanduser().resolve()
        if path in _loaded:
            continue
        if path.suffix != ".py" or not path.is_file():
            raise PluginError(f"{VARIABLE} names {name}, which is no Python file; give paths such as tasks/mine.py")
        _loaded.add(path)  # while it is imported it may ask a registry, which comes here again
        sys.path.insert(0, str(path.parent))
        try:
            module = importlib.import_module(path.stem)
        except Exception as error:
            _loaded.discard(path)
            raise PluginError(f"{path}, named in {VARIABLE}, cannot be imported: {error!r}") from error
        finally:
            sys.path.remove(str(path.parent))
        if Path(str(module.__file__)).resolve() != path:
            raise PluginError(
                f"{path}, named in {VARIABLE}, has the name of another module, {module.__file__}; rename it"
            )
