"""Random requests to all routes: valid bodies that are mutated, and junk."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

CONFIG = (
    '<View><Text name="message" value="$text"/><Choices name="topic" toName="message">'
    '<Choice value="bug"/><Choice value="praise"/></Choices></View>'
)
IDS: list[Any] = [0, -1, 1, 2, 2**31, 2**53 + 1, 2**63 - 2, 2**63 - 1, 2**63, 2**64, 10**30]
STRINGS = ["", " ", "x", "7", "3.1795470497", "null", "\x00", "a\x00b", "\ud800", "\udfff\ud800", "😀", "\u2028", "٣"]
STRINGS += ["ä" * 50, "x" * 400, "9" * 5000, "<" * 300, "<!--" * 60, "%s%n{}", "../../etc/passwd", "minilm", CONFIG]
STRINGS += ["<View>" * 300 + "</View>" * 300, CONFIG.replace("bug", "\u0085"), CONFIG.replace("$text", "$a.b[0]")]
SCALARS: list[Any] = [None, True, False, 0.0, -0.0, 1.5, 1e308, 1e-320, float("nan"), float("inf"), float("-inf")]
JUNK = [b"", b" ", b"\x00", b"\xff\xfe", b"{", b"[]", b"null", b"1" * 5000, b"[" * 100_000, b'{"a":' * 20_000, b"NaN"]
JUNK += [b'{"project": 1, "project": 2, "tasks": [], "tasks": {}}', b'"\\ud800"', b"\xef\xbb\xbf{}", b"a=1&b=2", b"-"]
TYPES = [
    "application/json",
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "",
    "x",
]
TYPES += ["application/json; charset=utf-16", "application/json; charset=nonsense", "multipart/form-data", "*/*"]
ACCEPTS = ["*/*", "text/html", "application/json", "", "text/html;q=x", "a/b;q=1e999,text/html", "\xff", ",,;;=="]
ENCODINGS = ["utf-8", "utf-8", "utf-8", "utf-8", "utf-16", "utf-32", "latin-1", "utf-8-sig"]
ACTIONS = ["ANNOTATION_CREATED", "ANNOTATIONS_CREATED", "ANNOTATION_UPDATED", "ANNOTATIONS_DELETED", "TASKS_CREATED"]
ACTIONS += ["TASKS_DELETED", "PROJECT_UPDATED", "PROJECT_DELETED", "PROJECT_CREATED", "START_TRAINING", "SOMETHING"]
STRATEGIES = ["badge", "margin", "random", "typiclust", "nonsense"]


@dataclass(frozen=True)
class RandomRequest:
    """A request as a test client sends it."""

    method: str
    path: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


class RandomRequests:
    """A seeded stream of requests.

    project_id: a connected project, at which most requests are directed; key: of Label Studio, for its settings.
    """

    def __init__(self, seed: int, project_id: int, key: str) -> None:
        self._rng = random.Random(seed)
        self._project_id = project_id
        self._key = key

    def next(self) -> RandomRequest:
        """The next request."""
        rng = self._rng
        method, path, valid = rng.choice(self._routes())
        body = b"" if valid is None and rng.random() < 0.9 else self._body(valid() if valid else {})
        headers = {"Content-Type": rng.choice(TYPES) if rng.random() < 0.2 else TYPES[0]}
        headers["Accept"] = rng.choice(ACCEPTS) if rng.random() < 0.3 else rng.choice(ACCEPTS[:3])
        if "settings" in path and rng.random() < 0.95:
            headers["Authorization"] = f"Token {self._key}"
        elif rng.random() < 0.1:
            headers["Authorization"] = rng.choice(["Basic", "Basic x", "Basic w6Q6w6Q=", "Token \xff", "Bearer "])
        if rng.random() < 0.02:
            headers["Host"] = rng.choice(["x", "x:99999", "[::1", "a b", "\xff", "x/y", "localhost:9090"])
        if rng.random() < 0.02:
            method = rng.choice(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
        return RandomRequest(method, path + self._query(), body, headers)

    def _routes(self) -> list[tuple[str, str, Callable[[], Any] | None]]:
        project = self._project_in_path()
        return [
            *[("POST", "/predict", self._predict)] * 4,
            *[("POST", "/setup", self._setup)] * 4,
            *[("POST", "/webhook", self._webhook)] * 4,
            *[("PATCH", f"/projects/{project}/settings", self._settings)] * 4,
            ("GET", f"/projects/{project}/settings", None),
            ("GET", f"/projects/{project}/status", None),
            ("GET", f"/projects/{project}", None),
            ("POST", "/validate", lambda: {"config": self._config()}),
            ("POST", "/delete", lambda: {"project": self._project()}),
            ("POST", "/duplicate_model", dict),
            ("POST", "/job_status", dict),
            ("GET", "/versions", None),
            (
                "GET",
                self._rng.choice(["/metrics", "/projects", "/", "/health", "/static/page.js", "/static/../x"]),
                None,
            ),
        ]

    def _project_in_path(self) -> str:
        if self._rng.random() < 0.85:
            return str(self._project_id)
        return quote(self._text(str(self._rng.choice(IDS)), odd=0.5), errors="replace")

    def _query(self) -> str:
        if self._rng.random() < 0.8:
            return ""
        value = quote(self._text(str(self._rng.choice(IDS)), odd=0.5), errors="replace")
        return self._rng.choice([f"?project={value}", "?project=%ff%00", "?", "?a&&=;=", f"?x={value}", "?project="])

    def _project(self) -> Any:
        number = self._rng.choice([*[self._project_id] * 9, *IDS])
        return self._rng.choice([number, str(number), f"{number}.1795470497", {"id": number, "title": self._text("t")}])

    def _text(self, usual: str, odd: float = 0.2) -> str:
        return self._rng.choice(STRINGS) if self._rng.random() < odd else usual

    def _config(self) -> str:
        return self._text(CONFIG)

    def _predict(self) -> Any:
        tasks = [{"id": i, "data": {"text": self._text("the app crashes")}} for i in range(self._rng.randrange(3))]
        return {"project": self._project(), "tasks": tasks, "label_config": CONFIG, "params": {"context": None}}

    def _setup(self) -> Any:
        params: Any = self._settings() if self._rng.random() < 0.5 else None
        if self._rng.random() < 0.3:
            params = json.dumps(params)
        return {"project": self._project(), "schema": self._config(), "hostname": "http://h", "extra_params": params}

    def _webhook(self) -> Any:
        rng, project = self._rng, self._project()
        item: dict[str, Any] = {"id": rng.choice([1, 5, *IDS]), "task": rng.choice([1, {"id": 2}, *IDS]), "result": []}
        body = {"action": rng.choice(ACTIONS), "project": project, rng.choice(["annotation", "tasks"]): item}
        return body | {"annotations": [item, {"id": 9}]} if rng.random() < 0.5 else body

    def _settings(self) -> Any:
        rng = self._rng
        valid = {
            "strategy": rng.choice(STRATEGIES),
            "initial": rng.choice(["typiclust", "random", "x"]),
            "batch_size": rng.choice([1, 20, 1000, 1001, *IDS]),
            "retrain_every": rng.choice([1, 5, *IDS]),
            "random_share": rng.choice([0, 0.5, 1, *SCALARS]),
            "subpool": rng.choice([None, 1, *IDS]),
            "balance": rng.choice([None, 1, 100, *IDS]),
            "embedding_model": self._text("minilm"),
            "text_fields": rng.choice([None, ["text"], [self._text("a")] * 3, []]),
            "control": rng.choice([None, "topic", self._text("x")]),
            "seed": rng.choice([0, 1, *IDS]),
        }
        return {name: valid[name] for name in rng.sample(sorted(valid), rng.randrange(1, 4))}

    def _body(self, valid: Any) -> bytes:
        rng = self._rng
        if rng.random() < 0.05:
            return rng.choice([*JUNK, rng.randbytes(rng.randrange(200))])
        value = valid
        for _ in range(rng.choice([0, 0, 1, 1, 2, 5])):
            value = self._mutated(value)
        try:
            written = json.dumps(value, ensure_ascii=rng.random() < 0.5)
        except RecursionError:
            return b"[" * 2000
        encoding = rng.choice(ENCODINGS)
        content = written.encode(encoding, "replace" if encoding == "latin-1" else "surrogatepass")
        if rng.random() < 0.05:
            at = rng.randrange(len(content) + 1)
            content = rng.choice([content[:at], content[:at] + rng.randbytes(2) + content[at:], content * 2])
        return content

    def _mutated(self, value: Any) -> Any:
        """The value with one part of it replaced, removed, renamed, repeated or wrapped."""
        rng = self._rng
        if isinstance(value, dict) and value and rng.random() < 0.8:
            name = rng.choice(list(value))
            kind = rng.random()
            if kind < 0.1:
                return {n: v for n, v in value.items() if n != name}
            if kind < 0.2:
                return value | {self._text("new", odd=0.8): self._odd()}
            return value | {name: self._mutated(value[name])}
        if isinstance(value, list) and value and rng.random() < 0.8:
            at = rng.randrange(len(value))
            return [*value[:at], self._mutated(value[at]), *value[at + rng.randrange(2) :]]
        return self._odd(value)

    def _odd(self, value: Any = None) -> Any:
        rng = self._rng
        kind = rng.random()
        if kind < 0.02:
            deep: Any = value
            for _ in range(rng.choice([50, 400, 900])):
                deep = [deep] if rng.random() < 0.5 else {"a": deep}
            return deep
        if kind < 0.2:
            return rng.choice([[value], {"id": value}, [], {}, [[]], {"": {}}, [None, {}], [value] * 50])
        return rng.choice(rng.choice([IDS, STRINGS, SCALARS]))
