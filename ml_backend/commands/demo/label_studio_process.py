"""The Label Studio of the demo: installed from PyPI into a virtual environment, and set up without a browser."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from ml_backend.labelstudio.prediction_writer import FAST_IMPORT

VERSION = "1.23.2"
START_SECONDS = 400.0

LOCAL_BACKENDS_ALLOWED = {"ML_BLOCK_LOCAL_IP": "false", "SSRF_PROTECTION_ENABLED": "false"}
"""Without these Label Studio refuses to call a backend on this machine."""
FOREIGN_PREFIXES = ("LABEL_STUDIO_", "HEARTEX_", "DJANGO_", "POSTGRE_", "DATABASE_", "HOST")
"""Prefixes of variables that may be set for a backend or another Label Studio, such as its address or database."""


class StartFailed(RuntimeError):
    """A process did not start, or could not be installed; the message holds the end of its log, or the remedy."""


def installed(venv: Path) -> Path:
    """The `label-studio` command of a virtual environment; Label Studio is installed if it is missing.

    Label Studio needs other versions of some packages than the backend, so each has its own environment. The variable
    UV names the program uv, which installs faster than pip; `uv run` sets it. Raises StartFailed if Label Studio cannot
    be installed.
    """
    command = venv / "bin" / "label-studio"
    if not (venv / f".label-studio-{VERSION}").exists():
        try:
            for command_line in _installation(venv, os.environ.get("UV")):
                subprocess.run(command_line, check=True)
        except (subprocess.CalledProcessError, OSError) as problem:
            raise StartFailed(
                f"Label Studio {VERSION} could not be installed into {venv}: {problem}. Its output is above. "
                "The installation needs access to a package index and 1 GB of disk; try again when it has both."
            ) from None
        (venv / f".label-studio-{VERSION}").touch()
    return command


def _installation(venv: Path, uv: str | None) -> list[list[str]]:
    """The commands that make the environment and install Label Studio into it."""
    package, python = f"label-studio=={VERSION}", str(venv / "bin" / "python")
    if uv:
        return [
            [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(venv)],
            [uv, "pip", "install", "--quiet", "--python", python, package],
        ]
    # Most modules of Label Studio's packages are never imported, so that compiling them all would be in vain.
    pip = [python, "-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check"]
    return [[sys.executable, "-m", "venv", str(venv)], [*pip, package]]


@dataclass
class LabelStudioProcess:
    """One running Label Studio.

    command: the `label-studio` program; folder: of its data; port: on which it listens; username, password, token: of
    its first user; environment: further variables for it.
    """

    command: Path
    folder: Path
    port: int
    username: str = "demo@example.com"
    password: str = "demo-password"
    token: str = "0123456789abcdef0123456789abcdef01234567"
    environment: dict[str, str] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address on this machine."""
        return f"http://localhost:{self.port}"

    @property
    def log(self) -> Path:
        """The file of its log."""
        return self.folder / "label-studio.log"

    def start(self, seconds: float = START_SECONDS) -> None:
        """Start it and wait until it responds. Raises StartFailed with the end of its log."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._arguments(),
                env=self._environment(),
                cwd=self.folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        wait_until_up(f"http://127.0.0.1:{self.port}/health", self._process, self.log, seconds)

    def stop(self) -> None:
        """Stop it and all processes that it started."""
        if self._process is not None:
            stop_group(self._process)
            self._process = None

    def sign_up(self, username: str, password: str) -> str:
        """The key of a further user of the organization, who is made by the sign-up form if there is none yet.

        Raises httpx.HTTPError.
        """
        with httpx.Client(base_url=self.url, follow_redirects=True, timeout=60) as browser:
            for form_path in ("/user/signup/", "/user/login/"):
                page = browser.get(form_path).text
                token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
                if token is None:
                    break  # signing up also logs in
                form = {"csrfmiddlewaretoken": token.group(1), "email": username, "password": password}
                browser.post(form_path, data=form, headers={"Referer": self.url + form_path})
            return str(browser.get("/api/current-user/token").raise_for_status().json()["token"])

    def _arguments(self) -> list[str]:
        options = {
            "--port": str(self.port),
            "--internal-host": "127.0.0.1",
            "--username": self.username,
            "--password": self.password,
            "--user-token": self.token,
        }
        return [str(self.command), "start", "--no-browser", *(word for pair in options.items() for word in pair)]

    def _environment(self) -> dict[str, str]:
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith(FOREIGN_PREFIXES)},
            "LABEL_STUDIO_BASE_DATA_DIR": str(self.folder),
            "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
            "COLLECT_ANALYTICS": "false",
            "SENTRY_DSN": "",
            "FRONTEND_SENTRY_DSN": "",
            "LATEST_VERSION_CHECK": "false",
            FAST_IMPORT: "true",
            **LOCAL_BACKENDS_ALLOWED,
            **self.environment,
        }


def wait_until_up(url: str, process: subprocess.Popen[bytes], log: Path, seconds: float) -> None:
    """Wait until GET requests to `url` return status 200.

    log: file that the process writes to. Raises StartFailed, with the end of the log, if the process ends or does not
    respond within `seconds`; it is stopped then.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=2) as response:
                if response.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            pass
        time.sleep(0.2)
    exit_status = process.poll()
    stop_group(process)
    tail = log.read_text(errors="replace")[-3000:] if log.exists() else ""
    outcome = (
        f"ended with status {exit_status}" if exit_status is not None else f"did not respond within {seconds:.0f} s"
    )
    raise StartFailed(f"the process that should serve {url} {outcome}. The end of {log}:\n{tail}")


def stop_group(process: subprocess.Popen[bytes], seconds: float = 15.0) -> None:
    """Stop a process that leads its own group, and the group with it: SIGTERM first, SIGKILL after `seconds`."""
    for signal_number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, signal_number)
        except ProcessLookupError:
            break
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            continue
        break
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def free_port(preferred: int) -> int:
    """The preferred port if it is free, otherwise any free port. Raises StartFailed if none is free."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise StartFailed("no port of this machine is free: end other programs that listen on ports, and try again")
