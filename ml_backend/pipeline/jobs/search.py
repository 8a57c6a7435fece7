"""Finds texts by meaning, by words, like a task, likely of a class, and unlike anything labelled."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.search.nearest import cosines, cosines_to_mean, ranked
from ml_backend.pipeline.jobs.found_texts import TextViews, class_number, probabilities_of, with_label, with_prediction
from ml_backend.pipeline.jobs.job import Job, JobFailed
from ml_backend.pipeline.nearest_labelled import NearestLabelled
from ml_backend.pipeline.project_pool import ProjectPool
from ml_backend.pipeline.search_questions import MOST_PAGES, PER_PAGE, Among, By
from ml_backend.pipeline.search_words import words_of
from ml_backend.pipeline.task_arrays import NO_TEXT

MOST_FOUND = MOST_PAGES * PER_PAGE
"""Texts that are found by words before the search ends, and that can be looked through."""
TASKS_AT_ONCE = 20_000
LONGEST_SECONDS = 3.0
"""How long texts are searched for words."""
NEAREST_LABELLED = NearestLabelled()


@dataclass(frozen=True)
class Found:
    """Rows of the pool, (n,) int64, the best first, each with its score, (n,), a share from 0 to 1, or None.

    said: what the scores are, or how far the search came, as a sentence for people; more: whether there are others.
    """

    rows: NDArray[np.int64]
    scores: NDArray[np.float32] | None
    said: str = ""
    more: bool = False


def run(job: Job) -> dict[str, Any]:
    """{"found", "total", "more", "pages", "said"}; parameters: see `parse_search`.

    found: of each text on this page what `TextViews.of` says, with "score" and "copies", the number of other tasks of
    the same text that match as well. Raises JobFailed and ModelNotAvailable.
    """
    asked = job.parameters
    pool = job.services.arrays.pool_to_read(job.project_id, job.model, job.config)
    views = TextViews(job, pool)
    rows = _among(job, pool, views)
    found = WAYS[By(asked["by"])](job, pool, rows)
    start = (asked["page"] - 1) * PER_PAGE
    shown = found.rows[start : start + PER_PAGE]
    copies = _count_copies(pool, rows, shown)
    texts = views.of(shown)
    for n, text in enumerate(texts):
        text["score"] = None if found.scores is None else round(float(found.scores[start + n]), 4)
        text["copies"] = copies[n]
    return {
        "found": texts,
        "total": len(found.rows),
        "more": found.more,
        "pages": -(-len(found.rows) // PER_PAGE),
        "said": found.said,
    }


def _among(job: Job, pool: ProjectPool, views: TextViews) -> NDArray[np.int64]:
    """The rows to search, ascending."""
    asked = job.parameters
    chosen = pool.texts != NO_TEXT
    match Among(asked["among"]):
        case Among.OPEN:
            chosen = pool.open.copy()
        case Among.LABELLED:
            chosen = chosen & pool.has_label
    if asked["label"] is not None:
        chosen &= with_label(pool, class_number(job, asked["label"]))
    rows = np.flatnonzero(chosen)
    if asked["predicted"] is not None:
        number = class_number(job, asked["predicted"])
        if views.head is None:
            job.head()  # says why there is none
        else:
            rows = rows[with_prediction(views.head, pool, rows, number)]
    return rows


def _by_meaning(job: Job, pool: ProjectPool, rows: NDArray[np.int64]) -> Found:
    _require_vectors(pool)
    vector = job.encode([job.parameters["question"]])[0]
    return _nearest(pool, rows, vector)


def _like(job: Job, pool: ProjectPool, rows: NDArray[np.int64]) -> Found:
    _require_vectors(pool)
    own = pool.rows([job.parameters["task"]])
    if not len(own):
        raise JobFailed(f"Task {job.parameters['task']} is not known here; it may have been deleted.")
    if not pool.embedded[own[0]]:
        raise JobFailed(f"The text of task {job.parameters['task']} is not embedded; look at its progress under Now.")
    others = rows[pool.texts[rows] != pool.texts[own[0]]]
    return _nearest(pool, others, pool.embeddings[own[0]])


def _nearest(pool: ProjectPool, rows: NDArray[np.int64], vector: NDArray[np.float32]) -> Found:
    if vector.shape != pool.embeddings.shape[1:]:
        raise JobFailed("The embedding model has changed, and its vectors are not computed yet; try again soon.")
    return _best(pool, rows, lambda chosen: cosines(pool.embeddings, vector)[chosen])


def _likely(job: Job, pool: ProjectPool, rows: NDArray[np.int64]) -> Found:
    _require_vectors(pool)
    number, (_, head) = class_number(job, job.parameters["class"]), job.head()
    return _best(pool, rows, lambda chosen: probabilities_of(head, pool, chosen, number))


def _unlike(job: Job, pool: ProjectPool, rows: NDArray[np.int64]) -> Found:
    _require_vectors(pool)
    labelled = pool.first_of_each_text
    labelled = labelled[np.isin(pool.texts[labelled], pool.texts[pool.has_label])]
    if len(labelled):
        said = "How much the most similar labelled text is alike."
        found = _best(pool, rows, lambda chosen: -NEAREST_LABELLED.cosines(job.project_id, pool, chosen, labelled))
    else:
        said = "Nothing is labelled yet, so these are the texts that are least like the average of all."
        found = _best(pool, rows, lambda chosen: -cosines_to_mean(pool.embeddings, chosen))
    return Found(found.rows, None if found.scores is None else -found.scores, said, found.more)


def _by_words(job: Job, pool: ProjectPool, rows: NDArray[np.int64]) -> Found:
    words, ids = words_of(job.parameters["question"]), pool.task_ids
    is_searched = np.zeros(len(ids), dtype=bool)
    is_searched[rows] = True
    found: dict[int, int] = {}
    started = time.monotonic()
    for start in range(0, len(ids), TASKS_AT_ONCE):
        last = min(start + TASKS_AT_ONCE, len(ids)) - 1
        hits = pool.rows(job.store.tasks_with_words(job.project_id, words, int(ids[start]), int(ids[last])))
        for row in hits[is_searched[hits]].tolist():
            found.setdefault(int(pool.texts[row]), row)
        has_enough, is_late = len(found) > MOST_FOUND, time.monotonic() - started > LONGEST_SECONDS
        if (has_enough or is_late) and last < len(ids) - 1:
            said = "" if has_enough else f"Only the first {last + 1:,} of {len(ids):,} tasks were searched in time."
            return Found(np.array(list(found.values())[:MOST_FOUND], dtype=np.int64), None, said, more=True)
    listed = list(found.values())
    return Found(np.array(listed[:MOST_FOUND], dtype=np.int64), None, more=len(listed) > MOST_FOUND)


def _every(_job: Job, pool: ProjectPool, rows: NDArray[np.int64]) -> Found:
    rows = rows[np.sort(np.unique(pool.texts[rows], return_index=True)[1])]
    return Found(rows[:MOST_FOUND], None, more=len(rows) > MOST_FOUND)


WAYS: dict[By, Callable[[Job, ProjectPool, NDArray[np.int64]], Found]] = {
    By.MEANING: _by_meaning,
    By.WORDS: _by_words,
    By.LIKE: _like,
    By.LIKELY: _likely,
    By.UNLIKE: _unlike,
    By.EVERY: _every,
}


def _best(
    pool: ProjectPool, rows: NDArray[np.int64], score: Callable[[NDArray[np.int64]], NDArray[np.float32]]
) -> Found:
    """The rows with the highest scores, one of each text. score: of rows (n,) int64, (n,) float32."""
    rows = rows[pool.embedded[rows]]
    rows = rows[np.sort(np.unique(pool.texts[rows], return_index=True)[1])]
    if not len(rows):
        return Found(rows, None)
    scores = score(rows)
    order = ranked(scores, rows, MOST_FOUND)
    return Found(rows[order], scores[order], more=len(rows) > MOST_FOUND)


def _count_copies(pool: ProjectPool, rows: NDArray[np.int64], shown: NDArray[np.int64]) -> list[int]:
    """How many other rows among `rows` (n,) int64 have the text of each of the rows shown, (m,) int64."""
    texts = pool.texts[rows]
    return [int((texts == text).sum()) - 1 for text in pool.texts[shown].tolist()]


def _require_vectors(pool: ProjectPool) -> None:
    if not pool.embedded.any():
        raise JobFailed(
            "No text of this project is embedded yet, so nothing can be found by meaning: search by words, or look at "
            "the progress under Now and try again."
        )
