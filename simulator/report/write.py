"""Put the page together: sections from the analysis, figures and scripts inlined, nothing loaded from elsewhere."""

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
from simulator.report.tables import write_tables

PAGE = "report.html"


@dataclass(frozen=True)
class FigureSection:
    """A part of the page with one or two figures. read: how to read them; seen: what the numbers show."""

    id: str
    title: str
    read: str
    seen: str
    figures: list[str]


def write_report(folder: Path) -> Path:
    """Write report.html, figures/*.png and tables/*.csv into a folder of results; returns the page's path.

    Runs that are absent or unfinished are listed on the page and left out of comparisons. Raises ValueError, naming the
    file and what to do, when results.parquet is missing, broken, or has no complete run.
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
        images={name: _base64(path.read_bytes()) for name, path in figures.items()},
        curves=_packed(json.dumps(curve_payload(analysis, curves), separators=(",", ":"))),
        areas=_packed(json.dumps(area_payload(analysis), separators=(",", ":"))),
        plotly=_packed_plotly(),
        budget=analysis.record.get("protocol", {}),
        changes=_perturbations(analysis.record.get("changes", {})),
        commands=recorded_commands(analysis.record),
        wall_time=_wall_time(analysis.record),
    )
    path = folder / PAGE
    path.write_text(page, encoding="utf-8")
    return path


def _template() -> jinja2.Template:
    place = files("simulator.report")
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: place.joinpath(name).read_text(encoding="utf-8")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["source"] = lambda name: place.joinpath(name).read_text(encoding="utf-8")
    return environment.get_template("page.html")


def _packed(text: str) -> str:
    """Compressed for the page, which unpacks it with DecompressionStream; the same text gives the same bytes."""
    return _base64(gzip.compress(text.encode(), mtime=0, compresslevel=7))


@cache
def _packed_plotly() -> str:
    return _packed(get_plotlyjs())


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def _perturbations(changes: dict[str, Any]) -> list[str]:
    """What was changed in the data on purpose: switches that are not off."""
    words = []
    for name, value in changes.items():
        if isinstance(value, dict):
            parts = [f"{key or 'others'} {number:,}" for key, number in value.items()]
            words += [f"{name.replace('_', ' ')}: {', '.join(parts)}"] if parts else []
        elif name != "seed" and value != {"imbalance": 1.0}.get(name, 0.0):
            words.append(f"{name.replace('_', ' ')} {value:g}")
    return words


def recorded_commands(record: dict[str, Any]) -> list[str]:
    """Each different command of run.json: those that ended, then the last one, which may have been stopped."""
    called = [call.get("command") for call in record.get("calls", [])]
    words = [
        command if isinstance(command, str) else shlex.join(map(str, command))
        for command in [*called, record.get("command")]
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
        f"Wall time: {minutes:.1f} minutes in {ended}{machine}. Calls that were stopped, and runs copied "
        "in from elsewhere, are not in it."
    )


def _facts(analysis: Analysis) -> list[tuple[str, str]]:
    counts = [
        ("dataset", "datasets"),
        ("embedding", "embeddings"),
        ("strategy", "strategies"),
        ("initial", "starts"),
        ("seed", "seeds"),
    ]
    facts = [(str(len(analysis.names(column))), title) for column, title in counts]
    return [*facts, (f"{analysis.audit.complete:,} / {analysis.audit.planned:,}", "runs complete")]


def _sections(analysis: Analysis, drawn: set[str]) -> list[FigureSection]:
    every: list[tuple[str, str, str, Callable[[Analysis], str], list[str]]] = [
        (
            "wins",
            "Who is above whom",
            "Share, in %, of all comparisons from the first queried batch on in which the row's strategy has the "
            "higher accuracy than the column's, with exact ties below it; a comparison is one dataset, embedding, "
            "start, seed and cycle. Orange: the row is mostly above.",
            words.wins_seen,
            ["wins"],
        ),
        (
            "ranks",
            "Ranks over datasets",
            "Mean rank by AULC, 1 is best. Strategies joined by a bar do not differ significantly (Nemenyi's test at "
            "5 %). Few datasets make long bars; the second diagram has more blocks, but those of one dataset are not "
            "independent.",
            words.ranks_seen,
            ["ranks"],
        ),
        (
            "gain",
            "Gain over random",
            "Accuracy above random with the same dataset, embedding, start, seed and number of labels. Grey: one line "
            "per dataset. Colour: their mean, with its interval over seeds.",
            words.gain_seen,
            ["gain"],
        ),
        (
            "start",
            "What the initial pool does",
            "Accuracy with another initial pool minus accuracy with a random one, same strategy and seed; embeddings "
            "from the best to the poorest. Mean of strategies and datasets, with its interval over seeds.",
            words.start_seen,
            ["start"],
        ),
        (
            "quality",
            "How far embedding quality explains the result",
            "One line per dataset, one point per embedding. Probe: accuracy of the same head trained on all labels. "
            "Tightness: share of the variance that lies between classes. Class margin: how much nearer the own "
            "class's mean is than the next one. ρ: Spearman's rank correlation within a dataset, averaged, with its "
            "interval; below, the same for each number of labels.",
            words.quality_seen,
            ["quality", "quality-by-budget"],
        ),
        (
            "cost",
            "What it costs",
            "Seconds for one query of a batch, on a logarithmic scale, and the same beside the gain of those with "
            "enough runs to compare: up and left is better. Times are those of the machine and the load the runs had.",
            words.cost_seen,
            ["cost"],
        ),
        (
            "calibration",
            "Calibration",
            "Expected calibration error on the test set, 15 bins: how far the probabilities are from the share that "
            "is right. Lower is better. Active learning picks unusual texts, and can leave the head too sure or too "
            "unsure.",
            words.calibration_seen,
            ["calibration"],
        ),
    ]
    return [
        FigureSection(id_, title, read, seen(analysis), [name for name in names if name in drawn])
        for id_, title, read, seen, names in every
        if drawn & set(names)
    ]
