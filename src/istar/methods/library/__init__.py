"""Human-made methods, one file each, written as a user would write them: they pass the fence and name their source."""

from __future__ import annotations

from pathlib import Path

LIBRARY = Path(__file__).parent


def library_methods() -> dict[str, Path]:
    """Return the files of the library's methods by name, in alphabetical order."""
    return {path.stem: path for path in sorted(LIBRARY.glob("*.py")) if path.stem != "__init__"}
