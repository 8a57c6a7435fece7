"""Texts that say what each class is, made of its description or its name, and their vectors."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.embedding.names import ModelNotAvailable, parse
from ml_backend.learning.embedding.registry import class_prompt_of

if TYPE_CHECKING:
    from ml_backend.learning.embedding.embedder import Embedder

PATH_SEPARATOR = " / "
"""Between the parts of the name of a nested class, such as "fruit / apple"."""
NAMES_IN_A_SENTENCE = 5
REMEDY = 'describe each class in a sentence with the setting "class_descriptions"'
NONE: Mapping[str, str] = MappingProxyType({})

GENERIC_WORDS = (
    *("label", "class", "category", "cat", "cluster", "group", "topic", "type", "tag", "option", "choice", "answer"),
    *("level", "grade", "score", "rating", "rank", "code", "item", "value", "id", "idx", "index", "nr", "no"),
    *("intent", "target", "output", "bucket", "bin"),
)
"""Words that say nothing about a class where only a number or a letter follows."""
TAGGERS_CODES = frozenset(
    (
        *("abbr", "addr", "adj", "adp", "adv", "amt", "aux", "cconj", "conj", "desc", "det", "dept", "ent", "enty"),
        *("fac", "gpe", "hum", "intj", "loc", "misc", "norp", "num", "obj", "org", "per", "prep", "pron", "propn"),
        *("punct", "qty", "ref", "req", "sconj", "subj", "sym"),
    )
)
"""Abbreviations that well-known label sets have as classes; models of texts have hardly seen them."""

_GENERIC = re.compile(rf"({'|'.join(GENERIC_WORDS)})([\s_.:#-]*\d+|[\s_.:#-]+([a-z]|[ivx]+))", re.IGNORECASE)
_CODE = re.compile(r"[a-z]{1,3}[-_.:#]?\d+([.-]\d+)*|[a-z] \d+|\d+[a-c]", re.IGNORECASE)
_HEX = re.compile(r"(?=.*\d)[0-9a-f]{6,}|(?=.*\d)[0-9a-f]{4,}(-[0-9a-f]{4,}){2,}", re.IGNORECASE)
_ROMAN = re.compile(r"[IVX]{1,5}")
_CAMEL_CASE = re.compile(r"(?<=[a-z\d])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SHORTEST_CAMEL_CASE = 9
"""Shorter names in camel case are brands more often than not: YouTube, PayPal, GitHub."""
_FEWEST_LETTERS_OF_A_WORD = 5
"""Shorter words in capitals only are acronyms more often than not."""


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
    that says something (see `is_code`), or if all texts are equal.
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
        prompt = class_prompt_of(parse(embedder_name).model)
    except ModelNotAvailable:
        prompt = None
    parts = ("class text", embedder_name, prompt or "", text)
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def is_code(name: str) -> bool:
    """Whether a name says nothing about its class: no word, a number, a letter, or a code such as C12 or label_0.

    In doubt it is a word: AI, UK, B2B, 5 stars and a single Chinese character are. Of a path the last part decides.
    """
    name = name.rsplit(PATH_SEPARATOR, maxsplit=1)[-1].lstrip("#").strip(" \t\r\n\"'()[]{}<>.,:;?!*_-")
    if not any(character.isalpha() for character in name):
        # An emoji is neither a letter nor ASCII, and says something.
        return name.isascii() or any(character.isdigit() for character in name)
    if len(name) == 1:
        return name.lower() != name.upper()
    return (
        name.lower() in TAGGERS_CODES
        or _ROMAN.fullmatch(name) is not None
        or any(pattern.fullmatch(name) for pattern in (_GENERIC, _CODE, _HEX))
    )


def readable(name: str) -> str:
    """Returns a name as a person would write it: words between spaces, without the marks of an identifier.

    "card_arrival?" → "card arrival", "WrittenWork" → "written work", "sci.space" → "sci space". A path keeps its parts:
    "fruit / apple" → "fruit: apple". A name of signs only is returned unchanged.
    """
    parts = [_readable_part(part) for part in name.split(PATH_SEPARATOR)]
    return ": ".join(part for part in parts if part) or name.strip()


def _readable_part(name: str) -> str:
    name = name.strip().rstrip("?").strip()
    if " " not in name:
        name = _without_marks(name)
    return " ".join(name.split())


def _without_marks(name: str) -> str:
    """A name without spaces, its words separated by spaces."""
    name = name.replace("_", " ")
    # Not "e-mail", "COVID-19" or "3.5": next to a digit or a single letter, a dash or dot belongs to the word.
    name = re.sub(r"(?<=[^\W\d]{2})[.-]+(?=[^\W\d]{2})", " ", name)
    return " ".join(word for part in name.split() for word in _words(part))


def _words(part: str) -> list[str]:
    words = _CAMEL_CASE.sub(" ", part).split() if len(part) >= _SHORTEST_CAMEL_CASE else [part]
    if len(words) > 1:
        return [word if word.isupper() and len(word) > 1 else word.lower() for word in words]
    return [part.lower() if part.isupper() and len(part) >= _FEWEST_LETTERS_OF_A_WORD and part.isalpha() else part]


def _codes_sentence(codes: Sequence[str], n_classes: int) -> str:
    shown = ", ".join(repr(name) for name in codes[:NAMES_IN_A_SENTENCE])
    if len(codes) > NAMES_IN_A_SENTENCE:
        shown += f" and {len(codes) - NAMES_IN_A_SENTENCE:,} more"
    which = "all" if len(codes) == n_classes else f"{len(codes):,} of {n_classes:,}"
    return f"The class names are not used, since {which} of them say nothing about the texts ({shown}): {REMEDY}."
