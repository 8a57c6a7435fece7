"""Why Label Studio does not accept a backend at an address: its sentences, read into a cause with its remedy.

Label Studio calls the backend's /health and /setup before it stores a connection, and writes what went wrong into one
sentence; `LabelStudioProcess` starts the version whose sentences are read here.
"""

from __future__ import annotations

import re

MODEL_CLASS = "ActiveLearning"
"""What this backend's /health says that it is."""
START_REMEDY = "start it with `python -m ml_backend serve`"
LOCAL_REMEDY = "start Label Studio with ML_BLOCK_LOCAL_IP=false and SSRF_PROTECTION_ENABLED=false"
LOCAL_ADDRESS = ("reserved network address", "must not resolve to local")
UNKNOWN_HOST = "Can't resolve hostname"
NO_HEALTH = "health check failed"
NO_SETUP = "doesn't look like a valid ML backend"
WRONG_CREDENTIALS = "authentication parameters were either not provided or are incorrect"
HTTP_ERROR = re.compile(r"(?P<status>\d{3}) (?:Client|Server) Error: (?P<reason>.*) for url: ", re.DOTALL)
"""How the HTTP library of Label Studio writes the status line of an error."""


def address_problem(sentence: str, backend_url: str) -> str | None:
    """Why Label Studio does not call this address at all, and the remedy; None if it would call it."""
    if any(words in sentence for words in LOCAL_ADDRESS):
        return (
            f"Label Studio may not call {backend_url}, which is an address of its own machine or network: "
            f"{LOCAL_REMEDY}, or give a --backend-url that is not local"
        )
    if UNKNOWN_HOST in sentence:
        return (
            f"Label Studio's machine does not know the host of {backend_url}: give a --backend-url that it can reach, "
            "such as http://backend:9090 between containers"
        )
    return None


def refusal(sentence: str, backend_url: str) -> str:
    """What Label Studio's refusal to connect a backend at this address means, and the remedy."""
    problem = address_problem(sentence, backend_url)
    if problem is not None:
        return problem
    if WRONG_CREDENTIALS in sentence:
        return _wrong_credentials(backend_url)
    if NO_HEALTH in sentence:
        return _health_problem(sentence.partition("Additional info: ")[2] or sentence, backend_url)
    if NO_SETUP in sentence:
        reason = sentence.partition("Reason: ")[2].partition("\nCheck the ML backend")[0].removesuffix(".")
        return setup_problem(reason or sentence, backend_url)
    return f"Label Studio refuses the backend at {backend_url}: {sentence}"


def setup_problem(reason: str, backend_url: str) -> str:
    """Why the backend's answer to /setup was not accepted, and the remedy; reason: as Label Studio stores it."""
    error = HTTP_ERROR.search(reason)
    if error is None:
        if "Read timed out" in reason or "ConnectTimeout" in reason or "refused" in reason:
            return f"the backend at {backend_url} did not answer Label Studio in time: {reason}; see the backend's log"
        return _another_server(backend_url, reason)
    status, said = int(error["status"]), error["reason"]
    if status == 401:
        return _wrong_credentials(backend_url)
    if status == 400:
        return f"the backend at {backend_url} refuses the project: {said}"
    if status >= 500:
        return f"the backend at {backend_url} failed with {status} ({said}); see its log"
    return _another_server(backend_url, f"{status} {said} at /setup")


def _health_problem(reason: str, backend_url: str) -> str:
    error = HTTP_ERROR.search(reason)
    if error is not None and int(error["status"]) < 500:
        return _another_server(backend_url, f"{error['status']} {error['reason']} at /health")
    if "Expecting value" in reason:
        return _another_server(backend_url, "no JSON at /health")
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        return (
            f"Label Studio does not trust the certificate of {backend_url}: set REQUESTS_CA_BUNDLE in Label Studio's "
            "environment to a PEM file with the certificate of its authority"
        )
    if "SSLError" in reason:
        return f"{backend_url} does not speak https: give a --backend-url that starts with http://"
    status = f" ({error['status']} {error['reason']})" if error else ""
    return (
        f"the backend does not respond at {backend_url} when Label Studio calls it{status}; {START_REMEDY}, or give as "
        "--backend-url the address at which Label Studio's machine reaches it"
    )


def _wrong_credentials(backend_url: str) -> str:
    return (
        f"the backend at {backend_url} refuses the user and the password: set BASIC_AUTH_USER and BASIC_AUTH_PASS here "
        "to the values that the backend was started with"
    )


def _another_server(backend_url: str, seen: str) -> str:
    return (
        f"the server at {backend_url} is not this backend ({seen}): give as --backend-url the address at which Label "
        f"Studio reaches this backend, or {START_REMEDY}"
    )
