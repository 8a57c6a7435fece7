"""Classifies texts with the model in this folder. README.md beside this file explains how to install and use it.

python classify.py --help

from classify import Classifier
Classifier().predict(["first text", "second text"])   # for each text a list of (class, probability)
"""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
FORMAT = 1
"""Version of the exported files that this program reads."""
UNSEEN_LOGIT = -50.0
"""Logit of a class that had no labels."""
MOST_CHARACTERS = 100_000
"""Longer texts are refused, as by the service."""
BETWEEN_TEXTS = "\x1f"
CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")

Text = str | Sequence[str]
"""A text, or one string for each of `Classifier.fields`, in their order."""


class CannotClassify(RuntimeError):
    """The model cannot be used; the message says why and what to do."""


class UnusableText(ValueError):
    """A text that cannot be classified; the message says why."""


@dataclass(frozen=True)
class Result:
    """What the model says about a text: the probability of every class, or why there is none."""

    probabilities: list[float] | None
    problem: str | None


class Classifier:
    """The exported model.

    classes: their names, in the order of `probabilities`; multi_label: whether a text can have several classes;
    fields: names of the fields of which a text is made, in their order.
    """

    def __init__(self, folder: str | Path = FOLDER) -> None:
        """Load the model. Raises CannotClassify, and ImportError if a package of requirements.txt is missing."""
        import numpy as np

        folder = Path(folder)
        self._info = read_info(folder)
        self.classes: list[str] = self._info["classes"]
        self.multi_label: bool = self._info["multi_label"]
        self.fields: list[str] = self._info["fields"]
        try:
            with np.load(folder / "head.npz", allow_pickle=False) as head:
                self._weights, self._bias, self._seen = head["weights"], head["bias"], head["seen"].astype(bool)
            self._encoder: Any = sibling("encoder").Encoder(folder, self._info["embedding"])
        except (ImportError, RuntimeError):
            raise
        except Exception as problem:  # each package has its own for a file that is missing or cut short
            raise CannotClassify(
                f"the model in {folder} cannot be read ({problem}): copy the whole folder, or export the project again"
            ) from problem

    def predict(self, texts: Sequence[Text]) -> list[list[tuple[str, float]]]:
        """For each text the (class, probability) pairs that are predicted.

        One pair, or, if multi-label, those of all classes that reach the threshold; none for a text that cannot be
        used, such as an empty one. Raises TypeError for what is no text, and ValueError for a wrong number of fields.
        """
        return [self.chosen(result.probabilities or []) for result in self.results(texts)]

    def results(self, texts: Sequence[Text]) -> list[Result]:
        """For each text the probabilities of all classes, or why it cannot be used. Raises as `predict`."""
        ready: list[str] = []
        problems: list[str | None] = []
        for text in texts:
            try:
                ready.append(self.ready_text(text))
                problems.append(None)
            except UnusableText as problem:
                problems.append(str(problem))
        rows = iter(self._probabilities(ready).tolist())
        return [Result(next(rows) if problem is None else None, problem) for problem in problems]

    def probabilities(self, texts: Sequence[Text]) -> Any:
        """The probability of every class, (N, n_classes) float32; rows sum to 1 unless multi-label.

        Raises as `predict`, and UnusableText for a text that cannot be used.
        """
        return self._probabilities([self.ready_text(text) for text in texts])

    def encode(self, texts: Sequence[Text]) -> Any:
        """The embeddings (N, D) float32 of N texts. Raises as `probabilities`."""
        return self._encode([self.ready_text(text) for text in texts])

    def chosen(self, probabilities: Sequence[float]) -> list[tuple[str, float]]:
        """The (class, probability) pairs to predict, from the probabilities of all classes; [] if there are none."""
        pairs = list(zip(self.classes, probabilities, strict=False))
        if self.multi_label:
            return [pair for pair in pairs if pair[1] >= self._info["threshold"]]
        return [max(pairs, key=lambda pair: pair[1])] if pairs else []

    def ready_text(self, text: Text) -> str:
        """The text as the model reads it: the texts that the annotator saw, without markup and control characters.

        Raises as `predict`, and UnusableText for a text that cannot be used.
        """
        values = [text] if isinstance(text, str) else list(text)
        if any(not isinstance(value, str) for value in values):
            raise TypeError(f"a text must be a string, or one string per field; got {text!r:.80}")
        if len(values) != len(self.fields):
            raise ValueError(f"the model reads the fields {', '.join(self.fields)}; got {len(values)} strings")
        by_field = dict(zip(self.fields, values, strict=True))
        if max(map(len, values)) > MOST_CHARACTERS:
            raise UnusableText(f"the text is longer than {MOST_CHARACTERS:,} characters")
        if not any(_cleaned(value) for value in values):
            raise UnusableText("the text is empty")
        parts = [self._shown(shown, by_field) for shown in self._info["texts"]]
        joined = BETWEEN_TEXTS.join(part for part in parts if part)
        if not joined:
            raise UnusableText("the text is empty")
        separator: str = self._info["separator"]
        return joined.replace(BETWEEN_TEXTS, separator)

    def _shown(self, shown: dict[str, Any], by_field: dict[str, str]) -> str:
        """One of the texts that the annotator saw: what its parts say, words or a field."""
        text = "".join(part.get("words") or by_field.get(part.get("field"), "") for part in shown["parts"])
        if shown["markup"]:
            markup = sibling("markup")
            try:
                text = markup.text_of_markup(text)
            except markup.BrokenMarkup:
                raise UnusableText("its markup ends inside a tag or a comment") from None
        return _cleaned(text)

    def _encode(self, ready: list[str]) -> Any:
        import numpy as np

        if not ready:
            return np.empty((0, self._weights.shape[1]), dtype=np.float32)
        in_chunks = self._info["embedding"]["long_texts"] == "chunks"
        return mean_of_chunks(self._encoder, ready) if in_chunks else self._encoder.encode(ready)

    def _probabilities(self, ready: list[str]) -> Any:
        import numpy as np

        logits = self._encode(ready) @ self._weights.T + self._bias
        logits /= np.float32(self._info["temperature"])
        if self.multi_label:
            return np.float32(0.5) * np.tanh(np.float32(0.5) * logits) + np.float32(0.5)
        logits[:, ~self._seen] = UNSEEN_LOGIT
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        return exponentials / exponentials.sum(axis=1, keepdims=True)


