"""Methods as commands name them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from istar.methods.side_by_side import MethodFile
    from istar.protocol.run_folder import RunFolder


def method_files(methods: list[str]) -> dict[str, MethodFile]:
    """Return methods by name, each checked.

    Args:
        methods: files, names of methods of the library, `library` for all of these, or folders of runs for their I*.

    Raises:
        MethodError: a file cannot be read, or two different ones have the same name.
        FenceError: a method uses what methods may not use.
    """
    from istar.methods.contract import MethodError
    from istar.methods.fence import FenceError, check_source
    from istar.methods.library import library_methods
    from istar.methods.loading import name_of, read_source
    from istar.methods.side_by_side import MethodFile
    from istar.protocol.run_folder import RunFolder

    library = library_methods()
    named: list[tuple[str, MethodFile]] = []
    for each in methods:
        folder = RunFolder(Path(each))
        if each == "library":
            named += [(name, MethodFile(read_source(path))) for name, path in library.items()]
        elif each not in library and folder.exists:
            named.append((folder.name, _best_of(folder)))
        else:
            path = library.get(each, Path(each))
            named.append((name_of(path), MethodFile(read_source(path))))
    files: dict[str, MethodFile] = {}
    for name, file in named:
        if files.setdefault(name, file).source != file.source:
            raise MethodError(f"two different methods are called {name!r}; rename one of the files")
    for name, file in files.items():
        faults = check_source(file.source)
        if faults:
            raise FenceError(name, faults)
    return files


def _best_of(folder: RunFolder) -> MethodFile:
    """Return the I* of a run as its file says it, with the parts that its ledger knows.

    Raises:
        MethodError: it has none.
    """
    from istar.methods.contract import MethodError
    from istar.methods.loading import read_source, source_hash
    from istar.methods.side_by_side import MethodFile
    from istar.protocol.book import noted_file

    if not folder.best_method_path.exists():
        raise MethodError(
            f"the run {folder.name!r} in {folder.path} has no I* yet, so there is no interpretation to use; let it go "
            f"on (`istar search --run {folder.name} --resume`), or name a method's file or one of the library"
        )
    source = read_source(folder.best_method_path)
    if folder.ledger_path.exists():
        with folder.ledger(read_only=True) as ledger:
            for proposal in ledger.proposals(folder.name):
                if proposal.method == source_hash(source):
                    return noted_file(ledger, folder.name, proposal)
    return MethodFile(source)
