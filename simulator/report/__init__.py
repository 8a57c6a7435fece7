"""The report on results: one page that opens offline, with figures (PNG) and tables (CSV) beside it."""

from simulator.report.write import write_report

__all__ = ["write_report"]
