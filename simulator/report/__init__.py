"""The report: one page that opens offline, with its figures (PNG) and tables (CSV) beside it."""

from simulator.report.write import write_report

__all__ = ["write_report"]
