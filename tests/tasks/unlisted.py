"""Families whose modules `istar.tasks` leaves out, tested without any other test meeting them in the registry."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

import pytest

from istar.tasks import FAMILIES, UNBUILT
from istar.testing.families import FamilyConformance


def unlisted(name: str) -> ModuleType:
    """Return the module of a family, and take what it registers out again."""
    assert name in UNBUILT
    with FAMILIES.lent():
        return import_module(f"istar.tasks.{name}")


class UnlistedConformance(FamilyConformance):
    """The suite for families, with the family registered while one of its tests runs."""

    @pytest.fixture(autouse=True)
    def _listed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        family = self.make()
        assert family.name not in FAMILIES
        monkeypatch.setitem(FAMILIES._entries, family.name, family)
