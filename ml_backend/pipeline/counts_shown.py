"""The counts that people see while a run embeds, which may take long: labels show at once, and how far it is."""

from __future__ import annotations

from dataclasses import replace

from ml_backend.pipeline.context import RunContext
from ml_backend.pipeline.counts import counts
from ml_backend.pipeline.learning_data import learning_data
from ml_backend.pipeline.sync import Synchronizer, SyncReport
from ml_backend.store.records import ProjectCounts


class CountsShown:
    """Writes the counts of a project when it is made and after each chunk of texts.

    missing: number of texts without a vector. Labels that arrive before the first batch are read and counted after the
    present chunk; their events stay for the next run, as something else may have changed too. Later ones end the
    embedding instead, and the next run begins with them.
    """

    def __init__(self, run: RunContext, missing: int) -> None:
        self._run = run
        self._newest_event = run.events[-1].id if run.events else 0
        self._batch = run.store.current_batch(run.id)
        self._counts = self._counted(missing)
        self._missing_before, self._embedded_before = missing, self._counts.embedded
        run.store.update_project(run.id, counts=self._counts)

    def __call__(self, missing: int, phase: str) -> None:
        """Write how far it is; that nothing is left to embed is said only once a batch is chosen from all texts."""
        if self._batch is None and self._labels_arrived():
            self._counts = self._counted(max(1, missing))
            self._missing_before, self._embedded_before = missing, self._counts.embedded
        if missing:
            embedded = self._embedded_before + max(0, self._missing_before - missing)
            self._counts = replace(self._counts, embedded=embedded, to_embed=missing)
            self._missing_before, self._embedded_before = missing, embedded
        self._run.store.update_project(self._run.id, phase=phase, counts=self._counts)

    def _labels_arrived(self) -> bool:
        """Read the tasks that new events name; returns whether there were any."""
        run = self._run
        new = [event for event in run.store.events(run.id) if event.id > self._newest_event]
        if not new:
            return False
        self._newest_event = new[-1].id
        Synchronizer.of(run).read_events(new, SyncReport())
        return True

    def _counted(self, missing: int) -> ProjectCounts:
        run = self._run
        data = learning_data(run, run.embedding)
        return counts(data, run.settings, run.config, self._batch, missing, len(data.changed))
