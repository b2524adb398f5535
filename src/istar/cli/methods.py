"""Methods as commands name them."""

from __future__ import annotations

from pathlib import Path


def method_sources(methods: list[str]) -> dict[str, str]:
    """Return the sources of methods by name, each checked.

    Args:
        methods: files, names of methods of the library, `library` for all of these, or folders of runs for their I*.

    Raises:
        MethodError: a file cannot be read, or two different ones have the same name.
        FenceError: a method uses what methods may not use.
    """
    from istar.methods.contract import MethodError
    from istar.methods.fence import FenceError, check_source
    from istar.methods.library import library_methods
    from istar.methods.loading import read_source
    from istar.protocol.run_folder import RunFolder

    library = library_methods()
    paths: list[tuple[str, Path]] = []
    for each in methods:
        folder = RunFolder(Path(each))
        if each == "library":
            paths += library.items()
        elif each not in library and folder.exists:
            paths.append((folder.name, folder.best_method_path))
        else:
            path = library.get(each, Path(each))
            paths.append((path.stem, path))
    sources: dict[str, str] = {}
    for name, path in paths:
        source = read_source(path)
        if sources.setdefault(name, source) != source:
            raise MethodError(f"two different methods are called {name!r}; rename one of the files")
    for name, source in sources.items():
        faults = check_source(source)
        if faults:
            raise FenceError(name, faults)
    return sources
