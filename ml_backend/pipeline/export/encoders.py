"""What an exported folder needs for each kind of embedding: a program, packages, options and files."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ml_backend.learning.embedding.names import (
    PACKAGED,
    PACKAGED_LAYERS,
    RANDOM_PROJECTION,
    TFIDF,
    EmbeddingName,
    ModelNotAvailable,
    parse,
)
from ml_backend.pipeline.export.errors import ExportFailed


@dataclass(frozen=True)
class ExportedEncoder:
    """What the folder needs to turn texts into vectors.

    program_file: file of `program/` that becomes encoder.py; packages: to install, in the versions of this
    installation; options: for its Encoder; description, limits, files: texts for README.md; packaged_layers:
    number of layers of the packaged model whose weights go into the folder, 0 for another model.
    """

    program_file: str
    packages: tuple[str, ...]
    options: dict[str, Any]
    description: str
    limits: tuple[str, ...]
    files: str
    packaged_layers: int = 0

    @property
    def requirements(self) -> list[str]:
        """The packages with their versions, as in requirements.txt."""
        return [f"{name}=={version(name).split('+')[0]}" for name in self.packages]


def exported_encoder(embedding: str, trust_remote_code: bool) -> ExportedEncoder:
    """What the folder needs for an embedding of that name.

    trust_remote_code: whether code from the hub page of a model that is not in the registry may run.
    Raises ExportFailed for an embedding that exists for fixed texts only, or whose name cannot be read.
    """
    try:
        # The name of a TF-IDF that was fitted ends in a fingerprint of its texts, which is no option.
        name = EmbeddingName(TFIDF) if embedding.partition(":")[0] == TFIDF else parse(embedding)
    except ModelNotAvailable as problem:
        raise ExportFailed(f"the head's embedding cannot be exported: {problem}") from None
    if name.is_matrix or name.model == TFIDF:
        raise ExportFailed(
            f"the head was fitted on {embedding}, which has vectors only for the texts it was made for and cannot be "
            "exported: set embedding_model to minilm or a hub model, and export the next head"
        )
    if name.model == RANDOM_PROJECTION:
        return _random_projection()
    return _packaged(name) if name.model == PACKAGED else _hub_model(name, trust_remote_code)


def _random_projection() -> ExportedEncoder:
    return ExportedEncoder(
        program_file="random_projection.py",
        packages=("numpy", "scikit-learn"),
        options={"long_texts": "cut"},
        description="a random projection of the words, which is computed from the text alone",
        limits=("Only words count, not their order.",),
        files="",
    )


def _packaged(name: EmbeddingName) -> ExportedEncoder:
    from ml_backend.learning.embedding.minilm import MAX_LENGTH

    layers, limit = name.layer or PACKAGED_LAYERS, name.max_length or MAX_LENGTH
    limits = [_limit_of_tokens(name, limit), "The model was trained on English texts."]
    if name.precision is not None:
        limits.append(
            f"The head was fitted on {name.precision} vectors; this program computes them in float32, which is more "
            "exact. About one prediction in a hundred differs from the service's."
        )
    return ExportedEncoder(
        program_file="minilm.py",
        packages=("numpy", "tokenizers"),
        options={
            "layers": layers,
            "max_length": limit,
            "unit": bool(name.normalize) if name.layer else True,
            "long_texts": name.long_texts,
        },
        description=f"{PACKAGED} (Apache-2.0), whose weights are in this folder",
        limits=tuple(limits),
        files=", `minilm.npz` and `tokenizer.json` the embedding model",
        packaged_layers=layers,
    )


def _hub_model(name: EmbeddingName, trust_remote_code: bool) -> ExportedEncoder:
    model = name.registered
    trust = model.remote_code if model is not None else trust_remote_code
    limits = [_limit_of_tokens(name, name.max_length)]
    if trust:
        limits.append("The model runs code from its hub page on your machine.")
    return ExportedEncoder(
        program_file="hub_model.py",
        packages=("numpy", "sentence-transformers", "torch", "transformers"),
        options={
            "model": name.model,
            "trust_remote_code": trust,
            "dtype": name.precision,
            "normalize": name.normalize,
            "max_length": name.max_length,
            "prompt": model.prompt if model is not None else None,
            "prompt_name": name.prompt_name,
            "ending": model.ending if model is not None else "",
            "ends_in_eos": model is not None and model.ends_in_eos,
            "long_texts": name.long_texts,
        },
        description=_where_from(name.model),
        limits=tuple(limits),
        files="",
    )


def _where_from(model: str) -> str:
    if Path(model).is_dir():
        return f"the model in the folder {model}; elsewhere, set the variable EMBEDDING_MODEL to a copy of that folder"
    return (
        f"{model}, which sentence-transformers loads from the hub at the first use and keeps on the machine; without "
        "a network, set the variable EMBEDDING_MODEL to a folder with the model"
    )


def _limit_of_tokens(name: EmbeddingName, limit: int | None) -> str:
    tokens = f"{limit} tokens" if limit else "as many tokens as the model reads"
    if name.long_texts == "chunks":
        return f"A text longer than {tokens} is read in pieces, whose vectors are averaged."
    return (
        f"Of each text {tokens} are read (about {limit * 4:,} characters of English)."
        if limit
        else (f"Of each text {tokens} are used; the rest is left out.")
    )
