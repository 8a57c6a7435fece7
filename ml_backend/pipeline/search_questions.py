"""What people ask when they search: by which way, and among which tasks; checked before a worker sees it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from ml_backend.labelstudio.json_values import parsed_id
from ml_backend.pipeline.job_parameters import Parameters, WrongParameters
from ml_backend.pipeline.search_words import words_of

PER_PAGE = 20
MOST_PAGES = 50
LONGEST_QUESTION = 1000
PAIRS = "near_duplicates/"
"""How the names of the kept files begin that hold pairs of nearly equal texts."""
THRESHOLDS = (0.85, 0.88, 0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98, 0.99)
"""Similarities from which two texts may count as nearly the same."""
USUAL_THRESHOLD = 0.95
MOST_LABELLED_AT_ONCE = 1000


class By(StrEnum):
    """Ways to search."""

    MEANING = "meaning"
    WORDS = "words"
    LIKE = "like"
    """Like a task."""
    LIKELY = "likely"
    """Most probably of a class."""
    UNLIKE = "unlike"
    """Unlike anything labelled."""
    EVERY = "every"
    """In the order of the tasks: what the filters leave."""


class Among(StrEnum):
    """Which tasks to search."""

    OPEN = "open"
    LABELLED = "labelled"
    ALL = "all"


class Groups(StrEnum):
    """Which groups to show."""

    OPEN = "open"
    """With a task that is open."""
    MIXED = "mixed"
    """With different labels."""
    ALL = "all"


def parse_search(given: Mapping[str, Any]) -> Parameters:
    """{"by", "question", "task", "class", "among", "label", "predicted", "page"}, all but the first two may be None.

    Raises WrongParameters.
    """
    by = _one_of(By, given.get("by"), By.MEANING)
    question = _text(given.get("question"))
    task, wanted = parsed_id(given.get("task")), _text(given.get("class")) or None
    if by in (By.MEANING, By.WORDS) and not question:
        raise WrongParameters("Type what to search for.")
    if by == By.WORDS and not words_of(question):
        raise WrongParameters("Type at least one word to search for.")
    if by == By.LIKE and task is None:
        raise WrongParameters(f"A task is named by its number, not by {str(given.get('task'))[:40]!r}.")
    if by == By.LIKELY and wanted is None:
        raise WrongParameters("Choose the class of which the texts should be.")
    return {
        "by": by,
        "question": question,
        "task": task,
        "class": wanted,
        "among": _one_of(Among, given.get("among"), Among.OPEN),
        "label": _text(given.get("label")) or None,
        "predicted": _text(given.get("predicted")) or None,
        "page": page_number(given.get("page")),
    }


def parse_groups(given: Mapping[str, Any]) -> Parameters:
    """{"threshold", "which", "page"}. Raises WrongParameters."""
    try:
        threshold = float(given.get("threshold") or USUAL_THRESHOLD)
    except (TypeError, ValueError):
        threshold = -1.0
    if threshold not in THRESHOLDS:
        known = ", ".join(f"{t:.2f}" for t in THRESHOLDS)
        raise WrongParameters(f"The similarity must be one of {known}, not {str(given.get('threshold'))[:20]!r}.")
    return {
        "threshold": threshold,
        "which": _one_of(Groups, given.get("which"), Groups.OPEN),
        "page": page_number(given.get("page")),
    }


def parse_label_group(given: Mapping[str, Any]) -> Parameters:
    """{"tasks", "class"}; tasks: a list of ids, or one text with commas between them. Raises WrongParameters."""
    listed = given.get("tasks")
    parts = listed.split(",") if isinstance(listed, str) else listed if isinstance(listed, list) else []
    tasks = [parsed_id(part.strip() if isinstance(part, str) else part) for part in parts]
    if not tasks or None in tasks:
        raise WrongParameters("Name the tasks of the group by their numbers, with commas between them.")
    if len(tasks) > MOST_LABELLED_AT_ONCE:
        raise WrongParameters(f"{len(tasks):,} tasks at once are too many; {MOST_LABELLED_AT_ONCE:,} at most.")
    name = given.get("class")
    if not isinstance(name, str) or not name:
        raise WrongParameters("Choose the label that the group should get.")
    return {"tasks": list(dict.fromkeys(tasks)), "class": name}


def parse_undo(given: Mapping[str, Any]) -> Parameters:
    """{"job"}: the job whose annotations are to be deleted. Raises WrongParameters."""
    job = parsed_id(given.get("job"))
    if job is None:
        raise WrongParameters("Name the job that is to be undone by its number.")
    return {"job": job}


def page_number(given: Any) -> int:
    """The number of a page of results, from 1; the first for anything else."""
    return min(parsed_id(given) or 1, MOST_PAGES)


def _one_of(names: type[StrEnum], given: Any, usual: StrEnum) -> str:
    if not given:
        return str(usual)
    if given not in list(names):
        raise WrongParameters(f"{str(given)[:40]!r} is none of: {', '.join(names)}.")
    return str(given)


def _text(given: Any) -> str:
    """What a person typed, on one line and without control characters, which databases and models refuse."""
    typed = given if isinstance(given, str) else ""
    if len(typed) > LONGEST_QUESTION:
        raise WrongParameters(f"That is longer than {LONGEST_QUESTION:,} characters; shorten it.")
    return " ".join("".join(c if c.isprintable() else " " for c in typed).split())
