"""An HTTPS server on this machine, with a certificate made for the test."""

from __future__ import annotations

import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def certificate(folder: Path, host: str, days: int = 2) -> Path:
    """A PEM file with a self-signed certificate for a host, and its key; days: until it expires."""
    file, request = folder / f"{host}{days}.pem", folder / "request"
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(file)]
    _openssl("req", "-new", *key, "-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}", "-out", str(request))
    signed = ["-req", "-in", str(request), "-signkey", str(file), "-days", str(days), "-copy_extensions", "copyall"]
    file.write_text(file.read_text() + _openssl("x509", *signed))
    return file


def _openssl(*arguments: str) -> str:
    return subprocess.run(["openssl", *arguments], check=True, capture_output=True, text=True).stdout


@contextmanager
def https_server(certificate_file: Path, body: bytes = b"{}") -> Iterator[str]:
    """Answer every request with the body until the block ends; yields the address, by the name localhost."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """A client that does not trust the certificate hangs up."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate_file)
    http = Server(("127.0.0.1", 0), Handler)
    http.socket = context.wrap_socket(http.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield f"https://localhost:{http.server_port}"
    finally:
        http.shutdown()
        http.server_close()
