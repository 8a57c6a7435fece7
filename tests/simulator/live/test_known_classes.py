"""The class prior of a live run is the one that the simulator makes of the same texts and settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from small_texts import WORDS, hashed, table

from ml_backend.labelstudio.label_config import parse
from simulator.live import known_classes
from simulator.live.known_classes import prior_of_project

CONFIG = parse(
    '<View><Text name="text" value="$text"/><Choices name="kind" toName="text" choice="single">'
    '<Choice value="bill" hint="invoice amount charged refund"/><Choice value="ship"/><Choice value="bug"/>'
    "</Choices></View>",
    None,
    None,
)
DESCRIPTIONS = {"ship": WORDS["ship"], "bug": WORDS["bug"]}


class Hashed:
    """An embedder by `hashed`."""

    dimensions = 16

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        return next(hashed(["minilm"], texts, []))[1]

    encode_class_texts = encode


def status(**changes: Any) -> dict[str, Any]:
    settings = {"class_names": "auto", "class_descriptions": DESCRIPTIONS, "seed": 3} | changes
    return {"settings": settings, "class_names_off": None}


def test_the_prior_is_made_of_the_first_of_each_text_and_of_hints_and_descriptions(monkeypatch: pytest.MonkeyPatch):
    texts = table(30).text.tolist()
    # The tenth task has no text, and the last one is a copy of the first.
    shown = [*texts[:9], "", *texts[9:], texts[0]]
    tasks = {100 + i: {"text": text} for i, text in enumerate(shown)}
    vectors = np.zeros((len(shown), 16), dtype=np.float32)
    rows = np.array([i for i in range(len(shown) - 1) if i != 9])
    vectors[rows] = Hashed().encode(texts)
    monkeypatch.setattr(known_classes, "class_prior", lambda *given: given)
    made_of: Any = prior_of_project(status(), CONFIG, Hashed(), tasks)  # type: ignore[arg-type]
    for given, expected in zip(made_of, (Hashed().encode(list(WORDS.values())), vectors, rows, 3), strict=True):
        assert np.array_equal(given, expected)


@pytest.mark.parametrize(
    "of_status",
    [
        status(class_names="off"),
        status() | {"class_names_off": "The class names are not used."},
        {"settings": {"seed": 3}},
    ],
    ids=["off in the settings", "off in the last run", "a backend without class names"],
)
def test_there_is_no_prior_where_the_backend_has_none(of_status: dict[str, Any]):
    assert prior_of_project(of_status, CONFIG, Hashed(), {1: {"text": "a"}}) is None  # type: ignore[arg-type]
