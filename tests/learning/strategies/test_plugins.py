"""Strategies of other packages, found by entry point: the example of docs/strategies.md, and broken ones."""

import json
import logging
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from strategy_pools import clustered

from ml_backend.learning import Pool, catalogue, strategies
from ml_backend.learning.cycle import Cycle
from ml_backend.project_settings import ProjectSettings, strategy_names, strategy_summaries, strategy_uses

REPOSITORY = Path(__file__).parents[3]
PAGE = (REPOSITORY / "docs" / "strategies.md").read_text()
CODE, POINTS = (
    re.search(rf"```{kind}\n(# {file}.*?)```", PAGE, re.DOTALL)[1]
    for kind, file in (("python", "farthest_first.py"), ("toml", "pyproject.toml"))
)


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Returns a function that installs a package (name, module, its code, entry points) and empties the caches."""

    def empty_caches():
        for function in (catalogue.plugins, catalogue.name_clashes, strategies.names, strategies.get):
            function.cache_clear()

    def install_package(package, module, code, points):
        dist_info = tmp_path / f"{package}-1.0.dist-info"
        dist_info.mkdir()
        (dist_info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (dist_info / "entry_points.txt").write_text(f"[{catalogue.ENTRY_POINT_GROUP}]\n{points}\n")
        (tmp_path / f"{module}.py").write_text(code)
        empty_caches()

    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield install_package
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", None) and str(tmp_path) in str(sys.modules[name].__file__):
            del sys.modules[name]
    empty_caches()


@pytest.fixture
def example(install):
    table, _, entry = POINTS.strip().partition("]\n")
    assert table.endswith(f'[project.entry-points."{catalogue.ENTRY_POINT_GROUP}"')
    install("farthest-first", "farthest_first", CODE, entry.replace('"', ""))


def test_the_example_of_the_documentation_is_a_strategy_like_any_other(example):
    assert "farthest_first" in strategies.names()
    pool = clustered()
    picks = strategies.select("farthest_first", pool, 5, np.random.default_rng(0))
    centre = pool.rows(pool.labeled).mean(axis=0)
    distances = np.linalg.norm(pool.embeddings[pool.unlabeled] - centre, axis=1)
    assert picks.tolist() == pool.unlabeled[np.argsort(-distances)[:5]].tolist()
    proposal = Cycle("farthest_first", "random", 5).propose(pool.embeddings, pool.labels, 3, 1)
    assert (proposal.method, proposal.rows.tolist()) == ("farthest_first", picks.tolist())


def test_project_settings_accept_and_list_the_strategy_of_another_package(example):
    assert ProjectSettings().merged({"strategy": "farthest_first"}).strategy == "farthest_first"
    assert strategy_summaries()["farthest_first"] == "From the package farthest-first."
    assert strategy_uses()["farthest_first"] == ""


def test_the_server_lists_the_strategy_of_another_package_without_loading_it_or_numpy(example, tmp_path):
    code = (
        "import sys, json; from ml_backend.project_settings import strategy_summaries; "
        "print(json.dumps([strategy_summaries()['farthest_first'], sorted({'numpy', 'farthest_first'} & "
        "set(sys.modules))]))"
    )
    environment = {"PYTHONPATH": f"{REPOSITORY}:{tmp_path}"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert json.loads(done.stdout) == ["From the package farthest-first.", []]


def test_the_simulator_accepts_the_strategy_of_another_package(example):
    from simulator.experiment.definition import check_known_methods

    check_known_methods(["farthest_first"], ["random"])


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("import nothing_of_that_name", "cannot be loaded: ModuleNotFoundError"),
        ("1 / 0", "cannot be loaded: ZeroDivisionError"),
        ("def select(pool, batch_size, rng): ...", "must be a module with INFO"),
        (CODE.partition("def select")[0], "must be a module with INFO, a StrategyInfo, and a function select"),
    ],
)
def test_a_broken_package_is_named_and_breaks_no_other_strategy(example, install, caplog, code, problem):
    install("broken-package", "broken_module", code, "broken = broken_module")
    with caplog.at_level(logging.ERROR):
        assert {"farthest_first", "badge"} <= set(strategies.names())
    assert "broken" not in strategies.names()
    sentence = f"strategy 'broken' of package broken-package {problem}"
    assert sentence in caplog.text
    with pytest.raises(strategies.BrokenStrategy, match=sentence):
        strategies.select("broken", clustered(), 5, np.random.default_rng(0))
    assert len(strategies.select("farthest_first", clustered(), 5, np.random.default_rng(0))) == 5


@pytest.mark.parametrize(
    "picks",
    [
        "pool.labeled[:5]",
        "pool.unlabeled[[1, 1, 2, 3, 4]]",
        "pool.unlabeled[:4]",
        "pool.unlabeled[:6]",
        "pool.unlabeled[:5] + 0.4",
        "pool.unlabeled[:5][None]",
        "['one', 'two', 'three', 'four', 'five']",
        "None",
    ],
)
def test_picks_that_cannot_be_labelled_are_refused(install, picks):
    code = CODE.partition("def select")[0] + f"def select(pool, batch_size, rng):\n    return {picks}\n"
    install("careless", "careless_module", code, "careless = careless_module")
    with pytest.raises(strategies.BrokenStrategy, match="package careless must return 5 different unlabelled rows"):
        strategies.select("careless", clustered(), 5, np.random.default_rng(0))


def test_a_strategy_that_raises_is_named_with_its_package(install):
    code = CODE.partition("def select")[0] + "def select(pool, batch_size, rng):\n    return {}['weights']\n"
    install("careless", "careless_module", code, "careless = careless_module")
    with pytest.raises(strategies.BrokenStrategy, match="'careless' of package careless failed: KeyError") as raised:
        strategies.select("careless", clustered(), 5, np.random.default_rng(0))
    assert isinstance(raised.value.__cause__, KeyError), "the log must show where it happened"


@pytest.mark.parametrize(
    "write",
    [
        "pool.labels[pool.unlabeled] = 0",
        "pool.labels.fill(0)",
        "pool.embeddings[0] = 0",
        "np.multiply(pool.embeddings, 2, out=pool.embeddings)",
        "pool.embeddings.sort(axis=0)",
        "pool.candidates[:] = True",
        "pool.labeled[:] = 0",
        "pool.unlabeled[:] = 0",
        "pool.unlabeled_embeddings(slice(None))[:] = 0",
        "pool.probabilities[:] = 0",
        "pool.head.weights[:] = 0",
        "pool.head.bias += 1",
        "pool.head.seen[:] = False",
    ],
)
def test_a_strategy_that_writes_into_the_pool_is_named_and_changes_nothing(install, write):
    head = CODE.partition("def select")[0]
    install(
        "careless",
        "careless_module",
        f"{head}def select(pool, batch_size, rng):\n    {write}\n",
        "careless = careless_module",
    )
    whole = clustered()
    embeddings, labels = whole.embeddings.copy(), whole.labels.copy()
    candidates = np.arange(len(whole)) % 2 == 0
    pool = Pool(embeddings, labels, 3, whole.head, candidates)
    said = "strategy 'careless' of package careless failed: .*read-only.*; the arrays of a pool cannot be written to"
    with pytest.raises(strategies.BrokenStrategy, match=said):
        strategies.select("careless", pool, 5, np.random.default_rng(0))
    assert np.array_equal(embeddings, whole.embeddings)
    assert np.array_equal(labels, whole.labels)
    picks = [
        strategies.select("margin", p, 5, np.random.default_rng(0)).tolist()
        for p in (pool, Pool(whole.embeddings, whole.labels, 3, whole.head, candidates))
    ]
    assert picks[0] == picks[1]


def test_a_name_that_is_taken_is_ignored_and_the_packages_are_named(example, install, caplog):
    install("other-badge", "other_badge", CODE, "badge = other_badge")
    install("second-one", "second_one", CODE, "farthest_first = second_one")
    with caplog.at_level(logging.ERROR):
        assert "badge" in strategies.names()
    assert "strategy 'badge' of package other-badge is ignored: a built-in strategy has that name" in caplog.text
    assert strategies.get("badge").__name__ == "ml_backend.learning.strategies.badge"
    assert "farthest_first" not in strategy_names()
    with pytest.raises(strategies.BrokenStrategy, match="packages farthest-first and second-one both define it"):
        strategies.get("farthest_first")
