"""A server in the process of a test, for pages that a browser opens."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def page_server(
    app: WSGIApplication, host: str = "localhost", port: int = 0, handler: type[WSGIRequestHandler] | None = None
) -> BaseWSGIServer:
    """A server that answers requests at the same time; port 0: any free one."""
    return make_server(host, port, whole_answers(app), threaded=True, request_handler=handler)


def whole_answers(app: WSGIApplication) -> Any:
    """The same application, whose files are closed before their answers are sent.

    This server leaves files open if the browser hangs up meanwhile, as it does when it goes on to another page.
    """

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        content = app(environ, start_response)
        try:
            return [b"".join(content)]
        finally:
            if hasattr(content, "close"):
                content.close()

    return answer
