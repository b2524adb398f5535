"""Loading a method: check its source, then run its definitions under restricted built-ins.

The static fence cannot follow every value, so the code also runs without the built-in names it may not use: an
import goes through a guard, and attribute names that reach `getattr` at run time are checked again.
"""

from __future__ import annotations

import builtins
import hashlib
import importlib
import io
import linecache
import re
import sys
import tokenize
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from torch import Tensor

from istar.methods import language
from istar.methods.attributes import attribute_refusal, check_attribute, own_names
from istar.methods.bounds import BUILTINS, STAND_INS, WATCHED, StandIn, watched
from istar.methods.contract import InterpretFunction, MethodError, PredictFunction, PrepareFunction, text_of
from istar.methods.fence import FenceError, check_source
from istar.methods.guards import guarded, guards
from istar.parsing import parsed
from istar.texts import name_for_people

_COOKIE = re.compile(r"^([ \t\f]*#.*?coding[:=][ \t]*)[-\w.]+", re.ASCII)
"""A comment that declares a file's encoding (PEP 263), up to its name."""


@dataclass(frozen=True)
class Method:
    """A loaded method.

    Attributes:
        name: the file's name without its ending.
        source: the source text, which alone decides what the method does.
        hash: SHA-256 of the source, 64 hexadecimal digits.
        interpret: see the contract.
        prepare: see the contract; None if the file defines none.
        predict: see the contract.
    """

    name: str
    source: str
    hash: str
    interpret: InterpretFunction
    prepare: PrepareFunction | None
    predict: PredictFunction

    def fresh(self) -> Method:
        """Return the same method newly loaded, so that no variable of the file survives from earlier calls."""
        return _run_definitions(self.source, self.name)


def source_hash(source: str) -> str:
    """Return the hash that identifies a method: SHA-256 of its source in UTF-8."""
    return hashlib.sha256(source.encode()).hexdigest()


def name_of(path: Path) -> str:
    """Return what the method in a file is called: the file's name without its ending, as one line of plain text."""
    return name_for_people(path.stem)


def shown_file(name: str) -> str:
    """Return the file name under which a method's lines stand in tracebacks."""
    return f"<method {name}>"


def load_method(path_or_source: str | Path, name: str | None = None) -> Method:
    """Return the method in a file, or in a source text.

    Args:
        path_or_source: a path, or the source itself (any text with a line break in it).
        name: the method's name; the file's name without its ending by default.

    Raises:
        FenceError: the source has faults; the error lists every one of them.
        MethodError: the file cannot be read, or its definitions fail when they run.
    """
    if isinstance(path_or_source, str) and "\n" in path_or_source:
        source, name = path_or_source, name or "method"
    else:
        path = Path(path_or_source)
        source, name = read_source(path), name or name_of(path)
    faults = check_source(source)
    if faults:
        raise FenceError(name, faults)
    return _run_definitions(source, name)


def read_source(path: Path) -> str:
    """Return the text of a method file, read as Python reads it: by its byte-order mark or declared encoding, or UTF-8.

    What declares another encoding than UTF-8 is changed to UTF-8, in which sources are kept and run.

    Raises:
        MethodError: there is no such file, or it is not text in its encoding.
    """
    try:
        content = path.read_bytes()
        encoding = tokenize.detect_encoding(io.BytesIO(content).readline)[0]
        text = io.TextIOWrapper(io.BytesIO(content), encoding).read()
    except UnicodeDecodeError as error:
        encoding = "UTF-8" if error.encoding.startswith("utf-8") else error.encoding
        raise MethodError(
            f"the method file {path} is not {encoding} text (byte {error.start}); save it as UTF-8"
        ) from error
    except (SyntaxError, LookupError, UnicodeError) as error:
        raise MethodError(
            f"the method file {path} is not text that Python reads ({error}); save it as UTF-8"
        ) from error
    except (OSError, ValueError) as error:  # the latter for a path with a NUL
        reason = getattr(error, "strerror", None) or str(error)
        raise MethodError(f"the method file {path} cannot be read: {reason}; give the path of a .py file") from error
    if encoding in ("utf-8", "utf-8-sig"):
        return text
    lines = text.split("\n")
    return "\n".join([*(_COOKIE.sub(r"\1utf-8", line) for line in lines[:2]), *lines[2:]])


