"""Active learning on embeddings: pool, head, query strategies, initial pools, embedders; arrays in, arrays out.

Importing the package loads neither numpy nor torch: each name is loaded when it is first used. So the server can read
`defaults` and `catalogue` without numpy, and code that only fits and queries does not load torch, which only `Embedder`
needs.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ml_backend.learning import initial, strategies
    from ml_backend.learning.catalogue import StrategyInfo
    from ml_backend.learning.embedding.embedder import Embedder
    from ml_backend.learning.head import Head
    from ml_backend.learning.pool import NeedsHead, Pool

__all__ = ["Embedder", "Head", "NeedsHead", "Pool", "StrategyInfo", "initial", "strategies"]

_MODULE_OF = {
    "Embedder": "embedding.embedder",
    "Head": "head",
    "NeedsHead": "pool",
    "Pool": "pool",
    "StrategyInfo": "catalogue",
}


def __getattr__(name: str) -> object:
    if name in _MODULE_OF:
        return getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
