"""One run of a project: sync ▶ embed ▶ fit ▶ query ▶ publish."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ml_backend.jobs.decision import Situation, reason_to_publish, reserve_size
from ml_backend.jobs.embedding import embed_missing
from ml_backend.jobs.project_pool import ProjectPool, project_pool
from ml_backend.jobs.proposal import Chosen, agreement, label_changes, propose, store_head
from ml_backend.jobs.publishing import ensure_sampling, preannotations, publish, remove_superseded, settle
from ml_backend.jobs.status_counts import counts
from ml_backend.jobs.sync import Synchronizer, SyncReport
from ml_backend.jobs.task_arrays import ArrayCache
from ml_backend.labelstudio.client import LabelStudio, ProjectGone, ProjectInfo
from ml_backend.labelstudio.connection import ensure_webhook
from ml_backend.labelstudio.label_config import LabelConfig, UnsupportedLabelConfig, parse
from ml_backend.labelstudio.labels import Labels, labels
from ml_backend.learning import Embedder
from ml_backend.project_settings import ProjectSettings
from ml_backend.store import Store
from ml_backend.store.records import BatchRecord, EventRecord, ProjectRecord

logger = logging.getLogger(__name__)

FIRST_READ_SECONDS = 10.0
"""How long a run reads or embeds before it publishes from what it has, so that a large project can be labelled soon."""
EMBED_SECONDS = 10.0
EVERY_MINUTE = "every minute"


@dataclass(frozen=True)
class Services:
    """What a run works with."""

    store: Store
    client: LabelStudio
    arrays: ArrayCache
    embedder: Callable[[str], Embedder]
    default_model: str
    webhook_secret: str


@dataclass
class Run:
    """One run of one project; `seconds` by step ends up in the history.

    Steps: wait (from the first event to the run), sync, embed, pool, fit, query, publish.
    clock: time.monotonic() at the end of the last step.
    """

    services: Services
    project: ProjectRecord
    info: ProjectInfo
    settings: ProjectSettings
    config: LabelConfig
    reasons: list[str]
    seconds: dict[str, float]
    clock: float

    @property
    def id(self) -> int:
        return self.project.id

    @property
    def store(self) -> Store:
        return self.services.store

    def done(self, step: str) -> None:
        """Book the time since the last step's end on this one."""
        now = time.monotonic()
        self.seconds[step] = self.seconds.get(step, 0.0) + now - self.clock
        self.clock = now

    def say(self, phase: str) -> None:
        self.store.update_project(self.id, phase=phase)


def run_project(services: Services, project_id: int, reasons: list[str]) -> bool:
    """Bring a project up to date; True when work is left that the next run should go on with at once.

    Raises LabelStudioUnavailable, Unauthorized, ModelNotAvailable: nothing is lost, the caller tries again.
    """
    store = services.store
    started = time.monotonic()
    services.client.take_spent()
    project = store.project(project_id)
    if project is None:
        return False
    events = store.events(project_id)
    waited = time.time() - events[0].received_at if events else 0.0
    try:
        info = services.client.project(project_id)
    except ProjectGone:
        told = any(e.action == "PROJECT_DELETED" for e in events)
        # A project's webhook does not tell of its end. Who could open it before and cannot now shows it as well.
        _project_is_gone(services, project, deleted=told or services.client.identity() == project.meta.get("seen_by"))
        return False
    if project.meta.get("seen_by") != services.client.identity():
        store.merge_meta(project_id, seen_by=services.client.identity())
    settings = ProjectSettings.model_validate(project.settings)
    try:
        config = parse(info.label_config, settings.control, settings.text_fields)
    except UnsupportedLabelConfig as problem:
        store.update_project(project_id, state="unsupported", error=str(problem), phase="waiting for a label config")
        logger.error("project %s: %s", project_id, problem)
        return False
    store.update_project(project_id, title=info.title, label_config=info.label_config)
    run = Run(services, project, info, settings, config, reasons, {"wait": max(0.0, waited)}, started)
    _tend_webhook(run)
    report, unread = _synchronize(run, events)
    if events:
        store.drop_events(project_id, events[-1].id)
    embedder = services.embedder(settings.embedding_model or services.default_model)
    missing = _embed(run, embedder)
    _learn(run, report, embedder.name, missing)
    store.update_project(project_id, state="ready", error=None, phase=_resting_phase(missing, unread))
    return bool(missing or unread)


