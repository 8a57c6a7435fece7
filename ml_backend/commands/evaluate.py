"""Print how good a project's newest evaluated head is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.table import Table

from ml_backend.commands.failure import CommandFailed, connected_project, errors_as_command_failed
from ml_backend.pipeline.evaluated import project_evaluation
from ml_backend.pipeline.evaluation_words import (
    NOT_YET,
    accuracy_bounds,
    accuracy_sentence,
    alpha_sentence,
    doubt_words,
    forecast_sentence,
    share_with_bounds,
    stop_sentence,
    weak_classes,
)
from ml_backend.settings import Settings
from ml_backend.store import Store


class NotEvaluated(CommandFailed):
    """There is nothing to print yet; the message says what is missing."""


def read_evaluation(settings: Settings, project_id: int) -> dict[str, Any]:
    """What `GET /projects/<id>/evaluation` returns, see `project_evaluation`.

    Raises NotConnected, and CommandFailed for settings that cannot be used.
    """
    with errors_as_command_failed(), closing(Store(settings.database_url)) as store:
        store.create()
        return project_evaluation(store, connected_project(store, project_id))


def print_evaluation(console: Console, evaluated: Mapping[str, Any]) -> None:
    """Print accuracy, forecast, advice to stop, classes, confusions, doubtful labels and annotators.

    evaluated: see `project_evaluation`. Raises NotEvaluated.
    """
    body = evaluated["evaluation"]
    if body is None:
        raise NotEvaluated(_what_is_missing(evaluated))
    for part in _summary(evaluated, body):
        console.print(part, highlight=False, soft_wrap=True)
    for title, table in _tables(body):
        if table.row_count:
            console.print(f"\n[bold]{title}[/bold]", highlight=False, soft_wrap=True)
            console.print(table)


def _tables(body: Mapping[str, Any]) -> Iterator[tuple[str, Table]]:
    yield "Classes, the weak ones first", _classes(body)
    yield "Classes that are confused, by heads that did not learn from these labels", _confusions(body)
    yield "How sure, how right, by heads that did not learn from these labels", _reliability(body)
    yield "Labels to look at again, and the probability that they are right", _look_again(body)
    yield alpha_sentence(body["annotators"]), _annotators(body)


def _what_is_missing(evaluated: Mapping[str, Any]) -> str:
    project = evaluated["project"]
    if evaluated["pending"]:
        return f"the newest head of project {project} is not evaluated yet. {NOT_YET}"
    if evaluated["head"] is None:
        return f"project {project} has no head yet: label tasks of at least two classes"
    return f"the head of project {project} is made without labels, so there is nothing to evaluate it with: label tasks"


def _summary(evaluated: Mapping[str, Any], body: Mapping[str, Any]) -> Iterator[RenderableType]:
    accuracy = body["accuracy"]
    if evaluated["pending"]:
        yield f"[yellow]The newest head is not evaluated yet; this is {escape(body['head'])}.[/yellow]"
    found = "not known yet" if accuracy["value"] is None else f"{accuracy['value']:.0%}, {accuracy_bounds(accuracy)}"
    yield f"[bold]Accuracy: {found}[/bold], at {body['labels']:,} labels and {body['open']:,} open tasks"
    sentences = [accuracy_sentence(accuracy), forecast_sentence(body), stop_sentence(body)]
    yield from (escape(sentence) for sentence in sentences if sentence)


def _classes(body: Mapping[str, Any]) -> Table:
    table = _table(["class"], ["labels", "precision", "recall", "F1"])
    weak = weak_classes(body)
    by_name = {quality["name"]: quality for quality in body["classes"]}
    for name in [*weak, *(name for name in by_name if name not in weak)]:
        quality = by_name[name]
        mark = " [yellow](weak)[/yellow]" if name in weak else ""
        f1 = "too few" if quality["f1"] is None else f"{quality['f1']:.0%}"
        shares = (share_with_bounds(quality[part]) for part in ("precision", "recall"))
        table.add_row(f"{escape(name)}{mark}", f"{quality['labels']:,}", *shares, f1)
    return table


def _confusions(body: Mapping[str, Any]) -> Table:
    table = _table(["given", "predicted"], ["labels"])
    for pair in body["confusions"]:
        table.add_row(escape(pair["given"]), escape(pair["predicted"]), f"{pair['labels']:,} of {pair['of']:,}")
    return table


def _reliability(body: Mapping[str, Any]) -> Table:
    table = _table([], ["sure", "right", "labels"])
    for part in body["reliability"]:
        table.add_row(f"{part['confidence']:.0%}", f"{part['right']:.0%}", f"{part['labels']:,}")
    return table


def _look_again(body: Mapping[str, Any]) -> Table:
    table = _table(["task", "label", "likelier"], ["right"])
    for label in body["look_again"]:
        given, likelier = doubt_words(label)
        table.add_row(str(label["task"]), escape(given), escape(likelier), f"{label['probability']:.0%}")
    return table


def _annotators(body: Mapping[str, Any]) -> Table:
    table = _table(["users"], ["tasks", "Cohen's κ"])
    for pair in body["annotators"]["pairs"] if body["annotators"] else []:
        kappa = "–" if pair["kappa"] is None else f"{pair['kappa']:.2f}"
        table.add_row(f"{pair['first']} and {pair['second']}", f"{pair['tasks']:,}", kappa)
    return table


def _table(words: Sequence[str], numbers: Sequence[str]) -> Table:
    """An empty table; words, numbers: names of its columns, which are aligned to the left and to the right."""
    table = Table()
    for name in words:
        table.add_column(name, overflow="fold")
    for name in numbers:
        table.add_column(name, justify="right")
    return table