def _run_definitions(source: str, name: str) -> Method:
    digest = source_hash(source)
    filename = shown_file(name)
    module = ModuleType(f"istar_method_{digest[:16]}")
    module.__dict__["__file__"] = filename
    # dataclasses and torch.nn look a class's module up by name; tracebacks look its source lines up by file name
    sys.modules[module.__name__] = module
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    try:
        tree = parsed(source, filename)
        own = own_names(tree)
        module.__dict__["__builtins__"] = restricted_builtins(own) | guards(module.__name__)
        exec(compile(guarded(tree, own), filename, "exec", dont_inherit=True), module.__dict__)
    except Exception as error:
        raise MethodError(
            f"method {name!r} fails while it is loaded: {type(error).__name__}: {text_of(error)}"
        ) from error
    functions = module.__dict__
    for required in language.REQUIRED:
        if not callable(functions.get(required)):
            raise MethodError(f"method {name!r} defines no function {required!r} once loaded; do not rebind it")
    return Method(
        name,
        source,
        digest,
        cast(InterpretFunction, functions["interpret"]),
        cast("PrepareFunction | None", functions.get("prepare")),
        cast(PredictFunction, functions["predict"]),
    )


def restricted_builtins(own: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return the built-in names that a method's code runs with.

    Args:
        own: names that the file's classes define.
    """
    allowed = {name: getattr(builtins, name) for name in language.BUILTINS if hasattr(builtins, name)}
    return {
        **allowed,
        **BUILTINS,
        "__build_class__": _guarded_class,
        "__import__": _guarded_import,
        "__name__": "builtins",
        "getattr": _guarded(getattr, own),
        "hasattr": _guarded(hasattr, own),
    }


def _guarded(function: Callable[..., Any], own: frozenset[str]) -> Callable[..., Any]:
    """Return getattr or hasattr with the fence's rule on attribute names."""

    def guarded(value: object, name: str, *default: object) -> Any:
        if type(name) is not str:
            raise MethodError(f"the attribute {name!r} is closed to methods; use public attributes")
        refusal = attribute_refusal(name, own)
        if refusal is not None:
            raise MethodError(f"the attribute {name!r} is closed to methods: {'; '.join(refusal)}")
        if isinstance(value, ModuleType):
            raise MethodError(f"{function.__name__} on the module {value.__name__!r} is closed to methods")
        check_attribute(value, name)
        found = function(value, name, *default)
        return watched(value, name) if function is getattr and name in WATCHED and hasattr(value, name) else found

    return guarded


def _guarded_class(body: Callable[..., Any], name: str, *bases: Any, **keywords: Any) -> Any:
    """Stand in for what a `class` statement calls.

    Tensors of other classes could lie to the meter about their size, and integers and texts to what bounds them.
    """
    if any(isinstance(base, type) and issubclass(base, Tensor) for base in bases):
        raise MethodError(f"class {name} derives from Tensor, which is closed to methods; hold a tensor instead")
    for base in bases:
        if isinstance(base, StandIn) or (isinstance(base, type) and issubclass(base, (int, str))):
            raise MethodError(
                f"class {name} derives from {base.__name__}, which is closed to methods; hold one instead"
            )
    return builtins.__build_class__(body, name, *bases, **keywords)


def _guarded_import(
    name: str, _globals: object = None, _locals: object = None, names: Sequence[str] | None = (), level: int = 0
) -> ModuleType:
    """Stand in for `__import__` in a method's code; the arguments are Python's."""
    # Torch's C code imports parts of torch in the name of whatever Python function is running. Such calls bring a
    # list of names where an import statement brings a tuple or nothing; the fence lets no method call this itself.
    if type(names) is list and name.partition(".")[0] == "torch":
        return importlib.import_module(name)
    if level or name not in language.MODULES:
        raise MethodError(f"import of {name!r} is closed to methods; use one of: {', '.join(sorted(language.MODULES))}")
    for member in names or ():
        if member not in language.MODULES[name]:
            raise MethodError(f"`from {name} import {member}` is closed to methods")
    return STAND_INS.get(name) or __import__(name, None, None, names or (), 0)
