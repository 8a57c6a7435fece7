"""One run of a project: sync ▶ embed ▶ fit ▶ query ▶ publish."""

from __future__ import annotations

import logging
import time

from ml_backend.labelstudio.client import ProjectGone
from ml_backend.labelstudio.label_config import LabelConfig, UnsupportedLabelConfig, parse
from ml_backend.learning import Embedder
from ml_backend.pipeline.attachment import update_attachment
from ml_backend.pipeline.context import Run, Services
from ml_backend.pipeline.embed import embed_missing
from ml_backend.pipeline.learn import learn
from ml_backend.pipeline.sync import Synchronizer, SyncReport
from ml_backend.project_settings import ProjectSettings
from ml_backend.store.records import EventRecord, ProjectRecord

logger = logging.getLogger(__name__)

FIRST_READ_SECONDS = 10.0
"""How long a run reads or embeds before it publishes from what it has, so that a large project can be labelled soon."""
EMBED_SECONDS = 10.0
EVERY_MINUTE = "every minute"


def run_project(services: Services, project_id: int, reasons: list[str]) -> bool:
    """Bring a project up to date; True when work is left that the next run should go on with at once.

    Raises LabelStudioUnavailable, Unauthorized, ModelNotAvailable: nothing is lost, the caller tries again.
    """
    store = services.store
    started = time.monotonic()
    services.client.take_request_stats()
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
        same_user = services.client.identity(again=True) == project.meta.get("seen_by")
        _project_is_gone(services, project, deleted=told or same_user)
        return False
    if project.meta.get("seen_by") != services.client.identity():
        store.merge_meta(project_id, seen_by=services.client.identity())
    project = update_attachment(services, project, info, reasons)
    if project is None:
        return False
    settings = ProjectSettings.model_validate(project.settings)
    try:
        config = parse(info.label_config, settings.control, settings.text_fields)
    except UnsupportedLabelConfig as problem:
        store.update_project(project_id, state="unsupported", error=str(problem), phase="waiting for a label config")
        logger.error("project %s: %s", project_id, problem)
        return False
    store.update_project(project_id, title=info.title, label_config=info.label_config)
    run = Run(services, project, info, settings, config, reasons, {"wait": max(0.0, waited)}, started)
    report, unread = _synchronize(run, events)
    if events:
        store.drop_events(project_id, events[-1].id)
    embedder = services.embedder(settings.embedding_model or services.default_model)
    missing = _embed(run, embedder)
    learn(run, report, embedder.name, missing)
    store.update_project(project_id, state="ready", error=None, phase=_resting_phase(missing, unread))
    return bool(missing or unread)


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
    if run.project.meta.get("text_source") not in (None, _text_source(run.config)):
        # Other fields or another tag hold the texts now: every task has to be read again.
        watermark, page = None, 1
    if watermark is None:
        newest = run.project.meta.get("first_newest") if page > 1 else run.services.client.newest_update(run.id)
        page = synchronizer.first_read(page, time.monotonic() + FIRST_READ_SECONDS, report)
        run.store.merge_meta(run.id, next_page=page or 1, first_newest=newest, text_source=_text_source(run.config))
        watermark = None if page else newest
    else:
        compare = synchronizer.read_events(events, report)
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


def _resting_phase(missing: int, unread: bool) -> str:
    if unread:
        return "reading tasks from Label Studio"
    return f"embedding: {missing:,} texts to go" if missing else "up to date"
