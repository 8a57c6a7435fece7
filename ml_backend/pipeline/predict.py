"""Answer /predict from the current head, without an encoder in this process.

Vectors come from the store; texts never seen before are handed to a worker, which keeps its encoder
loaded, and waited for, for a bounded time.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_backend.labelstudio.label_config import LabelConfig, parse
from ml_backend.labelstudio.predictions import to_result
from ml_backend.labelstudio.texts import BadTask, task_text, text_hash
from ml_backend.learning.head.files import from_bytes
from ml_backend.pipeline.publish import likely_classes
from ml_backend.project_settings import ProjectSettings
from ml_backend.store import Store
from ml_backend.worker.queue import TaskQueue

logger = logging.getLogger(__name__)

NO_MODEL = "no-model-yet"
LONGEST_WAIT = 60.0
"""Label Studio gives /predict 100 s."""
LOOK_EVERY = 0.05


@dataclass(frozen=True)
class Predictions:
    """One result a task asked for, in the same order, and the head that gave them."""

    results: list[dict[str, Any]]
    model_version: str


def predict(
    store: Store,
    queue: TaskQueue,
    project_id: int,
    tasks: list[dict[str, Any]],
    wait: float = LONGEST_WAIT,
) -> Predictions:
    """Class and confidence for every task; an empty result before any label or for a task without a usable text."""
    project = store.project(project_id)
    record = store.current_head(project_id) if project else None
    if project is None or record is None or not project.label_config:
        return Predictions([_empty(NO_MODEL) for _ in tasks], NO_MODEL)
    settings = ProjectSettings.model_validate(project.settings)
    config = parse(project.label_config, settings.control, settings.text_fields)
    hashes, texts = _texts(tasks, config)
    vectors = _vectors(store, queue, record.embedding_model, texts, wait)
    head = from_bytes(record.blob)
    version = record.version
    results = [_empty(version) for _ in tasks]
    rows = [i for i, h in enumerate(hashes) if h in vectors]
    if rows:
        probabilities = head.predict_proba(np.stack([vectors[hashes[i] or ""] for i in rows]))
        for i, p in zip(rows, probabilities, strict=True):
            results[i] = _result(p, record.classes, config, version)
    return Predictions(results, version)


def _texts(tasks: list[dict[str, Any]], config: LabelConfig) -> tuple[list[str | None], dict[str, str]]:
    hashes: list[str | None] = []
    texts: dict[str, str] = {}
    for task in tasks:
        data = task.get("data") if isinstance(task, dict) else None
        try:
            text = task_text(data if isinstance(data, dict) else {}, config)
        except BadTask as problem:
            logger.info("task %s is answered without a prediction: %s", task.get("id"), problem)
            hashes.append(None)
            continue
        key = text_hash(text)
        hashes.append(key)
        texts[key] = text
    return hashes, texts


def _vectors(
    store: Store, queue: TaskQueue, model: str, texts: dict[str, str], wait: float
) -> dict[str | None, NDArray[np.float32]]:
    found: dict[str | None, NDArray[np.float32]] = {}
    found.update(store.embeddings(model, list(texts)))
    unseen = {h: t for h, t in texts.items() if h not in found}
    if not unseen:
        return found
    queue.embed_soon(model, unseen)
    deadline = time.monotonic() + wait
    while unseen and time.monotonic() < deadline:
        time.sleep(LOOK_EVERY)
        new = store.embeddings(model, list(unseen))
        found.update(new)
        unseen = {h: t for h, t in unseen.items() if h not in new}
    if unseen:
        logger.warning("%d texts were not embedded within %.0f s; answered without a prediction", len(unseen), wait)
    return found


def _result(
    probabilities: NDArray[np.float32], classes: list[str], config: LabelConfig, version: str
) -> dict[str, Any]:
    chosen = [
        (name, score)
        for name, score in likely_classes(probabilities, classes, config.multi_label)
        if name in config.paths
    ]
    confidence = max((score for _, score in chosen), default=0.0)
    return {"result": to_result(chosen, config), "score": confidence, "model_version": version}


def _empty(version: str) -> dict[str, Any]:
    return {"result": [], "score": 0.0, "model_version": version}
