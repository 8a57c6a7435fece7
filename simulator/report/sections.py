"""The sections of the page, in their order. To add one: a function for its figures or its table, and an entry here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import pandas as pd
from matplotlib.figure import Figure

from simulator.report import (
    figures,
    figures_labelling,
    tables,
    tables_labelling,
    tables_record,
    words,
    words_labelling,
)
from simulator.report.analysis import Analysis
from simulator.report.other_settings import settings_figures, settings_seen, settings_tables
from simulator.report.words_evaluations import evaluations_seen
from simulator.report.words_references import references_seen


class Part(StrEnum):
    """A part of the page; its value is the heading."""

    USE = "What to use"
    CURVES = "Learning curves"
    CERTAINTY = "How sure this is"
    COST = "What it costs"
    PAPER = "Findings of the paper"
    RECORD = "How it was measured"


def _nothing(_: Analysis) -> str:
    return ""


def _no_figures(_: Analysis) -> Mapping[str, Figure]:
    return {}


def _no_tables(_: Analysis) -> Mapping[str, pd.DataFrame]:
    return {}


@dataclass(frozen=True)
class Section:
    """A section of the page.

    id: its anchor; read: how to read it; seen: what the numbers show, in sentences; figures: by the names of their PNG
    files, in their order; table: shown on the page, with columns named in words; tables: by the names of their CSV
    files; template: a file of this folder, for what is neither a figure nor a plain table; applies: whether the results
    have what the section is about.

    A function leaves out the figures that the results have no data for, and returns a table without rows. A section
    without a figure, a row and a template is left out.
    """

    id: str
    part: Part
    title: str
    read: str = ""
    seen: Callable[[Analysis], str] = _nothing
    figures: Callable[[Analysis], Mapping[str, Figure]] = _no_figures
    table: Callable[[Analysis], pd.DataFrame] | None = None
    tables: Callable[[Analysis], Mapping[str, pd.DataFrame]] = _no_tables
    template: str = ""
    applies: Callable[[Analysis], bool] = lambda _: True


SECTIONS = (
    Section("advice", Part.USE, "What to use", template="advice.html"),
    Section(
        "curves",
        Part.CURVES,
        "Learning curves",
        "The curves show the accuracy on the test set over the number of labels. Selected lines are coloured and have "
        "95 % bands (bootstrap over seeds); the other lines are grey. Click a name to select it or to remove it.",
        references_seen,
        template="curves.html",
    ),
    Section(
        "gain",
        Part.CURVES,
        "Gain over random",
        "Accuracy minus the accuracy of random with the same dataset, embedding, start, seed and number of labels. "
        "Grey lines: one per dataset. Coloured line: their mean, with its 95 % interval over seeds.",
        words.gain_seen,
        figures.gain,
        tables=tables.gain,
    ),
    Section(
        "heat-map",
        Part.CURVES,
        "Gain by number of labels",
        "Points of accuracy above random with the same number of labels, means over seeds, embeddings and starts: "
        "orange is above, violet below. One panel per dataset, all with the same scale.",
        figures=figures_labelling.heat_map,
    ),
    Section(
        "start",
        Part.CURVES,
        "Effect of the start",
        "Accuracy with another start minus accuracy with a random start, for the same strategy and seed. One "
        "panel per embedding, from the best to the poorest. Lines are means over strategies and datasets, with "
        "their 95 % interval over seeds.",
        words.start_seen,
        figures.start,
        tables=tables.start,
    ),
    Section(
        "picks",
        Part.CURVES,
        "What each strategy picks first",
        "The pool in two dimensions (principal components), one point per text, and the first batches of one run, with "
        "seed 0. Only the best strategies and random are shown. The table: the first three texts of the first batch.",
        figures=figures_labelling.picks,
        table=tables_labelling.picks_in_words,
    ),
    Section("aulc", Part.CERTAINTY, "Area under the learning curve", tables=tables.areas_by_run, template="areas.html"),
    Section(
        "settings",
        Part.CERTAINTY,
        "Other settings",
        "The folders of these runs have another protocol, other options or other changes of the data than the rest of "
        "the page, and are in no other number. Mean: area under the learning curve (accuracy, in %); the gain over "
        "random is in points. What a change such as label noise costs is measured against the same runs without it, up "
        "to the last number of labels of both.",
        settings_seen,
        settings_figures,
        tables=settings_tables,
        template="settings.html",
        applies=lambda analysis: bool(analysis.others),
    ),
    Section(
        "wins",
        Part.CERTAINTY,
        "Pairwise comparison of strategies",
        "Each large number is the share, in %, of comparisons in which the strategy of the row has a higher "
        "accuracy than the strategy of the column; the small number below it is the share of exact ties. One "
        "comparison is one dataset, embedding, start, seed and cycle after the initial pool. Orange cells: the "
        "row is above the column more often than below.",
        words.wins_seen,
        figures.wins,
        tables=tables.wins,
    ),
    Section(
        "ranks",
        Part.CERTAINTY,
        "Ranks over datasets",
        "Mean rank by AULC; 1 is best. Strategies joined by a bar do not differ significantly (Nemenyi's test at "
        "5 %). With few datasets the bars are long. The second diagram ranks pairs of dataset and embedding: "
        "there are more of them, but those of one dataset are not independent.",
        words.ranks_seen,
        figures.ranks,
        tables=tables.ranks,
    ),
    Section(
        "ranking",
        Part.CERTAINTY,
        "How many seeds name the best strategy",
        "1,000 times, n seeds are drawn with replacement (bootstrap) from those of the runs, the same for all "
        "strategies, and the strategies are ranked by their mean AULC. Kendall's τ is 1 for the ranking of all seeds. "
        "With few seeds in the runs the draws are more alike than new seeds would be, so the numbers are too good "
        "then.",
        words_labelling.ranking_seen,
        table=tables_labelling.ranking_in_words,
        tables=tables_labelling.ranking_csv,
    ),
    Section(
        "calibration",
        Part.CERTAINTY,
        "Calibration",
        "Expected calibration error (ECE) on the test set, with 15 bins: the mean difference between the predicted "
        "probability and the share of correct predictions. Lower is better. Active learning chooses unusual texts, "
        "which can make the head overconfident or underconfident.",
        words.calibration_seen,
        figures.calibration,
    ),
    Section(
        "reliability",
        Part.CERTAINTY,
        "Over- and underconfidence",
        "Mean of the highest probabilities on the test set minus accuracy: above 0 the head is more confident than it "
        "is right. Grey lines: one per dataset. Coloured line: their mean, with its 95 % interval over seeds.",
        words_labelling.reliability_seen,
        figures_labelling.reliability,
    ),
    Section(
        "evaluations",
        Part.CERTAINTY,
        "Honest numbers",
        "What the live service says of a head, beside the truth. One panel per dataset: the estimated accuracy on "
        "the open texts with its interval (blue) and the true accuracy there (dotted), means over runs. The "
        "intervals that rest on random labels (audits) are made to hold in 95 % of runs at all looks together, so "
        "at a single look they hold in more; those from the head's confidence alone have no guarantee.",
        evaluations_seen,
        figures.evaluations,
        tables=tables.evaluations,
        template="evaluations.html",
        applies=lambda analysis: analysis.evaluated is not None,
    ),
    Section(
        "minutes",
        Part.COST,
        "Minutes of labelling",
        "A strategy that picks long texts takes more of a person's time. Lines are means over embeddings, starts and "
        "seeds. The table: median over settings (dataset, embedding, start) of the labels and minutes that a strategy "
        "needs for the accuracy with which random ends, in % of those of random; a setting in which it does not get "
        "there counts as infinitely many. The options --words-per-minute and --seconds-per-label change the speed.",
        words_labelling.minutes_seen,
        figures_labelling.minutes,
        tables_labelling.reading_in_words,
        tables_labelling.reading_csv,
    ),
    Section(
        "classes",
        Part.COST,
        "Labels until every class was seen",
        "Recall, on the test set, of the class that is rarest in the pool. The table: number of labels after which "
        "every class has at least one label, or five; – where the median run does not get there.",
        words_labelling.classes_seen,
        figures_labelling.rarest_class,
        tables_labelling.classes_in_words,
        tables_labelling.classes_csv,
    ),
    Section(
        "cost",
        Part.COST,
        "Time per query",
        "Left: seconds to choose one batch, on a logarithmic scale. Right: the same against the gain over random, "
        "for strategies with enough runs to compare; further up and further left is better. Times depend on the "
        "machine and its load during the runs.",
        words.cost_seen,
        figures.cost,
        tables.seconds_in_words,
        tables.seconds,
    ),
    Section("findings", Part.PAPER, "Do the paper's findings hold?", tables=tables.findings, template="findings.html"),
    Section(
        "quality",
        Part.PAPER,
        "Embedding quality and result",
        "One line per dataset, one point per embedding. Full-data probe accuracy: accuracy of the same head "
        "fitted on all labels. Cluster tightness: share of the embeddings' variance that is between classes. "
        "Class margin: how much nearer a text is to the mean of its own class than to the nearest other mean. ρ: "
        "Spearman's rank correlation within a dataset, averaged over datasets, with its 95 % interval. The second "
        "figure shows ρ for each number of labels.",
        words.quality_seen,
        figures.quality,
        tables=tables.quality,
    ),
    Section(
        "datasets",
        Part.RECORD,
        "Datasets",
        table=tables_record.datasets,
        tables=lambda analysis: {"datasets": tables_record.datasets(analysis)},
    ),
    Section(
        "embeddings",
        Part.RECORD,
        "Embeddings",
        table=tables_record.embeddings,
        tables=lambda analysis: {"embeddings": tables_record.embeddings(analysis)},
    ),
    Section("missing", Part.RECORD, "Missing runs", tables=tables.missing, template="missing.html"),
    Section("method", Part.RECORD, "How it was measured", template="method.html"),
)
"""All sections; those of one part follow each other on the page in this order."""
