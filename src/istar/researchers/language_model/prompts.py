"""What the model is told: templates in files, each of which a user may replace by one of the same name.

What others wrote, sources and names of methods among it, stands in a prompt as data: between two lines that bear digits
made from the text itself, which it therefore cannot hold.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import (
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PackageLoader,
    StrictUndefined,
    TemplateError,
    TemplateSyntaxError,
    meta,
)

from istar.files import read_text
from istar.researchers.researcher import ResearcherError
from istar.texts import visible

GIVEN: Mapping[str, frozenset[str]] = {
    "system.md": frozenset(()),
    "task.md": frozenset(
        ("target", "contract", "pages", "language", "tasks", "library", "tried", "parents", "inspirations")
    ),
    "failed.md": frozenset({"complaint", "left"}),
    "no_call.md": frozenset({"cut_off", "max_tokens"}),
}
"""The prompts, and what each is given."""
LONGEST = 40_000
"""The most characters of one piece of data."""


def as_data(text: object) -> str:
    """Return a text of others between lines with digits that are made from it, cut after `LONGEST` characters."""
    shown = visible(str(text).strip("\n"))
    if len(shown) > LONGEST:
        shown = f"{shown[:LONGEST]}\n... ({len(shown) - LONGEST} further characters)"
    digits = hashlib.sha256(shown.encode(errors="replace")).hexdigest()[:16]
    return f"<data {digits}>\n{shown}\n</data {digits}>"


class Prompts:
    """The prompts of a search.

    Args:
        folder: a user's own, in place of ours of the same names; None for ours alone.

    Raises:
        ResearcherError: the folder is none, or a file in it is no prompt; the message says what is.
    """

    def __init__(self, folder: Path | None = None) -> None:
        """See the class docstring."""
        ours = PackageLoader("istar.researchers.language_model", "prompts")
        if folder is not None:
            _check_folder(folder)
        loaders = [ours] if folder is None else [FileSystemLoader(folder), ours]
        self._environment = Environment(
            loader=ChoiceLoader(loaders),
            autoescape=False,  # they are texts for a model, not pages
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters["data"] = as_data
        digest = hashlib.sha256()
        for name, given in GIVEN.items():
            digest.update(self._check(name, given).encode())
        self.hash = digest.hexdigest()

    def _check(self, name: str, given: frozenset[str]) -> str:
        """Return the text of a prompt, once it is found to be one."""
        assert self._environment.loader is not None
        text, path, _ = self._environment.loader.get_source(self._environment, name)
        try:
            unknown = meta.find_undeclared_variables(self._environment.parse(text)) - given
            self._environment.get_template(name)
        except TemplateSyntaxError as error:
            raise ResearcherError(f"the prompt {path}, line {error.lineno}: {error.message}") from error
        if unknown:
            raise ResearcherError(
                f"the prompt {path} names {', '.join(sorted(unknown))}, which it is not given; "
                f"{name} is given {', '.join(sorted(given)) or 'nothing'}"
            )
        return text

    def render(self, name: str, **given: Any) -> str:
        """Return a prompt.

        Raises:
            ResearcherError: it asks for what there is not.
        """
        try:
            return self._environment.get_template(name).render(given)
        except (TemplateError, TypeError, ValueError) as error:
            raise ResearcherError(f"the prompt {name} cannot be made: {error}") from error


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise ResearcherError(f"{folder} is no folder of prompts; `prompts` names one with {' or '.join(GIVEN)}")
    for path in sorted(folder.iterdir()):
        if path.name not in GIVEN:
            raise ResearcherError(
                f"{path} is no prompt; the files of a folder of prompts are called {', '.join(GIVEN)}"
            )
        read_text(path)
