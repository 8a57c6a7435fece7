"""Whether Label Studio answers at an address, asked without a key, so that a wrong key is no wrong address."""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx

from ml_backend.labelstudio.errors import LabelStudioUnavailable, not_label_studio
from ml_backend.labelstudio.session import proxy_headers
from ml_backend.labelstudio.transport_errors import redirect_problem, unreachable, unreadable_certificates

SECONDS = 10.0
VARIABLE = "LABEL_STUDIO_URL"


def label_studio_version(url: str, proxy_authorization: str | None = None) -> str:
    """The version of the Label Studio at an address.

    proxy_authorization: see `Session`. Raises LabelStudioUnavailable, which says what is there instead, or which
    address above this one is Label Studio's.
    """
    try:
        with httpx.Client(headers=proxy_headers(proxy_authorization), timeout=SECONDS) as http:
            answer = _identify(http, url)
            if answer.has_redirect_location:
                problem = redirect_problem(url, VARIABLE, answer.request.url, answer.headers["Location"])
                raise LabelStudioUnavailable(problem)
            if not _is_label_studio(answer):
                raise LabelStudioUnavailable(_elsewhere(http, url) or not_label_studio(url, _seen(answer)))
            return str(http.get(f"{url}/api/version").json()["release"])
    except (httpx.HTTPError, httpx.InvalidURL) as problem:
        raise LabelStudioUnavailable(unreachable("Label Studio", url, VARIABLE, problem)) from None
    except OSError as problem:
        raise LabelStudioUnavailable(unreadable_certificates(problem)) from None
    except (ValueError, KeyError, TypeError):
        raise LabelStudioUnavailable(not_label_studio(url, "no version at /api/version")) from None


def _identify(http: httpx.Client, url: str) -> httpx.Response:
    # Label Studio answers /api/version below every address, such as /projects/27/data/api/version; not so this route.
    return http.get(f"{url}/api/current-user/whoami")


def _is_label_studio(answer: httpx.Response) -> bool:
    """Whether an answer is Label Studio's refusal of a request without a key."""
    try:
        body = answer.json()
    except ValueError:
        return False
    return answer.status_code == 401 and isinstance(body, dict) and "detail" in body


def _elsewhere(http: httpx.Client, url: str) -> str | None:
    """The sentence that names the address above this one at which Label Studio answers; None if there is none."""
    parts = urlsplit(url)
    path = parts.path.rstrip("/")
    while path:
        path = path.rpartition("/")[0]
        own = f"{parts.scheme}://{parts.netloc}{path}"
        if _is_label_studio(_identify(http, own)):
            return f"{url} is an address below Label Studio's own; set {VARIABLE} to {own}"
    return None


def _seen(answer: httpx.Response) -> str:
    return f"{answer.status_code} at /api/current-user/whoami without a key"
