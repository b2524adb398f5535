"""`istar rulebook`: the prices of operations, as a file to read or to change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from istar.cli.app import command, output

if TYPE_CHECKING:
    from istar.flops import Rulebook


@command("istar rulebook v2-products")
def rulebook(
    version: Annotated[str, Parameter(help="A version of istar's own, or a file.")] = "v2",
) -> None:
    """Print a rulebook as JSON: by operation, what is counted and the FLOPs of each.

    A changed copy can be given to `istar rescore --rulebook`. Methods are always metered under istar's own.
    """
    output.print(_text(named_rulebook(version)), soft_wrap=True)


def _text(chosen: Rulebook) -> str:
    data = chosen.to_json()
    rules = ",\n".join(f"    {json.dumps(name)}: {json.dumps(rule)}" for name, rule in data["rules"].items())
    return f'{{\n  "version": {json.dumps(data["version"])},\n  "rules": {{\n{rules}\n  }}\n}}'


def named_rulebook(name: str) -> Rulebook:
    """Return istar's rulebook of this version, or the one in a JSON file.

    Raises:
        RulebookError: there is neither, or the file holds no rulebook.
    """
    from istar.files import StorageError, read_text
    from istar.flops import RULEBOOKS, RulebookError, rulebook_from_json

    if name in RULEBOOKS:
        return RULEBOOKS[name]
    try:
        text = read_text(Path(name))
    except StorageError as error:
        raise RulebookError(
            f"{name[:200]!r} is neither a rulebook of istar's own ({', '.join(RULEBOOKS)}) nor a file that can be read "
            f"({error})"
        ) from error
    return rulebook_from_json(text, name)
