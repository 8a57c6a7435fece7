"""Adding the runs of a folder to a leaderboard: what has to agree with it, and what is new."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from simulator.analysis.comparisons import BASELINE
from simulator.leaderboard.table import CONTENTS, DATA, KEY, SETTING, as_text, in_order

SAME, SAME_PREDICTIONS = 5e-4, 3
"""Mean accuracies (0..1) of the same runs differ by less on machines that round differently, or by as much as so many
predictions make of all on the test split with all seeds."""
COMPARED = ["area", "early", "middle", "late", "final"]
PROTOCOL = ["initial_size", "batch_size", "cycles", "C", "options"]
OPTION_OF = {
    "initial_size": "--initial-size",
    "batch_size": "--batch-size",
    "cycles": "--cycles",
    "options": "--subpool, --balance and --random-share",
    "C": "the head's penalty, which is part of the program",
}


EXTEND = "With --extend the settings of the folder are added."
EMPTY = {"initial_size": "one per class", "batch_size": "one per class", "options": "none", "cycles": "", "C": ""}


class NotComparable(ValueError):
    """The runs cannot be compared with those of the leaderboard; the message names what differs and the remedy."""


def seeds_to_use(board: pd.DataFrame, folder: pd.DataFrame, may_extend: bool) -> dict[tuple[str, ...], int]:
    """By setting (dataset, embedding, initial, head): how many seeds the leaderboard has, or else the folder.

    board: rows of the leaderboard, as text; folder: as of `runs.described`; may_extend: whether settings may be added.
    Raises NotComparable.
    """
    seeds = {}
    for about in as_text(folder, [*SETTING, "seeds", *DATA, *CONTENTS]).to_dict("records"):
        where = tuple(about[name] for name in ("dataset", "embedding", "initial", "head"))
        same_data = board[board["dataset"] == about["dataset"]]
        if len(same_data):
            _check_data(same_data.iloc[0].to_dict(), about)
        rows = _rows_of(board, about)
        if not len(rows):
            if not may_extend:
                raise NotComparable(_why_unknown(board, about))
            seeds[where] = int(about["seeds"])
            continue
        _check_contents(rows.iloc[0].to_dict(), about)
        wanted = int(rows["seeds"].iloc[0])
        if int(about["seeds"]) < wanted:
            raise NotComparable(
                f"the leaderboard has {wanted} seeds of {', '.join(where)}, and the folder {about['seeds']}: run the "
                f"same command with --seeds {wanted}, which adds the missing ones"
            )
        seeds[where] = wanted
    return seeds


def added(board: pd.DataFrame, rows: pd.DataFrame, by: str, date: str) -> tuple[pd.DataFrame, int]:
    """The leaderboard with the rows, in order, and how many of them it did not have.

    board: as text; rows: as of `runs.measured`; by, date: who submits them, and when. Rows that it has with the same
    results stay as they are, with who submitted them first. Raises NotComparable if random order, or a strategy of the
    same name, has other results in it.
    """
    written = as_text(rows.assign(submitted_by=by, date=date))
    known = {tuple(row[name] for name in KEY): row for row in board.to_dict("records")}
    fresh = []
    # Random order first: if its runs differ, so do the code or the data, whatever the strategy.
    for row in sorted(written.to_dict("records"), key=lambda row: row["strategy"] != BASELINE):
        before = known.get(tuple(row[name] for name in KEY))
        if before is None:
            fresh.append(row)
        else:
            _check_same(before, row)
    if not fresh:
        return in_order(board), 0
    return in_order(pd.concat([board, pd.DataFrame(fresh)], ignore_index=True)), len(fresh)


def _rows_of(board: pd.DataFrame, about: Mapping[str, str]) -> pd.DataFrame:
    return board[(board[SETTING] == [about[name] for name in SETTING]).all(axis=1)]


def _check_data(before: Mapping[Any, str], about: Mapping[str, str]) -> None:
    if all(before[name] == about[name] for name in DATA):
        return
    here, there = (
        f"{row['pool']} texts in the pool, {row['test']} in the test split, {row['classes']} classes (fingerprint "
        f"{row['fingerprint']})"
        for row in (about, before)
    )
    raise NotComparable(
        f"the data of {about['dataset']!r} differ: the folder has {here}, the leaderboard {there}. Use the same "
        "--data, --pool-size, --test-size and --data-seed, and no --label-noise or --imbalance"
    )


def _check_contents(before: Mapping[Any, str], about: Mapping[str, str]) -> None:
    if before["embedding_content"] != about["embedding_content"]:
        raise NotComparable(
            f"the file of the embedding {about['embedding']} has other contents than that of the leaderboard"
        )
    if before["class_texts"] != about["class_texts"]:
        raise NotComparable(
            f"the head `named` knows the classes of {about['dataset']!r} by other texts than in the leaderboard: use "
            "the same --class-descriptions"
        )


def _why_unknown(board: pd.DataFrame, about: Mapping[str, str]) -> str:
    for name in ("dataset", "embedding", "initial", "head"):
        values = sorted(board[name].unique())
        if about[name] not in values:
            return (
                f"the leaderboard has no {name} {about[name]!r}; it has {', '.join(values) or 'no rows yet'}. {EXTEND}"
            )
    here = board[(board[["dataset", "embedding"]] == [about["dataset"], about["embedding"]]).all(axis=1)]
    for name in PROTOCOL:
        values = sorted(here[name].unique())
        if values and about[name] not in values:
            known = " or ".join(value or EMPTY[name] for value in values)
            return (
                f"the folder has {name} {about[name] or EMPTY[name]}, and the leaderboard {known}, on "
                f"{about['dataset']}, {about['embedding']}: use the same {OPTION_OF[name]}. {EXTEND}"
            )
    setting = ", ".join(f"{name} {about[name]}" for name in SETTING if about[name])
    return f"the leaderboard has no runs of this setting: {setting}. {EXTEND}"


def _check_same(before: Mapping[Any, str], row: Mapping[Any, str]) -> None:
    strategy, where = row["strategy"], f"{row['dataset']}, {row['embedding']}, {row['initial']}, {row['head']}"
    if before["strategy_file"] != row["strategy_file"]:
        raise NotComparable(
            f"the leaderboard has a strategy {strategy!r} from another file, or from this one before it was changed: "
            "give the file another name and run it again"
        )
    name = max(COMPARED, key=lambda name: abs(float(before[name]) - float(row[name])))
    tolerance = max(SAME, SAME_PREDICTIONS / (int(row["test"]) * int(row["seeds"])))
    if abs(float(before[name]) - float(row[name])) <= tolerance:
        return
    values = f"{name} {row[name]} here and {before[name]} in the leaderboard, on {where}"
    if strategy == BASELINE:
        raise NotComparable(
            f"random order, which both have with the same seeds, differs: {values}. The data and options are the same, "
            f"so the start, the embeddings, the head or the program differ. {_versions(before, row)}"
        )
    raise NotComparable(
        f"the leaderboard has {strategy!r} with other results: {values}. Random order agrees, so the strategy was "
        f"changed: submit it under another name. {_versions(before, row)}"
    )


def _versions(before: Mapping[Any, str], row: Mapping[Any, str]) -> str:
    here, there = (set(str(one["versions"]).split("; ")) for one in (row, before))
    if here == there:
        return "The versions of the libraries are the same."
    return f"Versions here: {', '.join(sorted(here - there))}; there: {', '.join(sorted(there - here))}."
