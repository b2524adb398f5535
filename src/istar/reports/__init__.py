"""Reports: one self-contained HTML page a run."""

from istar.reports.report import write_report

__all__ = ["write_report"]
