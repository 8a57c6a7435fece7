"""HTTPS with a certificate of one's own: SSL_CERT_FILE is read, and what is wrong with a certificate is said."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest
from https_server import certificate, https_server
from httpx._transports import default
from label_studio_sdk.core import http_client
from recording_server import recording_server

from ml_backend.labelstudio.address_check import label_studio_version
from ml_backend.labelstudio.client import LabelStudio, LabelStudioUnavailable

KEY = "legacy-token-of-forty-characters-00000000"


@pytest.fixture(autouse=True)
def _certificates_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests share one store of certificates, which these change."""
    monkeypatch.setattr(default, "create_ssl_context", default.create_ssl_context.__wrapped__)  # type: ignore[attr-defined]
    monkeypatch.setattr(http_client, "INITIAL_RETRY_DELAY_SECONDS", 0.001)
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)


def problem(url: str) -> str:
    """What the client and the check of the address say, which is the same."""
    with closing(LabelStudio(url, KEY)) as client, pytest.raises(LabelStudioUnavailable) as of_client:
        client.whoami()
    with pytest.raises(LabelStudioUnavailable) as of_check:
        label_studio_version(url)
    assert str(of_client.value) == str(of_check.value)
    return str(of_client.value)


def test_a_self_signed_certificate_is_trusted_if_ssl_cert_file_holds_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    own = certificate(tmp_path, "localhost")
    with https_server(own, json.dumps({"email": "a@b.c"}).encode()) as url:
        said = problem(url)
        assert f"the certificate of {url} is not trusted here (self-signed certificate): set SSL_CERT_FILE to" in said
        monkeypatch.setenv("SSL_CERT_FILE", str(own))
        with closing(LabelStudio(url, KEY)) as client:
            assert client.whoami() == {"email": "a@b.c"}


def test_a_file_with_other_certificates_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    other = certificate(tmp_path, "other.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(other))
    with https_server(certificate(tmp_path, "localhost")) as url:
        assert f"SSL_CERT_FILE={other} does not contain what the certificate of {url} needs" in problem(url)


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_file_that_is_missing_or_no_certificate_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None
):
    file = tmp_path / "authority.pem"
    if content is not None:
        file.write_text(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    assert f"SSL_CERT_FILE={file} cannot be read as certificates in PEM format" in problem("https://localhost:1")


@pytest.mark.parametrize(
    ("host", "days", "sentence"),
    [
        ("studio.example", 2, "is for another name"),
        ("localhost", -1, "cannot be used (certificate has expired): renew it, and check the clock"),
    ],
    ids=["another name", "expired"],
)
def test_a_certificate_for_another_name_or_an_expired_one_is_said_to_be(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, host: str, days: int, sentence: str
):
    file = certificate(tmp_path, host, days)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with https_server(file) as url:
        said = problem(url)
    assert f"the certificate of {url} {sentence}" in said
    assert "SSL_CERT_FILE" not in said, "that would not help"


def test_https_to_a_server_that_speaks_http_is_said_to_be():
    with recording_server(lambda _: (200, {})) as server:
        said = problem(server.url.replace("http://", "https://"))
    assert "if it speaks plain http, set LABEL_STUDIO_URL to http://" in said
