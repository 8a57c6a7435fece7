"""Projects as they look after nothing, an hour, three weeks and a bad day, for tests of pages and for pictures of them.

`python tests/seeded_projects.py FOLDER` writes them into a database in FOLDER and serves the pages, with a worker that
does jobs but no runs, since there is no Label Studio.
"""

from __future__ import annotations

import argparse
import math
import random
import re
import threading
import time
import zlib
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import insert, update

from ml_backend.annotation import Annotation
from ml_backend.commands.demo.messages import Message, descriptions, label_config, messages
from ml_backend.labelstudio.errors import error_of_response
from ml_backend.labelstudio.label_config import LabelConfig, parse
from ml_backend.labelstudio.texts import text_hash
from ml_backend.learning import Head
from ml_backend.learning.embedding.embedder import load
from ml_backend.learning.head.files import from_bytes, to_bytes
from ml_backend.learning.head.held_out import HeldOut
from ml_backend.pipeline.evaluate_head import evaluate_head
from ml_backend.pipeline.evaluation_input import EvaluationInput
from ml_backend.project_settings import ProjectSettings
from ml_backend.store import Store, tables
from ml_backend.store.learning_records import Agreement, EvaluationRecord, HeadRecord, LabelStudioUse, RunRecord
from ml_backend.store.records import NewEvent, ProjectChanges, ProjectCounts, TaskRecord
from ml_backend.store.states import BatchState, ProjectState, RunReason

EMPTY, EARLY, LATE, BROKEN = 1, 2, 3, 4
"""Ids of the projects: nothing imported yet; 12 labels; 600 labels; Label Studio refuses the key."""
KEY = "label-studio-key"
"""What a person signs in with."""
PEOPLE = {1: "ana@shop.example", 2: "ben@shop.example", 3: "chloé@shop.example"}
DAY = 86400.0
BATCH = 20
DIMENSIONS = 512
C = 30.0
"""Of the heads: the vectors of WordParts hardly overlap."""
HOSTILE = '<script>alert("x")</script> "onmouseover="alert(1)'
"""In the text of a task and in the title of a project, to see that pages show it as it is."""


class WordParts:
    """An embedding without a model: each word and its beginning add one to the dimensions that their hashes name."""

    name = "tests/word-parts"

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(N, 512) float32, of length 1."""
        vectors = np.full((len(texts), DIMENSIONS), 1e-4, dtype=np.float32)
        for row, text in enumerate(texts):
            for word in re.findall(r"\w{3,}", text.lower()):
                for part in (word, word[:4]):
                    vectors[row, zlib.crc32(part.encode()) % DIMENSIONS] += 1
        return cast(NDArray[np.float32], vectors / np.linalg.norm(vectors, axis=1, keepdims=True))

    def encode_class_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The same as for other texts."""
        return self.encode(texts)


@dataclass
class Seeded:
    """A project that is being written.

    texts: of task 1, 2, …; labelled: ids of labelled tasks in the order in which they were labelled; given: task → the
    class that it was given; at: task → when (Unix time).
    """

    store: Store
    id: int
    texts: list[Message]
    embedder: Any
    now: float
    config: LabelConfig
    vectors: NDArray[np.float32]
    labelled: list[int] = field(default_factory=list)
    given: dict[int, str] = field(default_factory=dict)
    at: dict[int, float] = field(default_factory=dict)
    annotations: dict[int, list[Annotation]] = field(default_factory=dict)

    @property
    def open(self) -> list[int]:
        """Ids of tasks without an annotation."""
        return [n for n in range(1, len(self.texts) + 1) if n not in self.annotations]

    def rows(self, tasks: Sequence[int]) -> NDArray[np.int64]:
        """Rows of `vectors` of these tasks."""
        return np.array(tasks, dtype=np.int64) - 1


