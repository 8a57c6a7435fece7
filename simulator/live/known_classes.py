"""What the backend's head knows of a project's classes before their labels, computed again from its status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ml_backend.labelstudio.described_classes import described_classes
from ml_backend.labelstudio.label_config import LabelConfig
from ml_backend.labelstudio.texts import BadTask, task_text
from ml_backend.learning.embedding.class_texts import class_texts, encode_class_texts
from ml_backend.learning.embedding.embedder import Embedder
from ml_backend.learning.head.class_prior import ClassPrior, class_prior


def prior_of_project(
    status: Mapping[str, Any], config: LabelConfig, embedder: Embedder, tasks: Mapping[int, Mapping[str, Any]]
) -> ClassPrior | None:
    """The class prior of a project, refined on its texts as the backend does; None if its head knows no class names.

    status: of the backend; tasks: task id → data, of all tasks of the project.
    """
    if status["settings"].get("class_names") != "auto" or status.get("class_names_off"):
        return None
    described = described_classes(config, status["settings"].get("class_descriptions"))
    known = class_texts(described.names, described.descriptions)
    if not known.texts:
        return None
    row_of_text: dict[str, int] = {}
    # A row is the position of a task among those of the project, also if it has no text.
    for row, task_id in enumerate(sorted(tasks)):
        try:
            row_of_text.setdefault(task_text(tasks[task_id], config), row)
        except BadTask:
            continue
    rows = np.array(list(row_of_text.values()), dtype=np.int64)
    vectors = np.zeros((len(tasks), embedder.dimensions), dtype=np.float32)
    vectors[rows] = embedder.encode(list(row_of_text))
    return class_prior(encode_class_texts(embedder, known.texts), vectors, rows, status["settings"]["seed"])
