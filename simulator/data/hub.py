"""Datasets of the registry, from the Hugging Face hub."""

from __future__ import annotations

from typing import Any

import pandas as pd

from simulator.data.columns import Columns
from simulator.data.data_error import DataError
from simulator.data.labelled_table import LabelledTable, table_of_rows
from simulator.data.registry import Card
from simulator.data.rows import Rows


def read_hub(name: str, card: Card, drop_long: bool = False) -> LabelledTable:
    """Load a dataset of the registry from the hub into a table with the columns text, text_pair, label and split.

    drop_long: as of `table_of_rows`.

    Raises DataError if the `datasets` package is missing or the hub cannot be reached.
    """
    local = f"or give --data a folder that holds {name}.parquet"
    try:
        import datasets
    except ImportError:
        raise DataError(
            f"{name} has to come from the hub, which needs the `datasets` package: run "
            f'`pip install "label-studio-active-learning[hub]"`, {local}'
        ) from None
    parts = []
    for split, hub_split in (("train", card.train), ("test", card.test)):
        try:
            part = datasets.load_dataset(card.hub_id, card.config, split=hub_split)
        except Exception as problem:
            raise DataError(
                f"{name} ({card.hub_id}) cannot be loaded from the hub: {problem}. Check the network, {local}."
            ) from problem
        parts.append(hub_table(part, card).assign(split=split))
    table = pd.concat(parts, ignore_index=True)
    columns = {str(column): table[column].tolist() for column in table.columns}
    rows = Rows(card.hub_id, "row", range(1, len(table) + 1), columns)
    return table_of_rows(rows, Columns(), drop_long=drop_long)


def hub_table(part: Any, card: Card) -> pd.DataFrame:
    """Make a table of a `datasets.Dataset`; class numbers become the class names of its features. Raises DataError."""
    frame = part.to_pandas()
    missing = [c for c in (*card.text, card.pair, card.label) if c is not None and c not in frame.columns]
    if missing:
        raise DataError(
            f"{card.hub_id} has no column {missing[0]!r}; it has: {', '.join(frame.columns)}. Give a file as --data."
        )
    names = getattr(part.features[card.label], "names", None)
    table = pd.DataFrame(
        {
            "text": frame[list(card.text)].agg("\n".join, axis=1),
            "label": [names[i] for i in frame[card.label]] if names else frame[card.label].astype(str),
        }
    )
    if card.pair is not None:
        table["text_pair"] = frame[card.pair]
    return table
