"""The arrays of the projects used last, for runs, which bring them up to date, and for jobs beside a run."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock, RLock

from ml_backend.labelstudio.label_config import LabelConfig
from ml_backend.pipeline.project_pool import ProjectPool, project_pool
from ml_backend.pipeline.task_arrays import TaskArrays
from ml_backend.store import Store


class ArrayCache:
    """Keeps the arrays of the projects used last in memory.

    max_projects: how many to keep; the vectors of a million texts with 384 dimensions take 1.5 GB.
    """

    def __init__(self, store: Store, max_projects: int = 4) -> None:
        self._store = store
        self._max_projects = max_projects
        self._lock = Lock()
        self._project_locks: defaultdict[int, RLock] = defaultdict(RLock)
        self._by_project: dict[int, tuple[str, TaskArrays]] = {}
        self._pools: dict[int, tuple[str, LabelConfig, ProjectPool]] = {}
        self._running: Counter[int] = Counter()

    @contextmanager
    def run(self, project_id: int) -> Iterator[None]:
        """While a run of this process uses the arrays of a project, nobody else brings them up to date."""
        with self._lock:
            self._running[project_id] += 1
        try:
            yield
        finally:
            with self._lock:
                self._running[project_id] -= 1

    def arrays(self, project_id: int, model: str) -> TaskArrays:
        """The project's arrays, refreshed. Only the project's run may use them."""
        with self._locked(project_id):
            with self._lock:
                cached_model, arrays = self._by_project.pop(project_id, (None, None))
            if arrays is None or cached_model != model:
                arrays = TaskArrays(self._store, project_id, model)
            arrays.refresh()
            with self._lock:
                self._by_project[project_id] = (model, arrays)
                while len(self._by_project) > self._max_projects:
                    oldest = next(iter(self._by_project))
                    self._by_project.pop(oldest)
                    self._pools.pop(oldest, None)
            return arrays

    def pool(self, project_id: int, model: str, config: LabelConfig) -> tuple[TaskArrays, ProjectPool]:
        """The project's arrays, refreshed, and its pool by this label config, for the project's run."""
        with self._locked(project_id):
            arrays = self.arrays(project_id, model)
            pool = project_pool(arrays, arrays.labels(config))
            with self._lock:
                self._pools[project_id] = (model, config, pool)
            return arrays, pool

    def pool_to_read(self, project_id: int, model: str, config: LabelConfig) -> ProjectPool:
        """The project's pool, to be read beside its runs.

        While a run goes on it is the pool of that run or of the one before; a vector that is being written then may be
        read as zeros. Otherwise it is up to date.
        """
        with self._locked(project_id):
            with self._lock:
                known_model, known_config, pool = self._pools.get(project_id, (None, None, None))
                is_running = self._running[project_id] > 0
            if is_running and pool is not None and (known_model, known_config) == (model, config):
                return pool
            return self.pool(project_id, model, config)[1]

    def missing(self, project_id: int, model: str) -> int:
        """Number of distinct texts without a vector; arrays that are not in memory are not read for it."""
        with self._lock:
            is_in_memory = self._by_project.get(project_id, (None, None))[0] == model
        if is_in_memory:
            return self.arrays(project_id, model).missing()
        return self._store.count_missing_embeddings(project_id, model)

    def forget(self, project_id: int) -> None:
        """Drop the arrays of a project."""
        with self._lock:
            self._by_project.pop(project_id, None)
            self._pools.pop(project_id, None)

    @contextmanager
    def _locked(self, project_id: int) -> Iterator[None]:
        with self._lock:
            lock = self._project_locks[project_id]
        with lock:
            yield
