"""Writes a project's model into a folder that classifies texts without this service."""

from ml_backend.pipeline.export.errors import ExportFailed, NothingToExport
from ml_backend.pipeline.export.write import export_model

__all__ = ["ExportFailed", "NothingToExport", "export_model"]