def _tend_webhook(run: Run) -> None:
    """Give the webhook its secret: the one that Label Studio makes itself on connecting carries none.

    A missing one is made only right after a connection, since somebody may have removed it on purpose later.
    """
    url, wanted = run.project.backend_url, set(run.reasons)
    if url is None or not wanted & {"setup", "start", EVERY_MINUTE}:
        return
    if ensure_webhook(run.services.client, run.id, url, run.services.webhook_secret, create="setup" in wanted):
        logger.info("project %s: the webhook to %s now carries its secret", run.id, url)


def _project_is_gone(services: Services, project: ProjectRecord, deleted: bool) -> None:
    """Forget a project that was deleted; one that merely cannot be seen is kept, since the key may be wrong."""
    if deleted:
        logger.info("project %s was deleted in Label Studio; forgetting it", project.id)
        services.store.forget_project(project.id)
        services.arrays.forget(project.id)
        return
    problem = (
        f"Label Studio has no project {project.id} for this key. If it was deleted, nothing is to be done; "
        "if not, give LABEL_STUDIO_API_KEY of a user who can open it."
    )
    if project.error != problem:
        logger.error(problem)
    services.store.update_project(project.id, state="missing", error=problem, phase="project not found")


def _synchronize(run: Run, events: list[EventRecord]) -> tuple[SyncReport, bool]:
    report = SyncReport()
    synchronizer = Synchronizer(run.store, run.services.client, run.config, run.info, run.say)
    watermark, page = run.project.watermark, int(run.project.meta.get("next_page", 1))
    if run.project.fingerprint is not None and run.project.meta.get("text_source") != _text_source(run.config):
        # Other fields or another tag hold the texts now: every task has to be read again.
        watermark, page = None, 1
    if watermark is None:
        newest = run.project.meta.get("first_newest") if page > 1 else run.services.client.newest_update(run.id)
        page = synchronizer.first_read(page, time.monotonic() + FIRST_READ_SECONDS, report)
        run.store.merge_meta(run.id, next_page=page or 1, first_newest=newest, text_source=_text_source(run.config))
        watermark = None if page else newest
    else:
        compare = synchronizer.from_events(events, report)
        if compare or set(run.reasons) - {"labels"}:
            watermark = synchronizer.reconcile(watermark, report)
    run.store.update_project(run.id, watermark=watermark)
    run.done("sync")
    return report, not report.complete


def _text_source(config: LabelConfig) -> str:
    return f"{config.object_tag}:{','.join(config.fields)}"


def _embed(run: Run, embedder: Embedder) -> int:
    # Without a batch in front of the annotators the first chunk is enough to begin with.
    patience = EMBED_SECONDS if run.store.current_batch(run.id) else 0.0
    missing = run.services.arrays.arrays(run.id, embedder.name).missing()
    if missing:
        missing = embed_missing(
            run.store, run.id, embedder, patience, lambda: run.id in run.store.pending_projects(), run.say
        )
    run.done("embed")
    return missing


def _learn(run: Run, report: SyncReport, model: str, missing: int) -> None:
    """Fit, query and publish when it is due; count what people want to know either way."""
    store = run.store
    arrays = run.services.arrays.arrays(run.id, model)
    annotations = [a for some in arrays.annotations.values() for a in some]
    known = labels(annotations, run.config)
    pool = project_pool(arrays, known, run.config)
    annotators = len({a.annotator for a in annotations if a.annotator is not None})
    changed = label_changes(store.label_snapshot(run.id), known.by_task)
    serving = settle(store, run.services.client, run.info)
    left = _still_open(pool, serving)
    reason = reason_to_publish(_situation(run, report, pool, serving, left, len(changed), annotators, missing))
    run.done("pool")
    why = serving.why if serving else ""
    if reason is not None and (pool.fresh.any() or pool.copies.any()):
        why = _next_batch(run, pool, known, model, annotators, reason, changed)
        left = _still_open(pool, store.current_batch(run.id))
    elif serving is not None:
        ensure_sampling(run.services.client, run.info)
    store.merge_meta(
        run.id, **counts(pool, known, run.config, remaining=len(left), annotators=annotators, missing=missing, why=why)
    )


