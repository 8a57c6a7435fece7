"""What a project waits for, and what a person can do about it, as sentences for the status."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ml_backend.project_settings import ProjectSettings, SettingsError
from ml_backend.store import Store
from ml_backend.store.learning_records import BatchRecord
from ml_backend.store.records import ProjectCounts, ProjectRecord
from ml_backend.store.states import ProjectState

STOPPED = {
    ProjectState.WAITING: "Nothing new is published until this is solved; labels given until then are used afterwards.",
    ProjectState.FAILED: "Nothing new is published until this is solved; labels given until then are used afterwards.",
    ProjectState.UNSUPPORTED: "Nothing is learned or published until the label config or the settings are changed.",
    ProjectState.MISSING: "Nothing is learned or published until Label Studio shows the project to this key.",
    ProjectState.DISCONNECTED: "Nothing is published while the project is disconnected.",
}
"""State → what happens in it; in the other states batches follow each other."""

PAUSED = (
    "The project is paused: labels are received and kept, and nothing is learned or published until somebody lets it "
    "go on, under Actions or with `python -m ml_backend resume` and its number."
)

UP_TO_DATE = "up to date"
"""The phase of a project whose last run left nothing to do."""
LEARNS = "The model learns from the labels that came in, then it chooses new tasks."

REMEDIES = {
    ProjectState.WAITING: "Nothing is lost, and the backend tries again. `python -m ml_backend doctor` checks "
    "address, key, model and database.",
    ProjectState.FAILED: "Nothing is lost, and the backend tries again. If the problem stays, see the worker's log for "
    "details.",
    ProjectState.UNSUPPORTED: "Change the labeling interface in Label Studio, or name the control and the text fields "
    "in the settings of this project.",
    ProjectState.MISSING: "Check that the project still exists and that the user of LABEL_STUDIO_API_KEY can open it.",
    ProjectState.DISCONNECTED: "Connect it again, by `python -m ml_backend connect` with its number, or in Label "
    "Studio under Settings, Model, Connect Model. Everything that was learned is kept.",
}
OTHER_MODEL = "If the embedding model is the problem, choose another in the settings of this project."


def remedy(project: ProjectRecord) -> str | None:
    """What a person can do about the project's error; None without one."""
    if project.error is None:
        return None
    try:
        ProjectSettings.of_project(project.settings)
    except SettingsError:
        return "Choose other values in the settings of this project; every run tries again."
    remedy = REMEDIES.get(project.state)
    is_elsewhere = "Label Studio" in project.error
    if remedy and project.state == ProjectState.WAITING and "embedding_model" in project.settings and not is_elsewhere:
        remedy += f" {OTHER_MODEL}"
    return remedy


def next_step_of(store: Store, project: ProjectRecord) -> str:
    """`next_step` of a project, with what the database has about it."""
    counts = replace(project.counts, tasks=store.task_count(project.id))
    problems = sum(store.problem_counts(project.id).values())
    return next_step(
        project, counts, store.current_batch(project.id), ProjectSettings.usable(project.settings), problems
    )


def labels_received(events: Mapping[str, int]) -> int:
    """Events about annotations among those that no run has read yet. events: their number by action."""
    return sum(n for action, n in events.items() if action.startswith("ANNOTATION"))


def learns_soon(project: ProjectRecord, received: int, settings: ProjectSettings) -> bool:
    """Whether the labels that no run has read yet are enough for the model to learn again."""
    enough = received > 0 and received + project.counts.changed >= settings.retrain_every
    return enough and project.state not in STOPPED and project.paused_at is None


def next_step(
    project: ProjectRecord,
    counts: ProjectCounts,
    batch: BatchRecord | None,
    settings: ProjectSettings,
    problems: int,
    received: int = 0,
) -> str:
    """What the next batch waits for.

    counts: with today's number of tasks; problems: tasks without a usable text; received: see `labels_received`.
    """
    if project.state in STOPPED:
        is_served = batch is not None and project.state in (ProjectState.WAITING, ProjectState.FAILED)
        return STOPPED[project.state] + (" The published batch is still served." if is_served else "")
    situations = [
        (project.paused_at is not None, PAUSED),
        (learns_soon(project, received, settings), LEARNS),
        (
            project.text_source is None and not counts.tasks,
            "The tasks were not read yet; the first run reads them from Label Studio.",
        ),
        (
            batch is None and project.first_read is not None,
            f"The tasks are being read from Label Studio, {counts.tasks:,} so far.",
        ),
        (not counts.tasks, "There are no tasks yet; import some in Label Studio."),
        (problems == counts.tasks, "No task has a usable text; the reasons are listed below." + _fields(settings)),
        (
            not counts.labels or (batch is None and counts.to_embed > 0),
            "The first batch comes as soon as the first texts are read and embedded.",
        ),
        (not counts.open, "Nothing is left to label: every task with a usable text was submitted or skipped."),
        (
            batch is None or counts.changed >= settings.retrain_every or _runs_low(counts),
            "The next run publishes a batch.",
        ),
    ]
    return next((sentence for applies, sentence in situations if applies), _labels_to_come(counts, settings))


def _labels_to_come(counts: ProjectCounts, settings: ProjectSettings) -> str:
    missing = settings.retrain_every - counts.changed
    labels = "1 more new or changed label" if missing == 1 else f"{missing:,} more new or changed labels"
    low = f", or when fewer than {counts.queue_low:,} of the chosen tasks are left"
    return f"The model learns again and chooses new tasks after {labels}{low if counts.unpublished else ''}."


def _runs_low(counts: ProjectCounts) -> bool:
    return counts.unpublished > 0 and counts.queue_remaining < counts.queue_low


def _fields(settings: ProjectSettings) -> str:
    if not settings.text_fields:
        return ""
    return f" The setting `text_fields` names {', '.join(map(repr, settings.text_fields))}."
