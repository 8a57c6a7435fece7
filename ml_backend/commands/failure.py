"""Errors of commands: one sentence for the person who ran the command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ml_backend.labelstudio.config_elements import UnsupportedLabelConfig
from ml_backend.labelstudio.errors import LabelStudioError, LabelStudioUnavailable, Unauthorized
from ml_backend.settings import SettingsError

if TYPE_CHECKING:
    from ml_backend.store import Store
    from ml_backend.store.records import ProjectRecord


class CommandFailed(Exception):
    """The command failed; the message says why and, if known, what to do."""

    exit_status = 1


class WrongSettings(CommandFailed):
    """A setting or an argument cannot be used, or names a server that cannot be used."""

    exit_status = 2


class CannotCopy(CommandFailed):
    """A backup or a restore failed; the message says why."""


class NotConnected(CommandFailed):
    """The project is not connected to this backend; the message lists the connected ones."""


@contextmanager
def errors_as_command_failed() -> Iterator[None]:
    """Raise CommandFailed, with the same message, for errors of Label Studio, its label config or a setting."""
    try:
        yield
    except (LabelStudioUnavailable, Unauthorized, SettingsError) as problem:
        raise WrongSettings(str(problem)) from None
    except (LabelStudioError, UnsupportedLabelConfig) as problem:
        raise CommandFailed(str(problem)) from None


def connected_project(store: Store, project_id: int) -> ProjectRecord:
    """The record of a project. Raises NotConnected."""
    project = store.project(project_id)
    if project is None:
        connected = ", ".join(str(p.id) for p in store.projects()) or "none"
        raise NotConnected(f"project {project_id} is not connected to this backend; connected: {connected}")
    return project
