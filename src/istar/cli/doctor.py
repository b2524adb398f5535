"""`istar doctor`: what this machine can do."""

from __future__ import annotations

from istar.cli.app import ERROR, SUCCESS, app, output, print_json, table
from istar.cli.options import AsJson


@app.command
def doctor(*, as_json: AsJson = False) -> int:
    """Say whether this machine can jail methods, which target is at hand, and which versions are installed.

    Example: istar doctor
    """
    from istar import paths
    from istar.protocol.provenance import machine, versions
    from istar.sandbox import tier_report

    report = tier_report()
    facts = machine(report.tier)
    if as_json:
        data = {"sandbox": report.to_json(), "machine": facts, "versions": versions(), "data": str(paths.home())}
        print_json(data)
        return SUCCESS if report.safe else ERROR
    shown = table("Sandbox", "check", "", "found")
    for check in report.checks:
        shown.add_row(check.name, "[green]yes[/]" if check.holds else "[red]no[/]", check.detail)
    output.print(shown)
    output.print(f"methods run under: [bold]{report.tier}[/] ({report.reason})\n")
    rest = table("Machine", "what", "found")
    for name, value in {**facts, "data": str(paths.home()), **versions()}.items():
        rest.add_row(name, value)
    output.print(rest)
    return SUCCESS if report.safe else ERROR