def _cleaned(text: str) -> str:
    return CONTROL_CHARACTERS.sub("", text).strip()


def mean_of_chunks(encoder: Any, texts: Sequence[str]) -> Any:
    """Vectors (N, D) float32 of whole texts: the means over consecutive pieces, weighted by their numbers of tokens."""
    import numpy as np

    pieces: list[str] = []
    counts: list[int] = []
    text_of_piece: list[int] = []
    tokenized = encoder.tokenizer.encode_batch(list(texts), add_special_tokens=False)
    for row, (text, tokens) in enumerate(zip(texts, tokenized, strict=True)):
        for piece, count in _pieces(text, tokens.offsets, encoder.text_tokens):
            pieces.append(piece)
            counts.append(count)
            text_of_piece.append(row)
    weights = np.asarray(counts, dtype=np.float32)
    vectors = encoder.encode(pieces) * weights[:, None]
    means = np.zeros((len(texts), vectors.shape[1]), dtype=np.float32)
    np.add.at(means, text_of_piece, vectors)
    means /= np.bincount(text_of_piece, weights=weights).astype(np.float32)[:, None]
    if encoder.unit:
        means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    return means


def _pieces(text: str, offsets: Sequence[tuple[int, int]], size: int) -> list[tuple[str, int]]:
    """Consecutive pieces of at most `size` tokens, each with its number of tokens; a short text is one piece."""
    if len(offsets) <= size:
        return [(text, max(1, len(offsets)))]
    parts = [offsets[start : start + size] for start in range(0, len(offsets), size)]
    return [(text[part[0][0] : part[-1][1]], len(part)) for part in parts]


def read_info(folder: Path = FOLDER) -> dict[str, Any]:
    """What model.json says about the model. Raises CannotClassify."""
    try:
        info: dict[str, Any] = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise CannotClassify(f"{folder / 'model.json'} cannot be read ({problem}): export the project again") from None
    if info.get("format") != FORMAT:
        raise CannotClassify(
            f"model.json has format {info.get('format')}, and this classify.py reads format {FORMAT}: use the "
            "classify.py of the same export"
        )
    return info


@cache
def sibling(name: str) -> Any:
    """The module in the file of that name beside this one; its name cannot collide with that of another module."""
    spec = importlib.util.spec_from_file_location(f"{__name__}_{name}", FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    sys.exit(sibling("command_line").main(Classifier, read_info, sibling))
