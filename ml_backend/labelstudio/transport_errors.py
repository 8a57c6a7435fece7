"""What stopped a request before an answer came, or sent it elsewhere: sentences that name the remedy."""

from __future__ import annotations

import os
import ssl
from urllib.parse import urlsplit

import httpx

TRUST_REMEDY = (
    "set SSL_CERT_FILE to a PEM file with the certificate of its authority, or with the certificate itself if it is "
    "self-signed"
)
HOSTNAME_MISMATCH, IP_ADDRESS_MISMATCH = 62, 64
NOT_YET_VALID, EXPIRED = 9, 10
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
"""Errors before the first byte of a request is sent."""
LOGIN_WORDS = ("login", "signin", "sign-in", "sign_in", "oauth", "saml", "sso", "authorize")


def unreachable(what: str, url: str, variable: str, problem: Exception, start: str = "start it") -> str:
    """Why a server gave no answer, and the remedy.

    what: the server, as in "Label Studio"; variable: the setting that holds its address `url`; start: how to start it.
    """
    certificate = next((e for e in _causes(problem) if isinstance(e, ssl.SSLError)), None)
    if certificate is not None:
        return _certificate_problem(url, variable, certificate)
    if isinstance(problem, httpx.InvalidURL | httpx.UnsupportedProtocol):
        return f"{url} is not an address that can be called; check {variable}"
    seen = f"{type(problem).__name__}: {problem}"
    return f"{what} does not respond at {url} ({seen}): {start}, or set {variable} to its address."


def unreadable_certificates(problem: OSError) -> str:
    """Why the file of certificates cannot be used."""
    name = next((n for n in ("SSL_CERT_FILE", "SSL_CERT_DIR") if os.environ.get(n)), "SSL_CERT_FILE")
    return (
        f"{name}={os.environ.get(name, '')} cannot be read as certificates in PEM format "
        f"({problem.strerror or problem}): correct {name}, or leave it out"
    )


def redirect_problem(url: str, variable: str, request: httpx.URL, location: str) -> str:
    """Why a redirect is not followed, and the address to set if the answer shows one.

    url: Label Studio's address as it was set; request: the address that was called; location: where it redirects to.
    """
    target = urlsplit(str(request.join(location)))
    shown = f"{target.scheme}://{target.netloc.rpartition('@')[2]}{target.path}"
    path = request.path.removeprefix(urlsplit(url).path.rstrip("/")).strip("/")
    moved = shown.rstrip("/")
    if moved.endswith(f"/{path}") and path:
        address = moved.removesuffix(f"/{path}")
        if address != url:
            return f"{url} redirects to {address}: set {variable} to that"
        return f"{request.path} redirects to {shown}: the proxy in front of {url} has to pass addresses on unchanged"
    if any(word in f"{target.netloc}{target.path}".lower() for word in LOGIN_WORDS):
        return (
            f"{url} redirects to the login page {shown}: a proxy asks people to log in there, which a program cannot; "
            f"let requests with a key pass to /api, or set {variable} to an address behind that proxy"
        )
    return f"{url} redirects to {shown}: if Label Studio is there, set {variable} to its address"


def _certificate_problem(url: str, variable: str, problem: ssl.SSLError) -> str:
    if not isinstance(problem, ssl.SSLCertVerificationError):
        return (
            f"the server at {url} does not complete a secure connection ({problem.reason or problem}): if it speaks "
            f"plain http, set {variable} to http://…, otherwise see its TLS settings"
        )
    reason = problem.verify_message or str(problem)
    if problem.verify_code in {HOSTNAME_MISMATCH, IP_ADDRESS_MISMATCH}:
        return (
            f"the certificate of {url} is for another name ({reason}): set {variable} to the name in the certificate, "
            "or give the server a certificate for this one"
        )
    if problem.verify_code in {NOT_YET_VALID, EXPIRED}:
        return f"the certificate of {url} cannot be used ({reason}): renew it, and check the clock of this machine"
    file = os.environ.get("SSL_CERT_FILE")
    if file:
        return f"SSL_CERT_FILE={file} does not contain what the certificate of {url} needs ({reason}): {TRUST_REMEDY}"
    return f"the certificate of {url} is not trusted here ({reason}): {TRUST_REMEDY}"


def _causes(problem: BaseException) -> list[BaseException]:
    """The error and those that it came from, outermost first."""
    causes: list[BaseException] = []
    error: BaseException | None = problem
    while error is not None and error not in causes:
        causes.append(error)
        error = error.__cause__ or error.__context__
    return causes
