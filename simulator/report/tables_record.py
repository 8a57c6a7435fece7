"""Tables of what the runs are about: the datasets and the embeddings, with what run.json says of each."""

from __future__ import annotations

from typing import Any

import pandas as pd

from simulator.report.analysis import Analysis

NOTE = "note"
CARDS = "embedding_cards"
CARD_TITLES = {
    "model": "model",
    "licence": "licence",
    "dimensions": "dimensions",
    "trained_on": "trained on data of",
    "training_note": "how that is known",
}
DATASET_TITLES = {
    "classes": "classes",
    "different_texts": "texts in the pool",
    "test": "texts in the test split",
    NOTE: "how it differs from the published one",
}


def datasets(analysis: Analysis) -> pd.DataFrame:
    """The datasets: sizes, share of the pool that is labelled at the end, and how each differs from the published one.

    Without a description in run.json a dataset has its name and number of labels only.
    """
    described = analysis.record.get("datasets", {})
    last = analysis.results.groupby("dataset")["n_labeled"].max()
    rows = []
    for name in analysis.names("dataset"):
        known = described.get(name, {})
        row: dict[str, Any] = {"dataset": name, "labels at the end": int(last[name])}
        row |= {title: known.get(key) for key, title in DATASET_TITLES.items() if key in known}
        rows.append(row)
    table = pd.DataFrame(rows)
    return table[["dataset", *(title for title in DATASET_TITLES.values() if title in table), "labels at the end"]]


def embeddings(analysis: Analysis) -> pd.DataFrame:
    """The embeddings, best first: the mean accuracy of a head on all labels, and what run.json knows of each."""
    cards = analysis.record.get(CARDS, {})
    rows = []
    for name in analysis.embeddings:
        row: dict[str, Any] = {"embedding": name}
        if analysis.quality is not None:
            probes = analysis.quality.loc[analysis.quality["embedding"] == name, "probe_accuracy"]
            row["head on all labels, mean accuracy (%)"] = float(probes.mean()) * 100
        card = cards.get(name, {})
        rows.append(row | {title: _in_words(card[key]) for key, title in CARD_TITLES.items() if key in card})
    return pd.DataFrame(rows)


def _in_words(value: Any) -> Any:
    """A value of a card: lists joined, "none" for an empty one, "not known" for no value."""
    if value is None or value == "":
        return "not known"
    return ", ".join(map(str, value)) or "none" if isinstance(value, list) else value
