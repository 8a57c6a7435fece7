"""Real texts for the tests of strategies."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from strategy_pools import clustered, tied, with_head

from ml_backend.learning import Embedder, Pool

DATA = Path(os.environ.get("BENCHMARK_DATA", Path(__file__).parents[4] / "shared" / "data"))


@pytest.fixture(scope="session")
def real(missing: Callable[[str], None]) -> Pool:
    """200 questions of TREC-6, 60 of them labelled, with MiniLM's vectors projected to 24 principal components."""
    file = DATA / "trec6.parquet"
    if not file.exists():
        missing(f"no {file} (set BENCHMARK_DATA to the folder that holds trec6.parquet)")
    pd = pytest.importorskip("pandas")
    rows = pd.read_parquet(file).iloc[:200]
    x = Embedder("sentence-transformers/all-MiniLM-L6-v2").encode(rows["text"].tolist())
    _, _, axes = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)
    _, y = np.unique(rows["label"].to_numpy(), return_inverse=True)
    return with_head((x @ axes[:24].T).astype(np.float32), y, 60, 6)


@pytest.fixture(params=["random", "real", "tied"])
def pool(request: pytest.FixtureRequest) -> Pool:
    """A pool with a head: of random vectors, of real texts, and of vectors with many ties."""
    if request.param == "real":
        return request.getfixturevalue("real")
    return {"random": clustered, "tied": tied}[request.param]()
