"""The address at which the server listens."""

from __future__ import annotations

import pytest
from gunicorn.config import Config

from ml_backend.web.serving.listening import bind_address


@pytest.mark.parametrize("host", ["0.0.0.0", "localhost", "::", "::1"])
def test_gunicorn_reads_the_host_and_the_port_also_of_ipv6(host: str):
    config = Config()
    config.set("bind", bind_address(host, 9090))
    assert config.address == [(host, 9090)]
