"""One run of a project: sync ▶ embed ▶ fit ▶ query ▶ publish."""

from __future__ import annotations

import time

from ml_backend.pipeline.class_names import class_texts_changed
from ml_backend.pipeline.context import RunContext, Services
from ml_backend.pipeline.counts import counts
from ml_backend.pipeline.counts_shown import CountsShown
from ml_backend.pipeline.embed import embed
from ml_backend.pipeline.learn import learn
from ml_backend.pipeline.learning_data import learning_data, situation
from ml_backend.pipeline.members import refresh_members
from ml_backend.pipeline.next_step import UP_TO_DATE
from ml_backend.pipeline.open_run import open_run
from ml_backend.pipeline.publish import ensure_sampling, finish_interrupted_batches, remove_superseded
from ml_backend.pipeline.queue_size import RECENT_SECONDS
from ml_backend.pipeline.request_evaluation import request_evaluation
from ml_backend.pipeline.requested import requested_rows
from ml_backend.pipeline.retrain_policy import reason_to_learn
from ml_backend.pipeline.sync import SyncReport, synchronize
from ml_backend.store.states import ProjectState, RunReason


def run_project(services: Services, project_id: int, reasons: list[RunReason]) -> bool:
    """Bring a project up to date; returns True if work is left, which the next run should continue at once.

    Raises LabelStudioUnavailable, Unauthorized and ModelNotAvailable; nothing is lost, and the caller tries again.
    """
    run = open_run(services, project_id, reasons)
    if run is None:
        return False
    refresh_members(run)
    report = synchronize(run)
    missing = embed(run, lambda missing: CountsShown(run, missing))
    work_left = bool(missing) or not report.complete
    data = learning_data(run, run.embedding)
    serving = finish_interrupted_batches(run.store, run.client, run.info)
    reason, requested = None, requested_rows(run.store, run.id, data.pool)
    if not (data.is_empty or _is_paused(run, report) or (serving and _mixes_texts(run, report))):
        train = _is_training_asked_for(run, report)
        texts_changed = class_texts_changed(run.project, run.settings, run.config)
        reason = reason_to_learn(situation(run, data, serving, work_left, train, texts_changed, requested))
    run.end_step("pool")
    fitted = None
    if reason is not None:
        fitted = learn(run, data, reason, requested)
        serving = run.store.current_batch(run.id)
    elif serving is not None:
        ensure_sampling(run.client, run.info)
    people_label = bool(run.events) or time.time() - data.newest_annotation < RECENT_SECONDS
    remove_superseded(run.store, run.client, run.id, people_label)
    changed = 0 if reason else len(data.changed)
    run.store.update_project(
        run.id,
        counts=counts(data, run.settings, run.config, serving, missing, changed),
        state=ProjectState.READY,
        error=None,
        phase=_resting_phase(missing, report.complete),
        last_success_at=time.time(),
    )
    request_evaluation(run, data, fitted)
    return work_left


def _is_paused(run: RunContext, report: SyncReport) -> bool:
    """Whether a person wants nothing to be learned or published now, and did not ask for training all the same."""
    return run.project.paused_at is not None and not _is_training_asked_for(run, report)


def _is_training_asked_for(run: RunContext, report: SyncReport) -> bool:
    return report.train or RunReason.TRAINING in run.reasons


def _mixes_texts(run: RunContext, report: SyncReport) -> bool:
    """Whether some texts are still those of the label config of the last fit, while others were read by a newer one."""
    return not report.complete and run.project.fingerprint not in (None, run.config.fingerprint)


def _resting_phase(missing: int, all_read: bool) -> str:
    if not all_read:
        return "reading tasks from Label Studio"
    return f"embedding: {missing:,} texts left" if missing else UP_TO_DATE
