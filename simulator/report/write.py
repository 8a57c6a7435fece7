"""Writing the page: sections from the analysis, with figures and scripts inside the file, so that it works offline."""

from __future__ import annotations

import base64
import gzip
import json
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
from plotly.offline import get_plotlyjs

from simulator.report import words
from simulator.report.analysis import Analysis
from simulator.report.figures import write_curve_figures, write_figures
from simulator.report.interactive import area_payload, curve_payload, curve_table
from simulator.report.recommendation import recommendations
from simulator.report.tables import evaluation_tables, write_tables
from simulator.report.words_evaluations import evaluations_seen

PAGE = "report.html"


@dataclass(frozen=True)
class FigureSection:
    """A section of the page with one or two figures. read: how to read them; seen: what the numbers show."""

    id: str
    title: str
    read: str
    seen: str
    figures: list[str]


def write_report(folder: Path) -> Path:
    """Write report.html, figures/*.png and tables/*.csv into a folder of results; returns the path of the page.

    Missing and unfinished runs are listed on the page and left out of comparisons. Raises ValueError, with the file's
    name and what to do, if results.parquet is missing, cannot be read, or has no complete run.
    """
    analysis = Analysis.of_folder(folder)
    curves = curve_table(analysis)
    write_tables(analysis, curves, folder / "tables")
    figures = write_figures(analysis, folder / "figures")
    write_curve_figures(analysis, folder / "figures")
    page = _template().render(
        analysis=analysis,
        facts=_facts(analysis),
        advice=recommendations(analysis),
        words=words,
        sections=_sections(analysis, set(figures)),
        evaluations=evaluation_tables(analysis),
        images={name: _base64(path.read_bytes()) for name, path in figures.items()},
        curves=_compressed(json.dumps(curve_payload(analysis, curves), separators=(",", ":"))),
        areas=_compressed(json.dumps(area_payload(analysis), separators=(",", ":"))),
        plotly=_compressed_plotly(),
        budget=analysis.record.get("protocol", {}),
        changes=_perturbations(analysis.record.get("changes", {})),
        commands=recorded_commands(analysis.record),
        wall_time=_wall_time(analysis.record),
    )
    path = folder / PAGE
    path.write_text(page, encoding="utf-8")
    return path


def _template() -> jinja2.Template:
    package_files = files("simulator.report")
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: package_files.joinpath(name).read_text(encoding="utf-8")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["source"] = lambda name: package_files.joinpath(name).read_text(encoding="utf-8")
    return environment.get_template("page.html")


def _compressed(text: str) -> str:
    """Compress a text for the page, which unpacks it with DecompressionStream; equal texts give equal bytes."""
    return _base64(gzip.compress(text.encode(), mtime=0, compresslevel=7))


@cache
def _compressed_plotly() -> str:
    return _compressed(get_plotlyjs())


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def _perturbations(changes: dict[str, Any]) -> list[str]:
    """The changes made to the data, in words: the perturbations that are not off."""
    words = []
    for name, value in changes.items():
        if isinstance(value, dict):
            parts = [f"{key or 'others'} {number:,}" for key, number in value.items()]
            words += [f"{name.replace('_', ' ')}: {', '.join(parts)}"] if parts else []
        elif name != "seed" and value != {"imbalance": 1.0}.get(name, 0.0):
            words.append(f"{name.replace('_', ' ')} {value:g}")
    return words


def recorded_commands(record: dict[str, Any]) -> list[str]:
    """The different commands in run.json: those of calls that ended, then the last one, which may have been stopped."""
    commands_of_calls = [call.get("command") for call in record.get("calls", [])]
    words = [
        command if isinstance(command, str) else shlex.join(map(str, command))
        for command in [*commands_of_calls, record.get("command")]
        if command
    ]
    return list(dict.fromkeys(words))


def _wall_time(record: dict[str, Any]) -> str:
    calls = record.get("calls", [])
    if not calls:
        return ""
    minutes = sum(call.get("wall_seconds", 0) for call in calls) / 60
    ended = "one call that ended by itself" if len(calls) == 1 else f"{len(calls)} calls that ended by themselves"
    machine = f", the last on {record['machine']}" if record.get("machine") else ""
    return (
        f"Wall time: {minutes:.1f} minutes in {ended}{machine}. It does not include calls that were "
        "stopped, and runs that were copied into the folder."
    )


