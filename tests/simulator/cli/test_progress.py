"""How far a command has come: bars on a terminal, lines in a log, JSON lines for other programs."""

from __future__ import annotations

import io
import json
import time

import numpy as np
import pytest
from rich.console import Console
from small_texts import table

from simulator.cli import progress as progress_module
from simulator.cli.advice_json import JsonLines
from simulator.cli.progress import TerminalProgress
from simulator.data.embeddings import embed

TEXTS = [*table(200)["text"], "once more"] + ["once more"] * 9
DISTINCT = len(set(TEXTS))


def shown(is_terminal: bool) -> str:
    """What is printed while three items are worked on, the second of which embeds texts."""
    console = Console(file=io.StringIO(), force_terminal=is_terminal, width=200)
    progress = TerminalProgress(console)
    items = progress.follow("embeddings", iter("abc"), 3)
    next(items)
    [(name, vectors)] = embed(["random-projection"], TEXTS, [], "mail", progress.count)
    assert (name, len(vectors)) == ("random-projection", len(TEXTS))
    assert list(items) == ["b", "c"]
    return console.file.getvalue()


def test_a_terminal_shows_the_texts_below_the_items_that_they_are_part_of():
    printed = shown(is_terminal=True)
    assert "embedding mail with random-projection, texts" in printed
    last = printed.rpartition("embeddings")[2]
    assert "3/3" in last
    assert "random-projection" not in last, "the bar of the texts is gone when they are done"


def test_a_log_has_a_line_for_the_texts_only_if_they_take_a_minute(monkeypatch: pytest.MonkeyPatch):
    assert "random-projection" not in shown(is_terminal=False)
    monkeypatch.setattr(progress_module, "LOG_SECONDS", 0.0)
    printed = shown(is_terminal=False)
    assert f"embedding mail with random-projection, texts: {DISTINCT} of {DISTINCT}, " in printed
    assert "embeddings: 3 of 3, " in printed


@pytest.mark.parametrize("name", ["minilm:layer1", "tfidf", "random-projection"])
def test_each_kind_of_embedding_counts_every_different_text_once(name: str):
    begun: list[tuple[str, int]] = []
    steps: list[int] = []

    class Counting:
        def __init__(self, title: str, total: int) -> None:
            begun.append((title, total))

        def __enter__(self):
            return steps.append

        def __exit__(self, *_: object) -> None: ...

    list(embed([name], TEXTS, [], "", Counting))
    assert begun == [(f"embedding with {name}, texts", DISTINCT)]
    assert sum(steps) == DISTINCT
    if name.startswith("minilm"):
        assert len(steps) > 1, "the bar moves before the end"


def test_other_programs_read_how_many_texts_are_done(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    clock = iter(np.arange(0, 100, 1.0))
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    with JsonLines().count("embedding with minilm, texts", 5) as done:
        done(2)
        done(3)
    written = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["doing"], line["done"], line["total"]) for line in written] == [
        ("embedding with minilm, texts", n, 5) for n in (0, 2, 5)
    ]
