"""Why a model cannot be exported, as a sentence for people."""

from __future__ import annotations


class ExportFailed(Exception):
    """The model cannot be exported; the message says why and, if known, what to do."""


class NothingToExport(ExportFailed):
    """The project has no head yet."""