def _facts(analysis: Analysis) -> list[tuple[str, str]]:
    counts = [
        ("dataset", "dataset", "datasets"),
        ("embedding", "embedding", "embeddings"),
        ("strategy", "strategy", "strategies"),
        ("initial", "start", "starts"),
        ("seed", "seed", "seeds"),
    ]
    numbers = {plural: (len(analysis.names(column)), singular, plural) for column, singular, plural in counts}
    if len(analysis.heads) > 1:
        numbers["strategies"] = (analysis.n_strategies, "strategy", "strategies")
        numbers["heads"] = (len(analysis.heads), "head", "heads")
    facts = [(str(number), singular if number == 1 else plural) for number, singular, plural in numbers.values()]
    return [*facts, (f"{analysis.audit.complete:,} / {analysis.audit.planned:,}", "runs complete")]


def _sections(analysis: Analysis, figure_names: set[str]) -> list[FigureSection]:
    sections: list[tuple[str, str, str, Callable[[Analysis], str], list[str]]] = [
        (
            "wins",
            "Pairwise comparison of strategies",
            "Each large number is the share, in %, of comparisons in which the strategy of the row has a higher "
            "accuracy than the strategy of the column; the small number below it is the share of exact ties. One "
            "comparison is one dataset, embedding, start, seed and cycle after the initial pool. Orange cells: the "
            "row is above the column more often than below.",
            words.wins_seen,
            ["wins"],
        ),
        (
            "ranks",
            "Ranks over datasets",
            "Mean rank by AULC; 1 is best. Strategies joined by a bar do not differ significantly (Nemenyi's test at "
            "5 %). With few datasets the bars are long. The second diagram ranks pairs of dataset and embedding: "
            "there are more of them, but those of one dataset are not independent.",
            words.ranks_seen,
            ["ranks"],
        ),
        (
            "gain",
            "Gain over random",
            "Accuracy minus the accuracy of random with the same dataset, embedding, start, seed and number of labels. "
            "Grey lines: one per dataset. Coloured line: their mean, with its 95 % interval over seeds.",
            words.gain_seen,
            ["gain"],
        ),
        (
            "start",
            "Effect of the start",
            "Accuracy with another start minus accuracy with a random start, for the same strategy and seed. One "
            "panel per embedding, from the best to the poorest. Lines are means over strategies and datasets, with "
            "their 95 % interval over seeds.",
            words.start_seen,
            ["start"],
        ),
        (
            "quality",
            "Embedding quality and result",
            "One line per dataset, one point per embedding. Full-data probe accuracy: accuracy of the same head "
            "fitted on all labels. Cluster tightness: share of the embeddings' variance that is between classes. "
            "Class margin: how much nearer a text is to the mean of its own class than to the nearest other mean. ρ: "
            "Spearman's rank correlation within a dataset, averaged over datasets, with its 95 % interval. The second "
            "figure shows ρ for each number of labels.",
            words.quality_seen,
            ["quality", "quality-by-budget"],
        ),
        (
            "cost",
            "Time per query",
            "Left: seconds to choose one batch, on a logarithmic scale. Right: the same against the gain over random, "
            "for strategies with enough runs to compare; further up and further left is better. Times depend on the "
            "machine and its load during the runs.",
            words.cost_seen,
            ["cost"],
        ),
        (
            "calibration",
            "Calibration",
            "Expected calibration error (ECE) on the test set, with 15 bins: the mean difference between the predicted "
            "probability and the share of correct predictions. Lower is better. Active learning chooses unusual texts, "
            "which can make the head overconfident or underconfident.",
            words.calibration_seen,
            ["calibration"],
        ),
        (
            "evaluations",
            "Honest numbers",
            "What the live service says of a head, beside the truth. One panel per dataset: the estimated accuracy on "
            "the open texts with its interval (blue) and the true accuracy there (dotted), means over runs. The "
            "intervals that rest on random labels (audits) are made to hold in 95 % of runs at all looks together, so "
            "at a single look they hold in more; those from the head's confidence alone have no guarantee.",
            evaluations_seen,
            ["evaluations"],
        ),
    ]
    return [
        FigureSection(id_, title, read, seen(analysis), [name for name in names if name in figure_names])
        for id_, title, read, seen, names in sections
        if figure_names & set(names) or (id_ == "evaluations" and analysis.evaluated is not None)
    ]
