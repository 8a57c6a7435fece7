"""What came of jobs, as sentences for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ml_backend.pipeline.prediction_words import kept_sentence, without_vector_words
from ml_backend.store.job_records import JobRecord
from ml_backend.store.states import JobState

Result = Mapping[str, Any]
HIDDEN_ERROR = "It failed; sign in to read why."
"""An error may quote the text at which a job failed."""


def shown_error(error: str | None, is_person: bool) -> str | None:
    """Why a job failed. is_person: whether it is shown to somebody by name, who may read texts."""
    return error if is_person or error is None else HIDDEN_ERROR


def outcome(job: JobRecord) -> str:
    """What a job found or did; empty if it has not ended well, or for a kind whose own page tells it."""
    words = WORDS.get(job.kind)
    return words(job.result) if words and job.state == JobState.DONE and job.result is not None else ""


def _predicted(result: Result) -> str:
    version = result.get("version")
    where = f' In Label Studio they have the model version "{version}".' if version else ""
    return kept_sentence(result) + where


def _counted(result: Result) -> str:
    texts = "1 open text is" if result["open"] == 1 else f"{result['open']:,} open texts are"
    return f"{texts} predicted; the table below shows how sure the model is.{without_vector_words(result)}"


def _removed(result: Result) -> str:
    removed = f"{_number(result['predictions'], 'prediction')} removed." if result["versions"] else "There were none."
    if result["served"]:
        removed += f' Those of "{result["served"]}" stay, since Label Studio serves tasks by them at the moment.'
    return removed


def _exported(result: Result) -> str:
    return f"Made from {_number(result['labels'], 'label')}; {_size(result['bytes'])}."


def _copied(result: Result) -> str:
    parts = [f"{_number(result['labelled'], 'task')} labelled"]
    if result["others_first"]:
        parts.append(f"{result['others_first']:,} labelled or deleted by others meanwhile")
    if result["disputed"]:
        parts.append(f"{result['disputed']:,} left out, as their text has different labels")
    return "; ".join(parts) + "."


def _size(n: int) -> str:
    return f"{n / 1e6:.1f} MB" if n >= 1e6 else f"{n / 1e3:.0f} kB"


def _number(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


WORDS: dict[str, Callable[[Result], str]] = {
    "predict_all": _predicted,
    "count_predictions": _counted,
    "remove_predictions": _removed,
    "export_model": _exported,
    "label_copies": _copied,
}
"""Kind → its result as a sentence."""
