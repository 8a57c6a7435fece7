"""Keys, passwords and addresses as people write them: cleaned, or refused by a sentence that shows no secret.

Each function returns the value to use and raises ValueError, whose message goes behind the name of the variable.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import unquote, urlsplit

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

QUOTES = "\"'`´‘’‚‛“”„‟«»‹›"
INVISIBLE = "\ufeff\u200b\u2060"
"""Characters without width, which copying from a page or from a file with a byte order mark can leave at an end."""
PLACEHOLDER = re.compile(
    r"(…|\.\.\.|<.*>|placeholder)$|(change|replace)[-_ ]?(me|this)|your[-_](\w+[-_])*(key|password|secret|token)",
    re.IGNORECASE | re.DOTALL,
)
"""Matches from its beginning what examples have in place of a value, as .env.example has."""
COMMON_WORDS = {"password", "admin"}
"""Words that everybody guesses first; as the name of a user they are accepted."""
MAKE_SECRET = "make one with `openssl rand -hex 20`"
SHORTEST_SIGNING_KEY = 32
WHERE_KEYS_ARE = "in Label Studio under Account & Settings ▸ Personal Access Token or Legacy Token"

LABEL_STUDIO_PAGE = re.compile(
    r"/(projects$|projects/\d+(/|$)|user/(login|signup|account|logout)(/|$)|organization$|people$|api$"
    r"|api/(version|projects|tasks|ml|token|current-user|webhooks|predictions|annotations|dm)(/|$))"
)
"""A path below Label Studio's own address, from where it begins; other paths may be a prefix of a proxy."""
BACKEND_PAGE = re.compile(r"/((health|setup|predict|webhook|versions|metrics)$|projects$|projects/\d+(/|$))")
"""A path below this backend's own address, from where it begins."""


def label_studio_key(written: str) -> str:
    """A legacy token or a personal access token, without white space around it."""
    key = _trimmed(written)
    if _is_no_secret(key):
        raise ValueError(f"is the placeholder of an example; the key is {WHERE_KEYS_ARE}")
    if any(character in QUOTES for character in key):
        raise ValueError("has quotes in it, which no key has; write the key without them")
    if key.lower().startswith(("token ", "bearer ")):
        raise ValueError("starts with 'Token' or 'Bearer', a word of the header; write only the key behind it")
    if any(character.isspace() for character in key):
        raise ValueError(f"has white space inside, which no key has; copy it again, it is {WHERE_KEYS_ARE}")
    return _printable(key, "a character that no key has")


def header_value(written: str) -> str:
    """The value of a header."""
    return _printable(_unquoted(_trimmed(written)), "a character that a header cannot have")


def secret(written: str) -> str:
    """A secret that is sent as the value of a header."""
    value = header_value(written)
    if _is_no_secret(value):
        raise ValueError(f"is the placeholder of an example; {MAKE_SECRET}")
    return value


def service_address(written: str) -> str:
    """The address of a database or of Redis, whose password may not be the placeholder of an example."""
    try:
        chosen = unquote(urlsplit(written).password or "")
    except ValueError:
        return written  # whoever connects to it says what is wrong
    if _is_no_secret(chosen):
        raise ValueError(f"has the placeholder of an example as its password; {MAKE_SECRET}, and set it there too")
    return written


def signing_key(written: str) -> str:
    """A key that signs cookies."""
    key = password(written)
    if len(key) < SHORTEST_SIGNING_KEY:
        raise ValueError(
            f"has fewer than {SHORTEST_SIGNING_KEY} characters, so that others could guess it; "
            f"{MAKE_SECRET}, or leave it out: one is then generated"
        )
    return key


def user_name(written: str) -> str:
    """A user for basic auth."""
    name = _typed(written)
    if _is_placeholder(name):
        raise ValueError("is the placeholder of an example; choose a name of your own")
    if ":" in name:
        raise ValueError("has a colon in it, which separates user and password in basic auth; choose another name")
    return name


def password(written: str) -> str:
    """A password for basic auth; white space around it is removed, since a file often ends in a line break."""
    word = _typed(written)
    if _is_no_secret(word):
        raise ValueError(f"is the placeholder of an example; {MAKE_SECRET}")
    return word


def _typed(written: str) -> str:
    word = _unquoted(_trimmed(written))
    if not word.isprintable():
        raise ValueError("has a line break or another character in it that cannot be typed")
    return word


def networks(written: str) -> tuple[Network, ...]:
    """Addresses and networks, separated by commas, such as "10.0.0.5, 172.16.0.0/12"."""
    parts = [part for part in re.split(r"[,\s]+", _trimmed(written)) if part]
    try:
        return tuple(ipaddress.ip_network(part, strict=False) for part in parts)
    except ValueError:
        raise ValueError(
            "must be IP addresses or networks, separated by commas, such as 10.0.0.5 or 172.16.0.0/12"
        ) from None


def address(written: str) -> str:
    """An address of a server, without a slash at its end; its path may be a prefix."""
    url = _unquoted(_trimmed(written))
    if "@" in url:
        raise ValueError("has a user or a password in it, which would be sent in place of the key; leave them out")
    if not url.lower().startswith(("http://", "https://")):
        raise ValueError(f"must start with http:// or https://, not {url!r}")
    if any(character.isspace() for character in url):
        raise ValueError(f"has white space inside: {url!r}")
    try:
        parts = urlsplit(url)
        is_whole = bool((parts.hostname or "").encode("idna")) and parts.port != 0 and "…" not in url
    except ValueError:
        is_whole = False
    if not is_whole:
        raise ValueError(
            "has no host name, one that no server has, or a port that is not a number; write for example "
            "http://localhost:8080"
        )
    return f"{parts.scheme.lower()}://{parts.netloc}{parts.path.rstrip('/')}" + _rest(parts.query, parts.fragment)


def label_studio_address(written: str) -> str:
    """The address of Label Studio itself, not of one of its pages."""
    return _own_address(address(written), LABEL_STUDIO_PAGE, "Label Studio's")


def backend_address(written: str) -> str:
    """The address of this backend itself, not of one of its routes."""
    return _own_address(address(written), BACKEND_PAGE, "the backend's")


def _own_address(url: str, page: re.Pattern[str], whose: str) -> str:
    parts = urlsplit(url)
    below = page.search(parts.path)
    if below is not None or parts.query or parts.fragment:
        path = parts.path if below is None else parts.path[: below.start()]
        own = f"{parts.scheme}://{parts.netloc}{path}"
        rest = parts.path.removeprefix(path) + ("?…" if parts.query else "") + ("#…" if parts.fragment else "")
        raise ValueError(f"{own}{rest} is an address below {whose} own; set it to {own}")
    return url


def _rest(query: str, fragment: str) -> str:
    return (f"?{query}" if query else "") + (f"#{fragment}" if fragment else "")


def _trimmed(written: str) -> str:
    return written.strip(INVISIBLE + " \t\r\n\v\f\u00a0\u2028\u2029\u0085").strip()


def _is_placeholder(word: str) -> bool:
    return bool(PLACEHOLDER.match(word))


def _is_no_secret(word: str) -> bool:
    return _is_placeholder(word) or word.lower() in COMMON_WORDS


def _unquoted(word: str) -> str:
    if len(word) > 1 and word[0] in QUOTES and word[-1] in QUOTES:
        raise ValueError("is in quotes, which would be part of it; write it without them")
    return word


def _printable(word: str, wrong: str) -> str:
    for place, character in enumerate(word, start=1):
        if not " " <= character <= "~":
            raise ValueError(f"has {wrong}, at place {place} of {len(word)}; copy it again")
    return word