def seed(store: Store, embedder: Any = None, now: float | None = None) -> None:
    """Write all four projects. embedder: WordParts if None; now: Unix time, this moment if None."""
    chosen, moment = embedder or WordParts(), time.time() if now is None else now
    store.ensure_project(EMPTY, title="Survey answers", label_config=label_config(["good", "bad"]), phase="up to date")
    store.update_project(EMPTY, state=ProjectState.READY, text_source="text", attached=True)
    _early(_imported(store, EARLY, "Support e-mails", 300, chosen, moment))
    _late(_imported(store, LATE, "Customer messages", len(messages()), chosen, moment))
    _broken(_imported(store, BROKEN, f"Reviews {HOSTILE}", 80, chosen, moment))
    with store._database.writing() as connection:
        rows = [{"user_id": number, "name": name, "seen_at": moment} for number, name in PEOPLE.items()]
        connection.execute(insert(tables.people), rows)
    store.report_worker("seeded worker")


def _imported(store: Store, project_id: int, title: str, size: int, embedder: Any, now: float) -> Seeded:
    """A project whose tasks were read and embedded, and nothing more."""
    chosen = messages()[:size]
    chosen[-1] = Message(HOSTILE, chosen[-1].label)
    classes = sorted(descriptions())
    config_text = label_config(classes)
    settings = {"embedding_model": embedder.name}
    changes = ProjectChanges(
        title=title, label_config=config_text, settings=settings, state=ProjectState.READY, phase="up to date",
        text_source="text", attached=True, watermark=_iso(now), newest_task=size, members=len(PEOPLE), cycle=1,
        last_success_at=now - 40,
    )  # fmt: skip
    store.ensure_project(project_id, **changes)
    hashes = [text_hash(message.text) for message in chosen]
    records = [TaskRecord(project_id, n, h, None, _iso(now)) for n, h in enumerate(hashes, start=1)]
    store.upsert_tasks(project_id, records, {h: m.text for h, m in zip(hashes, chosen, strict=True)})
    vectors = embedder.encode([message.text for message in chosen])
    store.put_embeddings(embedder.name, hashes, vectors)
    config = parse(config_text, None, None)
    return Seeded(store, project_id, chosen, embedder, now, config, vectors)


def _early(project: Seeded) -> None:
    """An hour after the import: 12 labels, of which 7 classes, and a batch by the initial method."""
    _label(project, list(range(1, 13)), project.now - 3600.0, project.now - 60.0)
    _batches(project)
    _serve(project, "typiclust", "first labels: covers the texts that are most typical")
    _finish(project)


def _late(project: Seeded) -> None:
    """Three weeks in: 600 labels of three people, skips, disagreements, changed settings, and tasks asked for."""
    tasks = list(range(1, 611))
    _label(project, tasks, project.now - 20 * DAY, project.now - 300.0)
    _label_twice(project, tasks[::10])
    _skip(project, range(620, 632))
    _batches(project)
    _serve(project, "uherding", "20 new labels", extras=True)
    _change_settings(project)
    _finish(project)
    project.store.add_events([NewEvent(LATE, "ANNOTATION_CREATED", {}, RunReason.LABELS)] * 3)
    project.store.take_requests(LATE)


def _broken(project: Seeded) -> None:
    """A bad day: the key is refused, texts are missing, annotations cannot be read, events wait."""
    _label(project, list(range(1, 31)), project.now - 2 * DAY, project.now - DAY)
    _batches(project)
    _serve(project, "uherding", "20 new labels")
    _finish(project)
    store = project.store
    missing = [TaskRecord(BROKEN, n, None, "the field `text` is empty") for n in range(81, 141)]
    store.upsert_tasks(BROKEN, missing, {})
    record = store.project(BROKEN)
    assert record is not None
    reason = "the value of a result is a list; it has to be an object"
    problems: Any = [{"task": n, "annotation": 9000 + n, "reason": reason} for n in (3, 5, 8)]
    store.update_project(
        BROKEN,
        state=ProjectState.WAITING,
        error=str(error_of_response("http://localhost:8080", "api/projects/4", 401, '{"detail": "Invalid token."}')),
        phase="waiting for Label Studio",
        counts=replace(
            record.counts, tasks=140, answer_problems_total=3, answer_problems=problems, unknown_choices={"Spam": 4}
        ),
        settings_problem="batch_size: 'many' is not a number",
    )
    store.add_events([NewEvent(BROKEN, "ANNOTATION_CREATED", {}, RunReason.LABELS)] * 12)


