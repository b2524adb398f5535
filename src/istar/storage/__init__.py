"""The one store: what is computed once and found again, of every kind, in one format, within one bound.

Everything in it can be made again; what was built dearly (truth tables, converted targets) is kept elsewhere.
"""

from __future__ import annotations

from istar.storage.kinds import CACHED, Kind, Parts, from_json, json_kind, to_json
from istar.storage.store import Store

__all__ = ["CACHED", "Kind", "Parts", "Store", "from_json", "json_kind", "to_json"]
