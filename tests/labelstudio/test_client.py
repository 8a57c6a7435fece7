"""What an answer says of a project: a proxy's 404 is not Label Studio's."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from ml_backend.labelstudio.client import LabelStudio, LabelStudioUnavailable, ProjectGone

Answer = Callable[[str], tuple[int, str]]


@pytest.fixture
def serve() -> Iterator[Callable[[Answer], LabelStudio]]:
    """Makes a client of a server that answers so to each path."""
    open_: list[tuple[ThreadingHTTPServer, LabelStudio]] = []

    def make(answer: Answer) -> LabelStudio:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, body = answer(self.path)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        client = LabelStudio(f"http://127.0.0.1:{server.server_port}", "legacy-token-of-forty-characters-00000000")
        open_.append((server, client))
        return client

    yield make
    for server, client in open_:
        client.close()
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("status", [403, 404])
def test_only_label_studio_itself_can_say_that_a_project_is_gone(serve: Callable[[Answer], LabelStudio], status: int):
    own = json.dumps({"id": "8e2", "status_code": status, "version": "1.23.2", "detail": "Not found."})
    with pytest.raises(ProjectGone, match="Not found"):
        serve(lambda _: (status, own)).project(3)
    for proxy in ("404 page not found", "<html>403 Forbidden</html>", '"gone"'):
        with pytest.raises(LabelStudioUnavailable, match="not Label Studio"):
            serve(lambda _, body=proxy: (status, body)).project(3)


def test_many_ids_are_asked_for_in_addresses_that_servers_take_and_links_stay_links(
    serve: Callable[[Answer], LabelStudio],
):
    asked: list[str] = []

    def answer(path: str) -> tuple[int, str]:
        asked.append(path)
        query = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
        assert query["resolve_uri"] == "false"
        ids = json.loads(query["query"])["filters"]["items"][0]["value"]
        return 200, json.dumps({"tasks": [{"id": i, "data": {"text": "s3://b/x"}, "updated_at": ""} for i in ids]})

    found = serve(answer).tasks_by_id(3, range(1_000_000, 1_001_000))
    assert [task.id for task in found] == list(range(1_000_000, 1_001_000))
    assert max(len(path) for path in asked) < 8000
