"""Texts that say what each class is, made of its description or its name, and their vectors."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from ml_backend.learning.embedding.names import ModelNotAvailable, parse
from ml_backend.readable_names import is_code, readable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ml_backend.learning.embedding.embedder import Embedder

NAMES_IN_A_SENTENCE = 5
REMEDY = 'describe each class in a sentence with the setting "class_descriptions"'
NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class ClassTexts:
    """What is embedded for each class.

    texts: one per class, in the order of the classes; empty where names are not used. why_off: why the class names are
    not used, a sentence for people; empty where they are.
    """

    texts: tuple[str, ...]
    why_off: str


def class_texts(names: Sequence[str], descriptions: Mapping[str, str] = NONE) -> ClassTexts:
    """Returns the text of each class: its description, else its name made readable.

    names: of the classes, nested ones as "parent / child"; descriptions: class → sentence, for any of the classes; an
    empty one counts as none. Names are not used if at least half of the classes have neither a description nor a name
    that says something (see `readable_names.is_code`), or if all texts are equal.
    """
    sentences = {name: " ".join(sentence.split()) for name, sentence in descriptions.items()}
    codes = [name for name in names if not sentences.get(name) and is_code(name)]
    if codes and 2 * len(codes) >= len(names):
        return ClassTexts((), _codes_sentence(codes, len(names)))
    texts = tuple(sentences.get(name) or readable(name) for name in names)
    if len(set(texts)) < 2:
        return ClassTexts((), f"The class names are not used, since they do not tell the classes apart: {REMEDY}.")
    return ClassTexts(texts, "")


def encode_class_texts(embedder: Embedder, texts: Sequence[str]) -> NDArray[np.float32]:
    """Returns the vectors (K, D) float32 of K class texts, with the model's prompt for class texts where it has one.

    Raises ModelNotAvailable if the embedding has no vectors for new texts: a matrix in which they have no row, or
    TF-IDF before `fit`.
    """
    return embedder.encode_class_texts(texts)


def class_text_key(embedder_name: str, text: str) -> str:
    """Returns a key under which the vector of a class text can be kept, 64 hexadecimal digits.

    It differs from one embedding to another and from the hash of a task's text, and changes with the prompt.
    """
    try:
        model = parse(embedder_name).registered
    except ModelNotAvailable:
        model = None
    parts = ("class text", embedder_name, model.class_prompt if model is not None else "", text)
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def _codes_sentence(codes: Sequence[str], n_classes: int) -> str:
    shown = ", ".join(repr(name) for name in codes[:NAMES_IN_A_SENTENCE])
    if len(codes) > NAMES_IN_A_SENTENCE:
        shown += f" and {len(codes) - NAMES_IN_A_SENTENCE:,} more"
    which = "all" if len(codes) == n_classes else f"{len(codes):,} of {n_classes:,}"
    return f"The class names are not used, since {which} of them say nothing about the texts ({shown}): {REMEDY}."
