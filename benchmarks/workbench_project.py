"""A large project in a database, as a team has it after some weeks, for measurements of the pages."""

from __future__ import annotations

import time
from typing import cast

import numpy as np

from ml_backend.annotation import Annotation
from ml_backend.commands.demo.messages import label_config
from ml_backend.labelstudio.client import UNCERTAINTY_SAMPLING, LabelStudio, ProjectInfo
from ml_backend.labelstudio.label_config import LabelConfig, parse
from ml_backend.labelstudio.texts import text_hash
from ml_backend.learning import Embedder
from ml_backend.learning.embedding.names import canonical_name
from ml_backend.pipeline.array_cache import ArrayCache
from ml_backend.pipeline.context import RunContext, Services
from ml_backend.pipeline.counts import counts
from ml_backend.pipeline.evaluate_head import evaluate_head
from ml_backend.pipeline.evaluation_input import EvaluationInput
from ml_backend.pipeline.learn import learn
from ml_backend.pipeline.learning_data import learning_data
from ml_backend.pipeline.request_evaluation import request_evaluation
from ml_backend.project_settings import ClassNames, ProjectSettings
from ml_backend.store import Store
from ml_backend.store.records import TaskRecord
from ml_backend.store.states import ProjectState

PROJECT, DIMENSIONS, CLASSES = 1, 384, 20
MODEL = canonical_name("minilm")
NAMES = [f"topic {i}" for i in range(CLASSES)]
AT_ONCE = 20_000
DAY = 86_400.0
VOCABULARY = """
account address amount answer bank bill button call cancel card charge code date delay deliver
door email error fee form help item late letter line lost money month name number office open
order paper parcel pay phone pin plan price question receipt refund report return screen send
service shop sign store street today token transfer update visit wait week work wrong
"""


def config() -> LabelConfig:
    """The label config of the project."""
    return parse(label_config(NAMES))


def fill(url: str, tasks: int, labels: int) -> None:
    """Write a project with so many tasks of different texts, labels over the last twenty days, a head and a batch."""
    store = Store(url)
    store.create()
    store.ensure_project(PROJECT, title="Messages", label_config=label_config(NAMES), text_source="text: text")
    _add_tasks(store, tasks)
    gold = {i: (7 * i) % tasks + 1 for i in range(labels)}
    now = time.time()
    store.replace_annotations(
        PROJECT, {task: [_annotation(task, now - 20 * DAY * (1 - i / labels), i % 3)] for i, task in gold.items()}
    )
    _learn(store)
    store.close()


def _add_tasks(store: Store, tasks: int) -> None:
    rng, words = np.random.default_rng(0), VOCABULARY.split()
    centres = rng.normal(size=(CLASSES, DIMENSIONS)).astype(np.float32)
    for start in range(0, tasks, AT_ONCE):
        ids = range(start + 1, min(tasks, start + AT_ONCE) + 1)
        texts = [f"{' '.join(rng.choice(words, 14))} {i}" for i in ids]
        hashes = [text_hash(text) for text in texts]
        vectors = rng.standard_normal((len(ids), DIMENSIONS), dtype=np.float32) + centres[[i % CLASSES for i in ids]]
        records = [TaskRecord(PROJECT, i, h, None, None) for i, h in zip(ids, hashes, strict=True)]
        store.upsert_tasks(PROJECT, records, dict(zip(hashes, texts, strict=True)))
        store.put_embeddings(MODEL, hashes, vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def _annotation(task: int, at: float, annotator: int) -> Annotation:
    value = {"choices": [NAMES[task % CLASSES]]}
    result = [{"from_name": "topic", "to_name": "message", "type": "choices", "value": value}]
    return Annotation(task, task, annotator + 1, False, result, "", created_at=at)


def _learn(store: Store) -> None:
    """One run as it would be with Label Studio: a head with its evaluation, a published batch, and the counts."""
    embedder = cast(Embedder, None)  # every text has a vector, and class names are not used
    services = Services(
        store,
        cast(LabelStudio, _Nowhere()),
        ArrayCache(store),
        lambda _: embedder,
        "minilm",
        "",
        evaluations=_AtOnce(store),
    )
    settings = ProjectSettings(class_names=ClassNames.OFF)
    project = store.ensure_project(PROJECT, settings={"class_names": "off"})
    info = ProjectInfo(PROJECT, "Messages", "", "", UNCERTAINTY_SAMPLING, 0, 0, 0)
    run = RunContext(services, project, info, settings, config(), reasons=())
    data = learning_data(run, MODEL)
    fitted = learn(run, data, "the project is made for a measurement")
    batch = store.current_batch(PROJECT)
    found = counts(data, settings, run.config, batch, missing=0, changed=0)
    store.update_project(PROJECT, counts=found, state=ProjectState.READY, phase="up to date")
    request_evaluation(run, data, fitted)


class _Nowhere:
    """A Label Studio that takes every batch."""

    def publish_batch(self, *_arguments: object, **_options: object) -> None:
        """Do nothing."""

    def take_request_stats(self) -> tuple[int, float]:
        """No requests."""
        return 0, 0.0


class _AtOnce:
    """Evaluates heads at once."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def put(self, given: EvaluationInput) -> None:
        """Evaluate it."""
        evaluate_head(self._store, given)

    def has(self, _project_id: int, _head_version: str) -> bool:
        """None waits."""
        return False
