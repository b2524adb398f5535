"""From JSON values back to hashable ones."""

from __future__ import annotations

from typing import Any


def frozen(value: Any) -> Any:
    """Return JSON lists as tuples, at any depth."""
    return tuple(map(frozen, value)) if isinstance(value, list) else value
