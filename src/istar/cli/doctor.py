"""`istar doctor`: what this machine can do."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from istar.cli.app import ERROR, SUCCESS, command, output, print_json, table
from istar.cli.console import styled
from istar.cli.options import AsJson

Attacks = Annotated[bool, Parameter(help="Attack the jail, which takes some seconds.")]


@command("istar doctor", "istar doctor --no-attacks --json")
def doctor(*, attacks: Attacks = True, as_json: AsJson = False) -> int:
    """Say whether this machine can jail methods, what its jail withstands, and which versions are installed."""
    from dataclasses import asdict

    from istar import paths
    from istar.protocol.provenance import machine, versions
    from istar.sandbox import short_battery, tier_report

    report = tier_report()
    verdicts = short_battery() if attacks and report.safe else ()
    healthy = report.safe and all(verdict.held for verdict in verdicts)
    facts = machine(report.tier)
    if as_json:
        sandbox = {**report.to_json(), "attacks": [asdict(verdict) for verdict in verdicts]}
        print_json({"sandbox": sandbox, "machine": facts, "versions": versions(), "data": str(paths.home())})
        return SUCCESS if healthy else ERROR
    shown = table("Sandbox", "check", "", "found")
    for check in report.checks:
        shown.add_row(check.name, styled("yes", "green") if check.holds else styled("no", "red"), check.detail)
    output.print(shown)
    output.tell(f"{report.tier} ({report.reason})\n", "methods run under:")
    if verdicts:
        tried = table("Attacks on this jail", "attack", "", "what became of it")
        for verdict in verdicts:
            held = styled("held", "green") if verdict.held else styled("broken", "red")
            tried.add_row(verdict.attack.replace("_", " "), held, verdict.found.partition("\n")[0][:100])
        output.print(tried)
        output.print()
    rest = table("Machine", "what", "found")
    for name, value in {**facts, "data": str(paths.home()), **versions()}.items():
        rest.add_row(name, value)
    output.print(rest)
    return SUCCESS if healthy else ERROR
