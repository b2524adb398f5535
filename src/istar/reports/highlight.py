"""Python source as HTML with keywords, strings, comments and numbers marked; every character is escaped."""

from __future__ import annotations

import html
import io
import keyword
import tokenize

from istar.texts import visible

_KINDS = {tokenize.STRING: "string", tokenize.COMMENT: "comment", tokenize.NUMBER: "number"}


def highlight(source: str) -> str:
    """Return the source as HTML for a `pre` element; source that Python cannot tokenize is only escaped."""
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError):
        return _escaped(source)
    lines = source.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    parts, done = [], 0
    for token in tokens:
        kind = _KINDS.get(token.type)
        if token.type == tokenize.NAME and keyword.iskeyword(token.string):
            kind = "keyword"
        if kind is None:
            continue
        begin, end = (starts[row - 1] + column for row, column in (token.start, token.end))
        parts.append(_escaped(source[done:begin]))
        parts.append(f'<span class="{kind}">{_escaped(source[begin:end])}</span>')
        done = end
    return "".join(parts) + _escaped(source[done:])


def _escaped(text: str) -> str:
    return html.escape(visible(text))
