"""Every import in the code is one that the table of packages in docs/architecture.md allows."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]

ALLOWED: dict[str, set[str]] = {
    "ml_backend.environment_values": set(),
    # The names of embeddings, which a project's settings check in the same way.
    "ml_backend.settings": {"ml_backend.environment_values", "ml_backend.learning"},
    # These import nothing: the dataclass of an annotation, for packages that must not import each other, the separator
    # between the fields of a text, which `labelstudio` writes and an embedder reads, and what is known of names.
    "ml_backend.annotation": set(),
    "ml_backend.class_descriptions": set(),
    "ml_backend.readable_names": set(),
    "ml_backend.logs": {"ml_backend.settings"},
    "ml_backend.text_fields": set(),
    "ml_backend.project_settings": {"ml_backend.settings", "ml_backend.learning", "ml_backend.class_descriptions"},
    "ml_backend.learning": {"ml_backend.text_fields", "ml_backend.readable_names"},
    # The program that an export copies into its folder: it runs there, without this package.
    "ml_backend.exported_program": set(),
    "ml_backend.labelstudio": {
        "ml_backend.environment_values",
        "ml_backend.settings",
        "ml_backend.project_settings",
        "ml_backend.annotation",
        "ml_backend.class_descriptions",
        "ml_backend.readable_names",
        "ml_backend.text_fields",
    },
    "ml_backend.store": {"ml_backend.settings", "ml_backend.annotation"},
    "ml_backend.pipeline": {
        "ml_backend.annotation",
        "ml_backend.settings",
        "ml_backend.project_settings",
        "ml_backend.learning",
        "ml_backend.labelstudio",
        "ml_backend.store",
        "ml_backend.exported_program",
    },
    "ml_backend.worker": {
        "ml_backend.logs",
        "ml_backend.settings",
        "ml_backend.learning",
        "ml_backend.labelstudio",
        "ml_backend.store",
        "ml_backend.pipeline",
    },
    "ml_backend.web": {
        "ml_backend.class_descriptions",
        "ml_backend.environment_values",
        "ml_backend.logs",
        "ml_backend.settings",
        "ml_backend.project_settings",
        "ml_backend.labelstudio",
        "ml_backend.store",
        "ml_backend.pipeline",
        "ml_backend.worker",
    },
    "ml_backend.commands": {
        "ml_backend.environment_values",
        "ml_backend.settings",
        "ml_backend.project_settings",
        "ml_backend.learning",
        "ml_backend.labelstudio",
        "ml_backend.store",
        "ml_backend.pipeline",
        "ml_backend.worker",
    },
    "ml_backend.cli": {
        "ml_backend.logs",
        "ml_backend.settings",
        "ml_backend.commands",
        "ml_backend.worker",
        "ml_backend.web",
    },
    "ml_backend.__main__": {"ml_backend.cli"},
    # The simulator uses only two packages of the service: one reads annotations, the other learns from them.
    "simulator.data": {
        "ml_backend.learning",
        "ml_backend.labelstudio",
        "ml_backend.annotation",
        "ml_backend.class_descriptions",
    },
    "simulator.experiment": {"ml_backend.learning", "simulator.data"},
    "simulator.analysis": {"ml_backend.learning", "simulator.experiment"},
    "simulator.report": {"ml_backend.learning", "simulator.data", "simulator.experiment", "simulator.analysis"},
    "simulator.advise": {
        "ml_backend.learning",
        "ml_backend.labelstudio",
        "ml_backend.text_fields",
        "simulator.data",
        "simulator.experiment",
        "simulator.analysis",
    },
    "simulator.leaderboard": {"simulator.data", "simulator.experiment", "simulator.analysis"},
    "simulator.live": {
        "ml_backend.learning",
        "ml_backend.labelstudio",
        "ml_backend.text_fields",
        "simulator.data",
        "simulator.experiment",
    },
    "simulator.cli": {
        "ml_backend.settings",
        "ml_backend.learning",
        "ml_backend.labelstudio",
        "simulator.data",
        "simulator.experiment",
        "simulator.analysis",
        "simulator.report",
        "simulator.advise",
        "simulator.leaderboard",
        "simulator.live",
    },
    "simulator.__main__": {"simulator.cli"},
}
"""Package → the packages that it may import."""

INSIDE_LEARNING: dict[str, set[str]] = {
    "numerics": set(),
    "head": {"numerics"},
    "embedding": {"numerics"},
    "evaluation": {"numerics", "head"},
    "layout": {"numerics"},
    "pool": {"numerics", "head"},
}
"""Package or module of `learning` → those that it may import; the strategies and the cycle may import all of them."""

LAYERS_OF_WEB = [
    {"serving", "monitoring", "inbox"},
    {"context", "bodies", "stored_project", "stopping"},
    {"access"},
    {"ready", "job_input", "questions", "label_studio_routes"},
    {"page_parts"},
    {"project_routes"},
    {"views"},
    {"app"},
    {"server"},
]
"""Packages and modules of `web`, the lowest first; each may import its own layer and those below."""

MUST_NOT_USE: dict[str, set[str]] = {
    "ml_backend.learning": {"flask", "sqlalchemy", "huey", "label_studio_sdk", "pandas", "rich", "pydantic_settings"},
    "ml_backend.labelstudio": {"flask", "sqlalchemy", "huey"},
    "ml_backend.store": {"flask", "label_studio_sdk", "huey"},
    "ml_backend.pipeline": {"flask", "huey", "torch"},
    "ml_backend.web": {"sqlalchemy", "numpy", "torch"},
    "simulator": {"flask", "sqlalchemy", "huey"},
}
"""Package → third-party packages that it must not import."""


def modules() -> dict[str, Path]:
    """Every module by its dotted name."""
    paths = {}
    for package in ("ml_backend", "simulator"):
        for path in sorted((REPOSITORY / package).rglob("*.py")):
            name = ".".join(path.relative_to(REPOSITORY).with_suffix("").parts)
            paths[name.removesuffix(".__init__")] = path
    return paths


MODULES = modules()


def imported(name: str) -> set[str]:
    """Names of the modules that a module imports: at its top, inside functions and under TYPE_CHECKING."""
    names = set()
    for node in ast.walk(ast.parse(MODULES[name].read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: a relative import hides its package"
            full_names = [f"{node.module}.{alias.name}" for alias in node.names]
            names |= {module if module in MODULES else str(node.module) for module in full_names}
    return names


def package_of(module: str) -> str:
    return ".".join(module.split(".")[:2])


@pytest.mark.parametrize("name", MODULES)
def test_a_package_imports_only_those_that_it_may(name):
    package = package_of(name)
    others = {m for m in imported(name) if m.split(".")[0] in {"ml_backend", "simulator"} and package_of(m) != package}
    forbidden = {m for m in others if package_of(m) not in ALLOWED.get(package, set())}
    assert not forbidden, f"{name} must not import {sorted(forbidden)}"


@pytest.mark.parametrize("name", [m for m in MODULES if m.startswith("ml_backend.learning.")])
def test_packages_inside_learning_import_one_way(name):
    part = name.split(".")[2]
    if part not in INSIDE_LEARNING:
        return
    parts = {m.split(".")[2] for m in imported(name) if m.startswith("ml_backend.learning.")} - {part}
    assert parts <= INSIDE_LEARNING[part], f"{name} must not import {sorted(parts - INSIDE_LEARNING[part])}"


@pytest.mark.parametrize("name", [m for m in MODULES if m.startswith("ml_backend.web.")])
def test_packages_inside_web_import_downwards(name):
    layer = {part: number for number, parts in enumerate(LAYERS_OF_WEB) for part in parts}
    above = {
        m
        for m in imported(name)
        if m.startswith("ml_backend.web.") and layer[m.split(".")[2]] > layer[name.split(".")[2]]
    }
    assert not above, f"{name} must not import {sorted(above)}"


@pytest.mark.parametrize("name", MODULES)
def test_packages_do_not_import_what_they_must_not_use(name):
    banned = {
        unwanted
        for package, third_party in MUST_NOT_USE.items()
        if f"{name}.".startswith(f"{package}.")
        for unwanted in third_party
    }
    assert not banned & {module.split(".")[0] for module in imported(name)}


def test_strategies_do_not_import_each_other():
    modules_of_strategies = {m for m in MODULES if m.startswith("ml_backend.learning.strategies.")}
    composed = {"ml_backend.learning.strategies.tcm"}
    for name in modules_of_strategies - composed:
        assert not imported(name) & modules_of_strategies, f"{name} imports another strategy"


def test_no_modules_import_each_other_in_a_circle():
    graph = {name: {m for m in imported(name) if m in MODULES} for name in MODULES}
    while graph:
        leaves = {name for name, needs in graph.items() if not needs & graph.keys() - {name}}
        assert leaves, f"these import each other in a circle: {sorted(graph)}"
        graph = {name: needs for name, needs in graph.items() if name not in leaves}


def test_the_server_loads_neither_numpy_nor_torch():
    code = (
        "import sys, ml_backend.web.app, ml_backend.web.label_studio_routes.setup, ml_backend.web.server; "
        "print(sorted({'numpy', 'torch', 'sklearn', 'scipy', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    assert done.stdout.strip() == "[]"
