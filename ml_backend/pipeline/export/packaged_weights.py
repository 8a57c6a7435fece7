"""Write the packaged MiniLM in the form that the exported program reads."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

PARTS_OF_A_LAYER = {
    "attended": "attention.output.dense",
    "attended_norm": "attention.output.LayerNorm",
    "up": "intermediate.dense",
    "down": "output.dense",
    "norm": "output.LayerNorm",
}
"""Name in minilm.npz → name in the packaged model."""


def write_packaged_model(folder: Path, layers: int) -> None:
    """Write minilm.npz, with the first `layers` layers, and tokenizer.json, as program/minilm.py reads them.

    Raises ModelNotAvailable if the package with the model is not installed.
    """
    from ml_backend.learning.embedding.minilm import packaged_folder

    model = packaged_folder()
    shutil.copyfile(model / "tokenizer.json", folder / "tokenizer.json")
    np.savez(folder / "minilm.npz", **cast(dict[str, Any], _weights(model, layers)))


def _weights(model: Path, layers: int) -> dict[str, NDArray[np.float32]]:
    """The weights that program/minilm.py reads; matrices are (in, out), and unused layers are left out."""
    from safetensors.numpy import load_file

    tensors: dict[str, NDArray[np.float32]] = load_file(model / "model.safetensors")
    weights = {
        "words": tensors["embeddings.word_embeddings.weight"],
        # All tokens belong to the first segment, so its vector is added to the positions in advance.
        "positions": tensors["embeddings.position_embeddings.weight"]
        + tensors["embeddings.token_type_embeddings.weight"][0],
        "norm.weight": tensors["embeddings.LayerNorm.weight"],
        "norm.bias": tensors["embeddings.LayerNorm.bias"],
    }
    for number in range(layers):
        of_layer = f"encoder.layer.{number}."
        mixed = [f"{of_layer}attention.self.{part}" for part in ("query", "key", "value")]
        for kind in ("weight", "bias"):
            weights[f"layer{number}.mix.{kind}"] = np.concatenate([tensors[f"{part}.{kind}"] for part in mixed]).T
            for part, name in PARTS_OF_A_LAYER.items():
                weights[f"layer{number}.{part}.{kind}"] = tensors[f"{of_layer}{name}.{kind}"].T
    return weights
