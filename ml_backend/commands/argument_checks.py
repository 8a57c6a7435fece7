"""What is wrong with the arguments of a command, as far as it can be known before database and models are loaded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ml_backend import environment_values
from ml_backend.commands.failure import CannotCopy, CommandFailed, WrongSettings
from ml_backend.pipeline.export.errors import ExportFailed
from ml_backend.pipeline.export.new_folder import check_folder
from ml_backend.pipeline.job_parameters import WrongParameters
from ml_backend.pipeline.prediction_choice import parse_confidence
from ml_backend.project_settings import ProjectSettings, SettingsError


def parse_settings(chosen: list[str]) -> dict[str, Any]:
    """Parse `name=value` pairs; values are read as JSON if possible.

    Raises SettingsError for a pair without `=` and for settings that no project can have.
    """
    changes: dict[str, Any] = {}
    for pair in chosen:
        name, equals, value = pair.partition("=")
        if not equals:
            raise SettingsError(f"--set takes name=value, such as strategy=badge; got {pair!r}")
        try:
            changes[name.strip()] = json.loads(value)
        except ValueError:
            changes[name.strip()] = value
    ProjectSettings().merged(changes)
    return changes


def parse_backend_url(given: str) -> str:
    """The address of the backend. Raises SettingsError."""
    try:
        return environment_values.backend_address(given)
    except ValueError as problem:
        raise SettingsError(f"--backend-url {problem}") from None


def check_confidence(given: float) -> float:
    """The confidence, in 0..1. Raises WrongSettings."""
    try:
        return parse_confidence(given)
    except WrongParameters as problem:
        raise WrongSettings(str(problem)) from None


def check_new_file(file: Path) -> None:
    """Raise CommandFailed for a file that exists."""
    if file.exists():
        raise CommandFailed(f"{file} exists: choose another file")


def check_copy_to(file: Path, force: bool) -> None:
    """Raise CannotCopy for a file that exists, unless it is to be overwritten."""
    if file.exists() and not force:
        raise CannotCopy(f"{file} already exists: name another file, or overwrite it with --force")


def check_copy_from(file: Path) -> None:
    """Raise CannotCopy for a missing file."""
    if not file.is_file():
        raise CannotCopy(f"the file {file} does not exist; check its path")


def check_export_folder(folder: Path, force: bool) -> None:
    """Raise CommandFailed for a folder that may not be written; force: whether an earlier export is replaced."""
    try:
        check_folder(folder, force)
    except ExportFailed as problem:
        raise CommandFailed(str(problem)) from None
