"""Mistakes in deploy/kubernetes that can be found without a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from ml_backend.settings import Settings, variables
from ml_backend.store import Store
from ml_backend.web.app import create_app
from ml_backend.worker.queue import TaskQueue

FOLDER = Path(__file__).parents[1] / "deploy" / "kubernetes"
KUSTOMIZATION = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
IN_THE_SECRET = {"LABEL_STUDIO_API_KEY", "BASIC_AUTH_USER", "BASIC_AUTH_PASS", "DATABASE_URL", "REDIS_URL"}
OLDEST_SUPPORTED = "1.31"


def objects() -> list[dict[str, Any]]:
    return [o for file in KUSTOMIZATION["resources"] for o in yaml.safe_load_all((FOLDER / file).read_text())]


def named(kind: str, name: str) -> dict[str, Any]:
    (found,) = [o for o in objects() if o["kind"] == kind and o["metadata"]["name"] == name]
    return found


DEPLOYMENTS = [o for o in objects() if o["kind"] == "Deployment"]
by_deployment = pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda d: d["metadata"]["name"])


@pytest.mark.parametrize("version", [OLDEST_SUPPORTED, kubernetes_validate.latest_version()])
def test_every_object_follows_the_schema_of_kubernetes(version: str):
    for described in objects():
        kubernetes_validate.validate(described, version, strict=True)


def test_every_file_is_part_of_the_kustomization():
    assert {file.name for file in FOLDER.glob("*.yaml")} - {"kustomization.yaml"} == set(KUSTOMIZATION["resources"])


def test_the_settings_exist_and_hold_no_secret():
    configured = named("ConfigMap", "active-learning")["data"]
    assert set(configured) - {"HF_HOME"} <= set(variables())
    assert not set(configured) & IN_THE_SECRET
    comment = (FOLDER / "settings.yaml").read_text().partition("apiVersion")[0]
    assert all(name in comment for name in IN_THE_SECRET)


@by_deployment
def test_containers_have_no_rights_that_they_do_not_need(deployment: dict[str, Any]):
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    writable = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert named("ConfigMap", "active-learning")["data"]["MODEL_DIR"] in writable


@by_deployment
def test_an_upgrade_starts_the_new_one_first_and_lets_the_old_one_finish(deployment: dict[str, Any]):
    assert deployment["spec"]["replicas"] >= 2
    assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    from ml_backend.web.server import FINISH_SECONDS

    assert deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] > FINISH_SECONDS


@by_deployment
def test_selectors_find_the_pods(deployment: dict[str, Any]):
    labels = deployment["spec"]["template"]["metadata"]["labels"].items()
    name = deployment["metadata"]["name"]
    assert deployment["spec"]["selector"]["matchLabels"].items() <= labels
    assert named("NetworkPolicy", name)["spec"]["podSelector"]["matchLabels"].items() <= labels


def test_probes_and_the_service_use_the_servers_port_and_routes():
    (container,) = named("Deployment", "active-learning-server")["spec"]["template"]["spec"]["containers"]
    port = Settings.model_fields["port"].default
    assert container["ports"] == [{"name": "http", "containerPort": port}]
    assert container["livenessProbe"]["httpGet"] == {"path": "/health", "port": "http"}
    assert container["readinessProbe"]["httpGet"] == {"path": "/ready?exclude=worker", "port": "http"}
    service = named("Service", "active-learning")
    assert service["spec"]["ports"] == [{"name": "http", "port": port, "targetPort": "http"}]
    address = named("ConfigMap", "active-learning")["data"]["BACKEND_URL"]
    namespace = KUSTOMIZATION["namespace"]
    assert address == f"http://{service['metadata']['name']}.{namespace}.svc:{port}"


def test_people_reach_every_page_through_the_ingress_and_programs_none(tmp_path: Path):
    settings = Settings(model_dir=tmp_path)
    app = create_app(settings, Store(settings.database_url), TaskQueue(settings))
    (rule,) = named("Ingress", "active-learning")["spec"]["rules"]
    paths = [(entry["path"], entry["pathType"] == "Prefix") for entry in rule["http"]["paths"]]
    for route in app.url_map.iter_rules():
        is_for_people = str(route.endpoint).partition(".")[0] not in {"protocol", "ready", "webhooks"}
        first = "/" + route.rule.split("/")[1]
        is_reached = any(first == path and (is_prefix or first == route.rule) for path, is_prefix in paths)
        assert is_reached == (is_for_people and route.rule not in {"/", "/metrics"}), route.rule
