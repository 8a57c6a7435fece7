"""Writes a project's model into a folder that classifies texts without this service."""

from ml_backend.commands.export.export import export_model
from ml_backend.commands.export.exported_project import NothingToExport

__all__ = ["NothingToExport", "export_model"]
