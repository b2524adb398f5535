"""What the pages share: templates, filters and the element a figure is drawn in."""

from __future__ import annotations

import json
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from istar.reports import words
from istar.rewards import LEVELS
from istar.texts import visible


def templates() -> Environment:
    """Return the templates; what they have not been given is an error, and text is escaped."""
    environment = Environment(
        loader=PackageLoader("istar.reports"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        finalize=_plain,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(flops=words.flops, bytes=lambda value: words.quantity(value, "B"), times=words.times)
    environment.filters.update(brute_share=words.share, first_and_last=words.at_first_and_last)
    environment.filters.update(capitalised=lambda text: text[:1].upper() + text[1:])
    environment.globals.update(
        tried=words.tried,
        memorisation=words.memorisation,
        held=words.held,
        multiplier=words.multiplier,
        interval=words.interval,
        figure=figure_element,
        levels=LEVELS,
    )
    return environment


def _plain(value: Any) -> Any:
    """Return what a template shows in the place of a value: of a text, also what a browser would hide or obey."""
    return visible(value) if type(value) is str else value


def figure_element(specification: dict[str, Any], label: str) -> Markup:
    """Return the element in which the page draws a figure."""
    data = json.dumps(specification, separators=(",", ":"), allow_nan=False)
    data = data.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return Markup(
        '<div class="figure" role="img" aria-label="{}" style="min-height:{}px">'
        '<script type="application/json">{}</script></div>'
    ).format(label, specification["layout"]["height"], Markup(data))
