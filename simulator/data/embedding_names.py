"""The names that --embeddings accepts, and what identifies the content of those that are files or folders."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from ml_backend.learning.embedding.names import (
    PACKAGED,
    PACKAGED_LAYERS,
    WITHOUT_OPTIONS,
    ModelNotAvailable,
    own_name_and_embedding,
    parse,
)
from ml_backend.learning.embedding.registry import MODELS, registered
from ml_backend.learning.unknown_names import unknown_name

SHORT_NAMES = ("minilm", *WITHOUT_OPTIONS, *(model.short_name for model in MODELS))
LAYERS = f"minilm:layer1 … minilm:layer{PACKAGED_LAYERS}"


def check_names(embeddings: Sequence[str]) -> None:
    """Raise ModelNotAvailable, listing the known names, for a name that cannot be an embedding.

    Also for an own name (`mpnet` of `mpnet=/models/mpnet`) that another embedding has. Whether the hub has a model is
    only checked when it is loaded.
    """
    given: dict[str, str] = {}
    for name in embeddings:
        own_name, embedding = own_name_and_embedding(name)
        is_taken = own_name in ("minilm", *WITHOUT_OPTIONS) and own_name != embedding
        if is_taken or given.setdefault(own_name, name) != name:
            raise ModelNotAvailable(
                f"embedding {name!r}: {own_name!r} is the name of another embedding; choose another"
            )
        model = parse(name)
        if model.is_matrix and not Path(model.model).is_file():
            raise ModelNotAvailable(f"embedding {name!r}: no such file; check its name and folder")
        if Path(model.model).is_absolute() and not model.is_matrix and not Path(model.model).is_dir():
            raise ModelNotAvailable(f"embedding {name!r}: no such folder; check its name")
        exists = model.model in (PACKAGED, *WITHOUT_OPTIONS) or model.is_matrix or registered(model.model) is not None
        if not exists and "/" not in model.model and not Path(model.model).is_dir():
            listed = ("minilm", LAYERS, *SHORT_NAMES[1:], "a hub model as owner/name", "a folder", "a matrix file")
            raise ModelNotAvailable(unknown_name("embedding", model.model, SHORT_NAMES, listed))


def separator(embedding: str) -> str:
    """The string that joins the two texts of a pair for this embedding, as in the live service."""
    return parse(embedding).field_separator


def content_of(embedding: str) -> str | None:
    """Hash of what a matrix file or a model's folder holds, wherever it is.

    It detects content that changed under the same name; a large model is read once per process. None for embeddings
    that are identified by their name alone, and for missing files.
    """
    parsed_name = parse(embedding)
    path = Path(parsed_name.model)
    if parsed_name.is_matrix and path.is_file():
        return _hash_of(path)
    if parsed_name.model in (PACKAGED, *WITHOUT_OPTIONS) or registered(parsed_name.model) or not path.is_dir():
        return None
    digest = hashlib.blake2b(digest_size=12)
    for file in sorted(path.rglob("*")):
        if file.is_file():
            digest.update(f"{file.relative_to(path).as_posix()}\x00{_hash_of(file)}\x00".encode())
    return digest.hexdigest()


def identity(own_name: str, embedding: str) -> str | None:
    """What tells an embedding from others that may have the same name in the results; None where the name does.

    The hash of `content_of`, and for an embedding with an own name also its options, or its model without a content.
    """
    content = content_of(embedding)
    if own_name == embedding:
        return content
    parsed_name = parse(embedding)
    return str(replace(parsed_name, model=content or parsed_name.model, copy_of=None))


def _hash_of(path: Path) -> str:
    file_status = path.stat()
    return _file_hash(path, (file_status.st_size, file_status.st_mtime_ns))


@lru_cache(maxsize=256)
def _file_hash(path: Path, _size_and_time: tuple[int, int]) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=12)).hexdigest()
