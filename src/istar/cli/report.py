"""`istar report`: one HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from istar.cli.app import command, output, print_json
from istar.cli.options import DEFAULT_RUNS, AsJson, RunName, RunsFolder


@command("istar report first")
def report(
    run: RunName,
    *,
    to: Annotated[Path | None, Parameter(help="Where to write it; report.html in the run's folder by default.")] = None,
    runs: RunsFolder = DEFAULT_RUNS,
    as_json: AsJson = False,
) -> None:
    """Write a run's report: one self-contained HTML page."""
    from istar.chat import TRANSCRIPT_FILE, read_transcript
    from istar.files import check_destination
    from istar.protocol.run_folder import find_run
    from istar.reports import write_report

    folder = find_run(run, runs)
    path = to or folder.report_path
    check_destination(path)
    transcript = folder.path / TRANSCRIPT_FILE
    exchanges = read_transcript(transcript) if transcript.exists() else ()
    with folder.ledger(read_only=True) as ledger:
        write_report(ledger, folder.name, path, exchanges)
    if as_json:
        print_json({"run": folder.name, "report": str(path)})
    else:
        output.tell(f"the report is in {path}")
