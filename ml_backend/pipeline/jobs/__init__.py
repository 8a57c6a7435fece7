"""What each kind of job in `job_kinds` does: a new one is a file beside this one, a line here and one there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ml_backend.pipeline.jobs import (
    class_preview,
    compare_strategies,
    export_model,
    group_labels,
    groups,
    label_copies,
    map_colours,
    map_layout,
    map_positions,
    near_duplicates,
    predict_all,
    remove_predictions,
    search,
)
from ml_backend.pipeline.jobs.job import Job

Run = Callable[[Job], dict[str, Any]]
"""Does a job and returns its result, as JSON values."""

RUNS: dict[str, Run] = {
    "count_predictions": predict_all.count_open,
    "predict_all": predict_all.run,
    "remove_predictions": remove_predictions.run,
    "export_model": export_model.run,
    "label_copies": label_copies.run,
    "class_preview": class_preview.run,
    "compare_strategies": compare_strategies.run,
    "search": search.run,
    "near_duplicates": near_duplicates.run,
    "groups": groups.run,
    "label_group": group_labels.run,
    "undo_group_label": group_labels.undo,
    "map_positions": map_positions.run,
    "map_colours": map_colours.run,
    "map_layout": map_layout.run,
}
"""Name of the kind → what does it."""
