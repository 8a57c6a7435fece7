"""Who may import whom: the rooms of docs/architecture.md, held against every import statement of the code."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]

ALLOWED: dict[str, set[str]] = {
    "ml_backend.settings": set(),
    # Leaves: one shape of an annotation for rooms that must not know each other, and the character that stands between
    # the fields of a text, which `labelstudio` writes and an embedder reads.
    "ml_backend.annotation": set(),
    "ml_backend.text_fields": set(),
    "ml_backend.project_settings": {"ml_backend.settings", "ml_backend.learning"},
    "ml_backend.learning": {"ml_backend.text_fields"},
    "ml_backend.labelstudio": {
        "ml_backend.settings",
        "ml_backend.project_settings",
        "ml_backend.annotation",
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
    },
    "ml_backend.worker": {
        "ml_backend.settings",
        "ml_backend.learning",
        "ml_backend.labelstudio",
        "ml_backend.store",
        "ml_backend.pipeline",
    },
    "ml_backend.web": {
        "ml_backend.settings",
        "ml_backend.project_settings",
        "ml_backend.labelstudio",
        "ml_backend.store",
        "ml_backend.pipeline",
        "ml_backend.worker",
    },
    "ml_backend.commands": {
        "ml_backend.settings",
        "ml_backend.project_settings",
        "ml_backend.learning",
        "ml_backend.labelstudio",
        "ml_backend.store",
        "ml_backend.pipeline",
        "ml_backend.worker",
    },
    "ml_backend.cli": {"ml_backend.settings", "ml_backend.commands", "ml_backend.worker", "ml_backend.web"},
    "ml_backend.__main__": {"ml_backend.cli"},
    # Of the service the simulator takes what reads answers out of Label Studio, and what learns from them.
    "simulator.data": {"ml_backend.learning", "ml_backend.labelstudio"},
    "simulator.experiment": {"ml_backend.learning", "simulator.data"},
    "simulator.analysis": {"simulator.experiment"},
    "simulator.report": {"simulator.experiment", "simulator.analysis"},
    "simulator.advise": {
        "ml_backend.learning",
        "ml_backend.labelstudio",
        "simulator.data",
        "simulator.experiment",
        "simulator.analysis",
    },
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
        "simulator.live",
    },
    "simulator.__main__": {"simulator.cli"},
}
"""Room → the rooms that it may import from."""

INSIDE_LEARNING: dict[str, set[str]] = {
    "numerics": set(),
    "head": {"numerics"},
    "embedding": {"numerics"},
    "evaluation": {"numerics", "head"},
    "pool": {"numerics", "head"},
}
"""The lower floors of `learning`; strategies and cycle stand on them."""

FOREIGN: dict[str, set[str]] = {
    "ml_backend.learning": {"flask", "sqlalchemy", "huey", "label_studio_sdk", "pandas", "rich", "pydantic_settings"},
    "ml_backend.labelstudio": {"flask", "sqlalchemy", "huey"},
    "ml_backend.store": {"flask", "label_studio_sdk", "huey"},
    "ml_backend.pipeline": {"flask", "huey", "torch"},
    "ml_backend.web": {"sqlalchemy", "numpy", "torch"},
    "simulator": {"flask", "sqlalchemy", "huey"},
}
"""Room → packages that it must not know."""


def modules() -> dict[str, Path]:
    """Every module by its dotted name."""
    found = {}
    for package in ("ml_backend", "simulator"):
        for path in sorted((REPOSITORY / package).rglob("*.py")):
            name = ".".join(path.relative_to(REPOSITORY).with_suffix("").parts)
            found[name.removesuffix(".__init__")] = path
    return found


MODULES = modules()


def imported(name: str) -> set[str]:
    """Modules that a module imports, at its top, inside functions and under TYPE_CHECKING alike."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[name].read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: relative imports hide where a thing is from"
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            found |= {module if module in MODULES else str(node.module) for module in whole}
    return found


def room(module: str) -> str:
    return ".".join(module.split(".")[:2])


@pytest.mark.parametrize("name", MODULES)
def test_imports_go_one_way(name):
    ours = room(name)
    others = {m for m in imported(name) if m.split(".")[0] in {"ml_backend", "simulator"} and room(m) != ours}
    forbidden = {m for m in others if room(m) not in ALLOWED.get(ours, set())}
    assert not forbidden, f"{name} must not import {sorted(forbidden)}"


@pytest.mark.parametrize("name", [m for m in MODULES if m.startswith("ml_backend.learning.")])
def test_learning_has_floors(name):
    floor = name.split(".")[2]
    if floor not in INSIDE_LEARNING:
        return
    floors = {m.split(".")[2] for m in imported(name) if m.startswith("ml_backend.learning.")} - {floor}
    assert floors <= INSIDE_LEARNING[floor], f"{name} must not import {sorted(floors - INSIDE_LEARNING[floor])}"


@pytest.mark.parametrize("name", MODULES)
def test_rooms_do_not_know_foreign_packages(name):
    banned = {
        package for place, packages in FOREIGN.items() if f"{name}.".startswith(f"{place}.") for package in packages
    }
    assert not banned & {module.split(".")[0] for module in imported(name)}


def test_strategies_do_not_know_each_other():
    places = [m for m in MODULES if m.startswith("ml_backend.learning.strategies.")]
    composed = {"ml_backend.learning.strategies.tcm"}
    for name in set(places) - composed:
        assert not imported(name) & set(places), f"{name} imports another strategy"


def test_no_module_is_part_of_a_circle():
    graph = {name: {m for m in imported(name) if m in MODULES} for name in MODULES}
    while graph:
        leaves = {name for name, needs in graph.items() if not needs & graph.keys() - {name}}
        assert leaves, f"these import each other in a circle: {sorted(graph)}"
        graph = {name: needs for name, needs in graph.items() if name not in leaves}


def test_the_server_loads_neither_numpy_nor_torch():
    code = (
        "import sys, ml_backend.web.app, ml_backend.web.setup, ml_backend.web.server; "
        "print(sorted({'numpy', 'torch', 'sklearn', 'scipy', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    assert done.stdout.strip() == "[]"
