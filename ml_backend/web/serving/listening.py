"""Whether the server can listen at its address, found out before anything else is started."""

from __future__ import annotations

import errno
import socket

from ml_backend.settings import Settings, SettingsError


def check_address(settings: Settings) -> None:
    """Open and close the port. Raises SettingsError, which names HOST or PORT and what to do."""
    host, port = settings.host, settings.port
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        socket.create_server(address[:2], family=family).close()
    except OSError as problem:
        if problem.errno == errno.EADDRINUSE:
            message = f"PORT {port} is in use by another program: stop that program, or set PORT to another number"
        elif problem.errno == errno.EACCES:
            message = f"PORT {port} is not allowed for this user: set PORT to a number above 1023"
        else:
            message = f"HOST {host!r} is no address of this machine ({problem.strerror}): set HOST to 0.0.0.0"
        raise SettingsError(message) from None


def bind_address(host: str, port: int) -> str:
    """Host and port as gunicorn reads them; an IPv6 address stands in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
