"""A whole run by itself: sync ▶ embed ▶ fit ▶ query ▶ publish, against a Label Studio in memory and a real store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from stub_label_studio import PROJECT, StubLabelStudio

from ml_backend.labelstudio.client import LabelStudioUnavailable
from ml_backend.labelstudio.label_config import parse
from ml_backend.labelstudio.labels import Labels
from ml_backend.pipeline.context import Services
from ml_backend.pipeline.project_pool import project_pool
from ml_backend.pipeline.run import run_project
from ml_backend.pipeline.select import propose
from ml_backend.pipeline.task_arrays import ArrayCache
from ml_backend.project_settings import ProjectSettings
from ml_backend.store import Store
from ml_backend.store.records import FirstRead, ProjectRecord
from ml_backend.store.states import BatchState, ProjectState, RunReason

SETTINGS = {"strategy": "random", "initial": "random", "batch_size": 6, "retrain_every": 2, "seed": 3}
TEXTS = {i: f"text {i}" for i in range(1, 41)}

Run = Callable[..., bool]


class Words:
    """Embeds "text 7" as what a generator of seed 7 draws."""

    name = "words"

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        draws = [np.random.default_rng(int(text.split()[1])).normal(size=8) for text in texts]
        return np.array(draws, dtype=np.float32)


@pytest.fixture
def studio() -> StubLabelStudio:
    return StubLabelStudio(TEXTS)


@pytest.fixture
def run(studio: StubLabelStudio, sqlite_store: Store) -> Run:
    """One run of the project, for a reason; True when it left work behind."""
    sqlite_store.ensure_project(PROJECT, settings=SETTINGS)
    services: Any = Services(
        sqlite_store,
        studio,
        ArrayCache(sqlite_store),
        lambda _name: Words(),
        "words",
        "secret",  # type: ignore[arg-type]
    )
    return lambda reason=RunReason.EVERY_MINUTE: run_project(services, PROJECT, [reason])


def project(store: Store) -> ProjectRecord:
    kept = store.project(PROJECT)
    assert kept is not None
    return kept


def label_first(studio: StubLabelStudio, n: int) -> None:
    """Label the first tasks of what is served, with both classes."""
    for i, (task_id, _, _) in enumerate(studio.published[-1][1][:n]):
        studio.label(task_id, ("bug", "praise")[i % 2])


def test_the_first_run_reads_embeds_and_publishes_what_the_plan_says_in_its_order(
    run: Run, studio: StubLabelStudio, sqlite_store: Store
):
    assert not run(RunReason.SETUP)
    (batch,) = sqlite_store.batches(PROJECT)
    ((version, items),) = studio.published
    assert (batch.state, batch.version, studio.fields["model_version"]) == (BatchState.PUBLISHED, version, version)
    assert [task_id for task_id, _, _ in items] == batch.task_ids
    assert [rank for _, _, rank in items] == list(range(len(items))), "the best has rank 0 and is served first"
    assert studio.fields["sampling"] == "Uncertainty sampling"
    kept = project(sqlite_store)
    assert (kept.state, kept.error, kept.phase, kept.title) == (ProjectState.READY, None, "up to date", "Mail")
    assert (kept.counts.tasks, kept.counts.embedded, kept.counts.labeled) == (40, 40, 0)
    assert kept.counts.queue_remaining == len(items)
    assert (kept.attached, kept.entry_url, kept.watermark) == (True, "http://backend", "2026-01")
    (history,) = sqlite_store.runs(PROJECT)
    assert (history.batch, history.version, history.reasons) == (1, version, ["setup"])
    assert list(history.seconds) == ["wait", "sync", "embed", "pool", "query", "fit", "publish"]


def test_each_batch_after_new_labels_is_the_plans_of_the_next_cycle(
    run: Run, studio: StubLabelStudio, sqlite_store: Store
):
    run(RunReason.SETUP)
    label_first(studio, 2)
    run()
    batches = sqlite_store.batches(PROJECT)[::-1]
    assert [batch.state for batch in batches] == [BatchState.SUPERSEDED, BatchState.PUBLISHED]
    assert project(sqlite_store).cycle == 1
    head = sqlite_store.current_head(PROJECT)
    assert head is not None
    assert (head.version, head.n_labels) == (batches[1].head_version, 2)
    assert all(result for _, result, _ in studio.published[1][1]), "each task comes with a pre-annotation"
    first, second = (set(batch.task_ids[:6]) for batch in batches)
    drawn = {}
    for cycle in (0, 1):
        rng = np.random.default_rng([SETTINGS["seed"], cycle])
        unlabeled = np.array(sorted(set(TEXTS) - set(labeled_tasks(studio))))
        drawn[cycle] = set(rng.choice(unlabeled, 6, replace=False).tolist())
    assert second == drawn[1]
    assert second not in (first, drawn[0])


def labeled_tasks(studio: StubLabelStudio) -> list[int]:
    return [task_id for task_id, task in studio.tasks.items() if task["annotations"]]


def test_nothing_new_publishes_nothing(run: Run, studio: StubLabelStudio, sqlite_store: Store):
    run(RunReason.SETUP)
    label_first(studio, 1)
    assert not run()
    assert len(studio.published) == len(sqlite_store.runs(PROJECT)) == 1
    assert project(sqlite_store).counts.labels == {"bug": 1, "praise": 0}
    sqlite_store.update_project(PROJECT, settings={**SETTINGS, "batch_size": 7})
    run()
    assert sqlite_store.batches(PROJECT)[0].why == "the project's settings changed"
    run()
    assert len(studio.published) == 2, "the settings are used now"


def test_a_setting_that_a_newer_version_added_publishes_nothing(run: Run, studio: StubLabelStudio, sqlite_store: Store):
    run(RunReason.SETUP)
    used = project(sqlite_store).settings_used
    assert used is not None
    older = {name: value for name, value in used.items() if name not in {"subpool", "balance"}}
    sqlite_store.update_project(PROJECT, settings_used=older)
    run()
    assert len(studio.published) == 1


def test_what_chance_drew_is_kept_with_the_batch_and_measured_by_the_next_head(
    run: Run, studio: StubLabelStudio, sqlite_store: Store
):
    sqlite_store.ensure_project(PROJECT, settings={**SETTINGS, "random_share": 1.0})
    run(RunReason.SETUP)
    for _ in range(2):
        label_first(studio, 4)
        run()
    for batch in sqlite_store.batches(PROJECT):
        assert sorted(batch.random_task_ids) == sorted(batch.task_ids)
    runs = sqlite_store.runs(PROJECT)
    assert [(r.asked, r.random_asked) for r in runs] == [(0, 0), (0, 0), (4, 4)], "no head before the second run"
    assert [r.kappa is None for r in runs] == [True, True, False]
    assert runs[-1].stopping.reason == "2 of the 4 heads that are needed to compare"


def test_a_first_read_goes_on_where_it_was_interrupted(run: Run, studio: StubLabelStudio, sqlite_store: Store):
    run(RunReason.SETUP)
    sqlite_store.update_project(PROJECT, watermark=None, first_read=FirstRead(2, "2025-12"))
    sqlite_store.remove_tasks(PROJECT, [1, 2])
    assert not run()
    kept = project(sqlite_store)
    assert (kept.first_read, kept.watermark) == (None, "2025-12"), "changes since its start are still to be read"
    assert sqlite_store.task_count(PROJECT) == 38
    run()
    assert (project(sqlite_store).watermark, sqlite_store.task_count(PROJECT)) == ("2026-01", 40)


def test_other_fields_with_the_texts_have_every_task_read_again(run: Run, studio: StubLabelStudio, sqlite_store: Store):
    run(RunReason.SETUP)
    for task in studio.tasks.values():
        task["data"]["body"] = f"text {task['id'] + 100}"
    studio.fields["label_config"] = studio.fields["label_config"].replace("$text", "$body")
    run()
    assert project(sqlite_store).text_source == "Text:body"
    hashes = {text_hash for _, text_hash, _ in sqlite_store.tasks(PROJECT)}
    assert len(hashes & set(sqlite_store.embeddings("words", sorted(h for h in hashes if h)))) == 40


def test_events_are_taken_in_once(run: Run, studio: StubLabelStudio, sqlite_store: Store):
    run(RunReason.SETUP)
    label_first(studio, 1)
    task_id = studio.published[0][1][0][0]
    sqlite_store.add_event(PROJECT, "ANNOTATION_CREATED", {"annotation": {"id": 1, "task": task_id}})
    run(RunReason.LABELS)
    assert sqlite_store.events(PROJECT) == []
    assert project(sqlite_store).counts.labeled == 1
    sqlite_store.add_event(PROJECT, "START_TRAINING", {})
    run(RunReason.TRAINING)
    assert sqlite_store.runs(PROJECT)[-1].why.startswith("training was asked for")


def test_states_say_why_a_run_could_not_be(run: Run, studio: StubLabelStudio, sqlite_store: Store):
    run(RunReason.SETUP)
    studio.fields["label_config"] = "<View/>"
    run()
    assert project(sqlite_store).state is ProjectState.UNSUPPORTED
    studio.backends.clear()
    run()
    assert project(sqlite_store).state is ProjectState.DISCONNECTED
    sqlite_store.update_project(PROJECT, seen_by="somebody else")
    studio.gone = True
    run()
    assert project(sqlite_store).state is ProjectState.MISSING
    sqlite_store.update_project(PROJECT, seen_by=studio.identity())
    run()
    assert sqlite_store.project(PROJECT) is None, "who could see it before and cannot now shows that it was deleted"


def test_a_failed_publication_is_taken_away_and_done_anew(
    run: Run, studio: StubLabelStudio, sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
):
    def unavailable(*_: Any) -> None:
        raise LabelStudioUnavailable("gone for a moment")

    with monkeypatch.context() as broken:
        broken.setattr(studio, "publish_batch", unavailable)
        with pytest.raises(LabelStudioUnavailable):
            run(RunReason.SETUP)
    (lost,) = sqlite_store.batches(PROJECT)
    assert (lost.state, sqlite_store.runs(PROJECT)) == (BatchState.PLANNED, [])
    run()
    served, lost = sqlite_store.batches(PROJECT)
    assert (served.state, lost.state) == (BatchState.PUBLISHED, BatchState.REMOVED)
    assert served.task_ids == lost.task_ids, "the same cycle draws the same"
    assert studio.removed == [lost.version]


def test_every_cycle_has_draws_of_its_own_and_always_the_same(run: Run, studio: StubLabelStudio, sqlite_store: Store):
    run(RunReason.SETUP)
    arrays = ArrayCache(sqlite_store).arrays(PROJECT, "words")
    pool = project_pool(arrays, Labels(), parse(studio.fields["label_config"]))

    def rows(cycle: int, **changes: Any) -> tuple[int, ...]:
        chosen = propose(ProjectSettings(**{**SETTINGS, **changes}), pool, 2, cycle, reserve=0).rows
        return tuple(chosen.tolist())

    for changes in ({}, {"random_share": 1.0}):
        draws = [rows(cycle, **changes) for cycle in range(5)]
        assert len(set(draws)) == 5
        assert draws == [rows(cycle, **changes) for cycle in range(5)]
        assert rows(0, **changes, seed=4) != draws[0]


def test_sampling_that_a_person_changed_is_put_back_without_a_new_batch(run: Run, studio: StubLabelStudio):
    run()
    studio.fields["sampling"] = "Uniform sampling"
    run()
    assert studio.fields["sampling"] == "Uncertainty sampling"
    assert len(studio.published) == 1


def test_a_correction_that_no_webhook_reported_is_read_though_the_first_attempt_failed(
    run: Run, studio: StubLabelStudio, sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
):
    """No count differs after a correction: only the time of the last change leads to it."""
    run()
    label_first(studio, 2)
    run()
    task_id = studio.published[0][1][0][0]
    assert project(sqlite_store).counts.labels == {"bug": 1, "praise": 1}
    studio.label(task_id, "praise")
    later = {"updated_at": "2026-03"}
    studio.tasks[task_id] |= {"annotations": [studio.tasks[task_id]["annotations"][0] | later], **later}

    def unavailable(*_args: Any, **_options: Any) -> None:
        raise LabelStudioUnavailable("gone for a moment")

    with monkeypatch.context() as patch:
        patch.setattr(studio, "task_pages", unavailable)
        with pytest.raises(LabelStudioUnavailable):
            run()
    run()
    assert project(sqlite_store).counts.labels == {"bug": 0, "praise": 2}


def test_a_task_whose_deletion_was_reported_is_gone_whatever_else_the_run_is_for(
    run: Run, studio: StubLabelStudio, sqlite_store: Store
):
    run()
    del studio.tasks[5]
    sqlite_store.add_event(PROJECT, "TASKS_DELETED", {"tasks": [{"id": 5}]})
    run(RunReason.LABELS)
    assert 5 not in sqlite_store.task_ids(PROJECT)


def test_an_event_of_labels_that_names_none_has_everything_compared_at_once(
    run: Run, studio: StubLabelStudio, sqlite_store: Store
):
    run()
    label_first(studio, 1)
    sqlite_store.add_event(PROJECT, "ANNOTATIONS_CREATED", {"project": {"id": PROJECT}})
    run(RunReason.LABELS)
    assert project(sqlite_store).counts.labeled == 1
