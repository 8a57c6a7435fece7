"""The tables that `team.py` prints."""

from __future__ import annotations

import numpy as np
from people import Answered, Labelling
from rich.console import Console
from rich.table import Table
from team_figures import Outcome, given_twice, labelled_twice, milliseconds

from ml_backend.store.learning_records import RunRecord

SUBMIT_AIM = 1.2
STEPS = ("sync", "embed", "pool", "fit", "query", "publish")


def print_results(
    console: Console, outcomes: list[Outcome], done: Labelling, without: Labelling, calm: float, plain_webhook: bool
) -> None:
    """Print the table of the team, and that of the projects if there are several."""
    table = Table("", "with the backend", "only a webhook" if plain_webhook else "without")
    both = (done, without)
    table.add_row("labels", *(f"{len(each.labels):,}" for each in both))
    table.add_row("labels/s", *(_per_second(each.labels) for each in both))
    table.add_row("requests of people/s", *(_per_second(each.next + each.submits) for each in both))
    table.add_row("empty answers (404)", *(_zero(sum(a.status == 404 for a in each.next)) for each in both))
    table.add_row("other errors", *(_zero(errors(each)) for each in both))
    table.add_row("tasks given to two people", *(_zero(given_twice(each.next)) for each in both))
    table.add_row("tasks labelled twice", *(_zero(labelled_twice(each.labels)) for each in both))
    table.add_row("submit p50 / p99 ms", *(milliseconds(each.labels) for each in both))
    if without.labels:
        table.add_row("  compared with the other", " / ".join(_ratios(done.labels, without.labels)))
    table.add_row("next p50 / p99 ms", *(milliseconds(each.next) for each in both))
    table.add_section()
    orders = [each.order for each in outcomes]
    table.add_row("tasks of the newest batch", f"{sum(o.in_batch for o in orders):,}")
    table.add_row("tasks of its reserve", f"{sum(o.in_reserve for o in orders):,}")
    table.add_row("tasks of an older batch or reserve", f"{sum(o.in_older for o in orders):,}")
    table.add_row("tasks before the first batch", f"{sum(o.before_first for o in orders):,}")
    table.add_row("tasks outside batch and reserve", _zero(sum(o.outside for o in orders)))
    add_runs(table, [run for each in outcomes for run in each.runs])
    sizes = [n for each in outcomes for n in each.published]
    table.add_row("tasks published p50 / most", f"{np.median(sizes):.0f} / {max(sizes)}" if sizes else "–")
    table.add_row("first batch after connecting s", ", ".join(f"{each.waits[0]:.1f}" for each in outcomes))
    table.add_row(
        "later batches, wait p50 / longest s", _middle_and_longest([s for each in outcomes for s in each.waits[1:]])
    )
    table.add_row("labels in Label Studio", f"{sum(each.in_label_studio for each in outcomes):,}")
    table.add_row("labels in the backend", f"{sum(each.in_backend for each in outcomes):,}")
    table.add_row("labels lost", _zero(sum(each.lost for each in outcomes)))
    table.add_row("labels with another class", _zero(sum(each.changed for each in outcomes)))
    table.add_row("order of classes right", "yes" if all(each.classes_right for each in outcomes) else "[red]no[/]")
    table.add_row("at rest after the last label s", f"{calm:.1f}")
    console.print(table)
    if len(outcomes) > 1:
        console.print(projects_table(outcomes, done))


def add_runs(table: Table, runs: list[RunRecord]) -> None:
    """Rows about the duration of runs, their steps and their requests to Label Studio."""
    steps = [step for step in STEPS if any(step in run.seconds for run in runs)]
    table.add_row(
        "run p50 / longest s", _middle_and_longest([sum(run.seconds.get(s, 0.0) for s in STEPS) for run in runs])
    )
    for step in steps:
        table.add_row(f"  {step}", _middle_and_longest([run.seconds.get(step, 0.0) for run in runs]))
    table.add_row(
        "  in Label Studio", _middle_and_longest([run.label_studio.seconds for run in runs if run.label_studio])
    )
    requests = [run.label_studio.requests for run in runs if run.label_studio]
    table.add_row("  requests p50 / most", f"{np.median(requests):.0f} / {max(requests)}" if requests else "–")
    table.add_row("queued p50 / longest s", _middle_and_longest([run.seconds.get("wait", 0.0) for run in runs]))


def projects_table(outcomes: list[Outcome], done: Labelling) -> Table:
    """A row for each project: are some served later than others?"""
    table = Table("project", "labels", "batches", "first batch s", "wait p50 / longest s")
    for each in outcomes:
        given = sum(submit.project_id == each.project.id for submit in done.labels)
        row = (str(given), str(each.batches), f"{each.waits[0]:.1f}", _middle_and_longest(each.waits[1:]))
        table.add_row(str(each.project.id), *row)
    return table


def errors(done: Labelling) -> int:
    """Requests that ended in neither a task, nor an empty answer, nor a label."""
    failed = sum(answer.status not in (200, 404) for answer in done.next)
    return failed + sum(submit.status != 201 for submit in done.submits)


def _per_second(answers: list[Answered]) -> str:
    if len(answers) < 2:
        return "–"
    # Of two phases with a pause between them, the pause does not count.
    moments = np.sort([answer.answered for answer in answers])
    gaps = np.diff(moments)
    return f"{len(answers) / max(1e-3, gaps[gaps < 30].sum()):.1f}"


def _zero(n: int) -> str:
    return f"[green]{n}[/]" if n == 0 else f"[red]{n}[/]"


def _middle_and_longest(seconds: list[float]) -> str:
    return f"{np.median(seconds):.1f} / {max(seconds):.1f}" if seconds else "–"


def _ratios(done: list[Answered], without: list[Answered]) -> list[str]:
    quantiles = [np.percentile([answer.seconds for answer in answers], [50, 99]) for answers in (done, without)]
    ratios = quantiles[0] / quantiles[1]
    return [f"[{'green' if ratio <= SUBMIT_AIM else 'red'}]{ratio:.2f}×[/]" for ratio in ratios]
