"""Predictions of the current head, without an embedding model in this process.

Vectors are read from the database. Texts without a vector are sent to a worker, which keeps its model loaded; the call
waits for their vectors for a limited time.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_backend.labelstudio.json_values import parsed_id
from ml_backend.labelstudio.label_config import LabelConfig, parse
from ml_backend.labelstudio.predictions import prediction_result
from ml_backend.labelstudio.texts import BadTask, task_text, text_hash
from ml_backend.labelstudio.unforeseen import unforeseen
from ml_backend.learning.head.files import from_bytes
from ml_backend.pipeline.likely_classes import likely_classes
from ml_backend.pipeline.versions import NO_MODEL
from ml_backend.project_settings import ProjectSettings
from ml_backend.store import Store

logger = logging.getLogger(__name__)

LONGEST_WAIT_SECONDS = 60.0
"""Label Studio waits 100 s for /predict."""
POLL_SECONDS = 0.05

EmbedSoon = Callable[[str, dict[str, str]], None]
"""Called with a model name and texts (hash → text): asks a worker to embed them and to store the vectors."""


@dataclass(frozen=True)
class Predictions:
    """One result per task, in the order of the tasks, and the version of the head that predicted them."""

    results: list[dict[str, Any]]
    model_version: str


def predict(
    store: Store,
    embed_soon: EmbedSoon,
    project_id: int,
    tasks: list[dict[str, Any]],
    wait: float = LONGEST_WAIT_SECONDS,
) -> Predictions:
    """Class and confidence for every task; an empty result without a head or for a task without a usable text.

    tasks: as Label Studio sends them, each with its "data"; wait: seconds to wait for vectors of new texts; a task
    whose vector does not come in time has an empty result. Raises UnsupportedLabelConfig, and what `embed_soon` raises.
    """
    project = store.project(project_id)
    record = store.current_head(project_id) if project else None
    if project is None or record is None or not project.label_config:
        return Predictions([_empty_prediction(NO_MODEL) for _ in tasks], NO_MODEL)
    settings = ProjectSettings.usable(project.settings)
    config = parse(project.label_config, settings.control, settings.text_fields)
    hashes, texts = _texts(tasks, config)
    for refused in store.hashes_with_problem(project_id, list(texts)):
        del texts[refused]  # the model has refused this text before, so waiting for its vector would be in vain
    vectors = _vectors(store, embed_soon, record.embedding_model, texts, wait)
    head = from_bytes(record.blob)
    version = record.version
    results = [_empty_prediction(version) for _ in tasks]
    rows = [i for i, h in enumerate(hashes) if h in vectors]
    if rows:
        probabilities = head.predict_proba(np.stack([vectors[hashes[i] or ""] for i in rows]))
        for i, p in zip(rows, probabilities, strict=True):
            results[i] = _prediction(p, record.classes, config, version)
    return Predictions(results, version)


def _texts(tasks: list[dict[str, Any]], config: LabelConfig) -> tuple[list[str | None], dict[str, str]]:
    """The hash of each task's text, None without a usable text; and the texts by their hashes."""
    hashes: list[str | None] = []
    texts: dict[str, str] = {}
    for task in tasks:
        text = _text(task, config)
        hashes.append(None if text is None else text_hash(text))
        if text is not None:
            texts[hashes[-1] or ""] = text
    return hashes, texts


def _text(task: dict[str, Any], config: LabelConfig) -> str | None:
    data = task.get("data")
    number = parsed_id(task.get("id"))
    try:
        return task_text(data if isinstance(data, dict) else {}, config)
    except BadTask as problem:
        logger.info("task %s has no prediction: %s", number, problem)
    except Exception as error:
        unforeseen(error, "reading the text for a prediction", f"task {number}")
    return None


def _vectors(
    store: Store, embed_soon: EmbedSoon, model: str, texts: dict[str, str], wait: float
) -> dict[str | None, NDArray[np.float32]]:
    """Text hash → vector (D,) float32, for texts whose vector exists within `wait` seconds."""
    vectors: dict[str | None, NDArray[np.float32]] = {}
    vectors.update(store.embeddings(model, list(texts)))
    unseen = {h: t for h, t in texts.items() if h not in vectors}
    if not unseen:
        return vectors
    embed_soon(model, unseen)
    deadline = time.monotonic() + wait
    while unseen and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        new = store.embeddings(model, list(unseen))
        vectors.update(new)
        unseen = {h: t for h, t in unseen.items() if h not in new}
    if unseen:
        logger.warning("%d texts were not embedded within %.0f s: their tasks have no prediction", len(unseen), wait)
    return vectors


def _prediction(
    probabilities: NDArray[np.float32], classes: list[str], config: LabelConfig, version: str
) -> dict[str, Any]:
    chosen = [
        (name, score)
        for name, score in likely_classes(probabilities, classes, config.multi_label)
        if name in config.paths
    ]
    confidence = max((score for _, score in chosen), default=0.0)
    return {"result": prediction_result(chosen, config), "score": confidence, "model_version": version}


def _empty_prediction(version: str) -> dict[str, Any]:
    return {"result": [], "score": 0.0, "model_version": version}