def _label(project: Seeded, tasks: Sequence[int], begin: float, end: float) -> None:
    """Let people give labels between two moments: on working hours of a few days if there is time for that."""
    rng = random.Random(project.id)
    moments = sorted(begin + (end - begin) * share for share in (rng.betavariate(1.2, 1.0) for _ in tasks))
    for task, moment in zip(tasks, moments, strict=True):
        gold = project.texts[task - 1].label
        label = rng.choice(project.config.classes) if rng.random() < 0.05 else gold
        person = rng.choices(list(PEOPLE), (5, 3, 1))[0]
        project.given[task], project.at[task] = label, moment
        project.annotations[task] = [_annotation(project, task, person, label, moment, rng)]
    project.labelled += tasks


def _label_twice(project: Seeded, tasks: Sequence[int]) -> None:
    """Let a second person label the tasks; one of six is given another class."""
    rng = random.Random(7)
    for task in tasks:
        (first,) = project.annotations[task]
        other = next(person for person in PEOPLE if person != first.annotator)
        label = rng.choice(project.config.classes) if rng.random() < 1 / 6 else project.given[task]
        project.annotations[task].append(_annotation(project, task, other, label, project.at[task] + 3600, rng))
        if label != project.given[task]:
            project.labelled.remove(task)
            del project.given[task]


def _skip(project: Seeded, tasks: Sequence[int]) -> None:
    rng = random.Random(8)
    for task in tasks:
        skipped = _annotation(project, task, 3, "other", project.now - rng.random() * 10 * DAY, rng)
        project.annotations[task] = [replace(skipped, cancelled=True, result=[])]


def _annotation(project: Seeded, task: int, person: int, label: str, moment: float, rng: random.Random) -> Annotation:
    result = [{"from_name": "topic", "to_name": "message", "type": "choices", "value": {"choices": [label]}}]
    number = 10 * (10_000 * project.id + task) + person
    annotation = Annotation(number, task, person, False, result, _iso(moment), None, moment, None)
    seconds = {"lead_time": round(rng.lognormvariate(1.8, 0.6), 1)}
    known = {f.name for f in fields(Annotation)}
    return replace(annotation, **{name: value for name, value in seconds.items() if name in known})


def _batches(project: Seeded) -> None:
    """Write the batches from which the labelled tasks were served, each with its run and its evaluated head."""
    store, tasks = project.store, project.labelled
    store.replace_annotations(project.id, project.annotations)
    ends = list(range(BATCH, len(tasks) + 1, BATCH))
    begun = [project.at[tasks[max(0, end - BATCH)]] - 60.0 for end in ends]
    for end, moment in zip(ends, begun, strict=True):
        of_batch = tasks[end - BATCH : end]
        method = "typiclust" if end == BATCH else "uherding"
        drawn = of_batch[3::9]
        batch = store.plan_batch(
            project.id, method, "20 new labels", None, of_batch, BATCH, drawn, [[project.given[t]] for t in of_batch]
        )
        store.mark_batch(project.id, batch.number, BatchState.PUBLISHED)
        store.mark_batch(project.id, batch.number, BatchState.SUPERSEDED)
        _date_batch(project, batch.number, moment)
        right = round(BATCH * _accuracy(project, end) * 0.8)
        _add_run(project, batch.number, method, moment + 2.0, end - BATCH, right)
    _earlier_heads(project, list(zip(ends[:-1], begun[1:], strict=True)))
    _fit(project)


