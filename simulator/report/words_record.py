"""Sentences of the report on how results were made: commands, time, and what makes a setting different from another."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from simulator.analysis.complete_runs import SECONDS
from simulator.analysis.evidence import sentences
from simulator.data.counted import counted
from simulator.report.words_durations import duration

NEUTRAL = {"imbalance": 1.0}
"""Values of changes of the data that change nothing, where that is not 0."""
BY_CLASSES = "one per class (at least 10)"


def recorded_commands(record: Mapping[str, Any]) -> list[str]:
    """The different commands in run.json, in the order of their first calls."""
    commands = [*(call.get("command") for call in record.get("calls", [])), record.get("command")]
    words = [command if isinstance(command, str) else shlex.join(map(str, command)) for command in commands if command]
    return list(dict.fromkeys(words))


def time_taken(records: Sequence[Mapping[str, Any]], results: Sequence[pd.DataFrame]) -> str:
    """Wall time of all calls, and the time of the runs on one core each; empty if no time is recorded."""
    calls = [call for record in records for call in record.get("calls", []) if "wall_seconds" in call]
    wall = sum(call["wall_seconds"] for call in calls)
    open_ = sum("finished" not in call for call in calls)
    not_ended = f", {open_} of them stopped or still running" if open_ else ""
    machines = ", ".join(dict.fromkeys(record["machine"] for record in records if record.get("machine")))
    return sentences(
        (
            f"Wall time: {duration(wall)} in {counted(len(calls), 'call')}"
            f"{not_ended}{f' ({machines})' if machines else ''}."
            if calls
            else ""
        ),
        (
            "Calls that were stopped are not included where the version that made them did not record their time."
            if any("started" not in call for call in calls)
            else ""
        ),
        _core_time(calls, results),
    )


def _core_time(calls: Sequence[Mapping[str, Any]], results: Sequence[pd.DataFrame]) -> str:
    fits, queries = (sum(float(table[name].sum()) for table in results) for name in SECONDS)
    runs = sum(int((table["cycle"] == 0).sum()) for table in results)
    timed = sum(call.get("runs", 0) for call in calls)
    total = sum(call.get("run_seconds", 0.0) for call in calls)
    parts = f"fits {duration(fits)}, queries {duration(queries)}"
    if timed < runs or total < fits + queries:
        return f"The runs ({runs:,} complete ones) took {duration(fits + queries)} on one core each: {parts}."
    rest = f"the rest, such as measuring, {duration(total - fits - queries)}"
    return f"The runs took {duration(total)} on one core each: {parts}, {rest}."


def changes_in_words(changes: Mapping[str, Any]) -> list[str]:
    """The changes made to the data, in words, without those that are off."""
    words = []
    for name, value in changes.items():
        title = name.replace("_", " ")
        if isinstance(value, dict):
            parts = [f"{key or 'others'} {number:,}" for key, number in value.items()]
            words += [f"{title}: {', '.join(parts)}"] if parts else []
        elif name != "seed" and value != NEUTRAL.get(name, 0.0):
            words.append(f"{title} {value:g}")
    return words


def budget_in_words(protocol: Mapping[str, Any]) -> str:
    """The numbers of labels of a protocol, as in "initial size 100, batch size 100, cycles 15, C 30"."""
    return ", ".join(
        f"{name.replace('_', ' ')} {value if value is not None else BY_CLASSES}" for name, value in protocol.items()
    )


def difference(record: Mapping[str, Any], main: Mapping[str, Any], options: Sequence[str]) -> str:
    """In words, what makes a setting different from the main one; options: keys of run.json that are off if absent."""
    protocol, before = record.get("protocol", {}), main.get("protocol", {})
    words = [budget_in_words({name: value for name, value in protocol.items() if value != before.get(name, "")})]
    changes = changes_in_words(record.get("changes", {}))
    before_changes = changes_in_words(main.get("changes", {}))
    words += [change for change in changes if change not in before_changes]
    words += [f"without {change}" for change in before_changes if change not in changes]
    for option in options:
        if record.get(option) != main.get(option):
            value, title = record.get(option), option.replace("_", " ")
            words.append(f"without {title}" if value is None else f"{title} {value}")
    return "; ".join(filter(None, words)) or "other data"
