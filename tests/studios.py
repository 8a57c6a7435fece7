"""The fake Label Studio, and the real one in an environment of its own, with the same interface for tests."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from fake_label_studio import FakeLabelStudio

from ml_backend.commands.demo.label_studio_process import LabelStudioProcess

REAL = pytest.param("real", marks=pytest.mark.e2e)
both = pytest.mark.parametrize("label_studio", ["fake", REAL], indirect=True)
"""Runs a test against the fake and, as an end-to-end test, against the real one, so that a difference is noticed."""

SECOND_USER = "second@example.com"
SECOND_KEY = "f" * 40


@dataclass(frozen=True)
class Fake:
    """The fake with a second user."""

    server: FakeLabelStudio

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def token(self) -> str:
        return self.server.token

    def second_token(self) -> str:
        """The key of another person in the organization."""
        if all(person.key != SECOND_KEY for person in self.server.tables.users.values()):
            self.server.add_user(SECOND_USER, SECOND_KEY)
        return SECOND_KEY


@dataclass(frozen=True)
class Real:
    """The real one with a second user, who signs up by the form."""

    process: LabelStudioProcess

    @property
    def url(self) -> str:
        return self.process.url

    @property
    def token(self) -> str:
        return self.process.token

    def second_token(self) -> str:
        """The key of another person in the organization."""
        return self.process.sign_up(SECOND_USER, "second-password")
