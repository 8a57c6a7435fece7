"""The demo ignores the shell's variables, and reports failures in sentences."""

from __future__ import annotations

import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from rich.console import Console

from ml_backend.commands.demo import run
from ml_backend.commands.demo.backend_process import BackendProcess
from ml_backend.commands.demo.label_studio_process import LabelStudioProcess, StartFailed, installed
from ml_backend.commands.demo.messages import messages
from ml_backend.settings import load_settings

SHELL_VARIABLES = {
    "LABEL_STUDIO_HOST": "http://production:8080",
    "BASIC_AUTH_USER": "ann",
    "BASIC_AUTH_PASS": "secret",
    "DATABASE_URL": "postgresql://u:p@production/db",
    "REDIS_URL": "redis://production",
    "WEBHOOK_SECRET": "secret",
    "BACKEND_URL": "http://production:9090",
    "EMBEDDING_MODEL": "BAAI/bge-m3",
    "POSTGRE_HOST": "production",
    "DJANGO_DB": "default",
}


@pytest.fixture(autouse=True)
def _shell(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SHELL_VARIABLES.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def backend(tmp_path: Path) -> BackendProcess:
    return BackendProcess(tmp_path, 9999, "http://localhost:8888", "key")


def test_settings_in_the_shell_do_not_reach_the_demos_backend(backend: BackendProcess, monkeypatch: pytest.MonkeyPatch):
    in_our_process = backend.own_settings
    for name, value in backend.settings.items():
        monkeypatch.setenv(name, value)
    in_its_process = load_settings()
    assert in_its_process == in_our_process
    assert in_its_process.database_url == f"sqlite:///{backend.folder}/active_learning.db"
    assert in_its_process.label_studio_url == "http://localhost:8888"
    assert (in_its_process.basic_auth, in_its_process.redis_url, in_its_process.embedding_model) == (
        None,
        None,
        "minilm",
    )


def test_variables_of_another_label_studio_do_not_reach_the_demos(tmp_path: Path):
    script = tmp_path / "label-studio"
    script.write_text(f"#!{sys.executable}\nimport os\nprint(sorted(os.environ))\n")
    script.chmod(0o755)
    process = LabelStudioProcess(script, tmp_path / "data", 9998)
    with pytest.raises(StartFailed) as ended:
        process.start()
    message = str(ended.value)
    assert "'PATH'" in message
    assert "'LABEL_STUDIO_BASE_DATA_DIR'" in message
    assert not any(f"'{name}'" in message for name in ("LABEL_STUDIO_HOST", "POSTGRE_HOST", "DJANGO_DB"))


def test_a_failed_installation_is_reported_in_a_sentence_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def fails(command: list[str], **_: Any) -> None:
        if "pip" in command:
            raise subprocess.CalledProcessError(1, command)

    monkeypatch.setattr(subprocess, "run", fails)
    with pytest.raises(StartFailed, match=r"could not be installed into .*access to a package index"):
        installed(tmp_path)
    assert list(tmp_path.iterdir()) == [], "the next start tries again"


def test_an_error_status_is_reported_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def unauthorized(_: Path) -> Path:
        request = httpx.Request("GET", "http://localhost:9090/projects/1/status")
        raise httpx.HTTPStatusError("401 UNAUTHORIZED", request=request, response=httpx.Response(401, request=request))

    monkeypatch.setattr(run, "installed", unauthorized)
    console = Console(file=StringIO(), record=True, width=200)
    assert run.run_demo(console, tmp_path, tmp_path, check=False) == 1
    assert "unexpected response (HTTPStatusError: 401 UNAUTHORIZED)" in console.export_text()


def test_the_help_of_demo_says_how_many_messages_there_are():
    from ml_backend.cli.service import demo

    assert f"{len(messages()) - run.HELD_BACK} customer messages" in (demo.__doc__ or "")