def _earlier_heads(project: Seeded, heads: Sequence[tuple[int, float]]) -> None:
    """The history of evaluations: (labels, moment) of each."""
    for labels, moment in heads:
        known = labels >= 40
        # About as wide as the interval of the last evaluation, which is computed from the labels drawn at random.
        value, reach = _accuracy(project, labels), min(0.18, 3 / math.sqrt(labels))
        version = f"head of {labels} labels"
        _put_head(project, version, labels, b"", moment)
        bounds = (value, max(0.0, value - reach), min(1.0, value + reach)) if known else (None, None, None)
        basis = None if not known else "audits" if labels >= 100 else "confidence"
        project.store.put_evaluation(
            EvaluationRecord(project.id, version, moment, labels, *bounds, basis, labels // 10, 0.1, 0.3, {})
        )


def _accuracy(project: Seeded, labels: int) -> float:
    """Roughly what heads with so many labels reach."""
    best = 0.6 if isinstance(project.embedder, WordParts) else 0.8
    return best - (best - 0.2) * math.exp(-labels / 130)


def _tied(project: Seeded) -> list[int]:
    """Tasks to which two people gave different classes."""
    results = {task: [a.result for a in of_task if a.result] for task, of_task in project.annotations.items()}
    return [task for task, given in results.items() if len(given) > 1 and given[0] != given[1]]


def _put_head(project: Seeded, version: str, labels: int, blob: bytes, moment: float) -> float:
    classes = list(project.config.classes)
    record = HeadRecord(version, project.id, classes, False, project.embedder.name, labels, blob, Agreement(), moment)
    return project.store.put_head(record)


def _fit(project: Seeded) -> None:
    """Fit a head to all labels, and evaluate it."""
    store, labelled = project.store, project.labelled
    X = project.vectors[project.rows(labelled)]
    number = {name: n for n, name in enumerate(project.config.classes)}
    y = np.array([number[project.given[task]] for task in labelled])
    head = Head(C=C).fit(X, y, len(number))
    version = f"head of {len(labelled)} labels"
    made_at = _put_head(project, version, len(labelled), to_bytes(head), project.now - 240.0)
    X_open = project.vectors[project.rows(project.open)]
    held_out = HeldOut(X, y, len(number), C, None, np.random.default_rng(0))
    ties = np.array(_tied(project), dtype=np.int64)
    given = EvaluationInput(
        project_id=project.id,
        head_version=version,
        made_at=made_at,
        config=project.config,
        head=head,
        held_out=held_out,
        task_ids=np.array(labelled, dtype=np.int64),
        X_open=X_open,
        n_open=len(X_open),
        annotations=project.annotations,
        labelled=frozenset(labelled),
        tied_ids=ties,
        X_tied=project.vectors[ties - 1],
    )
    evaluate_head(store, given)
    store.put_fitted_labels(project.id, {task: [project.given[task]] for task in labelled})


def _serve(project: Seeded, method: str, why: str, extras: bool = False) -> None:
    """Publish a batch of open tasks with what the head says of them.

    extras: with tasks that a person asked for, and labelled ones that are asked again.
    """
    store, classes = project.store, project.config.classes
    head_record = store.current_head(project.id)
    assert head_record is not None
    tasks = project.open[: 2 * BATCH + 10]
    asked, again = (_about(project, "parcel")[:3], project.labelled[57:142:80]) if extras else ([], [])
    others = [task for task in tasks if task not in asked]
    tasks = [*asked, *others[:2], *again, *others[2:]]
    probabilities = from_bytes(head_record.blob).predict_proba(project.vectors[project.rows(tasks)])
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :2]
    likely = [[(classes[c], round(float(p[c]), 4)) for c in two] for two, p in zip(best, probabilities, strict=True)]
    if asked:
        store.request_tasks(project.id, asked, "ana@shop.example", "search: parcel left outside")
    batch = store.plan_batch(
        project.id, method, why, head_record.version, tasks, BATCH, tasks[8:40:9],
        [[two[0][0]] for two in likely], likely, asked, again,
    )  # fmt: skip
    store.mark_batch(project.id, batch.number, BatchState.PUBLISHED)
    _date_batch(project, batch.number, project.now - 240.0)
    _add_run(project, batch.number, method, project.now - 238.0, len(project.labelled), 14, why)


def _about(project: Seeded, word: str) -> list[int]:
    """Open tasks whose text has the word."""
    return [task for task in project.open if word in project.texts[task - 1].text]


