"""Writing the page: sections from the analysis, with figures and scripts inside the file, so that it works offline."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from numbers import Integral
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from plotly.offline import get_plotlyjs

from simulator.analysis.evidence import p_value
from simulator.analysis.reading_time import DEFAULT_SPEED, ReadingSpeed
from simulator.data.atomic_files import write_atomically
from simulator.data.registry import CARDS
from simulator.report import words
from simulator.report.analysis import Analysis
from simulator.report.figures import write_curve_figures
from simulator.report.interactive import area_payload, curve_payload, curve_table
from simulator.report.other_settings import in_points, other_settings
from simulator.report.plots import save, settings
from simulator.report.sections import SECTIONS, Part
from simulator.report.tables import write_table
from simulator.report.words_choice import Advice
from simulator.report.words_record import budget_in_words, changes_in_words, recorded_commands, time_taken

PAGE = "report.html"
LONG_CELL = 40
"""Characters above which a column of a table is broken into lines."""
LEAST_DATASETS = 4
"""With fewer datasets of the benchmark, the paper's findings are folded away: the tests of some need as many."""


@dataclass(frozen=True)
class Column:
    """A column of a table on the page."""

    title: str
    is_number: bool
    is_long: bool = False


@dataclass(frozen=True)
class ShownTable:
    """A table on the page; rows: cells as they are shown."""

    columns: list[Column]
    rows: list[list[str]]


@dataclass(frozen=True)
class ShownSection:
    """A section with its figures (their names), its table and its sentences, for the page."""

    id: str
    part: Part
    title: str
    read: str
    seen: str
    figures: list[str]
    table: ShownTable | None
    template: str


def write_report(folders: Sequence[Path], out: Path | None = None, reading_speed: ReadingSpeed = DEFAULT_SPEED) -> Path:
    """Write report.html, figures/*.png and tables/*.csv on folders of results into `out`; returns the path of the page.

    out: by default the first folder. Folders with the same protocol, changes of the data and options are one grid; of
    the others that with most runs is the main one, and the rest has a section of its own. Missing and unfinished runs
    are listed on the page and left out of comparisons. reading_speed: of those who label. Raises ValueError, naming the
    files and what to do, as `read_settings` does, and if no run is complete.
    """
    folder = out or folders[0]
    analysis = Analysis.of_folders(folders)
    analysis.reading_speed = reading_speed
    settings_of_page = [analysis, *analysis.others]
    curves = curve_table(analysis)
    write_table(curves.reset_index(), folder / "tables" / "curves.csv")
    write_curve_figures(analysis, folder / "figures")
    sections, images = write_sections(analysis, folder)
    advice = Advice.of(analysis)
    # The curves that are shown first are those of the recommended combination.
    chosen = {"first": {"embedding": advice.choice.embedding, "initial": advice.choice.initial}}
    page = _template().render(
        analysis=analysis,
        facts=_facts(analysis),
        advice=advice,
        words=words,
        p_value=p_value,
        other_settings=other_settings,
        in_points=in_points,
        own_data=_is_own_data(analysis),
        least_datasets=LEAST_DATASETS,
        parts=list(Part),
        sections=sections,
        images=images,
        evaluations=analysis.evaluations,
        curves=_compressed(json.dumps(curve_payload(analysis, curves) | chosen, separators=(",", ":"))),
        areas=_compressed(json.dumps(area_payload(analysis), separators=(",", ":"))),
        plotly=_compressed_plotly(),
        budget=budget_in_words(analysis.record.get("protocol", {})),
        changes=changes_in_words(analysis.record.get("changes", {})),
        commands=list(dict.fromkeys(command for one in settings_of_page for command in recorded_commands(one.record))),
        time_taken=time_taken([one.record for one in settings_of_page], [one.results for one in settings_of_page]),
    )
    path = folder / PAGE
    write_atomically(path, page.encode())
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


def _is_own_data(analysis: Analysis) -> bool:
    return len({*analysis.names("dataset")} & {*CARDS}) < LEAST_DATASETS


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


def write_sections(analysis: Analysis, folder: Path) -> tuple[list[ShownSection], dict[str, str]]:
    """Write figures (PNG) and tables (CSV) of all sections; returns the sections to show, and figures in base64."""
    shown, images = [], dict[str, str]()
    for section in SECTIONS:
        if not section.applies(analysis):
            continue
        with settings():
            figures = {
                name: save(figure, folder / "figures" / f"{name}.png")
                for name, figure in section.figures(analysis).items()
            }
        for name, table in section.tables(analysis).items():
            write_table(table, folder / "tables" / f"{name}.csv")
        on_page = section.table(analysis) if section.table else None
        if not figures and not section.template and (on_page is None or not len(on_page)):
            continue
        images |= {name: _base64(path.read_bytes()) for name, path in figures.items()}
        shown.append(
            ShownSection(
                section.id,
                section.part,
                section.title,
                section.read,
                section.seen(analysis),
                list(figures),
                shown_table(on_page) if on_page is not None else None,
                section.template,
            )
        )
    return shown, images


def shown_table(table: pd.DataFrame) -> ShownTable:
    """A table as it is shown: numbers of a size that can be read, thousands separated, missing ones as a dash."""
    rows = [[_cell(value) for value in row] for row in table.itertuples(index=False)]
    columns = [
        Column(str(name), pd.api.types.is_numeric_dtype(table[name]), any(len(row[i]) > LONG_CELL for row in rows))
        for i, name in enumerate(table)
    ]
    return ShownTable(columns, rows)


def _cell(value: Any) -> str:
    if pd.isna(value):
        return "–"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, Integral) else str(value)
