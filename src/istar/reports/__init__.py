"""Reports: one self-contained HTML page a run, and one for several runs side by side."""

from istar.reports.comparison import compare_runs, write_comparison
from istar.reports.report import write_report

__all__ = ["compare_runs", "write_comparison", "write_report"]
