"""The fake Label Studio, and the real one in an environment of its own, with the same interface for tests."""

from __future__ import annotations

import re
from dataclasses import dataclass

import httpx
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
        with httpx.Client(base_url=self.url, follow_redirects=True, timeout=30) as browser:
            for door in ("/user/signup/", "/user/login/"):
                page = browser.get(door).text
                token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
                if token is None:
                    break  # signing up also logs in
                form = {"csrfmiddlewaretoken": token.group(1), "email": SECOND_USER, "password": "second-password"}
                browser.post(door, data=form, headers={"Referer": self.url + door})
            return str(browser.get("/api/current-user/token").raise_for_status().json()["token"])
