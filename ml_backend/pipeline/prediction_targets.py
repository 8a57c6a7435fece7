"""Where predictions for all open texts are written to: a file in parts, or Label Studio."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from ml_backend.labelstudio.client import LabelStudio, LabelStudioUnavailable, RequestRefused
from ml_backend.labelstudio.label_config import LabelConfig
from ml_backend.labelstudio.predictions import prediction_result
from ml_backend.pipeline.open_predictions import TextPrediction
from ml_backend.pipeline.prediction_csv import csv_header, csv_rows
from ml_backend.store import Store

OWN_VERSION = "all open texts"
"""How the model versions of these predictions begin: the batches of the service have others."""
TRIES = 20
"""How often a chunk is sent while Label Studio does not respond: for about ten minutes."""
LONGEST_PAUSE_SECONDS = 30.0


class Target(Protocol):
    """Takes predictions in chunks. What it was given before is there after a restart."""

    def begin(self) -> None:
        """Begin, with nothing written, also if something was before."""

    def write(self, number: int, predictions: Sequence[TextPrediction], again: bool) -> int:
        """Write a chunk, the first of which has the number 1, and return how many predictions it wrote.

        again: whether a part of them may be written already.
        """


class StoredFile:
    """A CSV file in the database, a part for each chunk. name: see `Store.put_part`; about: for its reader."""

    def __init__(
        self, store: Store, project_id: int, name: str, about: dict[str, Any], multi_label: bool, with_texts: bool
    ) -> None:
        self._store, self._project_id, self._name, self._about = store, project_id, name, about
        self._multi_label, self._with_texts = multi_label, with_texts

    def begin(self) -> None:
        """Write the first line, and drop others."""
        self._store.put_file(self._project_id, self._name, csv_header(self._multi_label, self._with_texts), self._about)

    def write(self, number: int, predictions: Sequence[TextPrediction], again: bool) -> int:
        """Write a part, in place of one with its number."""
        texts = _texts(self._store, self._project_id, predictions) if self._with_texts else None
        self._store.put_part(self._project_id, self._name, number, csv_rows(predictions, self._multi_label, texts))
        return len(predictions)


class LocalFile:
    """A CSV file on this machine."""

    def __init__(self, store: Store, project_id: int, path: Path, multi_label: bool, with_texts: bool) -> None:
        self._store, self._project_id, self._path = store, project_id, path
        self._multi_label, self._with_texts = multi_label, with_texts

    def begin(self) -> None:
        """Write the first line. Raises OSError."""
        self._path.write_bytes(csv_header(self._multi_label, self._with_texts))

    def write(self, number: int, predictions: Sequence[TextPrediction], again: bool) -> int:
        """Append a chunk. Raises OSError."""
        texts = _texts(self._store, self._project_id, predictions) if self._with_texts else None
        with self._path.open("ab") as file:
            file.write(csv_rows(predictions, self._multi_label, texts))
        return len(predictions)


class LabelStudioPredictions:
    """Predictions in Label Studio under a model version of their own, so that what is served next stays as it is.

    wait: called with a sentence and a number of seconds while Label Studio does not respond; it may raise.
    """

    def __init__(
        self,
        client: LabelStudio,
        project_id: int,
        version: str,
        config: LabelConfig,
        wait: Callable[[str, float], None],
    ) -> None:
        self._client, self._project_id, self._version, self._config = client, project_id, version, config
        self._wait = wait

    def begin(self) -> None:
        """Remove what was written under this version. Raises LabelStudioError."""
        if self._client.model_versions(self._project_id).get(self._version):
            self._client.remove_version(self._project_id, self._version)

    def write(self, number: int, predictions: Sequence[TextPrediction], again: bool) -> int:
        """Write a chunk; tasks that were deleted meanwhile are left out. Raises LabelStudioError."""
        for attempt in range(1, TRIES + 1):
            try:
                left = self._still_to_write(predictions) if again else list(predictions)
                self._write(left)
                return len(left)
            except LabelStudioUnavailable as problem:
                if attempt == TRIES:
                    raise
                self._wait(
                    f"Label Studio does not respond; trying again ({problem})",
                    min(2**attempt / 2, LONGEST_PAUSE_SECONDS),
                )
                again = True
            except RequestRefused:
                # Label Studio refuses a whole request if one of its tasks was deleted.
                left = self._still_to_write(predictions)
                if again or len(left) == len(predictions):
                    raise
                again = True
        raise AssertionError("unreachable")

    def _write(self, predictions: Sequence[TextPrediction]) -> None:
        if predictions:
            items = [(p.task_id, prediction_result(p.chosen, self._config), p.confidence) for p in predictions]
            self._client.add_predictions(self._project_id, self._version, items)

    def _still_to_write(self, predictions: Sequence[TextPrediction]) -> list[TextPrediction]:
        """Those whose task exists and has no prediction of this version."""
        versions = self._client.versions_of_predictions(self._project_id, [p.task_id for p in predictions])
        return [p for p in predictions if self._version not in versions.get(p.task_id, {self._version})]


def own_version(requested_at: float, name: str) -> str:
    """The model version of predictions asked for at that time (Unix). name: unique to the request."""
    return f"{OWN_VERSION}, {time.strftime('%Y-%m-%d %H:%M', time.gmtime(requested_at))} UTC ({name})"


def _texts(store: Store, project_id: int, predictions: Sequence[TextPrediction]) -> dict[int, str]:
    return store.texts_of_tasks(project_id, [p.task_id for p in predictions])
