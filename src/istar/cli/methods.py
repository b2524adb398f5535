"""Methods as commands name them."""

from __future__ import annotations

from pathlib import Path


def method_sources(methods: list[str]) -> dict[str, str]:
    """Return the sources of methods by name, each checked.

    Args:
        methods: files, names of methods of the library, or `library` for all of these.

    Raises:
        MethodError: a file cannot be read, or two different ones have the same name.
        FenceError: a method uses what methods may not use.
    """
    from istar.methods.contract import MethodError
    from istar.methods.fence import FenceError, check_source
    from istar.methods.library import library_methods
    from istar.methods.loading import read_source

    library = library_methods()
    paths: list[Path] = []
    for each in methods:
        paths += library.values() if each == "library" else [library.get(each, Path(each))]
    sources: dict[str, str] = {}
    for path in paths:
        source = read_source(path)
        if sources.setdefault(path.stem, source) != source:
            raise MethodError(f"two different methods are called {path.stem!r}; rename one of the files")
    for name, source in sources.items():
        faults = check_source(source)
        if faults:
            raise FenceError(name, faults)
    return sources
