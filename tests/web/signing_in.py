"""Signs in through the form, as a browser does."""

from __future__ import annotations

import re
from typing import Any

from flask.testing import FlaskClient

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def form_token(client: FlaskClient, path: str = "/sign-in") -> str:
    """The CSRF token of a page's form."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get(path, headers=BROWSER).text)
    assert found, f"{path} has no form"
    return found[1]


def sign_in(client: FlaskClient, follow: str = "", **typed: str) -> Any:
    """Send the form. typed: user and password, or key; follow: the page to show afterwards."""
    body = {"csrf_token": form_token(client), "next": follow, **typed}
    return client.post("/sign-in", data=body, headers=BROWSER)


def csrf(client: FlaskClient) -> dict[str, str]:
    """The header that the script of a page adds to changes."""
    return {"X-CSRFToken": form_token(client)}