def _still_open(pool: ProjectPool, batch: BatchRecord | None) -> set[int]:
    if batch is None:
        return set()
    rows = pool.rows(batch.task_ids)
    return set(pool.task_ids[rows[pool.open[rows]]].tolist())


def _situation(
    run: Run,
    report: SyncReport,
    pool: ProjectPool,
    serving: BatchRecord | None,
    left: set[int],
    changed: int,
    annotators: int,
    missing: int,
) -> Situation:
    meta = run.project.meta
    offerable = int((pool.fresh | pool.copies).sum())
    return Situation(
        settings=run.settings,
        annotators=annotators,
        serving=serving is not None,
        changed=changed,
        remaining=len(left),
        waiting=offerable - len(left),
        embedding=missing,
        settings_changed=meta.get("settings_used") != run.settings.model_dump(mode="json"),
        classes_changed=run.project.fingerprint != run.config.fingerprint,
        new_tasks=meta.get("newest_task", 0) < _newest_task(pool),
        train_requested=report.train,
    )


def _newest_task(pool: ProjectPool) -> int:
    embedded = pool.task_ids[pool.embedded]
    return int(embedded.max()) if len(embedded) else 0


def _next_batch(
    run: Run,
    pool: ProjectPool,
    known: Labels,
    model: str,
    annotators: int,
    reason: str,
    changed: dict[int, Chosen | None],
) -> str:
    store = run.store
    run.say("fitting the head and choosing the next batch")
    # A batch published anew without new labels (texts embedded meanwhile, another setting) is of the same cycle: a seed
    # then gives the same draws as offline, however often that happens.
    cycle = run.project.cycle + bool(changed)
    proposal = propose(run.settings, pool, len(run.config.classes), cycle, reserve_size(run.settings, annotators))
    run.done("query")
    run.seconds["fit"] = proposal.fit_seconds
    run.seconds["query"] -= proposal.fit_seconds
    # Of the last two batches: who still labels the one before is served its tasks.
    drawn: list[list[int]] = run.project.meta.get("random_tasks", [])
    asked_at_random = {task_id for task_ids in drawn for task_id in task_ids}
    right = agreement(store.current_head(run.id), pool, changed, run.config, model, asked_at_random)
    head = store_head(store, run.id, proposal.head, run.config, model, pool.labeled, right)
    why = f"{reason}; {proposal.why}" if proposal.why else reason
    rows = np.concatenate([proposal.rows, proposal.reserve_rows])
    batch = store.plan_batch(
        run.id,
        method=proposal.method,
        why=why,
        head_version=head,
        task_ids=pool.task_ids[rows].tolist(),
        size=len(proposal.rows),
    )
    run.say(f"publishing batch {batch.number}")
    publish(store, run.services.client, run.info, batch, preannotations(pool, rows, proposal.head, run.config))
    run.done("publish")
    requests, answering = run.services.client.take_spent()
    store.put_label_snapshot(run.id, {task_id: list(classes) for task_id, classes in known.by_task.items()})
    store.update_project(run.id, cycle=cycle, fingerprint=run.config.fingerprint)
    store.merge_meta(
        run.id,
        settings_used=run.settings.model_dump(mode="json"),
        newest_task=_newest_task(pool),
        random_tasks=[*drawn[-1:], pool.task_ids[proposal.random_rows].tolist()],
    )
    store.add_run(
        run.id,
        {
            "at": time.time(),
            "batch": batch.number,
            "version": batch.version,
            "method": proposal.method,
            "why": why,
            "labels": pool.labeled,
            "reasons": run.reasons,
            "seconds": {step: round(s, 3) for step, s in run.seconds.items()},
            "label_studio": {"requests": requests, "seconds": round(answering, 3)},
            **right,
        },
    )
    remove_superseded(store, run.services.client, run.id)
    logger.info(
        "project %s: batch %s by %s after %d labels: %s", run.id, batch.number, proposal.method, pool.labeled, why
    )
    return why


def _resting_phase(missing: int, unread: bool) -> str:
    if unread:
        return "reading tasks from Label Studio"
    return f"embedding: {missing:,} texts to go" if missing else "up to date"
