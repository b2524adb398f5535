"""`istar doctor`: what this machine can do."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter
from rich.markup import escape

from istar.cli.app import ERROR, SUCCESS, app, output, print_json, table
from istar.cli.options import AsJson

Attacks = Annotated[bool, Parameter(help="Attack the jail, which takes some seconds.")]


@app.command
def doctor(*, attacks: Attacks = True, as_json: AsJson = False) -> int:
    """Say whether this machine can jail methods, what its jail withstands, and which versions are installed.

    Example: istar doctor
    """
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
        shown.add_row(check.name, "[green]yes[/]" if check.holds else "[red]no[/]", check.detail)
    output.print(shown)
    output.print(f"methods run under: [bold]{report.tier}[/] ({report.reason})\n")
    if verdicts:
        tried = table("Attacks on this jail", "attack", "", "what became of it")
        for verdict in verdicts:
            held = "[green]held[/]" if verdict.held else "[red]broken[/]"
            tried.add_row(verdict.attack.replace("_", " "), held, escape(verdict.found.partition("\n")[0][:100]))
        output.print(tried)
        output.print()
    rest = table("Machine", "what", "found")
    for name, value in {**facts, "data": str(paths.home()), **versions()}.items():
        rest.add_row(name, value)
    output.print(rest)
    return SUCCESS if healthy else ERROR
