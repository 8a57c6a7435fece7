"""Turns texts into vectors with a sentence-transformers model, from its hub or a folder."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from huggingface_hub import HfApi, constants
from huggingface_hub.utils.tqdm import disable_progress_bars
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from transformers.utils import logging as transformers_logging

HUB_SECONDS = 10.0
"""Timeout of the request that asks whether the hub can be reached; its own libraries would try for minutes."""
TEXTS_AT_A_TIME = {"cpu": 16, "cuda": 64}

Vectors = NDArray[np.float32]


class Encoder:
    """A sentence-transformers model with its prompt, precision and limit of tokens."""

    def __init__(self, folder: Path, options: Mapping[str, Any]) -> None:
        """Load the model from this machine, else from the hub.

        options: "model", the hub id, instead of which EMBEDDING_MODEL may name a folder; "trust_remote_code";
        "dtype", of torch, or None; "normalize", True or False, or None for the model's own way; "max_length", or None;
        "prompt" and "prompt_name", or None for the model's own; "ending", put after every text; "ends_in_eos".
        Raises RuntimeError if the model cannot be loaded.
        """
        constants.HF_HUB_DISABLE_TELEMETRY = True
        disable_progress_bars()
        transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        logging.getLogger("sentence_transformers").setLevel(logging.ERROR)
        self._model = _load(options)
        if options["max_length"]:
            self._model.max_seq_length = options["max_length"]
        self._ending: str = options["ending"]
        if options["ends_in_eos"]:
            self._ending += self._model.tokenizer.eos_token
            self._model.tokenizer.padding_side = "right"
        self._prompt = _prompt(self._model, options)
        self._normalize = bool(options["normalize"])
        self.unit = self._normalize or any(_normalizes(module) for module in self._model)
        self._cut_here = bool(self._ending) and options["long_texts"] == "cut"
        if self._cut_here or options["long_texts"] == "chunks":
            self._prepare_tokens()

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Returns vectors (N, D) float32; a text is cut at the limit of tokens."""
        if self._cut_here:
            # The model cuts a text at its end, where the ending is; so the text is shortened before.
            tokenized = self.tokenizer.encode_batch(list(texts), add_special_tokens=False)
            texts = [self._shortened(text, tokens.offsets) for text, tokens in zip(texts, tokenized, strict=True)]
        vectors = self._model.encode(
            [text + self._ending for text in texts],
            batch_size=TEXTS_AT_A_TIME["cuda" if self._model.device.type == "cuda" else "cpu"],
            show_progress_bar=False,
            convert_to_tensor=True,
            normalize_embeddings=self._normalize,
            prompt=self._prompt,
        )
        numbers: Vectors = vectors.float().cpu().numpy()
        return numbers

    def _prepare_tokens(self) -> None:
        """Make a tokenizer that reads texts of any length, and count the tokens that are left for a text."""
        self.tokenizer = type(self._model.tokenizer.backend_tokenizer).from_str(
            self._model.tokenizer.backend_tokenizer.to_str()
        )
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()
        reserved = self.tokenizer.num_special_tokens_to_add(False)
        for part in (self._prompt, self._ending):
            reserved += len(self.tokenizer.encode(part, add_special_tokens=False).ids) if part else 0
        self.text_tokens = int(self._model.max_seq_length) - reserved

    def _shortened(self, text: str, offsets: Sequence[tuple[int, int]]) -> str:
        return text[offsets[0][0] : offsets[self.text_tokens - 1][1]] if len(offsets) > self.text_tokens else text


def _load(options: Mapping[str, Any]) -> Any:
    name = os.environ.get("EMBEDDING_MODEL") or options["model"]

    def load(local: bool) -> Any:
        return SentenceTransformer(
            name,
            trust_remote_code=options["trust_remote_code"],
            local_files_only=local,
            model_kwargs={"dtype": getattr(torch, options["dtype"])} if options["dtype"] else {},
        )

    try:
        model = load(local=True)
    except (OSError, ValueError, ImportError) as not_here:
        try:
            if Path(name).is_dir():
                raise
            HfApi().model_info(name, timeout=HUB_SECONDS)
            model = load(local=False)
        except Exception as problem:
            reason = (str(problem) or type(problem).__name__).splitlines()[0][:200].rstrip(".")
            raise RuntimeError(
                f"the embedding model {name!r} is not on this machine and cannot be loaded from the hub: {reason}. "
                "Connect to the network once, or let EMBEDDING_MODEL name a folder that holds the model"
            ) from not_here
    if options["normalize"] is False:
        model = SentenceTransformer(
            modules=[module for module in model if not _normalizes(module)],
            device=str(model.device),
            prompts={key: prompt for key, prompt in model.prompts.items() if prompt is not None},
            default_prompt_name=model.default_prompt_name,
        )
    return model


def _prompt(model: Any, options: Mapping[str, Any]) -> str:
    if options["prompt_name"] is not None:
        return str(model.prompts[options["prompt_name"]])
    if options["prompt"] is not None:
        return str(options["prompt"])
    return str(model.prompts.get(model.default_prompt_name) or "") if model.default_prompt_name is not None else ""


def _normalizes(module: Any) -> bool:
    # Compared by name, since the class is imported from a different place in each major version.
    return type(module).__name__ == "Normalize"
