"""Loads embedding models before they are needed, so that the first texts of a project do not wait for seconds."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from ml_backend.learning import Embedder
from ml_backend.pipeline.embed import ORDINARY_TEXT
from ml_backend.store import Store

logger = logging.getLogger(__name__)


class LoadAhead:
    """Loads each model once, in a thread beside the runs. embedder: see `Services`."""

    def __init__(self, embedder: Callable[[str], Embedder]) -> None:
        self._embedder = embedder
        self._asked_for: set[str] = set()

    def __call__(self, model: str) -> None:
        """Start to load a model, unless that was done before."""
        if model not in self._asked_for:
            self._asked_for.add(model)
            threading.Thread(target=self._load, args=(model,), name="load ahead", daemon=True).start()

    def _load(self, model: str) -> None:
        try:
            self._embedder(model).encode([ORDINARY_TEXT])  # the first text is slow too
        except Exception as problem:
            # The run that needs the model fails with the same problem, and says so on the page.
            logger.debug("the embedding model %s cannot be loaded ahead: %s", model, problem)


def is_due(store: Store) -> bool:
    """Whether a worker that starts should load its model: texts wait, or the first project is still to come.

    Otherwise the model, which takes memory, is loaded when new texts arrive.
    """
    projects = store.projects()
    return not projects or any(p.counts.to_embed or p.watermark is None for p in projects)
