"""What cannot be used at the start is named in one sentence with its remedy, by every command, without a traceback."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ml_backend.cli import app
from ml_backend.commands import doctor
from ml_backend.commands.checks import Check
from ml_backend.commands.demo.label_studio_process import free_port
from ml_backend.settings import variables
from ml_backend.worker import start

NOBODY = "127.0.0.1:9"
"""Nothing listens there."""
SERVE, WORKER, CONNECT, DOCTOR = ["serve", "--no-worker"], ["worker"], ["connect", "3"], ["doctor"]
EXPORT, BACKUP = ["export", "3", "FOLDER"], ["backup", "FILE"]
EVERY = [SERVE, WORKER, CONNECT, DOCTOR, EXPORT, BACKUP]

CAUSES: list[tuple[dict[str, str], str, list[list[str]]]] = [
    ({"MODEL_DIR": "/dev/null/data"}, "MODEL_DIR", [SERVE, WORKER, CONNECT, EXPORT, BACKUP]),
    ({"MODEL_DIR": "/proc/self"}, "MODEL_DIR", [SERVE, WORKER, CONNECT, EXPORT]),
    ({"MODEL_DIR": "/proc/self", "DATABASE_URL": "sqlite:///FOLDER/a.db"}, "MODEL_DIR", [SERVE, WORKER]),
    ({"DATABASE_URL": "sqlite:////dev/null/data/a.db"}, "DATABASE_URL", [SERVE, WORKER, CONNECT, EXPORT, BACKUP]),
    ({"DATABASE_URL": "sqlite:////proc/self/a.db"}, "DATABASE_URL", [SERVE, WORKER, CONNECT, EXPORT]),
    ({"DATABASE_URL": f"sqlite:///{__file__}"}, "DATABASE_URL", [SERVE, WORKER, CONNECT, EXPORT]),
    ({"DATABASE_URL": "nonsense"}, "DATABASE_URL", [SERVE, WORKER, CONNECT, EXPORT, BACKUP]),
    ({"DATABASE_URL": "mysql://h/d"}, "DATABASE_URL", [SERVE, WORKER, CONNECT, EXPORT, BACKUP]),
    ({"DATABASE_URL": f"postgresql://u:hidden@{NOBODY}/d"}, "DATABASE_URL", [SERVE, WORKER, CONNECT, EXPORT]),
    ({"REDIS_URL": "http://host"}, "REDIS_URL", [SERVE, WORKER]),
    ({"REDIS_URL": f"redis://:hidden@{NOBODY}/0"}, "REDIS_URL", [SERVE, WORKER]),
    ({"LABEL_STUDIO_URL": "studio"}, "LABEL_STUDIO_URL", EVERY),
    ({"LABEL_STUDIO_URL": f"http://{NOBODY}"}, "LABEL_STUDIO_URL", [CONNECT]),
    ({"PORT": "many"}, "PORT", EVERY),
    ({"LOG_FORMAT": "xml"}, "LOG_FORMAT", EVERY),
    ({"HOST": "192.0.2.1"}, "HOST", [SERVE]),
    ({"EMBEDDING_MODEL": "tfidf"}, "EMBEDDING_MODEL: the embedding 'tfidf' is made for a fixed list of texts", EVERY),
    ({"EMBEDDING_MODEL": "vectors.npy"}, "choose minilm or a model of the hub", [SERVE, WORKER]),
    ({"EMBEDDING_MODEL": "minilmm"}, "EMBEDDING_MODEL: unknown embedding model 'minilmm'; known: minilm,", EVERY),
    (
        {"EMBEDDING_MODEL": "minilm:layer9"},
        "EMBEDDING_MODEL: embedding 'minilm:layer9' has the unknown",
        [SERVE, WORKER],
    ),
]
CASES = [
    pytest.param(environment, named, command, id=f"{command[0]} {' '.join(f'{n}={v}' for n, v in environment.items())}")
    for environment, named, commands in CAUSES
    for command in commands
]


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in variables():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MODEL_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", "0" * 40)
    # Services of somebody's own may run at the usual addresses.
    monkeypatch.setenv("PORT", str(free_port(0)))
    monkeypatch.setenv("LABEL_STUDIO_URL", f"http://{NOBODY}")
    monkeypatch.setattr(start, "PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(doctor, "_check_model", lambda _settings: Check("embedding model", True, "not loaded"))


@pytest.fixture
def occupied() -> Iterator[int]:
    """A port at which something listens."""
    with socket.create_server(("0.0.0.0", 0)) as listening:
        yield int(listening.getsockname()[1])


def run(command: list[str], tmp_path: Path) -> tuple[int, str]:
    """Exit status and output; an error that a command does not handle is raised."""
    names = {"FOLDER": str(tmp_path / "export"), "FILE": str(tmp_path / "copy.db")}
    done = CliRunner().invoke(app, [names.get(word, word) for word in command])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, " ".join(done.output.split())


@pytest.mark.parametrize(("environment", "named", "command"), CASES)
def test_a_command_names_what_cannot_be_used_and_exits_with_2(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, environment: dict[str, str], named: str, command: list[str]
):
    for name, value in environment.items():
        monkeypatch.setenv(name, value.replace("FOLDER", str(tmp_path)))
    status, said = run(command, tmp_path)
    assert (status, said.count("✗")) == (2, 1)
    assert named in said
    assert "hidden" not in said
    assert "Traceback" not in said


def test_a_port_in_use_is_named_before_anything_else_is_started(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, occupied: int
):
    monkeypatch.setenv("PORT", str(occupied))
    status, said = run(SERVE, tmp_path)
    assert status == 2
    assert f"PORT {occupied} is in use" in said
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("variable", "value", "check"),
    [
        ("DATABASE_URL", f"postgresql://u:hidden@{NOBODY}/d", "database"),
        ("DATABASE_URL", "sqlite:////proc/self/a.db", "database"),
        ("REDIS_URL", "http://host", "queue"),
        ("REDIS_URL", f"redis://:hidden@{NOBODY}/0", "queue"),
        ("MODEL_DIR", "/proc/self", "queue"),
        ("MIN_FREE_DISK_MB", str(10**9), "disk"),
        ("LABEL_STUDIO_URL", f"http://{NOBODY}", "Label Studio"),
    ],
)
def test_doctor_goes_on_to_the_other_checks_and_exits_with_1(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str, value: str, check: str
):
    monkeypatch.setenv(variable, value)
    status, said = run(DOCTOR, tmp_path)
    assert status == 1
    assert f"✗ {check}:" in said
    assert "embedding model" in said
    assert "hidden" not in said


@pytest.mark.parametrize(
    ("variable", "value", "waits_for"),
    [
        ("DATABASE_URL", f"postgresql://u@{NOBODY}/d", "the database"),
        ("REDIS_URL", f"redis://{NOBODY}/0", "Redis"),
    ],
)
def test_a_start_waits_for_servers_that_are_not_up_yet(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    variable: str,
    value: str,
    waits_for: str,
):
    monkeypatch.setenv(variable, value)
    monkeypatch.setattr(start, "PATIENCE_SECONDS", 1.5)
    assert run(WORKER, tmp_path)[0] == 2
    assert f"waiting for {waits_for}" in caplog.text
