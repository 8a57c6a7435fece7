"""Mistakes in docker-compose.yml, Dockerfile and .env.example that can be found without a container engine."""

from __future__ import annotations

import re
import subprocess
from fnmatch import fnmatch
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from flask import Flask

from ml_backend.commands.demo.label_studio_process import LOCAL_BACKENDS_ALLOWED
from ml_backend.labelstudio.prediction_writer import FAST_IMPORT
from ml_backend.settings import Settings

ROOT = Path(__file__).parents[1]
COMPOSE_TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
CADDYFILE = (ROOT / "deploy" / "Caddyfile").read_text()
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
    assert set(SERVICES) == {"proxy", "label-studio", "backend", "worker", "postgres", "redis"}
    allowed = {"services", "volumes", "configs", "networks"}
    assert {key for key in COMPOSE if not key.startswith("x-")} <= allowed
    assert set(OURS) == {"backend", "worker"}


def test_the_example_explains_exactly_the_variables_that_are_used():
    used = {name: how for name, how, _ in VARIABLE.findall(COMPOSE_TEXT.replace("$$", ""))}
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
    mounted = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    files = {source for source in mounted if source.startswith("./")}
    assert mounted - files == set(COMPOSE["volumes"])
    assert all((ROOT / file).is_file() for file in files)
    assert all(service.get("volumes") for service in SERVICES.values())


def test_our_services_environment_has_only_existing_settings(monkeypatch: pytest.MonkeyPatch):
    for name in OURS:
        environment = SERVICES[name]["environment"]
        assert set(environment) - {"HF_HOME"} <= {field.upper() for field in Settings.model_fields}
        for variable, value in environment.items():
            monkeypatch.setenv(variable, VARIABLE.sub(lambda m: m[3] if m[2] == ":-" else "x" * 20, str(value)))
        settings = Settings()
        assert settings.basic_auth_on
        assert settings.redis_url
        assert settings.backend_url == f"http://backend:{settings.port}"
        assert settings.label_studio_public_url == "https://localhost"
        assert settings.database_url.startswith("postgresql://")
        assert str(settings.model_dir) in {v.split(":")[1] for v in SERVICES[name]["volumes"]}


def test_both_databases_are_created_each_with_an_owner_of_its_own():
    script = COMPOSE["configs"]["databases"]["content"].replace("$$", "$")
    subprocess.run(["sh", "-n"], input=script, text=True, check=True)
    address = urlsplit(SERVICES["backend"]["environment"]["DATABASE_URL"].replace(":?set it in .env", ""))
    label_studio = SERVICES["label-studio"]["environment"]
    assert address.username == address.path[1:] == "active_learning"
    assert label_studio["POSTGRE_USER"] == label_studio["POSTGRE_NAME"] == "label_studio"
    assert "for name in label_studio active_learning" in script
    passwords = set(re.findall(r"\$(\w*PASSWORD)", script))
    assert passwords <= set(SERVICES["postgres"]["environment"])
    assert SERVICES["postgres"]["configs"][0]["target"].startswith("/docker-entrypoint-initdb.d/")


def test_only_the_proxy_is_reached_from_outside():
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]
    assert {name for name, network in COMPOSE["networks"].items() if not network} == {"front", "outside"}
    assert all(network["internal"] for network in COMPOSE["networks"].values() if network)
    (subnet,) = COMPOSE["networks"]["pages"]["ipam"]["config"]
    assert SERVICES["backend"]["environment"]["TRUSTED_PROXIES"] == subnet["subnet"]
    members = {n: {s for s, service in SERVICES.items() if n in service["networks"]} for n in COMPOSE["networks"]}
    assert members == {
        "front": {"proxy"},
        "outside": {"label-studio", "worker"},
        "site": {"proxy", "label-studio"},
        "pages": {"proxy", "backend"},
        "studio": {"label-studio", "backend", "worker"},
        "database": {"label-studio", "backend", "worker", "postgres"},
        "queue": {"backend", "worker", "redis"},
    }


def test_no_container_can_gain_rights_and_all_but_label_studio_have_a_read_only_file_system():
    for name, service in SERVICES.items():
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["cap_drop"] == ["ALL"], name
        assert bool(service.get("read_only")) == (name != "label-studio"), name


def test_images_are_pinned_to_one_release():
    images = [service["image"] for name, service in SERVICES.items() if name not in OURS]
    images += [arguments for instruction, arguments in instructions() if instruction == "FROM"]
    assert all(re.search(r":\d+\.\d+(\.\d+)?(-\w+)?$", image) for image in images), images


def test_the_queue_asks_for_a_password():
    assert "requirepass" in SERVICES["redis"]["command"][-1]
    assert "${REDIS_PASSWORD" in SERVICES["backend"]["environment"]["REDIS_URL"]


def test_the_proxy_hides_the_routes_that_only_label_studio_calls():
    from ml_backend.web.label_studio_routes import protocol, webhooks

    app = Flask(__name__)
    app.register_blueprint(protocol.blueprint)
    app.register_blueprint(webhooks.blueprint)
    called = {rule.rule for rule in app.url_map.iter_rules()} - {"/static/<path:filename>", "/health", "/ready"}
    (matcher,) = [line for line in CADDYFILE.splitlines() if line.strip().startswith("@protocol path")]
    assert called <= {path.removesuffix("*") for path in matcher.split()[2:]}


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
    assert f"reverse_proxy backend:{port}" in CADDYFILE


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