def _add_run(
    project: Seeded, batch: int, method: str, at: float, labels: int, right: int, why: str = "20 new labels"
) -> None:
    """Write a run. right: of the predictions of a whole batch; with fewer labels than that nobody was shown any."""
    seconds = {"wait": 0.3, "sync": 0.4, "embed": 0.0, "pool": 0.1, "fit": 0.35, "query": 0.6, "publish": 0.9}
    version = f"batch {batch} {method}"
    reasons, use = [RunReason.LABELS], LabelStudioUse(7, 0.6)
    shown = (right, BATCH) if labels >= BATCH or not labels else (0, 0)
    run = (batch, version, method, why, labels, reasons, seconds, use, *shown, 1, 2)
    project.store.add_run(RunRecord(project.id, at, *run))


def _date_batch(project: Seeded, number: int, moment: float) -> None:
    table = tables.batches
    of_batch = (table.c.project_id == project.id) & (table.c.number == number)
    with project.store._database.writing() as connection:
        connection.execute(update(table).where(of_batch).values(created_at=moment, published_at=moment))


def _change_settings(project: Seeded) -> None:
    """Two changes in the past weeks, and the classes described."""
    store, told = project.store, descriptions()
    record = store.project(project.id)
    assert record is not None
    store.update_project(project.id, settings={**record.settings, "random_share": 0.15, "class_descriptions": told})
    changes: list[tuple[float, str, dict[str, list[Any]]]] = [
        (project.now - 14 * DAY, "ana@shop.example", {"strategy": ["badge", "uherding"], "batch_size": [10, 20]}),
        (project.now - 6 * DAY, "ben@shop.example", {"random_share": [0.1, 0.15]}),
    ]
    with store._database.writing() as connection:
        rows = [{"project_id": project.id, "at": at, "who": who, "changes": made} for at, who, made in changes]
        connection.execute(insert(tables.setting_changes), rows)


def _finish(project: Seeded) -> None:
    """Write the counts and what the last fit used."""
    store, by_class = project.store, Counter(project.given.values())
    batch = store.current_batch(project.id)
    left = [task for task in batch.task_ids if task not in project.annotations] if batch else []
    record = store.project(project.id)
    assert record is not None
    counts = ProjectCounts(
        labels={name: by_class.get(name, 0) for name in project.config.classes},
        labeled=len(project.labelled),
        ties=len(_tied(project)),
        skipped=sum(of_task[0].cancelled for of_task in project.annotations.values()),
        duplicates=3,
        copies_to_label=2 if project.id == LATE else 0,
        open=len(project.open),
        tasks=len(project.texts),
        embedded=len(project.texts),
        queue_remaining=len(left),
        queue_low=10,
        unpublished=max(0, len(project.open) - len(left)),
        annotators=len({a.annotator for of_task in project.annotations.values() for a in of_task}),
        changed=3 if project.id == LATE else 0,
    )
    used = ProjectSettings.usable(record.settings).model_dump(mode="json")
    store.update_project(project.id, counts=counts, fingerprint=project.config.fingerprint, settings_used=used)


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat()


def main() -> None:
    """Serve the projects until Ctrl+C."""
    from seeded_server import SeededServer  # not above: tests that only seed need no server

    parser = argparse.ArgumentParser(description="Serves projects that look as if people had worked in them.")
    parser.add_argument("folder", type=Path, help="of the database, which is made unless it is there")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument(
        "--minilm", action="store_true", help="embed the texts by the packaged model, which takes longer"
    )
    parser.add_argument("--database", default="", help="its address, for example postgresql://…, instead of FOLDER")
    given = parser.parse_args()
    embedder = load("minilm") if given.minilm else WordParts()
    server = SeededServer(given.folder, embedder, given.port, given.database)
    server.start()
    for number, name in ((EMPTY, "empty"), (EARLY, "early"), (LATE, "late"), (BROKEN, "broken")):
        print(f"{server.url}/projects/{number}  {name}")
    print(f"Sign in at {server.url}/sign-in with the Label Studio key: {KEY}", flush=True)
    with suppress(KeyboardInterrupt):
        threading.Event().wait()
    server.stop()


if __name__ == "__main__":
    main()
