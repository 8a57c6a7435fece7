"""The kinds of jobs that people start from the pages: names, titles, and what each takes; `jobs` does them.

Quick ones answer a page that waits for them; the others go on in the background, report how far they have come, and
go on after a restart of the worker.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from ml_backend.pipeline.job_parameters import Parameters, WrongParameters, nothing
from ml_backend.pipeline.map_names import parse_colouring
from ml_backend.pipeline.prediction_choice import is_yes, parse_choice
from ml_backend.pipeline.search_questions import parse_groups, parse_label_group, parse_search, parse_undo
from ml_backend.project_settings import ProjectSettings, SettingsError

__all__ = ["KINDS", "JobKind", "Pace", "Parameters", "WrongParameters", "nothing"]


class Pace(StrEnum):
    """How long a job takes; a job never waits behind one of another pace.

    QUICK: a page waits for its answer; LONG: it goes on in the background; HEAVY: so too, and computes for minutes.
    """

    QUICK = "quick"
    LONG = "long"
    HEAVY = "heavy"


@dataclass(frozen=True)
class JobKind:
    """A kind of job.

    title: what people call it; parse: checks parameters as they come from a form or as JSON, and returns them as they
    are stored, or raises WrongParameters.
    """

    title: str
    pace: Pace = Pace.LONG
    parse: Callable[[Mapping[str, Any]], Parameters] = nothing


CLASS_PREVIEW_FILE = "classes/preview"
"""The kept file with what the newest model makes of each class; its `about` names the version of the model."""


def _class_preview(given: Mapping[str, Any]) -> Parameters:
    """descriptions: class → description, to try before they are saved; without them those that are saved count."""
    descriptions = given.get("descriptions")
    if descriptions is None:
        return {"descriptions": None}
    try:
        settings = ProjectSettings().merged({"class_descriptions": descriptions})
    except SettingsError as problem:
        raise WrongParameters(str(problem)) from None
    return {"descriptions": settings.class_descriptions or {}}


def _predict_all(given: Mapping[str, Any]) -> Parameters:
    """The fields of a `PredictionChoice`."""
    return asdict(parse_choice(given))


def _label_copies(given: Mapping[str, Any]) -> Parameters:
    """sure: has to be ticked, since labels are written into Label Studio."""
    if not is_yes(given.get("sure")):
        raise WrongParameters("Tick that the labels may be written into Label Studio (`sure`).")
    return {}


KINDS: dict[str, JobKind] = {
    "count_predictions": JobKind("Count how many predictions are how sure"),
    "predict_all": JobKind("Predict all open texts", parse=_predict_all),
    "remove_predictions": JobKind("Remove the predictions for all open texts from Label Studio"),
    "export_model": JobKind("Export the model"),
    "label_copies": JobKind("Label the copies of labelled texts", parse=_label_copies),
    "class_preview": JobKind("See what the model makes of each class", Pace.QUICK, parse=_class_preview),
    "compare_strategies": JobKind("Compare strategies on the labels so far", Pace.HEAVY),
    "search": JobKind("Search", Pace.QUICK, parse=parse_search),
    "near_duplicates": JobKind("Compare all texts with each other", Pace.HEAVY),
    "groups": JobKind("Groups of nearly equal texts", Pace.QUICK, parse=parse_groups),
    "label_group": JobKind("Give the open tasks of a group one label", parse=parse_label_group),
    "undo_group_label": JobKind("Take back the label of a group", parse=parse_undo),
    "map_positions": JobKind("Bring the map up to date", Pace.QUICK),
    "map_colours": JobKind("Colour the map", Pace.QUICK, parse=parse_colouring),
    "map_layout": JobKind("Arrange the map by neighbours", Pace.HEAVY),
}
"""Name → kind."""
LONG_KINDS = [name for name, kind in KINDS.items() if kind.pace != Pace.QUICK]
"""Kinds of jobs that go on in the background."""
