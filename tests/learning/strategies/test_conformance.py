"""Every strategy passes the checks that those of others have to pass, and the checks find what is broken."""

from __future__ import annotations

import pytest

from ml_backend.learning import strategies
from ml_backend.learning.conformance import check_conformance
from ml_backend.learning.strategy_file import StrategyFile


@pytest.mark.parametrize("name", strategies.names())
def test_our_strategies_conform(name: str):
    check_conformance(name)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            "return pool.unlabeled[: batch_size + 1]",
            r"must return 1 .* an array of shape \(2,\)",
        ),
        ("return pool.unlabeled[np.zeros(batch_size, int)]", "must return 7 .* returned a row more than once"),
        ("return np.arange(batch_size)", r"row 0, which may not be chosen: .* row pool.unlabeled\[i\]"),
        ("return np.random.permutation(pool.unlabeled)[:batch_size]", "take every random number from `rng`"),
        ("pool.embeddings[0] = 0", "arrays of a pool cannot be written to"),
        ("return pool.unlabeled[np.argsort(pool.probability)]", "failed: AttributeError.* in line 3"),
        ("return np.sort(rng.choice(60, batch_size, replace=False))", "different unlabelled rows"),
        (
            "x = pool.embeddings[pool.unlabeled] * 3\n    return pool.unlabeled[np.argsort(-(x[:, 0] * x[:, 1]), "
            "kind='stable')[:batch_size]] if pool.embeddings.dtype == np.float32 else pool.unlabeled[:batch_size]",
            "in half precision",
        ),
    ],
)
def test_a_strategy_that_breaks_a_promise_is_told_which(body: str, said: str):
    source = f"import numpy as np\ndef select(pool, batch_size, rng):\n    {body}\n"
    with pytest.raises(strategies.BrokenStrategy, match=said):
        check_conformance(StrategyFile("/mine/careless.py", source))


def test_a_file_is_known_by_its_name_and_called_with_a_head(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("def select(pool, batch_size, rng):\n    return pool.unlabeled[:batch_size]\n")
    file = StrategyFile.read(path)
    assert (str(file), strategies.get(file).INFO.needs_head) == ("mine", True)
    assert "mine" not in strategies.names()


DATACLASS = """
from dataclasses import dataclass

@dataclass
class Options:
    share: float = 0.5

def select(pool, batch_size, rng):
    return pool.unlabeled[:batch_size]
"""


@pytest.mark.parametrize("first", ["", "from __future__ import annotations"])
def test_a_file_may_define_dataclasses(tmp_path, first: str):
    (tmp_path / "mine.py").write_text(first + DATACLASS)
    module = StrategyFile.read(tmp_path / "mine.py").load()
    assert module.Options().share == 0.5
    assert module.Options.__annotations__["share"] is ("float" if first else float)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("margin.py", "def select(pool, batch_size, rng): ...", "has the name of the strategy 'margin'"),
        ("mine.py", "def select(:", "mine.py is not valid Python"),
        ("mine.py", "choose = 1", r"mine.py must define a function select\(pool, batch_size, rng\)"),
        ("mine.py", "import not_installed_anywhere", "mine.py cannot be loaded: ModuleNotFoundError"),
        ("mine.py", "INFO = 1\ndef select(pool, batch_size, rng): ...", "INFO in .*mine.py must be a StrategyInfo"),
    ],
)
def test_a_file_without_a_strategy_is_refused(tmp_path, name: str, content: str, said: str):
    (tmp_path / name).write_text(content)
    with pytest.raises(strategies.BrokenStrategy, match=said):
        StrategyFile.read(tmp_path / name).load()


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(strategies.BrokenStrategy, match=r"nowhere\.py cannot be read"):
        StrategyFile.read(tmp_path / "nowhere.py")
