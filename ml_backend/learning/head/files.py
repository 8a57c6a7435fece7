"""Saves and loads heads as safetensors and JSON; pickle is avoided, as loading it can run code."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from ml_backend.learning.head import Head


@dataclass(frozen=True)
class HeadInfo:
    """What is needed to use a head.

    classes: names of the n_classes classes, in the order of the head's rows.
    multi_label: whether a text can have several classes.
    embedding_model: name of the embedding of its inputs; n_labels: number of labels it was fitted to.
    """

    classes: list[str]
    multi_label: bool
    embedding_model: str
    n_labels: int


def to_bytes(head: Head) -> bytes:
    """Returns a fitted head as one safetensors blob. Raises AttributeError before `fit`."""
    tensors: dict[str, np.ndarray[Any, Any]] = {
        "weights": np.ascontiguousarray(head.weights),
        "bias": head.bias,
        "seen": head.seen.astype(np.uint8),
        "temperature": np.array([head.temperature], dtype=np.float32),
        "multi_label": np.array([head.multi_label], dtype=np.uint8),
        "C": np.array([head.C], dtype=np.float64),
    }
    return bytes(save_tensors(tensors))


def from_bytes(blob: bytes) -> Head:
    """Returns the head that `to_bytes` wrote; its predictions are the same.

    Raises SafetensorError for bytes that are not safetensors, and KeyError for other safetensors.
    """
    tensors = load_tensors(blob)
    head = Head(C=float(tensors["C"][0]))
    head.weights, head.bias = tensors["weights"], tensors["bias"]
    head.seen = tensors["seen"].astype(bool)
    head.temperature = float(tensors["temperature"][0])
    head.multi_label = bool(tensors["multi_label"][0])
    head.n_classes = len(head.bias)
    return head


def save(folder: Path, head: Head, info: HeadInfo) -> None:
    """Write head.safetensors and head.json into the folder, which is created if it does not exist."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "head.safetensors").write_bytes(to_bytes(head))
    (folder / "head.json").write_text(json.dumps(asdict(info), indent=2, ensure_ascii=False))


def load(folder: Path) -> tuple[Head, HeadInfo]:
    """Returns what `save` wrote. Raises FileNotFoundError if a file is missing."""
    info = HeadInfo(**json.loads((folder / "head.json").read_text()))
    return from_bytes((folder / "head.safetensors").read_bytes()), info
