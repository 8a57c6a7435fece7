"""Arrays as safetensors: how the parts of a map are kept, and sent to browsers."""

from __future__ import annotations

import gzip
import json
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

Arrays = dict[str, NDArray[Any]]


def to_bytes(arrays: Arrays) -> bytes:
    """The arrays as safetensors."""
    return bytes(save_tensors({name: np.ascontiguousarray(array) for name, array in arrays.items()}))


def from_bytes(content: bytes) -> Arrays:
    """What `to_bytes` wrote. Raises SafetensorError."""
    return dict(load_tensors(content))


def for_browsers(arrays: Arrays, about: dict[str, Any]) -> bytes:
    """The arrays and what their reader has to know, as gzip of safetensors, whose metadata hold `about` as JSON."""
    tensors = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    return gzip.compress(save_tensors(tensors, metadata={"about": json.dumps(about)}), compresslevel=6, mtime=0)


def key_of(*parts: object) -> str:
    """Equal for equal parts: arrays, and whatever has a repr."""
    digest = blake2b(digest_size=10)
    for part in parts:
        digest.update(part.tobytes() if isinstance(part, np.ndarray) else repr(part).encode())
    return digest.hexdigest()
