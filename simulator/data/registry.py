"""The ten datasets of the benchmark on the Hugging Face hub."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Card:
    """Where a dataset is on the hub, and which of its columns and splits are read.

    text: columns, joined by a newline; pair: column of the second text of a pair task; note: the reason if it cannot be
    loaded from the hub. Local files with the same name have the columns text, text_pair, label and split instead.
    """

    task: str
    hub_id: str
    n_classes: int
    text: tuple[str, ...] = ("text",)
    pair: str | None = None
    label: str = "label"
    config: str | None = None
    train: str = "train"
    test: str = "test"
    note: str = ""


CARDS = {
    "agnews": Card("news topic", "ag_news", 4),
    "banking77": Card("customer intent", "PolyAI/banking77", 77),
    "dbpedia14": Card("topic of an article", "fancyzhx/dbpedia_14", 14, text=("title", "content")),
    "fnc1": Card(
        "stance of an article to a headline", "nid989/FNC-1", 4, text=("Headline",), pair="articleBody", label="Stance"
    ),
    "mnli": Card(
        "entailment", "glue", 3, text=("premise",), pair="hypothesis", config="mnli", test="validation_matched"
    ),
    "qnli": Card(
        "does the sentence answer the question",
        "glue",
        2,
        text=("question",),
        pair="sentence",
        config="qnli",
        test="validation",
    ),
    "sst2": Card("sentiment", "glue", 2, text=("sentence",), config="sst2", test="validation"),
    "trec6": Card("question type", "CogComp/trec", 6, label="coarse_label"),
    "wikitalk": Card(
        "toxic comment",
        "google/jigsaw_toxicity_pred",
        2,
        text=("comment_text",),
        label="toxic",
        note="the hub has no copy of the texts: download them from Kaggle first and give the file as --data",
    ),
    "yelp5": Card("stars of a review", "Yelp/yelp_review_full", 5),
}
"""Datasets by the names that --datasets accepts."""
