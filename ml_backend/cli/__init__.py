"""The command line; importing a module of commands adds them to the application, in the order of `--help`."""

from __future__ import annotations

from ml_backend.cli import projects, results, service
from ml_backend.cli.application import app

__all__ = ["app", "projects", "results", "service"]
