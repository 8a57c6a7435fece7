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
    "dbpedia": Card("topic of an article", "fancyzhx/dbpedia_14", 14, text=("title", "content")),
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

DIFFERENCES = {
    "d437957539f4c243": "The published test file (7,600 texts) only, split at random into 6,000 and 1,600.",
    "ff9046f6191057ca": "The published texts and split.",
    "1a5aecbf42c3c85e": "9,999 of the 630,000 texts, from another sample, split at random; abstracts without their "
    "titles.",
    "b18fe7e1f55a351b": "The published test part only, split so that no article is on both sides; articles are cut to "
    "2,000 characters.",
    "20cd4d4c05bc35bb": "20,000 of the 393,000 training pairs, in tokenised text, without one of more than 100,000 "
    "characters.",
    "5cca61326212d277": "The published validation part only (5,463 pairs), split at random into 4,463 and 1,000.",
    "69fb1af47f3e099c": "Whole sentences with the split of the original authors; GLUE trains on 67,000 phrases.",
    "0102328c4ec9f2d2": "The published training file without repeated questions, of which 500 are the test split; the "
    "published test file is not used.",
    "ad309165b2447eef": "6,735 of the 160,000 comments, from a balanced sample whose toxic half was thinned to the "
    "share of the whole, 9.6 %; comments are cut to 5,000 characters.",
    "79aa14f545e2ed7a": "4,270 reviews of the same task from another sample, as many for each number of stars.",
}
"""How files of the benchmark's datasets differ from what was published under the name, by `Dataset.fingerprint`."""
NOT_COMPARED = "From a file that was not compared with the published dataset of this name."
