"""Mistakes in docker-compose.yml, Dockerfile and .env.example that can be found without a container engine."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

from ml_backend.commands.demo.label_studio_process import LOCAL_BACKENDS_ALLOWED
from ml_backend.labelstudio.prediction_writer import FAST_IMPORT
from ml_backend.settings import Settings

ROOT = Path(__file__).parents[1]
COMPOSE_TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
OURS = [name for name, service in SERVICES.items() if "build" in service]
VARIABLE = re.compile(r"\$\{(\w+)(:[?-])?([^}]*)\}")


def instructions() -> list[tuple[str, str]]:
    """(instruction, arguments) of the Dockerfile, continued lines joined."""
    joined = re.sub(r"\\\n", " ", DOCKERFILE)
    lines = (line.strip() for line in joined.splitlines())
    split = (line.split(" ", 1) for line in lines if line and line[0] != "#")
    return [(instruction, arguments.strip()) for instruction, arguments in split]


def env_example() -> dict[str, str]:
    lines = (ROOT / ".env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_all_services_are_defined():
    assert set(SERVICES) == {"label-studio", "backend", "worker", "postgres", "redis"}
    allowed = {"services", "volumes", "configs"}
    assert {key for key in COMPOSE if not key.startswith("x-")} <= allowed
    assert set(OURS) == {"backend", "worker"}


def test_the_example_explains_exactly_the_variables_that_are_used():
    used = {name: how for name, how, _ in VARIABLE.findall(COMPOSE_TEXT)}
    assert set(used) == set(env_example())
    assert all(how in {":?", ":-"} for how in used.values()), "a missing variable must not become an empty string"


def test_secrets_come_from_the_environment_and_the_example_holds_none():
    secret = re.compile(r"PASS|KEY|TOKEN|SECRET")
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            if secret.search(variable) and value not in {"true", "false"}:
                assert VARIABLE.search(str(value)), f"{name} has {variable} written down"
    assert all(value.startswith("change-me") for name, value in env_example().items() if secret.search(name))


def test_every_service_has_a_health_check():
    has_check = {name for name, service in SERVICES.items() if service.get("healthcheck", {}).get("test")}
    assert any(head == "HEALTHCHECK" for head, _ in instructions())
    has_check |= {name for name in OURS if not service_disabled(name)}
    assert set(SERVICES) == has_check
    assert SERVICES["worker"]["healthcheck"]["test"][:4] == ["CMD", *SERVICES["worker"]["command"][:3]]
    for name, service in SERVICES.items():
        assert service["restart"] == "unless-stopped", name
        for needed, how in service.get("depends_on", {}).items():
            assert how == {"condition": "service_healthy"}, name
            assert needed in has_check


def service_disabled(name: str) -> bool:
    return bool(SERVICES[name].get("healthcheck", {}).get("disable"))


def test_data_is_in_named_volumes_all_of_them_used():
    mounted = [volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])]
    assert set(mounted) == set(COMPOSE["volumes"])
    assert all(service.get("volumes") for service in SERVICES.values())


def test_our_services_environment_has_only_existing_settings(monkeypatch: pytest.MonkeyPatch):
    for name in OURS:
        environment = SERVICES[name]["environment"]
        assert set(environment) <= {field.upper() for field in Settings.model_fields}
        for variable, value in environment.items():
            monkeypatch.setenv(variable, VARIABLE.sub(lambda m: m[3] if m[2] == ":-" else "x", str(value)))
        settings = Settings()
        assert settings.basic_auth_on
        assert settings.redis_url
        assert settings.backend_url == f"http://backend:{settings.port}"
        assert settings.label_studio_public_url == "http://localhost:8080"
        assert settings.database_url.startswith("postgresql://")
        assert str(settings.model_dir) in {v.split(":")[1] for v in SERVICES[name]["volumes"]}


def test_both_databases_are_created():
    made = COMPOSE["configs"]["second-database"]["content"]
    assert f"CREATE DATABASE {SERVICES['backend']['environment']['DATABASE_URL'].rpartition('/')[2]};" == made
    postgres, label_studio = SERVICES["postgres"], SERVICES["label-studio"]["environment"]
    assert postgres["environment"]["POSTGRES_DB"] == label_studio["POSTGRE_NAME"]
    assert postgres["environment"]["POSTGRES_PASSWORD"] == label_studio["POSTGRE_PASSWORD"]
    assert postgres["configs"][0]["target"].startswith("/docker-entrypoint-initdb.d/")


def test_label_studio_may_call_the_backend_and_imports_quickly():
    environment = SERVICES["label-studio"]["environment"]
    assert {**LOCAL_BACKENDS_ALLOWED, FAST_IMPORT: "true"}.items() <= environment.items()
    assert environment["LABEL_STUDIO_USER_TOKEN"] == SERVICES["backend"]["environment"]["LABEL_STUDIO_API_KEY"]
    assert environment["LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN"] == "true"


def test_the_image_runs_as_an_ordinary_user_and_listens_where_compose_says():
    users = [arguments for instruction, arguments in instructions() if instruction == "USER"]
    assert users
    assert users[-1] not in {"root", "0"}
    assert f"useradd --create-home --uid 10001 {users[-1]}" in DOCKERFILE
    port = Settings.model_fields["port"].default
    assert f"EXPOSE {port}" in DOCKERFILE
    assert f"PORT={port}" in DOCKERFILE
    assert SERVICES["backend"]["ports"] == [f"{port}:{port}"]


def test_files_copied_into_the_image_exist_and_are_sent_to_the_engine():
    rules = (ROOT / ".dockerignore").read_text().split()
    for instruction, arguments in instructions():
        if instruction != "COPY":
            continue
        for source in arguments.split()[:-1]:
            assert (ROOT / source).exists(), f"COPY {source}"
            matching = [rule for rule in rules if fnmatch(source, rule.lstrip("!"))]
            assert matching[-1].startswith("!"), f".dockerignore keeps {source} out"


def test_our_services_start_existing_commands():
    from ml_backend.cli import app

    commands = {command.callback.__name__ for command in app.registered_commands if command.callback}
    for name in OURS:
        python, *module, command = SERVICES[name]["command"][:4]
        assert (python, module) == ("python", ["-m", "ml_backend"])
        assert command in commands
    assert "--no-worker" in SERVICES["backend"]["command"]
